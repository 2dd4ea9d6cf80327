#include "medley/study/halving.hpp"

#include <algorithm>
#include <numeric>

namespace medley {

bool dominates(const Scores& a, const Scores& b, std::span<const Objective> objectives) {
  bool is_better = false;
  for (std::size_t i = 0; i < objectives.size(); ++i) {
    const double ours = objectives[i].score(a[i]), theirs = objectives[i].score(b[i]);
    if (ours < theirs) return false;
    is_better |= ours > theirs;
  }
  return is_better;
}

std::vector<bool> pareto_front(std::span<const Scores> settings,
                               std::span<const Objective> objectives) {
  std::vector<bool> on_front;
  for (const Scores& a : settings) {
    const bool known = std::ranges::none_of(a, [](double x) { return x != x; });
    on_front.push_back(known && std::ranges::none_of(settings, [&](const Scores& b) {
                         return dominates(b, a, objectives);
                       }));
  }
  return on_front;
}

std::vector<std::size_t> ranked(std::span<const Scores> settings,
                                std::span<const Objective> objectives) {
  std::vector<std::size_t> left(settings.size()), order;
  std::iota(left.begin(), left.end(), std::size_t{0});
  while (!left.empty()) {
    std::vector<std::size_t> front, rest;
    for (const std::size_t a : left) {
      const bool beaten = std::ranges::any_of(
          left, [&](std::size_t b) { return dominates(settings[b], settings[a], objectives); });
      (beaten ? rest : front).push_back(a);
    }
    std::ranges::stable_sort(front, [&](std::size_t a, std::size_t b) {
      return objectives[0].score(settings[a][0]) > objectives[0].score(settings[b][0]);
    });
    order.insert(order.end(), front.begin(), front.end());
    left = std::move(rest);
  }
  return order;
}

std::vector<std::uint64_t> rung_epochs(std::uint64_t factor, std::uint64_t least,
                                       std::uint64_t all) {
  std::vector<std::uint64_t> epochs;
  if (factor > 1) {
    for (std::uint64_t e = least; e < all; e *= factor) epochs.push_back(e);
  }
  epochs.push_back(all);
  return epochs;
}

}  // namespace medley
