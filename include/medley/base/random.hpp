// Counter-based random numbers: a number is a function of (seed, purpose, epoch, item, index),
// never of the order of calls, so that any worker may draw any number at any time.
//
// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011), from
// Random123.
#pragma once

// Philox needs none of the SSE intrinsics, which take a second to parse.
#define R123_USE_SSE 0
#include <Random123/philox.h>

#include <array>
#include <cstdint>

namespace medley {

// What a number is for. Values are part of the format: changing one changes every result.
enum class Purpose : std::uint32_t {
  initialization = 1,
  shuffle = 2,
  augmentation = 3,
  dropout = 4,
  generator = 5,
};

// One stream of numbers: draw(index) gives four independent 32-bit numbers.
//   key     seed
//   counter index, purpose and epoch, item
// `item` is a sample, a parameter or a layer-and-sample pair; it has 48 bits, `epoch` 24.
class RandomStream {
 public:
  constexpr RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t epoch,
                         std::uint64_t item)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        purpose_and_epoch_{static_cast<std::uint32_t>(purpose) << 24 | (epoch & 0xFFFFFFu)},
        item_{item} {}

  std::array<std::uint32_t, 4> draw(std::uint32_t index) const {
    const r123::Philox4x32::ctr_type counter{{index, purpose_and_epoch_,
                                              static_cast<std::uint32_t>(item_),
                                              static_cast<std::uint32_t>(item_ >> 32)}};
    const r123::Philox4x32::key_type key{{key_[0], key_[1]}};
    const auto out = r123::Philox4x32{}(counter, key);
    return {out[0], out[1], out[2], out[3]};
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint32_t purpose_and_epoch_;
  std::uint64_t item_;
};

// Uniform in [0, 1) on the grid of 2^-24: exact in a float, the same everywhere.
constexpr float unit_float(std::uint32_t bits) {
  return static_cast<float>(bits >> 8) * (1.0f / 16777216.0f);
}

// Uniform integer in [0, bound) by multiplication (Lemire 2019, without the rejection step: the
// bias is below bound / 2^32).
constexpr std::uint32_t bounded(std::uint32_t bits, std::uint32_t bound) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(bits) * bound >> 32);
}

}  // namespace medley
