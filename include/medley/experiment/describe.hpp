// The run-time description of an experiment, from its definition.
#pragma once

#include <string>

#include "medley/experiment/definition.hpp"
#include "medley/experiment/description.hpp"

namespace medley {

namespace detail {

template <class T>
std::vector<Option> collect_options(const T& thing) {
  std::vector<Option> options;
  thing.options([&](std::string_view name, auto value) {
    options.push_back({std::string(name), static_cast<double>(value)});
  });
  return options;
}

// These are the same for all experiments of a unit, whose time they would take again and again.
[[gnu::noinline]] inline void add_section(std::vector<SectionInfo>& to, std::string_view name,
                                          std::string_view lifetime, std::size_t offset,
                                          std::size_t floats) {
  to.push_back(
      {std::string(name), std::string(lifetime), offset * sizeof(float), floats * sizeof(float)});
}
[[gnu::noinline]] inline void add_buffer(std::vector<SectionInfo>& to, std::string_view name,
                                         const Buffer& b) {
  if (b.floats == 0) return;
  add_section(to, name, std::to_string(b.life.first) + ".." + std::to_string(b.life.last), b.offset,
              b.floats);
}

[[gnu::noinline]] inline TensorInfo tensor_info(const PlacedParameter& p, const Initial& initial,
                                                std::string name, std::size_t offset) {
  TensorInfo t;
  t.name = std::move(name);
  const auto [outputs, inputs, height, width] = p.spec.extent;
  const auto dim = [](int d) { return static_cast<std::uint64_t>(d); };
  if (p.spec.rank == 1) t.dims = {dim(outputs)};
  if (p.spec.rank == 2) t.dims = {dim(outputs), dim(inputs) * dim(height) * dim(width)};
  if (p.spec.rank == 4) t.dims = {dim(outputs), dim(inputs), dim(height), dim(width)};
  t.extent = p.spec.extent;
  t.packing = p.spec.packing;
  t.offset = offset;
  t.floats = static_cast<std::size_t>(p.spec.floats);
  t.elements = static_cast<std::size_t>(p.spec.elements());
  t.trainable = p.spec.trainable;
  t.decays = p.spec.decays;
  t.initial = initial;
  t.fan_in = p.spec.fan_in;
  t.fan_out = p.spec.fan_out;
  if (p.spec.prior) t.prior.assign(p.spec.prior, p.spec.prior + p.spec.elements());
  return t;
}

template <class Net>
std::string tensor_name(int tensor) {
  std::string name = "input";
  Net::Nodes::each([&](auto i) {
    if (i + 1 == tensor) name = Net::template NodeAt<i>::path.view();
  });
  return name;
}

template <class Net>
void describe_network(Description& d) {
  Net::Nodes::each([&](auto node) {
    constexpr int i = decltype(node)::value;
    using Here = typename Net::template NodeAt<i>;
    LayerInfo layer;
    layer.path = Here::path.view();
    layer.type = Here::Layer::type;
    layer.options = collect_options(typename Here::Layer{});
    layer.algorithm = Here::Layer::algorithm(Net::shapes[Here::inputs[0]]);
    for (const int t : Here::inputs) layer.inputs.push_back(tensor_name<Net>(t));
    layer.output = Net::shapes[i + 1];
    layer.has_value = Net::has_value(i);
    layer.flops = Net::Nodes::template with_inputs<Here>(
        Net::shapes, [](auto... s) { return Here::Layer::flops(s...); });
    for (const PlacedParameter& p : Net::parameters) {
      if (p.node == i && p.spec.trainable) {
        layer.parameters += static_cast<std::uint64_t>(p.spec.elements());
      }
    }
    d.flops += layer.flops;
    d.parameters += layer.parameters;
    d.layers.push_back(std::move(layer));
  });
  for (int h = 0; h < Net::head_count; ++h) {
    d.heads.push_back({std::string(Net::head_names[h]), tensor_name<Net>(Net::head_output[h]),
                       Net::shapes[Net::head_output[h]]});
  }
}

template <class Experiment>
void describe_terms(Description& d) {
  using Def = Definition<Experiment>;
  Def::each_term([&](auto k) {
    using T = typename Def::template TermAt<k>;
    const auto& term = std::get<k>(Experiment::terms);
    TermInfo info;
    info.name = T::name;
    info.type = T::Loss::type;
    info.head = T::head;
    info.target = T::target;
    info.is_penalty = T::is_penalty;
    info.head_index = Def::term_head[k];
    info.target_index = Def::term_target[k];
    info.weight = term.weight;
    if constexpr (!T::is_penalty) {
      info.options = collect_options(term.loss);
      info.outputs = T::Loss::outputs;
      if (Def::answers_mask(k)) info.over = to_string(term.over);
      info.sums = Def::first_sum[k + 1] - Def::first_sum[k];
      info.guess = guessed_value(term.loss, Def::head_shape(Def::term_head[k]).c);
    }
    d.terms.push_back(std::move(info));
  });
  for (int p = 0; p < Def::pair_count; ++p) {
    MetricInfo info = Def::metric_info(p);
    info.head = Def::Net::head_names[info.head_index];
    info.target = Experiment::targets[info.target_index].name;
    d.metrics.push_back(std::move(info));
  }
}

template <class List>
std::vector<AnyMix> any_mixes(const List& list) {
  if constexpr (requires { compiled_mixes(list); }) {  // mixes/all.hpp
    const auto mixes = compiled_mixes(list);
    return {mixes.begin(), mixes.end()};
  } else {
    return std::apply([](const auto&... mix) { return std::vector<AnyMix>{AnyMix(mix)...}; }, list);
  }
}

template <class Experiment, int G>
GroupInfo group_info() {
  using Def = Definition<Experiment>;
  using GroupType = typename Def::template GroupAt<G>;
  const auto& group = std::get<G>(Def::Ways::groups);
  GroupInfo info;
  info.name = GroupType::name;
  info.optimizer = GroupType::UpdateRule::type;
  info.options = collect_options(group.optimizer);
  info.learning_rate = group.optimizer.learning_rate;
  info.term_set = Def::group_terms[G];
  for (int k = 0; k < Def::term_count; ++k) {
    if (!(info.term_set >> k & 1u)) continue;
    info.terms.emplace_back(Def::term_names[k]);
    info.losses += !Def::is_penalty[k];
  }
  if constexpr (GroupType::has_own_mix) info.own_mixes = any_mixes(parts_of(group.mix));
  info.keeps_mix_state = Def::Ways::state_doubles(G) > 0;
  info.mix_state_offset = Def::map.mix_state[G];
  info.times = group.times;
  info.next_batch = group.next_batch;
  return info;
}

// Moments of a group's optimizer.
template <class Experiment, int G>
void add_moments(ModeInfo& mode) {
  using Def = Definition<Experiment>;
  using UpdateRule = typename Def::template GroupAt<G>::UpdateRule;
  for (std::size_t m = 0; m < Def::moment_count[G]; ++m) {
    for (const PlacedParameter& p : Def::Net::parameters) {
      if (!p.spec.trainable || !Def::reaches(Def::group_terms[G], p.segment)) continue;
      TensorInfo t =
          tensor_info(p, Initial::zero,
                      "optimizer." + mode.groups.back().name + "." +
                          std::string(UpdateRule::moments[m]) + "." + std::string(p.name.view()),
                      Def::map.moments[G] + m * Def::moment_floats(G) +
                          Def::moment_offset(G, p.segment, p.offset));
      t.is_parameter = false;
      mode.moments.push_back(std::move(t));
    }
  }
}

template <class Experiment>
void describe_modes(Description& d) {
  using Def = Definition<Experiment>;
  d.mixes = any_mixes(Def::Ways::mixes);
  for (const StepPlan& plan : Def::Ways::plans) {
    ModeInfo& mode = d.modes.emplace_back();
    mode.mode = plan.mode;
    std::vector<SectionInfo> states;
    Def::each_group([&](auto g) {
      if (g < plan.first_group || g >= plan.first_group + plan.groups) return;
      mode.groups.push_back(group_info<Experiment, g>());
      add_moments<Experiment, g>(mode);
      const std::string& name = mode.groups.back().name;
      mode.sections.push_back({"optimizer " + name, "run", Def::map.moments[g] * sizeof(float),
                               Def::moment_count[g] * Def::moment_floats(g) * sizeof(float)});
      if (Def::Ways::state_doubles(g) > 0)
        states.push_back({"mix " + name, "run", Def::map.mix_state[g] * sizeof(float),
                          Def::Ways::state_doubles(g) * sizeof(double)});
    });
    mode.sections.insert(mode.sections.end(), states.begin(), states.end());
  }
}

template <class Experiment>
void describe_memory(Description& d) {
  using Def = Definition<Experiment>;
  using Net = typename Def::Net;
  for (std::size_t k = 0; k < Net::parameters.size(); ++k) {
    const PlacedParameter& p = Net::parameters[k];
    d.tensors.push_back(tensor_info(p, Def::initials[k], std::string(p.name.view()),
                                    Def::map.parameters + p.offset));
  }
  const auto section = [&](std::string_view name, std::string_view lifetime, std::size_t offset,
                           std::size_t floats) {
    add_section(d.arena, name, lifetime, offset, floats);
  };
  constexpr std::string_view run = "run", step = "step", pass = "pass";
  section("parameters", run, Def::map.parameters, Def::parameter_floats);
  section("prepacked weights", step, Def::map.prepacked, Net::prepacked_floats);
  const auto each_part = [&](const std::string& name, std::size_t begin, const auto& places,
                             const auto& floats) {
    for (int direction = 0; direction < Def::directions; ++direction) {
      for (int s = 0; s < Net::segment_count; ++s) {
        const std::string part = s == 0 ? "trunk" : "head " + std::string(Net::head_names[s - 1]);
        if (floats(direction, s) == 0) continue;
        section(name + ", " + part + ", direction " + std::to_string(direction), step,
                begin + places[direction][s], floats(direction, s));
      }
    }
  };
  each_part("gradients", Def::map.gradients, Def::gradient_places.gradients,
            [](int direction, int s) { return Def::gradient_floats(direction, s); });
  each_part("factors", Def::map.factors, Def::gradient_places.factors, [](int direction, int s) {
    return Def::gradient_copies(direction, s) == Def::slots ? Def::slots * Def::factor_floats(s)
                                                            : 0;
  });
  section("gradients of terms", "when measured", Def::map.term_gradients,
          static_cast<std::size_t>(Def::measured_losses) * Def::trunk_floats);
  if (Def::Ways::validates)
    section("parameters kept", "a step ahead", Def::map.kept_parameters, Def::parameter_floats);
  for (int worker = 0; worker < Def::slots; ++worker) {
    const std::size_t at = Def::map.workers + static_cast<std::size_t>(worker) * Def::worker_floats;
    const std::string name = "worker " + std::to_string(worker) + ": ";
    section(name + "activations", pass, at, aligned(Net::activation_floats));
    section(name + "losses", pass, at + aligned(Net::activation_floats), Def::block_floats);
    section(name + "staging", pass, at + aligned(Net::activation_floats) + Def::block_floats,
            Def::staging_floats);
    if (Def::outputs_floats > 0)
      section(name + "gradients by the trunk's output", pass,
              at + Def::worker_floats - Def::outputs_floats, Def::outputs_floats);
  }
  section("counts of metrics", "evaluation", Def::map.metrics, Def::slots * Def::metric_words * 2);
  d.arena_bytes = Def::arena_bytes;

  // What lies inside a worker's activations; times as in network/network.hpp.
  const auto inside = [&](std::string_view name, const Buffer& b) {
    add_buffer(d.activations, name, b);
  };
  for (int t = 0; t < Net::tensor_count; ++t) {
    inside("value of " + tensor_name<Net>(t), Net::activations.buffers[t]);
  }
  for (int t = 0; t < Net::tensor_count; ++t) {
    inside("gradient of " + tensor_name<Net>(t), Net::activations.buffers[Net::tensor_count + t]);
  }
  for (int i = 0; i < Net::node_count; ++i) {
    const std::string name = tensor_name<Net>(i + 1);
    inside("saved by " + name, Net::activations.buffers[Net::saved_buffer(i)]);
    inside("scratch of " + name + ", forward",
           Net::activations.buffers[Net::scratch_buffer(i, false)]);
    inside("scratch of " + name + ", backward",
           Net::activations.buffers[Net::scratch_buffer(i, true)]);
  }
}

template <class Experiment>
void describe(Description& d) {
  using Def = Definition<Experiment>;
  d.name = Experiment::name;
  d.input = Experiment::input;
  d.targets.assign(Experiment::targets.begin(), Experiment::targets.end());
  d.recipe = Experiment::recipe;
  d.memory = Def::memory;
  describe_network<typename Def::Net>(d);
  describe_terms<Experiment>(d);
  describe_memory<Experiment>(d);
  describe_modes<Experiment>(d);
  d = with_mode(std::move(d), 0);
  d.fingerprint = fingerprint(d);
}

}  // namespace detail

template <class Experiment>
Description describe() {
  Description d;
  if constexpr (is_right_experiment<Experiment>) detail::describe<Experiment>(d);
  return d;
}

}  // namespace medley
