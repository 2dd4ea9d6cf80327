// The options of `train`, resolved: defaults of the experiment, then --config, then the command
// line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medley/base/arguments.hpp"
#include "medley/data/folds.hpp"
#include "medley/run/best.hpp"
#include "medley/run/checkpoint.hpp"
#include "medley/run/part_options.hpp"

namespace medley {

// By which options a run ends.
struct RunLength {
  std::uint64_t epochs = 0, steps = 0;
  bool steps_given = false;    // then these count, whatever the epochs
  std::uint64_t patience = 0;  // evaluations without a new best; 0: no end

  // In steps, of which an epoch takes so many.
  std::uint64_t in_steps(std::uint64_t rounds) const {
    return steps_given ? steps : epochs * rounds;
  }
};

struct TrainOptions : RunLength {
  std::string data;         // empty: the experiment's own
  bool data_given = false;  // on the command line, as where a resumed run's data are now
  std::filesystem::path out;
  Fold fold;                    // splits as the data have them unless given
  std::string init;             // file of weights to begin with
  std::string init_prefix;      // before its names
  bool with_optimizer = false;  // and of its moments, counts and states of mixes
  bool resume = false, force = false, help = false;
  bool quiet = false;  // errors alone go to stderr
  // With --resume and another length: the one that config.ini has.
  std::optional<RunLength> before;
  std::uint64_t stop_after = 0;  // steps; as if the process were asked to stop there. 0: do not
  std::uint64_t stop_after_epochs = 0;  // the same in whole epochs
  int threads = 1;
  std::string isa;

  std::uint32_t batch_size = 32;
  std::uint64_t seed = 1;
  bool shuffle = true, augment = true;
  bool measures_test = true;  // at the end
  double clip_norm = 0;
  Schedule schedule;
  int mode = 0;                       // of the step modes that the experiment lists
  std::vector<MixChoice> mix;         // one a group
  std::vector<double> learning_rate;  // one a group
  std::vector<double> weight;         // one a term
  std::vector<Criterion> best;        // at least one
  std::uint64_t validate_every = 0;   // steps; 0: each epoch
  PartOptions parts;                  // what is frozen, or has a learning rate of its own
  std::uint64_t checkpoint_every = 0, log_every = 10, gradients_every = 0;
  bool gradients_each_epoch = true;  // measure at the first step of each epoch
  std::uint64_t diagnose_every = 0;  // 0: never
  bool looks_ahead = false;          // a step against each loss alone where it diagnoses
  std::uint64_t keep = 3;
};

TrainOptions parse_train_options(const Arguments& arguments, const Description& description);

// `name = value` lines that --config takes back.
std::string to_config(const TrainOptions& options, const Description& description);

// The options that decide what a training computes and logs, by name, as config.ini has them, but
// for its length where steps do not depend on it;
// "weight.kind" for what is "weight = kind=..." there. Checkpoints keep them.
NamedValues result_options(const TrainOptions& options, const Description& description);

// Whether the first steps of a longer run are others, by the schedule or by a mix: what does, or
// nothing.
std::string depends_on_length(const TrainOptions& options);

// Throws data_error naming the first option that differs from the one that the checkpoint was
// written with: config.ini was changed since.
void require_same_options(const Checkpoint& checkpoint, const TrainOptions& options,
                          const Description& description);

std::string train_help(const Description& description);

}  // namespace medley
