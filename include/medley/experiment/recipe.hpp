// The numbers of a training that options may change, and the sizes that memory is planned with.
#pragma once

#include <cstddef>

#include "medley/optimizers/schedule.hpp"

namespace medley {

// Random changes of training pictures; masks follow. All drawn anew for each record and epoch.
struct Augmentation {
  bool flip = false;        // left and right, every second picture
  int shift = 0;            // up to so many pixels along both axes, the border repeated
  double least_crop = 1.0;  // a square part with a side of this to 1 of the picture, enlarged again
};

struct Recipe {
  int epochs = 10;
  int batch_size = 32;
  Schedule schedule = {};
  double clip_norm = 0.0;  // the gradient's global norm is cut to this; 0: it is not
  Augmentation augmentation = {};
};

// A batch is cut into shards of `shard` samples. Shard s adds its gradients to slot s modulo
// `slots`, and a worker takes whole slots: so there can be as many workers as slots, and results do
// not depend on how many there are. Both numbers are part of the experiment: they change results.
struct Memory {
  int shard = 0;  // 0: from the network's shape, see chosen_shard
  int slots = 8;
  std::size_t budget_bytes = std::size_t{1} << 30;  // the arena must not be larger
};

// The shard of an experiment that does not say: 16, 8 or 4 samples, as many as keep activations in
// the second cache of a core. More would leave workers idle where batches are small.
constexpr int chosen_shard(std::size_t sample_bytes) {
  int shard = 16;
  while (shard > 4 && shard * sample_bytes > (std::size_t{1} << 20)) shard /= 2;
  return shard;
}

}  // namespace medley
