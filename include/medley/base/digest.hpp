// XXH3-64 of all parameters in the order of files: the digest of a model.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#define XXH_INLINE_ALL  // no library; the state needs no allocation
#include <xxhash.h>

#include "medley/base/parameter.hpp"

namespace medley {

class ParameterDigest {
 public:
  ParameterDigest() { XXH3_64bits_reset(&state_); }

  // The next parameter, which lies at `from`.
  void add(const std::array<int, 4>& extent, const Packing& packing, const float* from) {
    std::array<float, 256> values;
    std::size_t count = 0;
    const auto flush = [&] {
      XXH3_64bits_update(&state_, values.data(), count * sizeof(float));
      count = 0;
    };
    for (int o = 0; o < extent[0]; ++o) {
      for (int i = 0; i < extent[1]; ++i) {
        for (int y = 0; y < extent[2]; ++y) {
          for (int x = 0; x < extent[3]; ++x) {
            values[count++] = from[packing.index(o, i, y, x)];
            if (count == values.size()) flush();
          }
        }
      }
    }
    flush();
  }

  std::uint64_t value() const { return XXH3_64bits_digest(&state_); }

 private:
  XXH3_state_t state_;
};

}  // namespace medley
