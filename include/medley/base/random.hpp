// Counter-based random numbers: a number is a function of (seed, purpose, epoch, item, index),
// never of the order of calls, so that any worker may draw any number at any time.
//
// Philox4x32-10: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011. The same
// numbers as Random123's.
#pragma once

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
  mix = 6,
  folds = 7,
  resampling = 8,
};

namespace detail {

// Ten rounds of multiplications on a counter, with a key that grows by two constants.
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                              std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;  // the golden ratio
    key[1] += 0xBB67AE85;  // √3 - 1
  }
  return counter;
}

}  // namespace detail

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

  constexpr std::array<std::uint32_t, 4> draw(std::uint32_t index) const {
    return detail::philox({index, purpose_and_epoch_, static_cast<std::uint32_t>(item_),
                           static_cast<std::uint32_t>(item_ >> 32)},
                          key_);
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
