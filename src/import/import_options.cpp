#include "medley/import/import_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "medley/files/csv.hpp"
#include "medley/files/options.hpp"

namespace medley {
namespace {

using Strings = std::vector<std::string>;

po::options_description describe(bool has_generator) {
  po::options_description options(
      "import: pictures and a CSV file, or IDX files, become a dataset folder", 100, 60);
  auto add = options.add_options();
  add("csv", po::value<std::string>()->value_name("FILE"),
      "CSV file with a header and a row a picture");
  add("images", po::value<std::string>()->value_name("DIR"),
      "folder of the JPEG and PNG files; none outside of it is opened");
  add("image", po::value<std::string>()->value_name("COLUMN")->default_value("image"),
      "column that names the picture");
  add("extension", po::value<std::string>()->value_name("TEXT")->default_value(""),
      "appended to the name, such as .jpg; without such a file the name as it is, then .jpg, .jpeg "
      "and .png are tried");
  add("target", po::value<Strings>()->value_name("NAME=COLUMN")->composing(),
      "column of a target, if its name is another (repeatable; for a target of several values once "
      "for each, in order)");
  add("split-by", po::value<std::string>()->value_name("COLUMN"),
      "rows with the same text in this column go into the same split (such as the person who took "
      "the picture); without it, rows of the same picture");
  add("split-fractions",
      po::value<std::string>()->value_name("T,V,E")->default_value("0.7,0.15,0.15"),
      "fractions for training, validation and test");
  add("seed", po::value<std::string>()->value_name("N")->default_value("1"),
      "another number gives another split");
  add("exclude", po::value<Strings>()->value_name("COLUMN=VALUE")->composing(),
      "leave out the rows with this text in this column (repeatable)");
  add("min-count", po::value<Strings>()->value_name("TARGET=N")->composing(),
      "leave out the classes of a target that have fewer than N rows, counted after --exclude "
      "(repeatable)");
  add("classes", po::value<Strings>()->value_name("TARGET=A,B,...")->composing(),
      "all classes of a target, as the cells have them, in this order: the first is class 0; a row "
      "with another text is bad (repeatable; quotes as in CSV)");
  add("missing", po::value<Strings>()->value_name("TEXT")->composing(),
      "cells of targets with this text are not known, as empty ones are (repeatable)");
  add("fit", po::value<std::string>()->value_name("HOW")->default_value("crop"),
      "pictures of another aspect ratio: crop (scale the short side, keep the middle), stretch, or "
      "pad (scale the long side, black around)");
  add("skip-bad", po::bool_switch(),
      "leave out rows that cannot be read or whose picture is missing or damaged, and list them; "
      "without it the first one is an error");
  add("idx", po::value<std::string>()->value_name("FILE"),
      "instead of a CSV file: pictures in an IDX file such as MNIST's, also compressed by gzip");
  add("idx-labels", po::value<Strings>()->value_name("TARGET=FILE")->composing(),
      "the IDX file of a target's numbers, a record a picture of --idx (repeatable)");
  add("idx-test", po::value<std::string>()->value_name("FILE"),
      "pictures of the test split, if these have a file of their own; the share of "
      "--split-fractions "
      "for test then goes to training");
  add("idx-test-labels", po::value<Strings>()->value_name("TARGET=FILE")->composing(),
      "as --idx-labels, of --idx-test");
  if (has_generator)
    add("generated", po::bool_switch(),
        "write the experiment's own generated pictures instead; takes --out and --force alone");
  add("out", po::value<std::string>()->value_name("DIR"), "dataset folder to write");
  add("force", po::bool_switch(), "replace DIR if it is a dataset folder");
  add("help", po::bool_switch(), "show this and stop");
  return options;
}

std::string required(const po::variables_map& values, const char* option) {
  if (values.count(option) == 0 || values[option].as<std::string>().empty())
    throw usage_error(fmt::format("import needs --{} (import --help lists the options)", option));
  return values[option].as<std::string>();
}

// The pairs of a repeatable option.
std::vector<std::pair<std::string, std::string>> pairs(const po::variables_map& values,
                                                       const char* option) {
  std::vector<std::pair<std::string, std::string>> result;
  if (values.count(option) == 0) return result;
  for (const std::string& text : values[option].as<Strings>())
    result.push_back(parse_pair(text, option));
  return result;
}

SplitFractions parse_fractions(std::string_view text) {
  const auto refuse = [given = text] {
    return usage_error(fmt::format(
        "--split-fractions: '{}' is not three numbers >= 0 with commas between that sum to 1, "
        "training first and more than 0",
        given));
  };
  SplitFractions fractions{};
  std::uint64_t sum = 0;
  for (std::size_t s = 0; s < 3; ++s) {
    const std::size_t comma = text.find(',');
    const NumberRead<double> read = read_number<double>(text.substr(0, comma));
    if (!read || !(read.value >= 0 && read.value <= 1)) throw refuse();
    if ((comma == std::string_view::npos) != (s == 2)) throw refuse();
    text.remove_prefix(s < 2 ? comma + 1 : text.size());
    fractions[s] = static_cast<std::uint32_t>(read.value * 1e6 + 0.5);
    sum += fractions[s];
  }
  if (sum != 1'000'000 || fractions[0] == 0) throw refuse();
  return fractions;
}

void require_target(std::string_view option, const std::string& name,
                    std::span<const TargetSpec> targets) {
  std::vector<std::string_view> names;
  for (const TargetSpec& spec : targets) names.push_back(spec.name);
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw usage_error(fmt::format("--{}: the experiment has no target '{}'; it has: {}", option,
                                  name, fmt::join(names, ", ")));
}

// The columns of each target that has others than that of its own name.
std::map<std::string, Strings, std::less<>> columns(const po::variables_map& values,
                                                    std::span<const TargetSpec> targets) {
  std::map<std::string, Strings, std::less<>> result;
  for (const auto& [target, column] : pairs(values, "target")) {
    require_target("target", target, targets);
    result[target].push_back(column);
  }
  return result;
}

// The classes of each target whose classes are listed; a repeated option goes on with the list.
std::map<std::string, Strings, std::less<>> classes(const po::variables_map& values,
                                                    std::span<const TargetSpec> targets) {
  std::map<std::string, Strings, std::less<>> result;
  for (const auto& [target, text] : pairs(values, "classes")) {
    require_target("classes", target, targets);
    const std::optional<Strings> names = csv_fields(text);
    if (!names) throw usage_error(fmt::format("--classes: a quote out of place in '{}'", text));
    result[target].insert(result[target].end(), names->begin(), names->end());
  }
  return result;
}

ImportRequest request_of(const po::variables_map& values, std::span<const TargetSpec> targets) {
  ImportRequest request;
  request.targets = targets;
  request.csv = required(values, "csv");
  request.images = required(values, "images");
  request.image_column = required(values, "image");
  request.extension = values["extension"].as<std::string>();
  request.columns = columns(values, targets);
  if (values.count("split-by") != 0) request.group_column = required(values, "split-by");
  request.fractions = parse_fractions(values["split-fractions"].as<std::string>());
  request.seed = parse_number<std::uint64_t>(values["seed"].as<std::string>(), "seed");
  request.excludes = pairs(values, "exclude");
  for (const auto& [name, count] : pairs(values, "min-count"))
    request.min_counts[name] = parse_number<std::uint64_t>(count, "min-count");
  request.classes = classes(values, targets);
  if (values.count("missing") != 0) request.missing = values["missing"].as<Strings>();
  request.fit = parse_fit(values["fit"].as<std::string>());
  request.skip_bad = values["skip-bad"].as<bool>();
  request.out = required(values, "out");
  request.force = values["force"].as<bool>();
  return request;
}

// Throws unless all options that are given are among these.
void require_only(const po::variables_map& values, const std::string& source,
                  std::initializer_list<std::string_view> allowed) {
  for (const auto& [name, value] : values) {
    if (value.defaulted() || std::find(allowed.begin(), allowed.end(), name) != allowed.end())
      continue;
    throw usage_error(fmt::format("import --{} takes no --{}", source, name));
  }
}

ImportRequest generated_request_of(const po::variables_map& values) {
  require_only(values, "generated", {"generated", "out", "force"});
  ImportRequest request;
  request.out = required(values, "out");
  request.force = values["force"].as<bool>();
  return request;
}

std::map<std::string, std::filesystem::path, std::less<>> target_files(
    const po::variables_map& values, const char* option, std::span<const TargetSpec> targets) {
  std::map<std::string, std::filesystem::path, std::less<>> files;
  for (const auto& [target, file] : pairs(values, option)) {
    require_target(option, target, targets);
    if (!files.emplace(target, file).second)
      throw usage_error(fmt::format("--{}: the target '{}' twice", option, target));
  }
  return files;
}

IdxRequest idx_request_of(const po::variables_map& values, std::span<const TargetSpec> targets) {
  require_only(values, "idx",
               {"idx", "idx-labels", "idx-test", "idx-test-labels", "split-fractions", "seed",
                "fit", "out", "force"});
  IdxRequest request;
  request.targets = targets;
  request.records = {required(values, "idx"), target_files(values, "idx-labels", targets)};
  if (values.count("idx-test") != 0) request.test.images = required(values, "idx-test");
  request.test.targets = target_files(values, "idx-test-labels", targets);
  if (request.test.images.empty() && !request.test.targets.empty())
    throw usage_error("--idx-test-labels needs --idx-test, the file of their pictures");
  request.fractions = parse_fractions(values["split-fractions"].as<std::string>());
  request.seed = parse_number<std::uint64_t>(values["seed"].as<std::string>(), "seed");
  request.fit = parse_fit(values["fit"].as<std::string>());
  request.out = required(values, "out");
  request.force = values["force"].as<bool>();
  return request;
}

}  // namespace

std::string import_help(bool has_generator) {
  std::ostringstream text;
  text << describe(has_generator);
  return text.str();
}

ImportOptions parse_import_options(const Arguments& arguments, std::span<const TargetSpec> targets,
                                   bool has_generator) {
  const po::variables_map values = parse_options("import", describe(has_generator), arguments);
  ImportOptions options;
  options.help = values["help"].as<bool>();
  if (options.help) return options;
  options.generated = has_generator && values["generated"].as<bool>();
  if (options.generated) {
    options.request = generated_request_of(values);
  } else if (values.count("idx") != 0) {
    options.idx = idx_request_of(values, targets);
  } else {
    for (const char* option : {"idx-labels", "idx-test", "idx-test-labels"}) {
      if (values.count(option) != 0)
        throw usage_error(fmt::format("--{} needs --idx, the file of the pictures", option));
    }
    options.request = request_of(values, targets);
  }
  return options;
}

}  // namespace medley
