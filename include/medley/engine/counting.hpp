// What metrics are made of: integer counts, so that their sums do not depend on order, and scores.
// The shell turns them into accuracy and the like (metrics.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "medley/engine/blocks.hpp"
#include "medley/engine/reports.hpp"

namespace medley {

// The predicted class at a position: the largest output; with one channel, class 1 where it is above
// the threshold of what the outputs mean.
template <class Memory>
int predicted_class(const Memory& memory, int position, Outputs outputs) {
  if constexpr (Memory::channels == 1) {
    return memory.logits[position] > threshold(outputs);
  } else {
    int best = 0;
    for (int c = 1; c < Memory::channels; ++c) {
      if (memory.logits[c * Memory::positions + position] >
          memory.logits[best * Memory::positions + position]) {
        best = c;
      }
    }
    return best;
  }
}

// Adds the block's positions with sample weight > 0 to confusion[class][prediction].
template <class Memory>
void count_classes(const Memory& memory, int positions, int classes, Outputs outputs,
                   std::uint64_t* confusion) {
  for (int p = 0; p < positions; ++p) {
    if (!(memory.sample_weight[p] > 0.0f)) continue;
    ++confusion[memory.labels[p] * classes + predicted_class(memory, p, outputs)];
  }
}

// How far the output of a channel is from the value at a position.
template <bool Probability, class Memory>
double error_of(const Memory& memory, int channel, int position) {
  const float logit = memory.logits[channel * Memory::positions + position];
  const float predicted = Probability ? sigmoid(Vec::broadcast(logit)).lanes()[0] : logit;
  return static_cast<double>(predicted) -
         static_cast<double>(memory.values[channel * Memory::positions + position]);
}

// How much a position looks like class 1, with its label; -1 where that is not known.
template <class Memory>
Score score_of(const Memory& memory, int p) {
  constexpr std::ptrdiff_t last = std::ptrdiff_t{Memory::positions} * (Memory::channels - 1);
  const float score =
      Memory::channels == 1 ? memory.logits[p] : memory.logits[last + p] - memory.logits[p];
  return {score, memory.sample_weight[p] > 0.0f ? memory.labels[p] : -1};
}

// The scores of the block's positions, one after the other.
template <class Memory>
void keep_scores(const Memory& memory, int positions, Score* to) {
  for (int p = 0; p < positions; ++p) to[p] = score_of(memory, p);
}

// Puts the scores that have a label in front, rising, NaN behind all numbers, and returns them. In
// place: nothing is allocated.
inline std::span<const Score> sorted_scores(std::span<Score> scores) {
  const auto end = std::partition(scores.begin(), scores.end(),
                                  [](const Score& score) { return score.label >= 0; });
  std::sort(scores.begin(), end,
            [&](const Score& a, const Score& b) { return rank_of(a.value) < rank_of(b.value); });
  return {scores.begin(), end};
}

}  // namespace medley
