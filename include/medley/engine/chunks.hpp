// The parameters of a network in chunks, which workers and processes share out among themselves.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "medley/engine/processes.hpp"
#include "medley/network/plan.hpp"

namespace medley {

template <class Net>
struct Chunks {
  // A range of parameters that one worker handles at once, whole grains; where their gradient is
  // factored, of one block of outputs.
  struct Chunk {
    std::size_t offset = 0;    // as in PlacedParameter
    std::size_t gradient = 0;  // within those of its segment, factored or not
    int floats = 0;
    int parameter = 0, segment = 0;
    bool decays = false, trainable = true, factored = false;
  };
  static constexpr int most_floats = 2048;

  // Calls f(parameter, first float, floats) for all chunks. Those that read the same factor of a
  // gradient follow each other.
  template <class F>
  static constexpr void cut_parameters(F&& f) {
    for (int k = 0; k < Net::parameter_count; ++k) {
      const Parameter& spec = Net::parameters[k].spec;
      const int block = spec.factored ? spec.packing.out : spec.floats;
      const int most = std::max(most_floats / spec.grain, 1) * spec.grain;
      for (int from = 0; from < block; from += most) {
        for (int b = 0; b < spec.floats; b += block) f(k, b + from, std::min(most, block - from));
      }
    }
  }
  static constexpr int count = [] {
    int number = 0;
    cut_parameters([&](int, int, int) { ++number; });
    return number;
  }();
  static constexpr std::array<Chunk, count> list = [] {
    std::array<Chunk, count> chunks{};
    int i = 0;
    cut_parameters([&](int k, int from, int floats) {
      const PlacedParameter& p = Net::parameters[k];
      const auto& places = Net::segment_places;
      const std::size_t begin = (p.spec.factored ? places.factored : places.slot)[p.segment];
      chunks[i++] = {p.offset + from, p.gradient - begin + from, floats,         k, p.segment,
                     p.spec.decays,   p.spec.trainable,          p.spec.factored};
    });
    return chunks;
  }();

  // The chunks that belong to a process: of as many floats as those of any other, up to a chunk.
  static constexpr Share share_of(int process, int processes) {
    const auto before = [&](int p) {
      return static_cast<int>(
          std::ranges::lower_bound(
              starts, floats * static_cast<std::size_t>(p), {},
              [&](std::size_t start) { return start * static_cast<std::size_t>(processes); }) -
          starts.begin());
    };
    return {before(process), before(process + 1)};
  }

  // Calls f(first float, floats) for what the chunks of a share have in one piece, with what is left
  // free between parameters: those of a chunk are at place(chunk), which may be null for those without.
  template <class Place, class F>
  static void each_piece(const Share& share, Place&& place, F&& f) {
    float* first = nullptr;
    std::size_t length = 0;
    int parameter = 0;
    for (int c = share.first; c < share.last; ++c) {
      float* const at = place(list[c]);
      if (at == nullptr) continue;
      const auto ahead = length > 0 ? static_cast<std::size_t>(at - first) : 0;
      const std::size_t most = length + (list[c].parameter == parameter ? 0 : buffer_alignment - 1);
      if (length > 0 && (at < first + length || ahead > most)) {
        f(first, length);
        length = 0;
      }
      if (length == 0) first = at;
      length = static_cast<std::size_t>(at - first + list[c].floats);
      parameter = list[c].parameter;
    }
    if (length > 0) f(first, length);
  }

 private:
  // Floats in the chunks before each.
  static constexpr std::array<std::size_t, count> starts = [] {
    std::array<std::size_t, count> before{};
    for (int c = 1; c < count; ++c)
      before[c] = before[c - 1] + static_cast<std::size_t>(list[c - 1].floats);
    return before;
  }();
  static constexpr std::size_t floats = [] {
    std::size_t sum = 0;
    for (const Chunk& chunk : list) sum += static_cast<std::size_t>(chunk.floats);
    return sum;
  }();
};

}  // namespace medley
