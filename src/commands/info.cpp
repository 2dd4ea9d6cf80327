// `info`: what this binary trains and in which memory.
#include <fmt/format.h>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "medley/report/summary.hpp"

namespace medley {

namespace {

po::options_description describe_info() {
  po::options_description options("options", 100, 60);
  auto add = options.add_options();
  add("memory", po::bool_switch(),
      "the map of the arena as CSV instead: its sections, then the buffers inside the activations "
      "of "
      "worker 0");
  add("json", po::bool_switch(),
      "the whole description as JSON instead: enough to rebuild the network and its training in "
      "another "
      "framework");
  add("help", po::bool_switch(), "this text");
  return options;
}

const HelpText info_help{"info",
                         "prints what the experiment is: network, terms, steps, recipe and memory",
                         {"[--memory | --json]"},
                         "--memory > arena.csv"};

}  // namespace

int info_command(const Program& program, const Arguments& arguments) {
  const Description& d = program.description;
  const po::options_description options = describe_info();
  const po::variables_map values = parse_options("info", options, arguments);
  const bool memory = values["memory"].as<bool>(), json = values["json"].as<bool>();
  if (memory && json) throw usage_error("info: --memory and --json exclude each other");
  const std::string text = values["help"].as<bool>() ? help(d.name, info_help, options)
                           : memory                  ? arena_csv(d)
                           : json                    ? description_json(d)
                                                     : summary(d);
  fmt::print("{}", text);
  return 0;
}

}  // namespace medley
