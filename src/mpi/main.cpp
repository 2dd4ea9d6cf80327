// medley-<experiment>-mpi SUBCOMMAND [options], started by mpirun or srun: as medley-<experiment>, with
// all processes at work in each training, evaluation and prediction.
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "commands/commands.hpp"
#include "commands/standard_streams.hpp"
#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/files/options.hpp"
#include "medley/mpi/mpi_processes.hpp"
#include "medley/processes/request.hpp"
#include "medley/processes/serve.hpp"
#include "medley/processes/shared_engine.hpp"

namespace medley {

namespace {

// How long a process may be silent: MEDLEY_PATIENCE, in seconds.
std::chrono::seconds patience() {
  constexpr int usual = 600;
  const char* text = std::getenv("MEDLEY_PATIENCE");
  return std::chrono::seconds(text ? parse_number<int>(text, "MEDLEY_PATIENCE") : usual);
}

// The first process is the one that users see: it reads options and writes files.
int lead(MpiProcesses& processes, const Arguments& arguments) {
  Program shared = program();
  if (processes.count() > 1) {
    shared.share = [&](std::unique_ptr<Engine> own) {
      return std::make_unique<SharedEngine>(std::move(own), shared.description, processes,
                                            arguments);
    };
  }
  const int code = run_program(shared, arguments);
  send_request(processes, {.action = Action::finish});
  return code;
}

// The others do as they are asked. Signals go to all processes; what becomes of them the first decides.
int follow(MpiProcesses& processes, const Arguments& arguments) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  // What begins the sentence about a file that can no longer be read (files/mapped_file.hpp).
  static std::string own_name = fmt::format("{}: process {} of {}", program_invocation_short_name,
                                            processes.rank() + 1, processes.count());
  program_invocation_short_name = own_name.data();
  try {
    serve(program(), processes, arguments);
  } catch (const std::exception& error) {
    processes.end_all(fmt::format("process {} of {}: {}", processes.rank() + 1, processes.count(),
                                  printable(error.what())),
                      static_cast<int>(Exit::io));
  }
  return static_cast<int>(Exit::done);
}

int run(int count, char** texts) {
  const std::string name = fmt::format("medley-{}-mpi", program().description.name);
  MpiProcesses processes(count, texts, name, patience());
  const Arguments arguments(texts + 1, texts + count);
  return processes.rank() == 0 ? lead(processes, arguments) : follow(processes, arguments);
}

}  // namespace
}  // namespace medley

int main(int count, char** texts) {
  medley::prepare_standard_streams();
  return medley::run(count, texts);
}
