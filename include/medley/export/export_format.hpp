// What `export` writes, each format an ExportFormat: a header and a unit of its own, and its place in
// the list of export_formats.hpp. The command, its help and its completion go over the list.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medley/export/network_view.hpp"
#include "medley/files/options.hpp"
#include "medley/run/session.hpp"

namespace medley {

// What is exported, and how.
class ExportInput {
 public:
  ExportInput(const Program& program, const po::variables_map& values);

  const Program& program() const { return program_; }
  // As it was given: a checkpoint, or a run folder, which may be of a run that is still going. Throws
  // usage_error where there is none.
  const std::string& checkpoint() const;
  const po::variables_map& values() const { return values_; }
  bool has(const char* option) const;  // a switch that is given
  std::string text(const char* option) const;

  // Loads the checkpoint when it is first asked for.
  const NetworkView& network();

 private:
  const Program& program_;
  const po::variables_map& values_;
  std::string checkpoint_;
  std::optional<NetworkView> network_;
};

// Names and values that `export` prints of what was written, behind the format's name.
using ExportRows = std::vector<std::pair<std::string, std::string>>;

struct ExportFormat {
  std::string_view option, argument, does;  // --onnx FILE, and what its help says
  std::span<const std::string_view> takes;  // of the options that several have, those that it takes
  void (*describe)(po::options_description&);  // its own options; may be null
  // Writes to what the option names, so that a failure leaves what was there.
  ExportRows (*write)(ExportInput& input, const std::string& to);
};

}  // namespace medley
