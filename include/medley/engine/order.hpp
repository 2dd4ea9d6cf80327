// The order of an epoch's records: a permutation of [0, size) that is computed, not stored, so that
// memory does not grow with the data set.
//
// A balanced Feistel network over the next even power of two, walked until the result is below size
// (Black & Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002). Its round function is
// Philox, keyed by seed and epoch.
#pragma once

#include <bit>
#include <cstdint>

#include "medley/base/random.hpp"

namespace medley {

class Permutation {
 public:
  Permutation(std::uint64_t size, std::uint64_t seed, std::uint32_t epoch)
      : size_(size), seed_(seed), epoch_(epoch) {
    half_bits_ = (static_cast<int>(std::bit_width(size > 0 ? size - 1 : 0)) + 1) / 2;
  }

  // rank < size
  std::uint64_t operator()(std::uint64_t rank) const {
    if (size_ < 2) return rank;
    do {
      rank = encrypt(rank);
    } while (rank >= size_);
    return rank;
  }

 private:
  static constexpr int rounds = 6;

  std::uint64_t encrypt(std::uint64_t value) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
    std::uint64_t left = value >> half_bits_, right = value & mask;
    for (int round = 0; round < rounds; ++round) {
      const RandomStream stream(seed_, Purpose::shuffle, epoch_, right);
      const auto bits = stream.draw(static_cast<std::uint32_t>(round));
      const std::uint64_t f = (static_cast<std::uint64_t>(bits[0]) << 32 | bits[1]) & mask;
      const std::uint64_t next = left ^ f;
      left = right;
      right = next;
    }
    return left << half_bits_ | right;
  }

  std::uint64_t size_, seed_;
  std::uint32_t epoch_;
  int half_bits_ = 0;
};

}  // namespace medley
