#include "medley/study/plan.hpp"

namespace medley {

std::vector<Trial> FixedPlan::next(const TrialTable& results) {
  std::vector<Trial> open;
  for (std::size_t s = 0; s < settings_.size(); ++s) {
    for (int repeat = 0; repeat < design_.repeats(); ++repeat) {
      const Trial trial{.number = design_.trial(s, repeat), .rung = 0, .epochs = 0};
      if (!results.has(trial)) open.push_back(trial);
    }
  }
  return open;
}

Plan::Progress FixedPlan::progress(const TrialTable& results) const {
  const std::size_t all = settings_.size() * static_cast<std::size_t>(design_.repeats());
  return {results.size(), all, static_cast<double>(results.size()), static_cast<double>(all)};
}

}  // namespace medley
