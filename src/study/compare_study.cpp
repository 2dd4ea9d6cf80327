#include "medley/study/compare_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/run/mix_options.hpp"

namespace medley::comparison {

namespace {

// Rows of diagnostics.csv in a training of the plain sum; each costs about eight steps.
constexpr std::uint64_t diagnoses = 16;

// The value of an option in a run, as config.ini has it: that of all groups or terms, or each one's.
std::string value_of(const NamedValues& values, const std::string& name) {
  if (const auto found = values.find(name); found != values.end()) return found->second;
  std::string common, each;
  bool differ = false;
  for (const auto& [other, value] : values) {
    if (!other.starts_with(name + ".")) continue;
    differ |= !each.empty() && value != common;
    common = value;
    each += fmt::format("{}{}={}", each.empty() ? "" : " ", other.substr(name.size() + 1), value);
  }
  return differ ? each : common;
}

// `--steps N` is each setting's.
void take_steps_out(Arguments& options) {
  for (auto at = options.begin(); at != options.end();) {
    if (at->starts_with("--steps=")) {
      at = options.erase(at);
    } else if (*at == "--steps") {
      at = options.erase(at, at + 2);
    } else {
      ++at;
    }
  }
}

}  // namespace

CompareStudy::CompareStudy(const Description& description, const CompareOptions& options,
                           const Records& records)
    : d_(description), o_(options), records_(records) {
  design_ = make_design(o_.study, d_);
  design_.measures_test = records_.test > 0;
  for (const std::string& text : o_.study.objectives)
    objectives_.push_back(parse_objective(text, design_.metrics));
  design_.columns = {"mix", "steps-mode"};
  for (const std::size_t k : losses_of(d_)) design_.columns.push_back("weight." + d_.terms[k].name);
  design_.columns.insert(design_.columns.end(), {"lr", "steps"});

  const TrainOptions plain = train_options(o_.study, design_, {}, d_);
  const std::uint64_t train = design_.folds > 0
                                  ? (records_.train + records_.validation) *
                                        static_cast<std::uint64_t>(design_.folds - 1) /
                                        static_cast<std::uint64_t>(design_.folds)
                                  : records_.train;
  steps_ = plain.steps_given ? plain.steps
                             : plain.epochs * ((train + plain.batch_size - 1) / plain.batch_size);
  steps_given_ = plain.steps_given;
  if (steps_given_) take_steps_out(design_.shared);
  arms_ = comparison_arms(d_, o_.arms);
  for (const auto& [arm, cost] : o_.costs) {
    if (arm < arms_.size()) arms_[arm].cost = cost;
  }
  if (o_.equal_time) {
    const std::vector<Arm> again = equal_time_arms(arms_);
    arms_.insert(arms_.end(), again.begin(), again.end());
  }
  for (const Arm& arm : arms_) add_settings(arm);
}

// `--lr`, as all groups of the arm's step mode have it, or each for itself.
Arguments CompareStudy::rate_options(const Arm& arm, const Rate& rate) const {
  if (!rate.is_factor) return {"--lr", fmt::format("{}", rate.value)};
  const TrainOptions options = train_options(o_.study, design_, arm_options(arm, d_), d_);
  const Description d = with_mode(d_, options.mode, options.mix);
  Arguments texts;
  for (std::size_t g = 0; g < d.groups.size(); ++g) {
    texts.insert(texts.end(), {"--lr", fmt::format("{}={:.3g}", d.groups[g].name,
                                                   rate.value * options.learning_rate[g])});
  }
  return texts;
}

std::vector<std::string> CompareStudy::values_of(const Arguments& options) const {
  const TrainOptions resolved = train_options(o_.study, design_, options, d_);
  const NamedValues values = result_options(resolved, with_mode(d_, resolved.mode, resolved.mix));
  std::vector<std::string> found;
  for (const std::string& column : design_.columns) found.push_back(value_of(values, column));
  return found;
}

void CompareStudy::add_settings(const Arm& arm) {
  for (const Rate& rate : o_.rates) {
    Arguments options = arm_options(arm, d_);
    const Arguments rates = rate_options(arm, rate);
    options.insert(options.end(), rates.begin(), rates.end());
    if (arm.at_equal_time || steps_given_) {
      const double steps = static_cast<double>(steps_) / (arm.at_equal_time ? arm.cost : 1.0);
      options.insert(options.end(),
                     {"--steps", fmt::format("{}", std::max(1.0, std::round(steps)))});
    }
    if (arm.kind == ArmKind::sum) {
      const std::uint64_t every = std::max<std::uint64_t>(1, steps_ / diagnoses);
      options.insert(options.end(), {"--diagnose", std::to_string(every)});
    }
    settings_.push_back({.name = arm.name, .values = values_of(options), .options = options});
  }
}

std::map<std::size_t, double> measure_costs(const std::vector<Arm>& arms,
                                            const Description& description,
                                            const MeasureSteps& measure) {
  // What is before the first step and after the last is in both of two measurements.
  constexpr std::uint64_t few = 2, least = 16, most = 2000;
  constexpr double seconds = 0.2;
  // (Of two, the one that less was in the way of.)
  const auto seconds_of = [&](const Arguments& options, std::uint64_t count) {
    return std::min(measure(options, count), measure(options, count));
  };
  const auto per_step = [&](const Arm& arm, std::uint64_t steps) {
    const Arguments options = arm_options(arm, description);
    return (seconds_of(options, few + steps) - seconds_of(options, few)) /
           static_cast<double>(steps);
  };
  const auto sum = std::ranges::find(arms, ArmKind::sum, &Arm::kind);
  const double guess = std::max(per_step(*sum, least), 1e-9);
  const std::uint64_t steps = std::clamp(static_cast<std::uint64_t>(seconds / guess), least, most);
  const double of_sum = per_step(*sum, steps);
  std::map<std::size_t, double> costs;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (arms[i].fixed_weights || arms[i].kind == ArmKind::single || !(of_sum > 0.0)) continue;
    // (Three digits: what differs below that is noise.)
    costs[i] = std::round(1000.0 * std::max(0.0, per_step(arms[i], steps)) / of_sum) / 1000.0;
  }
  return costs;
}

}  // namespace medley::comparison
