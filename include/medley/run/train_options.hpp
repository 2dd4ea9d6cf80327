// The options of `train`, resolved: defaults of the experiment, then --config, then the command
// line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "medley/base/arguments.hpp"
#include "medley/data/folds.hpp"
#include "medley/run/checkpoint.hpp"

namespace medley {

struct TrainOptions {
  std::string data;         // empty: the experiment's own
  bool data_given = false;  // on the command line, as where a resumed run's data are now
  std::filesystem::path out;
  Fold fold;         // splits as the data have them unless given
  std::string init;  // file of weights to begin with
  bool resume = false, force = false, help = false;
  std::uint64_t stop_after = 0;  // steps; as if the process were asked to stop there. 0: do not
  int threads = 1;
  std::string isa;

  std::uint64_t epochs = 0, steps = 0;  // steps: 0 stands for all epochs unless given
  bool steps_given = false;
  std::uint32_t batch_size = 32;
  std::uint64_t seed = 1;
  bool shuffle = true, augment = true;
  double clip_norm = 0;
  Schedule schedule;
  int mode = 0;                       // of the step modes that the experiment lists
  std::vector<MixChoice> mix;         // one a group
  std::vector<double> learning_rate;  // one a group
  std::vector<double> weight;         // one a term
  std::uint64_t checkpoint_every = 0, log_every = 10, gradients_every = 0;
  bool gradients_each_epoch = true;  // measure at the first step of each epoch
  std::uint64_t diagnose_every = 0;  // 0: never
  bool looks_ahead = false;          // a step against each loss alone where it diagnoses
  std::uint64_t keep = 3;
};

TrainOptions parse_train_options(const Arguments& arguments, const Description& description);

// `name = value` lines that --config takes back.
std::string to_config(const TrainOptions& options, const Description& description);

// The options that decide what a training computes and logs, by name, as config.ini has them;
// "weight.kind" for what is "weight = kind=..." there. Checkpoints keep them.
NamedValues result_options(const TrainOptions& options, const Description& description);

// Throws data_error naming the first option that differs from the one that the checkpoint was
// written with: config.ini was changed since.
void require_same_options(const Checkpoint& checkpoint, const TrainOptions& options,
                          const Description& description);

std::string train_help(const Description& description);

}  // namespace medley
