// `train`: trains the experiment and leaves a run folder.
#include <fmt/format.h>

#include "commands/commands.hpp"
#include "medley/base/error.hpp"
#include "medley/run/stop_signal.hpp"
#include "medley/run/training_run.hpp"

namespace medley {

int train_command(const Program& program, const Arguments& arguments) {
  const TrainOptions options = parse_train_options(arguments, program.description);
  if (options.help) {
    fmt::print("{}", train_help(program.description));
    return 0;
  }
  const Session session(program, options.isa);
  TrainingRun run(session, options);
  switch (run.train()) {
    case TrainingRun::Ending::diverged:
      return static_cast<int>(Exit::diverged);
    case TrainingRun::Ending::stopped:
      if (!options.quiet)
        fmt::print(stderr, "stopped after step {} and saved; --resume goes on from there\n",
                   run.step());
      return 128 + stop_signal();
    case TrainingRun::Ending::complete:
      run.print_results();
  }
  return static_cast<int>(Exit::done);
}

}  // namespace medley
