// The sections of an experiment's arena as pointers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "medley/experiment/definition.hpp"
#include "medley/network/pass.hpp"

namespace medley {

// D is the Definition of an experiment. A view is as cheap as the pointer that it holds.
template <class D>
class ArenaView {
  using Net = typename D::Net;

 public:
  explicit ArenaView(float* arena) : arena_(arena) {}

  float* begin() const { return arena_; }
  // First float of a group's moments that belong to parameters of this segment at this offset.
  float* moments(int group, int segment, std::size_t parameter_offset) const {
    return arena_ + D::map.moments[group] + D::moment_offset(group, segment, parameter_offset);
  }
  float* mix_state(int group) const { return arena_ + D::map.mix_state[group]; }
  float* parameters() const { return arena_ + D::map.parameters; }
  float* prepacked() const { return arena_ + D::map.prepacked; }
  // Where a segment's gradients begin in a slot, of those that every slot has or of the factored
  // ones, which are there once.
  float* gradients(int direction, int segment, int slot) const {
    return factored_gradients(direction, segment) + D::factored_floats(segment) +
           slot * D::slot_floats(segment);
  }
  float* factored_gradients(int direction, int segment) const {
    return arena_ + D::map.gradients + D::gradient_places.gradients[direction][segment];
  }
  float* factors(int direction, int segment, int slot) const {
    return arena_ + D::map.factors + D::gradient_places.factors[direction][segment] +
           slot * D::factor_floats(segment);
  }
  // The same for layers, which add PlacedParameter's places; segments that a direction does not
  // have are not to be used.
  typename Pass<Net>::Places slot_gradients(int direction, int slot) const {
    typename Pass<Net>::Places places;
    for (int s = 0; s < Net::segment_count; ++s) {
      places[s] = gradients(direction, s, slot) - Net::segment_places.slot[s];
    }
    return places;
  }
  typename Pass<Net>::Places slot_factors(int direction, int slot) const {
    typename Pass<Net>::Places places;
    for (int s = 0; s < Net::segment_count; ++s) {
      places[s] = factors(direction, s, slot) - Net::segment_places.factors[s];
    }
    return places;
  }
  // Of the loss of this rank among all.
  float* term_gradients(int loss) const {
    return arena_ + D::map.term_gradients + static_cast<std::size_t>(loss) * D::trunk_floats;
  }
  float* worker_area(int worker) const {
    return arena_ + D::map.workers + static_cast<std::size_t>(worker) * D::worker_floats;
  }
  float* block_area(int worker) const {
    return worker_area(worker) + aligned(Net::activation_floats);
  }
  float* value_area(int worker) const { return block_area(worker) + D::block_floats; }
  std::uint8_t* mask_area(int worker) const {
    return reinterpret_cast<std::uint8_t*>(value_area(worker) +
                                           aligned(D::shard * D::value_floats));
  }
  std::span<std::byte> scratch(int worker) const {
    auto* masks = reinterpret_cast<float*>(mask_area(worker));
    return {reinterpret_cast<std::byte*>(
                masks + aligned((D::shard * D::mask_count * D::mask_bytes + 3) / 4)),
            D::scratch_bytes};
  }
  // Gradients of the losses apart by the output of the trunk.
  float* output_gradient(int worker, int loss) const {
    return worker_area(worker + 1) - D::outputs_floats +
           static_cast<std::size_t>(loss) * D::output_gradient_floats;
  }
  float* kept_parameters() const { return arena_ + D::map.kept_parameters; }
  std::uint64_t* metric_counts(int slot) const {
    return reinterpret_cast<std::uint64_t*>(arena_ + D::map.metrics) +
           static_cast<std::size_t>(slot) * D::metric_words;
  }
  static constexpr std::size_t metric_offset(int pair) {
    std::size_t words = 0;
    for (int p = 0; p < pair; ++p) words += D::count_words(p);
    return words;
  }

  // A pass of one worker; the caller says what it is for.
  Pass<Net> make_pass(int worker, std::uint64_t seed) const {
    Pass<Net> pass;
    pass.area = worker_area(worker);
    pass.parameters = parameters();
    pass.prepacked = prepacked();
    pass.seed = seed;
    return pass;
  }

 private:
  float* arena_;
};

}  // namespace medley
