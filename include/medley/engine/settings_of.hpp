// What an experiment itself says of a training.
#pragma once

#include "medley/engine/reports.hpp"
#include "medley/experiment/definition.hpp"

namespace medley {

// The settings of an experiment for these records, which must outlive them.
template <class Experiment>
Settings settings_of(const RecordSource& source) {
  using D = Definition<Experiment>;
  Settings settings;
  settings.source = &source;
  settings.batch_size = static_cast<std::uint32_t>(Experiment::recipe.batch_size);
  settings.augmentation = Experiment::recipe.augmentation;
  settings.clip_norm = Experiment::recipe.clip_norm;
  D::each_group([&](auto g) {
    settings.learning_rate[g] = std::get<g>(Experiment::steps.groups).optimizer.learning_rate;
  });
  D::each_term([&](auto k) { settings.weight[k] = std::get<k>(Experiment::terms).weight; });
  return settings;
}

}  // namespace medley
