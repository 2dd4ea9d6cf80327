// What is asked of train's options, wherever they were read.
#pragma once

#include <cmath>

#include "medley/run/train_options.hpp"
#include "tests/fuzz/experiment.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace medley::fuzz {

inline void check_number(const MixOptionInfo& option, double value) {
  if (option.names.empty()) {
    require(value >= option.least && value <= option.most, "a number of a mix is in its range");
  } else {
    require(value >= 0 && value < static_cast<double>(option.names.size()),
            "a choice of a mix is one of its names");
  }
}

inline void check_mix(const MixChoice& choice) {
  for (std::size_t i = 0; i < choice.mix.option_count(); ++i)
    check_number(choice.mix.option(i), choice.mix.get(i));
  for (std::size_t i = 0; i < Composition::options.size(); ++i) {
    const MixOption<Composition>& option = Composition::options[i];
    check_number({option.name, option.least, option.most, option.names}, choice.with.get(i));
  }
  for (std::size_t i = 0; i < choice.mix.loss_option_count(); ++i) {
    const MixLossOptionInfo option = choice.mix.loss_option(i);
    const double x = choice.mix.get(i, 0);
    require(x == option.none || (x >= option.least && x <= option.most),
            "a number of a loss is in its range, or there is none");
  }
}

inline void check_ranges(const TrainOptions& o, const Description& d) {
  require(o.threads >= 1 && o.threads <= d.memory.slots, "threads are 1 to the slots");
  require(o.epochs <= 1u << 24 && o.steps <= std::uint64_t{1} << 40, "lengths are bounded");
  require(o.batch_size >= 1 && o.batch_size <= 1u << 24, "a batch has 1 to 2^24 records");
  require(o.log_every >= 1 && o.keep >= 1 && o.keep <= 1000, "rows and checkpoints are kept");
  require(!o.best.empty() && o.best.size() <= most_criteria,
          "the best is chosen by 1 to 8 numbers");
  for (const Criterion& criterion : o.best)
    require(criterion.split != Split::test, "nothing is chosen by the test split");
  require(o.patience <= std::uint64_t{1} << 40 && o.validate_every <= std::uint64_t{1} << 40,
          "evaluations are counted");
  require(o.init_prefix.empty() || !o.init.empty(), "names are a file's");
  require(!o.with_optimizer || !o.init.empty(), "moments are somebody's");
  require(o.clip_norm >= 0 && std::isfinite(o.clip_norm), "a norm is cut to a number >= 0");
  require(o.schedule.valid(), "a schedule keeps its own rules");
  require(o.schedule.warm_up >= 0 && o.schedule.warm_up < 1, "a warm-up is a fraction");
  require(o.learning_rate.size() == d.groups.size(), "a group has a learning rate");
  for (const double rate : o.learning_rate)
    require(rate >= 0 && std::isfinite(rate), "a learning rate is finite and >= 0");
  require(o.weight.size() == d.terms.size(), "a term has a weight");
  for (const double weight : o.weight) require(std::isfinite(weight), "a weight is finite");
  const std::vector<GroupInfo>& groups = with_mode(d, o.mode).groups;
  require(o.mix.size() == groups.size(), "a group has a mix");
  for (const MixChoice& choice : o.mix) check_mix(choice);
}

// What config.ini holds gives the same options again.
inline void check_config(const TrainOptions& o, const Description& d) {
  const std::string text = to_config(o, d);
  const InputFile file(text);
  TrainOptions again = parse_train_options({"--out", "run", "--config", file.path().string()}, d);
  require(to_config(again, d) == text, "config.ini reads back to the same options");
}

}  // namespace medley::fuzz
