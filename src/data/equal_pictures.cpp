#include "medley/data/equal_pictures.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace medley {
namespace {

// Calls f(hash, record) for each record of the split whose picture has more than one colour.
template <class F>
void each_hash(const Source& source, PictureShape shape, Split split, F&& f) {
  std::vector<std::byte> scratch(source.scratch_bytes());
  Record read;
  source.each_record(split, [&](std::uint64_t record) {
    source.read(record, scratch, read);
    const std::span bytes = picture_bytes(read, shape);
    const std::size_t pixel = size_of(read.image.type());
    const std::size_t plane = bytes.size() / static_cast<std::size_t>(shape.channels);
    bool flat = true;
    for (std::size_t c = 0; c < bytes.size() && flat; c += plane)
      flat = std::memcmp(&bytes[c], &bytes[c] + pixel, plane - pixel) == 0;
    if (!flat) f(XXH3_64bits(bytes.data(), bytes.size()), record);
  });
}

}  // namespace

EqualPictures equal_pictures(const Source& source, PictureShape shape, Split first, Split second) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> known;  // hash, record
  known.reserve(source.size(first));
  each_hash(source, shape, first,
            [&](std::uint64_t hash, std::uint64_t record) { known.emplace_back(hash, record); });
  std::ranges::sort(known);
  EqualPictures equal;
  each_hash(source, shape, second, [&](std::uint64_t hash, std::uint64_t record) {
    const auto found = std::ranges::lower_bound(known, std::pair{hash, std::uint64_t{0}});
    if (found == known.end() || found->first != hash) return;
    if (equal.count++ == 0) equal.example = {found->second, record};
  });
  return equal;
}

}  // namespace medley
