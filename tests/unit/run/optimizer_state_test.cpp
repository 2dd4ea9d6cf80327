// Moments, counts of updates and states of mixes that a new run takes from another's checkpoint.
#include "medley/run/optimizer_state.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "medley/mixes/uncertainty.hpp"
#include "medley/run/checkpoint.hpp"
#include "tests/files_helpers.hpp"
#include "tests/scripted_engine.hpp"

namespace medley::testing {
namespace {

using Texts = std::vector<std::string>;

TensorInfo number(std::string name, std::size_t place, bool is_parameter) {
  TensorInfo t;
  t.name = std::move(name);
  t.dims = {1};
  t.offset = place * static_cast<std::size_t>(lanes);
  t.floats = static_cast<std::size_t>(lanes);
  t.elements = 1;
  t.is_parameter = is_parameter;
  return t;
}

// Two groups with a moment each, and a mix that keeps numbers.
Description description() {
  Description d = scripted_description();
  GroupInfo rest = d.groups[0];
  rest.name = "rest";
  rest.keeps_mix_state = true;
  rest.mix.mix = Uncertainty{};
  rest.mix_state_offset = 4 * static_cast<std::size_t>(lanes);
  d.groups.push_back(rest);
  d.tensors = {number("trunk.0.weight", 0, true),
               number("optimizer.all.momentum.trunk.0.weight", 1, false),
               number("optimizer.rest.momentum.trunk.0.weight", 2, false)};
  return d;
}

class OptimizerState : public ::testing::Test {
 protected:
  using Arena = std::array<float, 4096>;

  OptimizerState() {
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i);
    const Description d = description();
    RunState state;
    state.position.updates = {7, 9};
    CheckpointWriter writer(d, from.data(), source, 1, {{"mix.rest", "uncertainty:rate=2"}},
                            folder.path());
    writer.write("file", state).or_throw();
  }
  StateReport load(const Description& d) {
    return load_matching_state(folder / "file", d, arena.data(), position);
  }

  TemporaryFolder folder;
  ScriptedSource source;
  alignas(128) Arena from{}, arena{};
  Position position;
};

TEST_F(OptimizerState, WhatFitsIsTaken) {
  const Description d = description();
  const StateReport report = load(d);
  EXPECT_EQ(report.missing, Texts{});
  EXPECT_EQ(report.other, Texts{});
  EXPECT_EQ(report.tensors, 2 + mix_states(d).size());
  for (const TensorInfo& t : d.tensors) {
    EXPECT_EQ(arena[t.offset], t.is_parameter ? 0.0f : from[t.offset]) << t.name;
  }
  for (const StateInfo& s : mix_states(d))
    EXPECT_EQ(std::memcmp(&arena[s.offset], &from[s.offset], s.elements * sizeof(double)), 0)
        << s.name;
  EXPECT_EQ(position.updates[0], 7u);
  EXPECT_EQ(position.updates[1], 9u);
  EXPECT_EQ(position.step, 0u);
}

TEST_F(OptimizerState, WhatDoesNotFitIsNamedAndBeginsAtZero) {
  Description d = description();
  d.tensors.push_back(number("optimizer.rest.second_moment.trunk.0.weight", 3, false));
  d.tensors[2].dims = {1, 1};
  d.groups[1].mix.mix = Blend{};  // of what any mix keeps there are as many numbers
  const StateReport report = load(d);
  EXPECT_EQ(report.missing, Texts{"optimizer.rest.second_moment.trunk.0.weight"});
  ASSERT_EQ(report.other.size(), 1 + mix_states(d).size());
  EXPECT_EQ(report.other[0], "optimizer.rest.momentum.trunk.0.weight");
  EXPECT_EQ(report.tensors, 1u);
  EXPECT_EQ(position.updates[0], 7u);
  EXPECT_EQ(position.updates[1], 0u);  // none of its moments is there
  const std::size_t moment = d.tensors[1].offset;
  for (std::size_t i = 0; i < arena.size(); ++i) {
    const bool taken = i == moment;
    EXPECT_EQ(arena[i], taken ? from[i] : 0.0f) << i;
  }
}

TEST_F(OptimizerState, AGroupWithoutMomentsHasItsCount) {
  Description d = description();
  d.tensors.resize(1);
  load(d);
  EXPECT_EQ(position.updates[0], 7u);
  EXPECT_EQ(position.updates[1], 9u);
}

TEST_F(OptimizerState, AFileWithoutAnyIsRefused) {
  Description d = description();
  for (GroupInfo& group : d.groups) group.name = "new-" + group.name;
  EXPECT_ERROR(load(d), "3: ...file: no moment and no count of updates of these optimizers");
}

}  // namespace
}  // namespace medley::testing
