// A small experiment's description made by hand, as there is no engine here.
#pragma once

#include <array>
#include <tuple>

#include "medley/experiment/description.hpp"
#include "medley/mixes/all.hpp"

namespace medley::fuzz {

inline constexpr std::array<TargetSpec, 3> targets{{{"kind", TargetKind::classes, 2},
                                                    {"place", TargetKind::values, 2},
                                                    {"mask", TargetKind::mask, 2}}};

inline TensorInfo tensor(std::string name, std::array<int, 2> extent, std::size_t offset,
                         bool is_parameter) {
  TensorInfo t;
  t.name = std::move(name);
  t.extent = {extent[0], extent[1], 1, 1};
  for (const int n : extent) t.dims.push_back(static_cast<std::uint64_t>(n));
  t.packing.in = lanes;
  t.offset = offset;
  t.elements = static_cast<std::size_t>(extent[0] * extent[1]);
  t.floats = static_cast<std::size_t>(lanes * extent[1]);
  t.is_parameter = is_parameter;
  return t;
}

inline constexpr std::size_t arena_floats = 64;

// One tensor of 2 x 2 and its moment, two groups, two terms.
inline Description make_description() {
  Description d;
  d.name = "fuzzed";
  d.input = {1, 2, 2};
  d.targets.assign(targets.begin(), targets.end());
  d.tensors = {tensor("trunk.0.weight", {2, 2}, 0, true),
               tensor("optimizer.all.momentum.trunk.0.weight", {2, 2}, 32, false)};
  for (const char* const name : {"all", "rest"}) {
    GroupInfo group;
    group.name = name;
    group.learning_rate = 0.1;
    group.term_set = d.groups.empty() ? 1 : 2;
    group.losses = 1;
    d.groups.push_back(group);
  }
  for (const char* const name : {"kind", "decay"}) {
    TermInfo term;
    term.name = name;
    d.terms.push_back(term);
  }
  d.mixes = std::apply([](const auto&... mix) { return std::vector<AnyMix>{AnyMix(mix)...}; },
                       every_mix.parts);
  ModeInfo beside{
      .mode = StepMode::simultaneous, .groups = d.groups, .moments = {}, .sections = {}};
  d.mode = beside.mode;
  d.modes = {beside, beside};
  d.modes[1].mode = StepMode::alternating;
  d.modes[1].groups[1].own_mixes = {AnyMix(Constrained{}), AnyMix(CaGrad{})};
  d.modes[0].moments = d.modes[1].moments = {d.tensors[1]};
  d.memory.slots = 4;
  d.fingerprint = 0x0123456789abcdef;
  return d;
}

}  // namespace medley::fuzz
