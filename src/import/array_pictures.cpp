#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "medley/base/error.hpp"
#include "medley/files/array_file.hpp"
#include "medley/import/picture_stack.hpp"

namespace medley {
namespace {

constexpr std::array<std::string_view, 4> layout_names{"auto", "nhw", "nhwc", "nchw"};

// Sizes of a picture as the array has it.
struct Axes {
  ArrayLayout layout;
  PictureShape shape;
};

int side(std::uint64_t size) {
  return static_cast<int>(std::min<std::uint64_t>(size, max_side + 1));
}

// The axes of a record if they are these.
std::optional<Axes> axes_of(ArrayLayout layout, std::span<const std::uint64_t> shape) {
  if (shape.size() != (layout == ArrayLayout::nhw ? 3u : 4u)) return std::nullopt;
  if (layout == ArrayLayout::nhw) return Axes{layout, {1, side(shape[1]), side(shape[2])}};
  if (layout == ArrayLayout::nhwc)
    return Axes{layout, {side(shape[3]), side(shape[1]), side(shape[2])}};
  return Axes{layout, {side(shape[1]), side(shape[2]), side(shape[3])}};
}

// Gray pictures serve where three channels are read, and colour where one is.
bool serves(const Axes& axes, int channels) {
  const int own = axes.shape.channels;
  return own == channels || (own == 1 && channels == 3) || (own == 3 && channels == 1);
}

class ArrayPictures final : public PictureStack {
 public:
  ArrayPictures(const std::filesystem::path& path, PictureShape shape, ArrayLayout layout)
      : file_(path), channels_(shape.channels), axes_(choose(shape, layout)) {
    const auto [channels, height, width] = axes_.shape;
    if (height < 1 || width < 1 || channels < 1)
      throw data_error(fmt::format("{}: pictures of {} have no pixels", file_.name(),
                                   shape_text(file_.shape())));
    if (std::max(height, width) > static_cast<int>(max_side))
      throw data_error(fmt::format("{}: pictures of {} are larger than {} on a side", file_.name(),
                                   shape_text(file_.shape()), max_side));
  }

  std::uint64_t size() const override { return file_.records(); }
  const std::string& name() const override { return file_.name(); }
  PixelType type() const override {
    const DType dtype = file_.dtype();
    return dtype == DType::u8 || dtype == DType::boolean ? PixelType::u8
           : dtype == DType::u16                         ? PixelType::u16
                                                         : PixelType::f32;
  }
  std::string type_name() const override { return std::string(to_string(file_.dtype())); }

  void read(std::uint64_t index, const PixelFormat& floats, DeepImage& out) const override {
    out.shape = axes_.shape;
    out.pixels = type() == PixelType::f32 ? floats : PixelFormat::of(type());
    std::vector<double> numbers(file_.elements());
    file_.read(index, numbers);
    const bool boolean = file_.dtype() == DType::boolean;
    out.values.resize(numbers.size());
    const auto channels = static_cast<std::size_t>(axes_.shape.channels);
    const std::size_t plane = numbers.size() / channels;
    const bool planes = axes_.layout == ArrayLayout::nchw;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const double number = boolean ? (numbers[i] != 0 ? 255.0 : 0.0) : numbers[i];
      const auto value = static_cast<float>(number);
      if (!std::isfinite(value))
        throw data_error(
            fmt::format("{}, record {}: a pixel of {}: every pixel must be a number of float32",
                        file_.name(), index, number));
      out.values[planes ? i % plane * channels + i / plane : i] = value;
    }
    to_channels(channels_, out);
  }

 private:
  Axes choose(PictureShape shape, ArrayLayout layout) const {
    const auto fail = [&](std::string_view why) {
      return data_error(fmt::format(
          "{} has shape {}: {} (the experiment reads {} channel{}, {} high and {} wide)",
          file_.name(), shape_text(file_.shape()), why, shape.channels,
          shape.channels == 1 ? "" : "s", shape.height, shape.width));
    };
    if (layout != ArrayLayout::automatic) {
      const auto axes = axes_of(layout, file_.shape());
      const auto name = layout_names[static_cast<std::size_t>(layout)];
      if (!axes) throw fail(fmt::format("not {} axes, as --layout {} says", name.size(), name));
      if (!serves(*axes, shape.channels))
        throw fail(fmt::format("{} channels by --layout {}", axes->shape.channels, name));
      return *axes;
    }
    // Of what the shape may be, that counts which fits best: first the channels and the size, then the
    // channels alone, then gray for colour or colour for gray.
    std::array<std::vector<Axes>, 3> found;
    for (const ArrayLayout each : {ArrayLayout::nhw, ArrayLayout::nhwc, ArrayLayout::nchw}) {
      const auto axes = axes_of(each, file_.shape());
      if (!axes || !serves(*axes, shape.channels)) continue;
      const bool own = axes->shape.channels == shape.channels;
      found[axes->shape == shape ? 0 : own ? 1 : 2].push_back(*axes);
    }
    for (const std::vector<Axes>& list : found) {
      if (list.size() == 1) return list[0];
      if (list.size() > 1)
        throw fail("the channels may come first or last: say --layout nchw or --layout nhwc");
    }
    throw fail("not N x H x W of one channel, N x H x W x C or N x C x H x W");
  }

  ArrayFile file_;
  int channels_;
  Axes axes_;
};

}  // namespace

ArrayLayout parse_layout(std::string_view text) {
  for (std::size_t i = 0; i < layout_names.size(); ++i)
    if (text == layout_names[i]) return static_cast<ArrayLayout>(i);
  throw usage_error(fmt::format("--layout is auto, nhw, nhwc or nchw, not '{}'", text));
}

std::unique_ptr<PictureStack> open_array_pictures(const std::filesystem::path& path,
                                                  PictureShape shape, ArrayLayout layout) {
  return std::make_unique<ArrayPictures>(path, shape, layout);
}

}  // namespace medley
