// What is asked of train's options, wherever they were read.
#pragma once

#include <cmath>

#include "medley/run/train_options.hpp"
#include "tests/fuzz/experiment.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace medley::fuzz {

inline void check_ranges(const TrainOptions& o, const Description& d) {
  require(o.threads >= 1 && o.threads <= d.memory.slots, "threads are 1 to the slots");
  require(o.epochs <= 1u << 24 && o.steps <= std::uint64_t{1} << 40, "lengths are bounded");
  require(o.batch_size >= 1 && o.batch_size <= 1u << 24, "a batch has 1 to 2^24 records");
  require(o.log_every >= 1 && o.keep >= 1 && o.keep <= 1000, "rows and checkpoints are kept");
  require(o.clip_norm >= 0 && std::isfinite(o.clip_norm), "a norm is cut to a number >= 0");
  require(o.schedule.valid(), "a schedule keeps its own rules");
  require(o.schedule.warm_up >= 0 && o.schedule.warm_up < 1, "a warm-up is a fraction");
  require(o.learning_rate.size() == d.groups.size(), "a group has a learning rate");
  for (const double rate : o.learning_rate)
    require(rate >= 0 && std::isfinite(rate), "a learning rate is finite and >= 0");
  require(o.weight.size() == d.terms.size(), "a term has a weight");
  for (const double weight : o.weight) require(std::isfinite(weight), "a weight is finite");
}

// What config.ini holds gives the same options again.
inline void check_config(const TrainOptions& o, const Description& d) {
  const std::string text = to_config(o, d);
  const InputFile file(text);
  TrainOptions again = parse_train_options({"--out", "run", "--config", file.path().string()}, d);
  require(to_config(again, d) == text, "config.ini reads back to the same options");
}

}  // namespace medley::fuzz
