// An experiment, checked and resolved at compile time: which head and target each term means, what
// each group reaches, and the map of the arena.
//
// An experiment is a struct with
//   name      std::string_view
//   input     Shape of a picture
//   targets   std::array of TargetSpec
//   Trunk     Sequence<...>
//   Heads     std::tuple<Head<"name", ...>, ...>
//   terms     std::tuple of term<>() and penalty<>()
//   mix       a mix
//   steps     joint(), simultaneous() or alternating()
//   recipe    Recipe
//   memory    Memory; Memory{} will do
// and if it wants them
//   initialization  Initialization: what weights and biases begin with
//   Generator       a Source that can be made without arguments: its own data
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>

#include "medley/experiment/checks.hpp"
#include "medley/experiment/directions.hpp"
#include "medley/experiment/initialization.hpp"
#include "medley/experiment/metric_info.hpp"
#include "medley/experiment/recipe.hpp"
#include "medley/experiment/records.hpp"
#include "medley/mixes/mix.hpp"
#include "medley/network/network.hpp"

namespace medley {

template <class Experiment>
struct Definition {
  static_assert(is_right_experiment<Experiment>);

  using Terms = std::remove_cvref_t<decltype(Experiment::terms)>;
  using Ways = Directions<Experiment>;
  using Groups = typename Ways::Groups;
  static constexpr int directions = Ways::directions;
  // (A type of its own, whose name is short: that of a Network spells out all of its layers.)
  template <int Samples>
  struct NetOf : Network<Experiment::input, typename Experiment::Trunk, typename Experiment::Heads,
                         Samples, directions> {};

  static constexpr Memory memory = [] {
    Memory m = Experiment::memory;
    if constexpr (Experiment::memory.shard == 0) {
      m.shard = chosen_shard(NetOf<1>::activation_floats * sizeof(float));
    }
    return m;
  }();
  static constexpr int shard = memory.shard, slots = memory.slots;
  using Net = NetOf<shard>;
  static constexpr int term_count = std::tuple_size_v<Terms>;
  static constexpr int group_count = Ways::group_count;  // of all step modes
  static constexpr int mode_count = Ways::mode_count;
  static constexpr int target_count = static_cast<int>(Experiment::targets.size());

  template <int K>
  using TermAt = std::tuple_element_t<K, Terms>;
  template <int G>
  using GroupAt = std::tuple_element_t<G, Groups>;

  static constexpr Initialization initialization = initialization_of<Experiment>();
  static_assert(initialization.valid_hidden(),
                "initialization: hidden layers need numbers that differ, with a positive scale");
  static_assert(
      initialization.valid_output(),
      "initialization: output layers need a drawn initial with a positive scale, or zero");
  static_assert(initialization.valid_bias(),
                "initialization: biases begin with Initial::zero or Initial::pytorch; WithPrior<> "
                "gives a layer others");
  static constexpr auto initials = medley::initials<Net>(initialization);

  template <class F>
  static constexpr void each_term(F&& f) {
    each_index<term_count>(f);
  }
  // f(term) for those that are no penalties.
  template <class F>
  static constexpr void each_loss(F&& f) {
    for (int k = 0; k < term_count; ++k) {
      if (!is_penalty[k]) f(k);
    }
  }
  // Of all step modes.
  template <class F>
  static constexpr void each_group(F&& f) {
    each_index<group_count>(f);
  }

  // --- names resolved ----------------------------------------------------------------------------

  static constexpr int head_index(std::string_view name) {
    for (int h = 0; h < Net::head_count; ++h) {
      if (Net::head_names[h] == name) return h;
    }
    return -1;
  }
  static constexpr int target_index(std::string_view name) {
    for (int t = 0; t < target_count; ++t) {
      if (Experiment::targets[t].name == name) return t;
    }
    return -1;
  }
  static constexpr std::array<std::string_view, term_count> term_names = [] {
    std::array<std::string_view, term_count> names;
    each_term([&](auto k) { names[k] = TermAt<k>::name; });
    return names;
  }();
  static constexpr std::array<int, term_count> term_head = [] {
    std::array<int, term_count> head{};
    each_term([&](auto k) { head[k] = head_index(TermAt<k>::head); });
    return head;
  }();
  static constexpr std::array<int, term_count> term_target = [] {
    std::array<int, term_count> target{};
    each_term([&](auto k) { target[k] = target_index(TermAt<k>::target); });
    return target;
  }();
  static constexpr std::array<bool, term_count> is_penalty = [] {
    std::array<bool, term_count> penalty{};
    each_term([&](auto k) { penalty[k] = TermAt<k>::is_penalty; });
    return penalty;
  }();
  static constexpr int loss_count = [] {
    int count = 0;
    for (const bool penalty : is_penalty) count += !penalty;
    return count;
  }();
  // Whether records of all classes count as one.
  static constexpr std::array<bool, term_count> weighs_alike = [] {
    std::array<bool, term_count> alike{};
    each_term([&](auto k) {
      alike[k] = true;
      if constexpr (!is_penalty[k]) {
        for (int c = 0; c < Experiment::targets[term_target[k]].size; ++c) {
          alike[k] = alike[k] && record_weight(std::get<k>(Experiment::terms).loss, c) == 1.0f;
        }
      }
    });
    return alike;
  }();
  static constexpr std::array<Outputs, max_terms> term_outputs = [] {
    std::array<Outputs, max_terms> outputs{};
    each_term([&](auto k) {
      if constexpr (!is_penalty[k]) outputs[k] = TermAt<k>::Loss::outputs;
    });
    return outputs;
  }();
  static constexpr TermSet penalties = Ways::penalties;

  static constexpr Shape head_shape(int h) { return Net::shapes[Net::head_output[h]]; }
  static constexpr bool answers_mask(int k) {
    return !is_penalty[k] && Experiment::targets[term_target[k]].kind == TargetKind::mask;
  }
  // Whether losses see the pixels of a head's output, picture by picture: even a single one where a
  // mask of 1 x 1 is its target.
  static constexpr bool dense_head(int h) {
    bool dense = head_shape(h).pixels() > 1;
    for (int k = 0; k < term_count; ++k) dense = dense || (answers_mask(k) && term_head[k] == h);
    return dense;
  }

  // What terms on masks are taken over; for others, pictures and the batch are the same.
  static constexpr std::array<Over, term_count> term_over = [] {
    std::array<Over, term_count> over{};
    each_term([&](auto k) {
      if constexpr (!is_penalty[k]) over[k] = std::get<k>(Experiment::terms).over;
    });
    return over;
  }();
  // Terms that need sums over the batch before their gradient (SummedLoss), and where theirs begin.
  static constexpr TermSet summed_terms = [] {
    TermSet set = 0;
    each_term([&](auto k) {
      if constexpr (!is_penalty[k]) {
        if (dense_only<typename TermAt<k>::Loss> && term_over[k] == Over::batch) {
          set |= TermSet{1} << k;
        }
      }
    });
    return set;
  }();
  template <int K>
  static constexpr int sums_of_term() {
    if constexpr ((summed_terms >> K & 1u) != 0) {
      using Loss = typename TermAt<K>::Loss;
      constexpr int channels = head_shape(term_head[K]).c;
      static_assert(SummedLoss<Loss, channels>,
                    "this loss cannot be taken over the batch, only over_pictures()");
      return Loss::template sum_count<channels>;
    }
    return 0;
  }
  static constexpr std::array<int, term_count + 1> first_sum = [] {
    std::array<int, term_count + 1> first{};
    each_term([&](auto k) { first[k + 1] = first[k] + sums_of_term<decltype(k)::value>(); });
    return first;
  }();
  static constexpr int sum_count = first_sum[term_count];
  static_assert(
      [] {
        bool told = false;
        each_term([&](auto k) {
          if constexpr (!is_penalty[k]) {
            const bool differs = term_over[k] != default_over<typename TermAt<k>::Loss>;
            told = told || (differs && !answers_mask(k));
          }
        });
        return !told;
      }(),
      "over_batch() and over_pictures() are for terms on masks");

  static constexpr auto& group_terms = Ways::group_terms;
  static constexpr HeadSet heads_of(TermSet terms) {
    HeadSet set = 0;
    for (int k = 0; k < term_count; ++k) {
      if ((terms >> k & 1u) && !is_penalty[k]) set |= HeadSet{1} << term_head[k];
    }
    return set;
  }
  // Whether terms reach a segment of the parameters (0: trunk, 1 + h: head h): backward, or because
  // a penalty acts on all weights.
  static constexpr bool reaches_backward(TermSet terms, int segment) {
    const HeadSet heads = heads_of(terms);
    return segment == 0 ? heads != 0 : heads >> (segment - 1) & 1u;
  }
  static constexpr bool reaches(TermSet terms, int segment) {
    return reaches_backward(terms, segment) || (terms & penalties) != 0;
  }

  // --- metrics: one a pair of head and target ----------------------------------------------------

  // Whether term k is the first on its head and target.
  static constexpr bool first_of_pair(int k) {
    if (is_penalty[k]) return false;
    for (int j = 0; j < k; ++j) {
      if (!is_penalty[j] && term_head[j] == term_head[k] && term_target[j] == term_target[k]) {
        return false;
      }
    }
    return true;
  }

  struct Pair {
    int head = 0, target = 0;
    // What its losses take the outputs for; margins beside probabilities are those.
    Outputs outputs{};
  };
  static constexpr int pair_count = [] {
    int count = 0;
    for (int k = 0; k < term_count; ++k) count += first_of_pair(k);
    return count;
  }();
  static constexpr std::array<Pair, pair_count> pairs = [] {
    std::array<Pair, pair_count> list{};
    int i = 0;
    for (int k = 0; k < term_count; ++k) {
      if (first_of_pair(k)) list[i++] = {term_head[k], term_target[k], {}};
    }
    each_term([&](auto k) {
      if constexpr (!TermAt<k>::is_penalty) {
        for (Pair& pair : list) {
          if (pair.head == term_head[k] && pair.target == term_target[k]) {
            pair.outputs = std::max(pair.outputs, TermAt<k>::Loss::outputs);
          }
        }
      }
    });
    return list;
  }();
  static_assert(
      [] {
        bool agree = true;
        each_term([&](auto k) {
          if constexpr (!TermAt<k>::is_penalty) {
            for (const Pair& pair : pairs) {
              if (pair.head != term_head[k] || pair.target != term_target[k]) continue;
              agree = agree && (pair.outputs == Outputs::values) ==
                                   (TermAt<k>::Loss::outputs == Outputs::values);
            }
          }
        });
        return agree;
      }(),
      "losses on one head and target must agree on what its outputs are: MeanSquaredError takes "
      "them for values, the others for logits or margins");
  static constexpr MetricInfo metric_info(int p) {
    const TargetSpec& target = Experiment::targets[pairs[p].target];
    const bool discrete = target.kind != TargetKind::values;
    return {.head = {},
            .target = {},
            .head_index = pairs[p].head,
            .target_index = pairs[p].target,
            .kind = target.kind,
            .classes = discrete ? target.size : 0,
            .scored = target.kind == TargetKind::classes && target.size == 2,
            .outputs = pairs[p].outputs};
  }
  // Pairs whose scores an evaluation keeps, before this one.
  static constexpr int scored_before(int p) {
    int count = 0;
    for (int before = 0; before < p; ++before) count += metric_info(before).scored;
    return count;
  }

  // --- arena -------------------------------------------------------------------------------------

  static constexpr std::size_t parameter_floats = Net::parameter_floats;
  // Gradients are stored by direction and segment: of a segment that a direction's losses reach, the
  // factored ones and a copy a slot of the others; of one that only penalties reach, a single copy;
  // else nothing. Factors of the gradients lie in the same way.
  static constexpr int gradient_copies(int direction, int segment) {
    int copies = 0;
    if (Ways::validates && direction == directions - 1)
      return reaches_backward(~penalties, segment) ? slots : 0;
    for (const StepPlan& plan : Ways::plans) {
      for (int g = 0; g < plan.groups; ++g) {
        const GroupPlan& group = plan.group[g];
        const int i = direction - group.first;
        if (i < 0 || i >= group.directions) continue;
        for (const bool apart : {false, group.can_combine()}) {
          const TermSet terms = group.terms_of(i, apart);
          copies = std::max(
              copies, reaches_backward(terms, segment) ? slots : int{reaches(terms, segment)});
        }
      }
    }
    return copies;
  }
  static constexpr std::size_t gradient_floats(int direction, int segment) {
    const int copies = gradient_copies(direction, segment);
    return copies == 0 ? 0 : factored_floats(segment) + copies * slot_floats(segment);
  }
  static constexpr std::size_t factored_floats(int segment) {
    return Net::segment_places.factored[segment + 1] - Net::segment_places.factored[segment];
  }
  static constexpr std::size_t slot_floats(int segment) {
    return Net::segment_places.slot[segment + 1] - Net::segment_places.slot[segment];
  }
  static constexpr std::size_t factor_floats(int segment) {
    return Net::segment_places.factors[segment + 1] - Net::segment_places.factors[segment];
  }
  struct GradientPlaces {
    std::array<std::array<std::size_t, Net::segment_count>, directions> gradients{}, factors{};
    std::size_t gradient_floats = 0, factor_floats = 0;  // in all
  };
  static constexpr GradientPlaces gradient_places = [] {
    GradientPlaces places;
    for (int d = 0; d < directions; ++d) {
      for (int s = 0; s < Net::segment_count; ++s) {
        places.gradients[d][s] = places.gradient_floats;
        places.gradient_floats += gradient_floats(d, s);
        places.factors[d][s] = places.factor_floats;
        if (gradient_copies(d, s) == slots) places.factor_floats += slots * factor_floats(s);
      }
    }
    return places;
  }();
  // The first direction of a group that has a segment, with its losses apart or not: where its
  // gradient comes together.
  static constexpr int gathering_direction(const GroupPlan& group, bool apart, int segment) {
    int i = 0;
    while (i + 1 < (apart ? group.directions : 1) && !reaches(group.terms_of(i, apart), segment))
      ++i;
    return group.first + i;
  }
  // Losses whose gradients have to be kept apart where they are measured, since they share a
  // direction.
  static constexpr int measured_losses = [] { return Ways::one_a_loss ? 0 : loss_count; }();
  // Whole segments that the group reaches.
  static constexpr std::size_t moment_floats(int g) {
    std::size_t floats = 0;
    for (int s = 0; s < Net::segment_count; ++s) {
      if (reaches(group_terms[g], s)) floats += Net::segment_offset[s + 1] - Net::segment_offset[s];
    }
    return floats;
  }
  // Where a parameter's moment lies within the group's moments.
  static constexpr std::size_t moment_offset(int g, int segment, std::size_t parameter_offset) {
    std::size_t skipped = 0;
    for (int s = 0; s < segment; ++s) {
      if (!reaches(group_terms[g], s))
        skipped += Net::segment_offset[s + 1] - Net::segment_offset[s];
    }
    return parameter_offset - skipped;
  }
  static constexpr std::array<std::size_t, group_count> moment_count = [] {
    std::array<std::size_t, group_count> count{};
    each_group([&](auto g) { count[g] = std::get<g>(Ways::groups).optimizer.kept_moments(); });
    return count;
  }();

  // What the losses of one head need: logits, gradient, values, coefficients, labels.
  static constexpr int block_positions(int h) {
    const int positions = dense_head(h) ? head_shape(h).pixels() : shard;
    return (positions + lanes - 1) / lanes * lanes;
  }
  static constexpr std::size_t block_floats = [] {
    std::size_t most = 0;
    for (int h = 0; h < Net::head_count; ++h) {
      const auto floats = static_cast<std::size_t>(block_positions(h)) * (3 * head_shape(h).c + 2);
      most = std::max(most, floats);
    }
    return aligned(most);
  }();
  static constexpr int mask_count = [] {
    int count = 0;
    for (const TargetSpec& target : Experiment::targets) count += target.kind == TargetKind::mask;
    return count;
  }();
  static constexpr int value_floats = [] {
    int count = 0;
    for (const TargetSpec& target : Experiment::targets) {
      count += target.kind == TargetKind::values ? target.size : 0;
    }
    return count;
  }();
  // A worker's staged targets (masks as bytes, values as floats) and room for a source.
  static constexpr std::size_t picture_bytes = Experiment::input.elements();
  static constexpr std::size_t mask_bytes = Experiment::input.pixels();
  static constexpr std::size_t scratch_bytes = picture_bytes + mask_count * mask_bytes + 256;
  static constexpr std::size_t staging_floats = aligned(shard * value_floats) +
                                                aligned((shard * mask_count * mask_bytes + 3) / 4) +
                                                aligned((scratch_bytes + 3) / 4);

  static constexpr std::size_t count_words(int p) {
    const MetricInfo info = metric_info(p);
    return static_cast<std::size_t>(info.classes) * info.classes;
  }
  // Integer counts of all metrics, of one slot.
  static constexpr std::size_t metric_words = [] {
    std::size_t words = 0;
    for (int p = 0; p < pair_count; ++p) words += count_words(p);
    return words;
  }();

  // Sections of the arena, in floats from its start.
  struct Map {
    std::size_t parameters = 0, prepacked = 0;
    // Groups of different step modes lie over each other.
    std::array<std::size_t, group_count> moments{};
    std::array<std::size_t, group_count> mix_state{};  // of doubles
    std::size_t gradients = 0;        // [direction][segment]: factored ones, then [slot][parameter]
    std::size_t factors = 0;          // [direction][segment][slot]
    std::size_t term_gradients = 0;   // [loss][trunk parameter], where measured_losses
    std::size_t kept_parameters = 0;  // while a step ahead is looked at, where a mix does that
    std::size_t workers = 0;  // [worker]: activations, block, staging, gradients by the output
    std::size_t metrics = 0;  // [slot] of 64-bit counts
    std::size_t floats = 0;
  };
  static constexpr std::size_t trunk_floats = Net::segment_offset[1];
  // The losses' gradients by the trunk's output, where a mix may want them.
  using OutputGradient = typename Net::template Gradient<Net::trunk_output>;
  static constexpr std::size_t output_gradient_floats =
      aligned(static_cast<std::size_t>(shard) * OutputGradient::sample);
  static constexpr std::size_t outputs_floats =
      static_cast<std::size_t>(Ways::most_losses_apart) * output_gradient_floats;
  static constexpr std::size_t worker_floats =
      aligned(Net::activation_floats) + block_floats + staging_floats + outputs_floats;
  static constexpr Map map = [] {
    Map m;
    std::size_t at = 0;
    const auto take = [&](std::size_t floats) {
      const std::size_t offset = at;
      at += aligned(floats);
      return offset;
    };
    m.parameters = take(parameter_floats);
    m.prepacked = take(Net::prepacked_floats);
    const auto take_by_group = [&](auto& offsets, const auto& floats) {
      const std::size_t begin = at;
      std::size_t end = at;
      for (const StepPlan& plan : Ways::plans) {
        at = begin;
        for (int g = 0; g < plan.groups; ++g)
          offsets[plan.first_group + g] = take(floats(plan.first_group + g));
        end = std::max(end, at);
      }
      at = end;
    };
    take_by_group(m.moments, [](int g) { return moment_count[g] * moment_floats(g); });
    take_by_group(m.mix_state, [](int g) { return 2 * Ways::state_doubles(g); });
    m.gradients = take(gradient_places.gradient_floats);
    m.factors = take(gradient_places.factor_floats);
    m.term_gradients = take(static_cast<std::size_t>(measured_losses) * trunk_floats);
    m.kept_parameters = take(Ways::validates ? parameter_floats : 0);
    m.workers = take(slots * worker_floats);
    m.metrics = take(slots * metric_words * 2);
    m.floats = at;
    return m;
  }();
  static constexpr std::size_t arena_bytes = map.floats * sizeof(float);

  static constexpr int largest_activation = [] {
    int largest = 0;
    for (int t = 0; t < Net::tensor_count; ++t) {
      if (Net::activations.buffers[t].floats > Net::activations.buffers[largest].floats)
        largest = t;
    }
    return largest;
  }();
  static constexpr Path largest_layer = [] {
    Path path = Path{} / "input";
    Net::Nodes::each([&](auto i) {
      if (i + 1 == largest_activation) path = Net::template NodeAt<i>::path;
    });
    return path;
  }();
  static constexpr Sentence too_large =
      arena_bytes <= memory.budget_bytes
          ? Sentence{}
          : Sentence{"the arena needs ",
                     arena_bytes,
                     " bytes, but memory.budget_bytes is ",
                     memory.budget_bytes,
                     ": a smaller memory.shard or memory.slots, or smaller layers, need less; the "
                     "largest is ",
                     largest_layer.view(),
                     " with ",
                     Net::activations.buffers[largest_activation].floats * sizeof(float),
                     " bytes a shard"};
  using Fits = std::bool_constant<is_right<too_large>>;
};

}  // namespace medley
