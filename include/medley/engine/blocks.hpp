// Between a head's output, which is blocked, and the planar blocks that losses and metrics read.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "medley/base/tensor.hpp"
#include "medley/losses/loss.hpp"

namespace medley {

// The memory of one block of a head with `Channels` channels and `Positions` positions.
template <int Channels, int Positions>
struct BlockMemory {
  static constexpr int channels = Channels, positions = Positions;
  float* logits;         // [channels][positions]
  float* gradient;       // [channels][positions]
  float* values;         // [channels][positions]
  float* sample_weight;  // [positions]
  std::int32_t* labels;  // [positions]

  explicit BlockMemory(float* memory)
      : logits(memory),
        gradient(logits + Channels * Positions),
        values(gradient + Channels * Positions),
        sample_weight(values + Channels * Positions),
        labels(reinterpret_cast<std::int32_t*>(sample_weight + Positions)) {}

  LossBlock<Channels> block(float weight, bool with_gradient) const {
    LossBlock<Channels> b;
    b.positions = Positions;
    b.logits = logits;
    b.labels = labels;
    b.values = values;
    b.sample_weight = sample_weight;
    b.gradient = with_gradient ? gradient : nullptr;
    b.weight = weight;
    return b;
  }
};

// Block of a head that answers once a picture: positions are the samples of the shard.
template <class Memory, class Output>
void gather_samples(int samples, Output y, const Memory& to) {
  for (int c = 0; c < Memory::channels; ++c) {
    float* row = to.logits + c * Memory::positions;
    for (int n = 0; n < samples; ++n) row[n] = y.at(n, c / lanes, 0, 0)[c % lanes];
    std::fill(row + samples, row + Memory::positions, 0.0f);
  }
}
// Block b's gradients of a position, written to the tensor or added to what another head left there.
template <class Memory>
MEDLEY_INLINE void scatter_position(const Memory& from, int position, int b, bool add, float* to) {
  if (!add) Vec::zero().store(to);
  for (int c = b * lanes; c < std::min(Memory::channels, (b + 1) * lanes); ++c) {
    const float gradient = from.gradient[c * Memory::positions + position];
    to[c % lanes] = add ? to[c % lanes] + gradient : gradient;
  }
}
template <class Memory, class Output>
void scatter_samples(int samples, const Memory& from, bool add, Output gy) {
  for (int n = 0; n < samples; ++n) {
    for (int b = 0; b < Output::blocks; ++b) {
      scatter_position(from, n, b, add, gy.at(n, b, 0, 0));
    }
  }
}

// Block of a dense head: positions are the pixels of sample n.
template <class Memory, class Output>
void gather_pixels(int n, Output y, const Memory& to) {
  constexpr Shape s = Output::shape;
  for (int c = 0; c < Memory::channels; ++c) {
    float* row = to.logits + c * Memory::positions;
    for (int r = 0; r < s.h; ++r) {
      const float* from = y.at(n, c / lanes, r, 0) + c % lanes;
      for (int x = 0; x < s.w; ++x) *row++ = from[x * lanes];
    }
    std::fill(row, to.logits + (c + 1) * Memory::positions, 0.0f);
  }
}
template <class Memory, class Output>
void scatter_pixels(int n, const Memory& from, bool add, Output gy) {
  constexpr Shape s = Output::shape;
  for (int b = 0; b < Output::blocks; ++b) {
    for (int r = 0; r < s.h; ++r) {
      for (int x = 0; x < s.w; ++x) {
        scatter_position(from, r * s.w + x, b, add, gy.at(n, b, r, x));
      }
    }
  }
}

// Sum of the weights of a mask's labelled pixels, class by class, so that it depends on nothing but
// how many pixels each has.
template <class Loss>
double labelled_weight(const Loss& loss, int classes, const std::uint8_t* mask,
                       std::size_t pixels) {
  std::array<std::uint32_t, 256> count{};
  for (std::size_t p = 0; p < pixels; ++p) ++count[mask[p]];
  double sum = 0.0;
  for (int c = 0; c < classes; ++c) {
    sum += static_cast<double>(record_weight(loss, c)) * static_cast<double>(count[c]);
  }
  return sum;
}

// Labels as the floats that a loss compares with: 0 or 1 for one channel, else one-hot.
template <class Memory>
void labels_to_values(const Memory& memory) {
  for (int c = 0; c < Memory::channels; ++c) {
    const int wanted = Memory::channels == 1 ? 1 : c;
    for (int p = 0; p < Memory::positions; ++p) {
      memory.values[c * Memory::positions + p] = memory.labels[p] == wanted ? 1.0f : 0.0f;
    }
  }
}

}  // namespace medley
