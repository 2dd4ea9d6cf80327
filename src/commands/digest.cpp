// `digest`: tells what a checkpoint is, for scripts that compare.
#include <fmt/format.h>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "medley/files/csv.hpp"
#include "medley/run/checkpoint.hpp"
#include "medley/run/mix_options.hpp"

namespace medley {

namespace {

po::options_description describe_digest() {
  po::options_description options("options", 100, 60);
  auto add = options.add_options();
  add("checkpoint", po::value<std::string>()->value_name("FILE|RUN"),
      "checkpoint, or run folder, which stands for its last one (RUN/best is the best); also "
      "without the name");
  add("help", po::bool_switch(), "this text");
  return options;
}

const HelpText digest_help{
    "digest",
    "the digest of a checkpoint's parameters, and the options that decided them\n\n"
    "stdout: CSV of names and values. Equal digests are equal parameters, bit by bit; `train` "
    "ends\n"
    "with the same one. A file that another framework wrote has a digest alone.",
    {"FILE|RUN"},
    "runs/mine/best"};

void row(std::string_view name, std::string_view value) {
  fmt::print("{},{}\n", csv_field(name), csv_field(value));
}

}  // namespace

int digest_command(const Program& program, const Arguments& arguments) {
  const Description& d = program.description;
  const po::options_description options = describe_digest();
  po::positional_options_description positional;
  positional.add("checkpoint", 1);
  const po::variables_map values = parse_options("digest", options, arguments, &positional);
  if (values["help"].as<bool>()) {
    fmt::print("{}", help(d.name, digest_help, options));
    return 0;
  }
  if (values.count("checkpoint") == 0) {
    throw usage_error("digest: the checkpoint is missing ('digest --help' lists the options)");
  }
  const std::string path = values["checkpoint"].as<std::string>();
  const Session session(program);
  Checkpoint checkpoint = load_checkpoint(path, d, session.arena(), false);
  const bool is_ours = !checkpoint.options.empty();
  if (is_ours) {  // all of it, to tell damage anywhere, and how far the run was
    checkpoint = load_checkpoint(path, with_options(d, checkpoint), session.arena(), true);
  }
  row("name", "value");
  row("checkpoint", checkpoint.path.string());
  row("digest", hexadecimal(parameter_digest(d, session.arena())));
  if (!is_ours) return 0;
  row("step", std::to_string(checkpoint.state.position.step));
  row("seed", std::to_string(checkpoint.seed));
  row("data", hexadecimal(checkpoint.data));
  for (const auto& [name, value] : checkpoint.options) row("option." + name, value);
  return 0;
}

}  // namespace medley
