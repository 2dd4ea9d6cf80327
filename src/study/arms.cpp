#include "medley/study/arms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "medley/base/error.hpp"

namespace medley::comparison {

namespace {

constexpr std::string_view plain_sum = "weighted_sum", control = "random";

std::vector<double> ones(std::size_t count) { return std::vector<double>(count, 1.0); }

// One loss times `ratio`, the sum of the weights as it was.
std::vector<double> emphasized(std::size_t count, std::size_t loss, double ratio) {
  std::vector<double> weights = ones(count);
  weights[loss] = ratio;
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& w : weights) w *= static_cast<double>(count) / sum;
  return weights;
}

std::vector<std::string> loss_names(const Description& d) {
  std::vector<std::string> names;
  for (const std::size_t k : losses_of(d)) names.push_back(d.terms[k].name);
  return names;
}

const ModeInfo* find_mode(const Description& d, StepMode mode) {
  const auto found = std::ranges::find(d.modes, mode, &ModeInfo::mode);
  return found == d.modes.end() ? nullptr : &*found;
}

// The mixes that losses in joint steps may have.
const std::vector<AnyMix>& mixes_of_joint(const Description& d) {
  const ModeInfo& joint = *find_mode(d, StepMode::joint);
  return joint.groups[0].own_mixes.empty() ? d.mixes : joint.groups[0].own_mixes;
}

bool lists(const std::vector<AnyMix>& mixes, std::string_view type) {
  return std::ranges::any_of(mixes, [&](const AnyMix& mix) { return mix.type() == type; });
}

void require_comparable(const Description& d) {
  if (losses_of(d).size() < 2)
    throw usage_error(
        fmt::format("compare: {} has a single loss, and nothing to share or to mix", d.name));
  if (!find_mode(d, StepMode::joint))
    throw usage_error(fmt::format(
        "compare: {} lists no joint steps, which all is compared with; add joint(...) to its steps",
        d.name));
  if (!lists(mixes_of_joint(d), plain_sum))
    throw usage_error(
        fmt::format("compare: {} does not list the weighted sum, which all is compared with; add "
                    "WeightedSum{{}} to its mixes",
                    d.name));
}

// The experiment as it is written, if that is not the plain sum.
void add_written(const Description& d, std::vector<Arm>& arms) {
  const ModeInfo& first = d.modes[0];
  const auto& mixes = first.groups[0].own_mixes.empty() ? d.mixes : first.groups[0].own_mixes;
  std::vector<double> weights;
  for (const std::size_t k : losses_of(d)) weights.push_back(d.terms[k].weight);
  const bool is_joint_sum = first.mode == StepMode::joint && mixes[0].type() == plain_sum;
  if (is_joint_sum && std::ranges::all_of(weights, [](double w) { return w == 1.0; })) return;
  arms.push_back({.kind = ArmKind::written, .name = "as written", .weights = {}});
  arms.back().fixed_weights = is_joint_sum;
}

void add_fixed(const std::vector<std::string>& names, std::vector<Arm>& arms) {
  const std::size_t count = names.size();
  const auto add = [&](std::size_t loss, double ratio) {
    const std::vector<double> weights = emphasized(count, loss, ratio);
    arms.push_back(
        {.kind = ArmKind::fixed, .name = weights_text(weights, names), .weights = weights});
    arms.back().fixed_weights = true;
  };
  if (count == 2) {
    for (const double ratio : {1.0 / 16, 1.0 / 4, 4.0, 16.0}) add(0, ratio);
    return;
  }
  for (std::size_t k = 0; k < count; ++k) {
    add(k, 4.0);
    add(k, 0.25);
  }
}

}  // namespace

std::vector<std::size_t> losses_of(const Description& d) {
  std::vector<std::size_t> losses;
  for (std::size_t k = 0; k < d.terms.size(); ++k) {
    if (!d.terms[k].is_penalty) losses.push_back(k);
  }
  return losses;
}

std::string weights_text(const std::vector<double>& weights,
                         const std::vector<std::string>& losses) {
  std::string text;
  for (std::size_t k = 0; k < losses.size(); ++k)
    text += fmt::format("{}{}={:.3g}", k == 0 ? "" : " ", losses[k], weights[k]);
  return text;
}

std::vector<std::string> usual_mixes(const Description& d) {
  std::vector<std::string> names;
  for (const std::string_view name : {"uncertainty", "tchebycheff", "pcgrad", "upgrad", "mgda"}) {
    if (find_mode(d, StepMode::joint) && lists(mixes_of_joint(d), name)) names.emplace_back(name);
  }
  return names;
}

std::vector<Arm> comparison_arms(const Description& d, const ArmChoice& choice) {
  require_comparable(d);
  const std::vector<std::string> names = loss_names(d);
  const std::vector<double> plain = ones(names.size());
  std::vector<Arm> arms;
  for (std::size_t k = 0; k < names.size(); ++k) {
    std::vector<double> weights(names.size(), 0.0);
    weights[k] = 1.0;
    arms.push_back(
        {.kind = ArmKind::single, .name = names[k] + " alone", .weights = weights, .loss = k});
  }
  arms.push_back({.kind = ArmKind::sum, .name = "sum", .weights = plain});
  arms.back().fixed_weights = true;
  add_written(d, arms);
  add_fixed(names, arms);
  if (lists(mixes_of_joint(d), control))
    arms.push_back(
        {.kind = ArmKind::random, .name = "random", .weights = plain, .mix = std::string(control)});
  for (const std::string& mix : choice.mixes) {
    if (mix == control || mix == plain_sum) continue;
    arms.push_back({.kind = ArmKind::mix, .name = mix, .weights = plain, .mix = mix});
  }
  for (const std::string& mode : choice.modes) {
    if (mode == step_mode_names[0]) continue;
    arms.push_back(
        {.kind = ArmKind::mode, .name = mode + " steps", .weights = plain, .mode = mode});
  }
  return arms;
}

std::vector<Arm> equal_time_arms(const std::vector<Arm>& arms, double threshold) {
  std::vector<Arm> again;
  for (const Arm& arm : arms) {
    if (arm.kind == ArmKind::single || arm.kind == ArmKind::sum || !(arm.cost > threshold))
      continue;
    again.push_back(arm);
    again.back().at_equal_time = true;
    again.back().name += " at equal time";
  }
  return again;
}

Arguments arm_options(const Arm& arm, const Description& d) {
  if (arm.kind == ArmKind::written) return {};
  Arguments options{"--steps-mode", arm.mode.empty() ? std::string(step_mode_names[0]) : arm.mode,
                    "--mix", arm.mix.empty() ? std::string(plain_sum) : arm.mix};
  const std::vector<std::string> names = loss_names(d);
  for (std::size_t k = 0; k < names.size(); ++k)
    options.insert(options.end(), {"--weight", fmt::format("{}={}", names[k], arm.weights[k])});
  return options;
}

}  // namespace medley::comparison
