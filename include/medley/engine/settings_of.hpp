// What an experiment itself says of a training.
#pragma once

#include "medley/engine/reports.hpp"
#include "medley/experiment/definition.hpp"

namespace medley {

// The settings of an experiment for these records, which must outlive them: with a step mode that it
// lists, and its first mixes.
template <class Experiment>
Settings settings_of(const RecordSource& source, int mode = 0) {
  using D = Definition<Experiment>;
  Settings settings;
  settings.source = &source;
  settings.batch_size = static_cast<std::uint32_t>(Experiment::recipe.batch_size);
  settings.augmentation = Experiment::recipe.augmentation;
  settings.clip_norm = Experiment::recipe.clip_norm;
  settings.mode = mode;
  const StepPlan& plan = D::Ways::plans[static_cast<std::size_t>(mode)];
  D::each_group([&](auto flat) {
    const int g = flat - plan.first_group;
    if (g < 0 || g >= plan.groups) return;
    settings.learning_rate[g] = std::get<flat>(D::Ways::groups).optimizer.learning_rate;
    settings.mix[g].mix = std::get<0>(D::Ways::template mixes_of<flat>());
  });
  D::each_term([&](auto k) { settings.weight[k] = std::get<k>(Experiment::terms).weight; });
  return settings;
}

}  // namespace medley
