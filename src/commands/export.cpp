// `export`: a trained network, or what a run has logged, as other programs read it.
#include <fmt/format.h>

#include <algorithm>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "medley/export/export_formats.hpp"
#include "medley/files/csv.hpp"

namespace medley {

namespace {

po::options_description describe_export() {
  po::options_description options("options", 100, 60);
  auto add = options.add_options();
  add("checkpoint", po::value<std::string>()->value_name("FILE|RUN"),
      "checkpoint, or run folder, which stands for its last one (RUN/best is the best)");
  for (const ExportFormat& format : export_formats()) {
    add(std::string(format.option).c_str(),
        po::value<std::string>()->value_name(std::string(format.argument)),
        std::string(format.does).c_str());
    if (format.describe) format.describe(options);
  }
  add("probabilities", po::bool_switch(),
      "besides, probabilities of heads of which losses make some");
  add("data", po::value<std::string>()->value_name("DIR"),
      "dataset folder, for what a checkpoint of another framework does not say: mean and deviation "
      "of the input, names of classes");
  add("help", po::bool_switch(), "this text");
  return options;
}

const HelpText export_help{
    "export",
    "a trained network as other programs read it\n\n"
    "stdout: CSV of names and values of what was written; each format begins with its file.",
    {"--checkpoint FILE|RUN --onnx FILE [options]",
     "--checkpoint FILE|RUN --c FILE [--c-header FILE] [options]"},
    "--checkpoint runs/first/best --onnx model.onnx"};

bool given(const po::variables_map& values, std::string_view option) {
  const auto found = values.find(std::string(option));
  return found != values.end() && !found->second.defaulted();
}

// The formats that are asked for.
std::vector<ExportFormat> chosen_formats(const po::variables_map& values) {
  std::vector<ExportFormat> chosen;
  std::vector<std::string> all;
  for (const ExportFormat& format : export_formats()) {
    all.push_back(fmt::format("--{} {}", format.option, format.argument));
    if (given(values, format.option)) chosen.push_back(format);
  }
  if (chosen.empty())
    throw usage_error(fmt::format("export: say what to write: {}", fmt::join(all, ", ")));
  return chosen;
}

// Throws where an option is given that none of the formats takes.
void require_taken(const po::variables_map& values, std::span<const ExportFormat> chosen) {
  std::vector<std::string> taken{"checkpoint"};
  std::vector<std::string_view> names;
  for (const ExportFormat& format : chosen) {
    names.push_back(format.option);
    taken.emplace_back(format.option);
    taken.insert(taken.end(), format.takes.begin(), format.takes.end());
    po::options_description own;
    if (format.describe) format.describe(own);
    for (const auto& option : own.options()) taken.push_back(option->long_name());
  }
  for (const auto& [name, value] : values) {
    if (!value.defaulted() && std::ranges::find(taken, name) == taken.end())
      throw usage_error(fmt::format("export --{} takes no --{}", fmt::join(names, " or --"), name));
  }
}

}  // namespace

int export_command(const Program& program, const Arguments& arguments) {
  const Description& d = program.description;
  const po::options_description options = describe_export();
  const po::variables_map values = parse_options("export", options, arguments);
  if (values["help"].as<bool>()) {
    fmt::print("{}", help(d.name, export_help, options));
    return 0;
  }
  const std::vector<ExportFormat> chosen = chosen_formats(values);
  require_taken(values, chosen);
  ExportInput input(program, values);
  std::string rows = "name,value\n";
  const auto add = [&](std::string_view name, std::string_view value) {
    rows += fmt::format("{},{}\n", csv_field(name), csv_field(value));
  };
  for (const ExportFormat& format : chosen) {
    const std::string to = values[std::string(format.option)].as<std::string>();
    if (to.empty()) throw usage_error(fmt::format("--{}: a name is missing", format.option));
    const ExportRows written = format.write(input, to);
    add(format.option, to);
    for (const auto& [name, value] : written) add(fmt::format("{}.{}", format.option, name), value);
  }
  fmt::print("{}", rows);
  return 0;
}

}  // namespace medley
