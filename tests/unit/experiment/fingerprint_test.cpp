// The fingerprint of an experiment: another for whatever changes results, the same for what options
// change.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "medley/experiment/description.hpp"
#include "medley/mixes/blend.hpp"
#include "medley/mixes/weighted_sum.hpp"

namespace medley {
namespace {

Description two_groups() {
  Description d;
  d.name = "experiment";
  d.input = {3, 16, 16};
  d.targets = {{"kind", TargetKind::classes, 5}, {"place", TargetKind::values, 2}};
  LayerInfo conv;
  conv.path = "trunk.0";
  conv.type = "conv";
  conv.options = {{"outputs", 8}, {"kernel", 3}};
  conv.inputs = {"input"};
  conv.output = {8, 16, 16};
  conv.algorithm = "winograd";
  d.layers = {conv, conv};
  d.heads = {{"kind", "trunk.0", {8, 16, 16}}};
  for (const char* const name : {"kind", "place"}) {
    TermInfo term;
    term.name = term.head = term.target = name;
    term.type = "mean_squared_error";
    term.options = {{"margin", 0.1}};
    d.terms.push_back(term);
    GroupInfo group;
    group.name = name;
    group.optimizer = "adam";
    group.options = {{"learning_rate", 0.1}, {"beta1", 0.9}, {"epsilon", 1e-8}};
    group.term_set = 1;
    d.groups.push_back(group);
  }
  d.mixes = {WeightedSum{}, Blend{}};
  ModeInfo joint;
  joint.groups = d.groups;
  d.modes = {joint};
  d.memory = {.shard = 8, .slots = 8};
  return d;
}

using Change = std::function<void(Description&)>;

std::uint64_t after(const Change& change) {
  Description d = two_groups();
  change(d);
  return fingerprint(d);
}

TEST(Fingerprint, IsAnotherForEachChangeOfTheExperiment) {
  const std::vector<Change> changes{
      [](Description&) {},
      [](Description& d) { d.name = "other"; },
      [](Description& d) { d.input.c = 1; },
      [](Description& d) { d.input.h = 15; },
      [](Description& d) { d.targets[0].name = "sort"; },
      [](Description& d) { d.targets[0].kind = TargetKind::mask; },
      [](Description& d) { d.targets[0].size = 6; },
      [](Description& d) { d.targets[0].ordered = true; },
      [](Description& d) { d.targets.pop_back(); },
      [](Description& d) { d.layers[0].path = "trunk.9"; },
      [](Description& d) { d.layers[0].type = "dense"; },
      [](Description& d) { d.layers[0].algorithm = ""; },
      [](Description& d) { d.layers[0].options[1].value = 5; },
      [](Description& d) { d.layers[0].options[1].name = "stride"; },
      [](Description& d) { d.layers[0].inputs.push_back("trunk.0"); },
      [](Description& d) { d.layers[0].output.w = 8; },
      [](Description& d) { d.layers.pop_back(); },
      [](Description& d) { d.heads[0].name = "place"; },
      [](Description& d) { d.heads[0].output = "input"; },
      [](Description& d) { d.terms[0].name = "sort"; },
      [](Description& d) { d.terms[0].type = "hinge"; },
      [](Description& d) { d.terms[0].head = "place"; },
      [](Description& d) { d.terms[0].target = "place"; },
      [](Description& d) { d.terms[0].over = to_string(Over::pictures); },
      [](Description& d) { d.terms[0].options[0].value += 1e-9; },
      [](Description& d) { d.modes[0].groups[1].name = "rest"; },
      [](Description& d) { d.modes[0].groups[1].optimizer = "adamw"; },
      [](Description& d) { d.modes[0].groups[1].options[1].value = 0.91; },
      [](Description& d) { d.modes[0].groups[1].options[2].value = 1e-9; },
      [](Description& d) { d.modes[0].groups[1].term_set = 2; },
      [](Description& d) { d.modes[0].groups[1].times = 2; },
      [](Description& d) { d.modes[0].groups[1].next_batch = true; },
      [](Description& d) { d.modes[0].mode = StepMode::alternating; },
      [](Description& d) { d.modes.push_back(d.modes[0]); },
      [](Description& d) { d.recipe.augmentation.flip = true; },
      [](Description& d) { d.recipe.augmentation.shift = 1; },
      [](Description& d) { d.recipe.augmentation.least_crop = 0.9; },
      [](Description& d) { d.memory.shard = 4; },
      [](Description& d) { d.memory.slots = 4; },
  };
  std::set<std::uint64_t> seen;
  for (std::size_t i = 0; i < changes.size(); ++i)
    EXPECT_TRUE(seen.insert(after(changes[i])).second) << "change " << i;
}

TEST(Fingerprint, IsTheSameWhateverOptionsAreTheDefault) {
  const std::vector<Change> changes{
      [](Description& d) {
        d.modes[0].groups[1].options[0].value = 0.2;
        d.modes[0].groups[1].learning_rate = 0.2;
      },
      [](Description& d) { d.terms[0].weight = 2; },
      [](Description& d) { d.mixes = {Blend{.a = 0.3}}; },
      [](Description& d) { d.modes[0].groups[1].own_mixes = {Blend{}}; },
      [](Description& d) { d.modes[0].groups[1].mix.mix = Blend{}; },
      [](Description& d) { d.mode = StepMode::alternating; },
      [](Description& d) { d.recipe.epochs = 20; },
      [](Description& d) { d.recipe.batch_size = 1; },
      [](Description& d) { d.recipe.clip_norm = 1; },
      [](Description& d) { d.recipe.schedule = Schedule::cosine(); },
      [](Description& d) { d.memory.budget_bytes = 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i)
    EXPECT_EQ(after(changes[i]), fingerprint(two_groups())) << "change " << i;
}

}  // namespace
}  // namespace medley
