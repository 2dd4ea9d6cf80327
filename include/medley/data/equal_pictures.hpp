// Records of one split whose picture is in another split too, pixel by pixel.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "medley/data/source.hpp"
#include "medley/files/image.hpp"

namespace medley {

// All bytes of a record's picture.
inline std::span<const std::byte> picture_bytes(const Record& record, PictureShape shape) {
  return {static_cast<const std::byte*>(record.image.data()),
          shape.bytes() * size_of(record.image.type())};
}

struct EqualPictures {
  std::uint64_t count = 0;                 // records of the second split
  std::array<std::uint64_t, 2> example{};  // a record of the first, and its equal of the second
};

// Compares all pictures of two splits by XXH3-64 of their bytes; pictures of one colour, such as empty tiles,
// are left out. Takes 16 bytes of memory a record of the first split, and a pass over the pictures of both.
EqualPictures equal_pictures(const Source& source, PictureShape shape, Split first, Split second);

}  // namespace medley
