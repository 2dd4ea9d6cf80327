// What metrics are made of: integer counts, so that their sums do not depend on order. The shell
// turns them into accuracy and the like (metrics.hpp).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "medley/training/blocks.hpp"
#include "medley/training/engine.hpp"

namespace medley {

// The bin of a score (a logit, or the difference of two): monotone, 512 bins an octave of |score|
// from 2^-8 to 2^8.
inline int score_bin(float score) {
  constexpr std::uint32_t least = std::bit_cast<std::uint32_t>(0x1p-8f);
  constexpr int half = score_bins / 2;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(std::fabs(score));
  const int magnitude =
      bits <= least ? 0 : std::min(half - 1, static_cast<int>((bits - least) >> 14));
  return score < 0.0f ? half - 1 - magnitude : half + magnitude;
}

// The predicted class at a position: the largest logit; with one channel, class 1 where it is
// positive.
template <class Memory>
int predicted_class(const Memory& memory, int position) {
  if constexpr (Memory::channels == 1) {
    return memory.logits[position] > 0.0f;
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

// Adds the block's positions with coefficient > 0 to confusion[class][prediction] and, where there
// are scores, to scores[class][bin].
template <class Memory>
void count_classes(const Memory& memory, int positions, int classes, std::uint64_t* confusion,
                   std::uint64_t* scores) {
  for (int p = 0; p < positions; ++p) {
    if (!(memory.coefficient[p] > 0.0f)) continue;
    const int label = memory.labels[p];
    ++confusion[label * classes + predicted_class(memory, p)];
    if (scores) {
      const float score =
          Memory::channels == 1
              ? memory.logits[p]
              : memory.logits[Memory::positions * (Memory::channels - 1) + p] - memory.logits[p];
      ++scores[label * score_bins + score_bin(score)];
    }
  }
}

}  // namespace medley
