// Where buffers lie when each is needed only for a while: buffers whose lifetimes overlap get
// different bytes, others may share them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace medley {

// Needed from time `first` to time `last`, both included.
struct Lifetime {
  int first = 0, last = 0;
  constexpr bool overlaps(const Lifetime& other) const {
    return first <= other.last && other.first <= last;
  }
};

struct Buffer {
  std::size_t floats = 0;
  Lifetime life;
  std::size_t offset = 0;  // in floats; found by `place`
};

// Offsets are multiples of this many floats: 128 bytes, two cache lines, so that neighbours neither
// share a line nor a prefetched pair of lines.
inline constexpr std::size_t buffer_alignment = 32;

constexpr std::size_t aligned(std::size_t floats, std::size_t alignment = buffer_alignment) {
  return (floats + alignment - 1) / alignment * alignment;
}

// Gives every buffer an offset, the largest first, each at the lowest place that is free for all of
// its lifetime. Returns the floats needed in all. `order` has as many elements as there are buffers,
// for the use of this call.
constexpr std::size_t place(std::span<Buffer> buffers, std::span<std::size_t> order,
                            std::size_t alignment = buffer_alignment) {
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return buffers[a].floats != buffers[b].floats ? buffers[a].floats > buffers[b].floats : a < b;
  });
  std::size_t total = 0;
  for (std::size_t placed = 0; placed < order.size(); ++placed) {
    Buffer& buffer = buffers[order[placed]];
    if (buffer.floats == 0) continue;
    buffer.offset = 0;
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t k = 0; k < placed; ++k) {
        const Buffer& other = buffers[order[k]];
        const bool collides = other.floats > 0 && other.life.overlaps(buffer.life) &&
                              buffer.offset < other.offset + other.floats &&
                              other.offset < buffer.offset + buffer.floats;
        if (collides) {
          buffer.offset = aligned(other.offset + other.floats, alignment);
          moved = true;
        }
      }
    }
    total = std::max(total, buffer.offset + buffer.floats);
  }
  return aligned(total, alignment);
}

template <std::size_t N>
constexpr std::size_t place(std::array<Buffer, N>& buffers) {
  std::array<std::size_t, N> order{};
  return place(buffers, order);
}

}  // namespace medley
