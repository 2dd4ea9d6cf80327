#include "medley/run/model.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace medley {

namespace {

std::string text_of(const po::variables_map& values, const char* option) {
  return values.count(option) > 0 ? values[option].as<std::string>() : std::string{};
}

int threads_of(const po::variables_map& values, const Description& d) {
  const std::string text = text_of(values, "threads");
  const int threads = text.empty() ? available_threads() : parse_number<int>(text, "threads");
  if (threads < 1) throw usage_error("--threads: at least 1");
  return std::min(threads, d.memory.slots);
}

std::string checkpoint_of(std::string_view command, const po::variables_map& values) {
  std::string path = text_of(values, "checkpoint");
  if (path.empty()) {
    throw usage_error(fmt::format(
        "{0}: --checkpoint FILE|RUN is missing ('{0} --help' lists the options)", command));
  }
  return path;
}

}  // namespace

void add_model_options(po::options_description& options, const Description& d) {
  auto add = options.add_options();
  add("checkpoint", po::value<std::string>()->value_name("FILE|RUN"),
      "checkpoint, or run folder, which stands for its last one (RUN/best is the best)");
  add("threads", po::value<std::string>()->value_name("T"),
      fmt::format(
          "at most {} for this experiment (default: the processors that this process may use)",
          d.memory.slots)
          .c_str());
  add("isa", po::value<std::string>()->value_name("NAME"),
      "instruction set; results do not depend on it");
}

Model::Model(const Program& program, std::string_view command, const po::variables_map& values)
    : Model(program, checkpoint_of(command, values), threads_of(values, program.description),
            text_of(values, "isa")) {}

Model::Model(const Program& program, const std::filesystem::path& checkpoint, int threads,
             std::string_view instruction_set)
    : session_(program, instruction_set),
      threads_(std::min(threads, program.description.memory.slots)),
      checkpoint_(load_checkpoint(checkpoint, program.description, session_.arena(), false)) {}

void Model::start_evaluation(const Source& records, const std::string& from,
                             const Settings& settings) {
  source_ =
      std::make_unique<ModelSource>(checkpoint_, session_.description(), &records, from, true);
  start(settings);
}

void Model::start_prediction(const Source* records, const std::string& from) {
  source_ =
      std::make_unique<ModelSource>(checkpoint_, session_.description(), records, from, false);
  start({});
}

void Model::start(Settings settings) {
  settings.source = source_.get();
  settings.threads = threads_;
  session_.engine().start(settings);
  session_.engine().parameters_changed();
}

}  // namespace medley
