#include "medley/data/array_hints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

namespace medley {
namespace {

using Dims = std::span<const std::uint64_t>;

// --- values --------------------------------------------------------------------------------------

// Of an array's elements.
struct Range {
  double low = INFINITY, high = -INFINITY;
  bool whole = true, missing = false;  // no fractions; some NaN
  bool within(double least, double most) const { return low >= least && high <= most; }
  std::string text() const { return fmt::format("its values go from {:.6g} to {:.6g}", low, high); }
};

// IEEE 754 half precision, kept as its bits.
struct Half {
  std::uint16_t bits;
  explicit operator double() const {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                        : exponent == 0 ? std::ldexp(fraction, -24)
                                        : std::ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 != 0 ? -size : size;
  }
};

// Elements of large arrays are looked at here and there: in steps that are odd, lest all be of one
// channel.
template <class T>
Range range_of(const T* elements, std::uint64_t count) {
  const std::uint64_t step = count >> 22 | 1;
  Range range;
  for (std::uint64_t i = 0; i < count; i += step) {
    const auto value = static_cast<double>(elements[i]);
    if (std::isnan(value)) {
      range.missing = true;
      continue;
    }
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
    range.whole = range.whole && std::floor(value) == value;
  }
  return range;
}

Range range_of(const NpyFile& file) {
  const auto of = [&]<class T>(T) { return range_of(file.as<T>(), file.elements()); };
  switch (file.dtype()) {
    case DType::i8:
      return of(std::int8_t{});
    case DType::i16:
      return of(std::int16_t{});
    case DType::i32:
      return of(std::int32_t{});
    case DType::i64:
      return of(std::int64_t{});
    case DType::u16:
      return of(std::uint16_t{});
    case DType::u32:
      return of(std::uint32_t{});
    case DType::u64:
      return of(std::uint64_t{});
    case DType::f16:
      return of(Half{});
    case DType::f32:
      return of(0.0f);
    case DType::f64:
      return of(0.0);
    default:
      return of(std::uint8_t{});  // u8, bool
  }
}

std::string save(std::string_view expression) {
  return fmt::format("save {}, where x is the array", expression);
}

// --- shapes --------------------------------------------------------------------------------------

template <class... Sizes>
bool is(Dims dims, Sizes... sizes) {
  const std::array<std::uint64_t, sizeof...(Sizes)> wanted{static_cast<std::uint64_t>(sizes)...};
  return std::ranges::equal(dims, wanted);
}

// What turns an array of pictures into N x C x H x W, as it follows the array's name: nothing where
// it is that already, nullopt where pixels must change.
std::optional<std::string> images_layout(Dims dims, PictureShape s) {
  const Dims record = dims.empty() ? dims : dims.subspan(1);
  const auto [c, h, w] = s;
  if (is(record, c, h, w)) return "";
  if (is(record, h, w, c)) return ".transpose(0, 3, 1, 2)";
  if (is(record, c, w, h)) return ".transpose(0, 1, 3, 2)";
  if (is(record, w, h, c)) return ".transpose(0, 3, 2, 1)";
  if (dims.size() == 4 && is(dims.first(3), h, w, c)) return ".transpose(3, 2, 0, 1)";
  if (is(dims, c, h, w) && c > 1) return "[None]";  // a single picture
  if (is(dims, h, w) && c == 1) return "[None, None]";
  if (is(record, h, w) && c == 1) return "[:, None]";
  if (is(record, h, w) && c == 3) return "[:, None].repeat(3, axis=1)";
  if (is(record, s.bytes())) return fmt::format(".reshape(-1, {}, {}, {})", c, h, w);
  return std::nullopt;
}

// What pixels must become.
std::string other_pictures(Dims dims, PictureShape s) {
  const auto channels = static_cast<std::uint64_t>(s.channels);
  const bool first = dims.size() == 4 && dims[1] == channels;
  const bool last = dims.size() == 4 && !first && dims[3] == channels;
  if (first || last)
    return fmt::format("resize the pictures to {} x {}{}", s.height, s.width,
                       last ? ", and save x.transpose(0, 3, 1, 2) of the result x" : "");
  return fmt::format("make pictures of {} channel{}, {} high and {} wide, of them", s.channels,
                     s.channels == 1 ? "" : "s", s.height, s.width);
}

// The same for a mask and N x H x W.
std::optional<std::string> mask_layout(Dims dims, PictureShape s, int classes) {
  const Dims record = dims.empty() ? dims : dims.subspan(1);
  const auto [c, h, w] = s;
  if (is(record, h, w)) return "";
  if (is(record, h, w, 1)) return "[..., 0]";
  if (is(record, 1, h, w)) return "[:, 0]";
  if (is(record, h, w, classes)) return ".argmax(axis=-1)";
  if (is(record, classes, h, w)) return ".argmax(axis=1)";
  if (is(record, w, h)) return ".transpose(0, 2, 1)";
  if (is(dims, h, w)) return "[None]";
  if (is(record, h * w)) return fmt::format(".reshape(-1, {}, {})", h, w);
  return std::nullopt;
}

}  // namespace

// Pictures of floats are mostly 0..1, and cutting those to integers would leave them black.
std::string images_hint(const NpyFile& file, PictureShape shape) {
  const auto layout = images_layout(file.shape(), shape);
  const std::string x = "x" + layout.value_or("");
  const std::string before =
      layout ? std::string{} : other_pictures(file.shape(), shape) + "; then ";
  if (file.dtype() == DType::u8 || file.dtype() == DType::u16)
    return layout ? save(x) : other_pictures(file.shape(), shape);
  if (file.dtype() == DType::boolean) return before + save(x + ".astype('uint8') * 255");
  const Range range = range_of(file);
  const bool integers = file.dtype() < DType::f16;
  const auto scaled = [&](std::string_view as) {
    return fmt::format("{}; {}{}", range.text(), before, save(as));
  };
  if (range.missing || !(range.low <= range.high))
    return before + "bring all values to 0..255, without NaN, and " + save(x + ".astype('uint8')");
  if (integers && range.within(0, 255)) return scaled(x + ".astype('uint8')");
  if (range.within(0, 1)) return scaled(fmt::format("({} * 255).round().astype('uint8')", x));
  if (!integers && range.within(-1, 1))
    return scaled(fmt::format("(({} + 1) * 127.5).round().astype('uint8')", x));
  if (range.within(0, 255)) return scaled(x + ".round().astype('uint8')");
  if (integers && range.within(0, 65535)) return scaled(x + ".astype('uint16')");
  return fmt::format("{}; {}bring them to 0..255 and {}", range.text(), before,
                     save(x + ".astype('uint8')"));
}

std::string mask_hint(const NpyFile& file, PictureShape shape, int classes) {
  const auto layout = mask_layout(file.shape(), shape, classes);
  if (!layout)
    return fmt::format("make masks {} high and {} wide of them", shape.height, shape.width);
  const std::string x = "x" + *layout;
  if (layout->starts_with(".argmax")) return save(x + ".astype('uint8')");
  if (file.dtype() == DType::u8 || file.dtype() == DType::boolean) return save(x);
  const Range range = range_of(file);
  if (range.missing) return save(fmt::format("np.nan_to_num({}, nan=255).astype('uint8')", x));
  if (!range.whole && range.within(0, 1)) return save(fmt::format("({} > 0.5).astype('uint8')", x));
  if (range.whole && range.low < 0 && range.high <= 255)
    return save(fmt::format("np.where({0} < 0, 255, {0}).astype('uint8')", x));
  if (range.whole && range.within(0, 255)) return save(x + ".astype('uint8')");
  return fmt::format("{}; make class numbers of them (255: not known) and {}", range.text(),
                     save(x + ".astype('uint8')"));
}

std::string labels_hint(const NpyFile& file, int classes) {
  const Dims dims = file.shape();
  std::string x = "x";
  if (dims.size() == 2 && dims[1] == 1) {
    x = "x[:, 0]";
  } else if (dims.size() == 2 && dims[1] == static_cast<std::uint64_t>(classes)) {
    return save("x.argmax(axis=1)");
  } else if (dims.size() != 1) {
    return "save one number a record";
  }
  if (file.dtype() < DType::f16) return save(x);
  const Range range = range_of(file);
  if (!range.whole)
    return fmt::format(
        "{}, not all of them whole: numbers without classes are for a target of kind "
        "'values'; class numbers are saved with .astype('int32')",
        range.text());
  if (range.missing) return save(fmt::format("np.nan_to_num({}, nan=-1).astype('int32')", x));
  return save(x + ".astype('int32')");
}

std::string values_hint(const NpyFile& file, int size) {
  const Dims dims = file.shape();
  const auto wanted = static_cast<std::uint64_t>(size);
  const bool fits = is(dims.subspan(1), wanted) || (dims.size() == 1 && size == 1);
  const bool reshaped = !fits && file.elements() == dims[0] * wanted;
  if (!fits && !reshaped)
    return fmt::format("save {} number{} a record", size, size == 1 ? "" : "s");
  return save(fmt::format("x{}{}", reshaped ? fmt::format(".reshape(-1, {})", size) : "",
                          file.dtype() == DType::f32 ? "" : ".astype('float32')"));
}

std::string split_hint(const NpyFile& file) {
  const Dims dims = file.shape();
  return save(fmt::format("x{}{}", dims.size() == 1 ? "" : ".reshape(-1)",
                          file.dtype() == DType::u8 ? "" : ".astype('uint8')"));
}

}  // namespace medley
