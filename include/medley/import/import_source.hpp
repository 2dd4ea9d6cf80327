// What `import` reads, each format a source. A source is a type with the members of IdxSource, in a header and a unit of
// its own, and its place in the list of import_options.hpp; the command, its help, what options go together, and the
// fuzzing harness go over the list.
//
//   option, noun, names   the option that chooses it, what it reads, and what the option's argument is, for messages
//   takes                 of the options that several have those that it takes, besides --out, --force and --threads
//   describe, parse, run  its own options; what they ask for, or usage_error; the import
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medley/import/import.hpp"

namespace boost::program_options {
class options_description;
class variables_map;
}  // namespace boost::program_options

namespace medley {

using OptionsDescription = boost::program_options::options_description;
using OptionValues = boost::program_options::variables_map;

// For run(): what options do not say.
struct ImportContext {
  PictureShape shape;
  const Source* generator = nullptr;  // the experiment's own, if it has one
  Progress progress;
  std::function<void(const std::string& line)> tell;  // lines for people
};

// The text of an option that must be there, and not empty.
std::string required(const OptionValues& values, const char* option);
// The pairs of a repeatable option NAME=TEXT.
std::vector<std::pair<std::string, std::string>> pairs(const OptionValues& values,
                                                       const char* option);
// Throws usage_error unless the experiment has a target of this name.
void require_target(std::string_view option, const std::string& name,
                    std::span<const TargetSpec> targets);
// A file for each of some targets.
std::map<std::string, std::filesystem::path, std::less<>> target_files(
    const OptionValues& values, const char* option, std::span<const TargetSpec> targets);

}  // namespace medley
