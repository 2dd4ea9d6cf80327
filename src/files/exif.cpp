#include "medley/files/exif.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace medley {

namespace {

constexpr std::size_t directory_entry_bytes = 12;
constexpr std::uint32_t orientation_tag = 0x0112, short_type = 3, long_type = 4;

// Whole numbers in the block's byte order.
class ExifNumbers {
 public:
  ExifNumbers(std::span<const std::byte> bytes, bool big_endian)
      : bytes_(bytes), big_endian_(big_endian) {}

  // Of 2 or 4 bytes; none beyond the end.
  std::optional<std::uint32_t> number(std::uint64_t at, unsigned size) const {
    if (at + size > bytes_.size()) return std::nullopt;
    std::uint32_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
      const std::uint64_t from = big_endian_ ? at + i : at + size - 1 - i;
      value = value << 8 | static_cast<std::uint32_t>(bytes_[from]);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool big_endian_;
};

}  // namespace

int exif_orientation(std::span<const std::byte> tiff) {
  if (tiff.size() < 2 || tiff[0] != tiff[1] ||
      (tiff[0] != std::byte{'I'} && tiff[0] != std::byte{'M'}))
    return 1;
  const ExifNumbers read(tiff, tiff[0] == std::byte{'M'});
  if (read.number(2, 2) != 42u) return 1;
  const auto directory = read.number(4, 4);
  const auto entries = directory ? read.number(*directory, 2) : std::nullopt;
  for (std::uint64_t i = 0; entries && i < *entries; ++i) {
    const std::uint64_t entry = std::uint64_t{*directory} + 2 + i * directory_entry_bytes;
    const auto tag = read.number(entry, 2), type = read.number(entry + 2, 2);
    if (tag != orientation_tag || (type != short_type && type != long_type)) continue;
    const auto value = read.number(entry + 8, type == short_type ? 2 : 4);
    return value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 1;
}

namespace {

// Of height x width x channels values.
template <class T>
void turn_upright(int orientation, PictureShape& shape, std::vector<T>& values) {
  if (orientation <= 1 || orientation > 8) return;
  const bool transposed = orientation >= 5;
  const bool from_last_row =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_last_column = orientation == 2 || orientation == 3 || orientation >= 7;
  const PictureShape from = shape;
  PictureShape to = from;
  if (transposed) std::swap(to.height, to.width);
  std::vector<T> turned;
  turned.reserve(to.bytes());
  const auto channels = static_cast<std::size_t>(from.channels);
  for (int y = 0; y < to.height; ++y) {
    for (int x = 0; x < to.width; ++x) {
      const int row = transposed ? x : y, column = transposed ? y : x;
      const int r = from_last_row ? from.height - 1 - row : row;
      const int c = from_last_column ? from.width - 1 - column : column;
      const std::size_t at = (static_cast<std::size_t>(r) * static_cast<std::size_t>(from.width) +
                              static_cast<std::size_t>(c)) *
                             channels;
      turned.insert(turned.end(), values.begin() + static_cast<std::ptrdiff_t>(at),
                    values.begin() + static_cast<std::ptrdiff_t>(at + channels));
    }
  }
  values = std::move(turned);
  shape = to;
}

}  // namespace

void apply_orientation(int orientation, Image& image) {
  turn_upright(orientation, image.shape, image.pixels);
}

void apply_orientation(int orientation, DeepImage& image) {
  turn_upright(orientation, image.shape, image.values);
}

}  // namespace medley
