#include "medley/run/whole_masks.hpp"

#include <algorithm>

#include "medley/files/fit_geometry.hpp"

namespace medley {

namespace {

constexpr std::uint8_t not_seen = 255;

// For each pixel of a picture along an axis, the pixels of the frame around its middle.
struct Between {
  int first = 0, second = 0;
  float share = 0.0f;  // of the second
  bool seen = false;
};

std::vector<Between> between(int size, int frame, FitScale scale) {
  std::vector<Between> all;
  for (int i = 0; i < size; ++i) {
    const double step = static_cast<double>(scale.out) / static_cast<double>(scale.in);
    const double at = 0.5 * (frame - 1) + (i + 0.5 - 0.5 * size) * step;
    const double clamped = std::clamp(at, 0.0, frame - 1.0);
    const int first = static_cast<int>(clamped);
    all.push_back({first, std::min(first + 1, frame - 1), static_cast<float>(clamped - first),
                   at >= -0.5 && at <= frame - 0.5});
  }
  return all;
}

}  // namespace

std::vector<std::uint8_t> mask_in_own_size(const HeadPrediction& head,
                                           std::span<const float> outputs, Fit fit,
                                           PictureShape picture) {
  const Shape shape = head.shape();
  const FitScales scales = fit_scales(fit, picture.height, picture.width, shape.h, shape.w);
  const std::vector<Between> rows = between(picture.height, shape.h, scales.down),
                             columns = between(picture.width, shape.w, scales.across);
  std::vector<std::uint8_t> mask;
  mask.reserve(rows.size() * columns.size());
  std::vector<float> pixel(static_cast<std::size_t>(shape.c));
  for (const Between& y : rows) {
    for (const Between& x : columns) {
      if (!y.seen || !x.seen) {
        mask.push_back(not_seen);
        continue;
      }
      for (int c = 0; c < shape.c; ++c) {
        const float* const plane = outputs.data() + static_cast<std::ptrdiff_t>(c) * shape.pixels();
        const auto along = [&](int row) {
          const float* const line = plane + static_cast<std::ptrdiff_t>(row) * shape.w;
          return line[x.first] + x.share * (line[x.second] - line[x.first]);
        };
        const float above = along(y.first);
        pixel[static_cast<std::size_t>(c)] = above + y.share * (along(y.second) - above);
      }
      mask.push_back(static_cast<std::uint8_t>(head.class_of(pixel)));
    }
  }
  return mask;
}

TiledMasks::TiledMasks(Engine& engine, const Description& d,
                       const std::vector<std::pair<int, HeadPrediction>>& heads, int overlap)
    : engine_(engine), tile_{d.input.c, d.input.h, d.input.w}, overlap_(overlap) {
  const std::size_t batch = engine.predict_batch();
  for (const HeadInfo& head : d.heads) {
    outputs_.emplace_back(batch * static_cast<std::size_t>(head.shape.elements()));
    pointers_.push_back(outputs_.back().data());
  }
  for (const auto& [h, head] : heads) {
    if (head.answers_mask()) heads_.push_back({h, &head, {}, nullptr});
  }
  masks_.resize(heads_.size());
  for (std::size_t i = 0; i < heads_.size(); ++i) heads_[i].mask = &masks_[i];
}

const std::vector<std::vector<std::uint8_t>>& TiledMasks::predict(const WholePicture& picture) {
  const int height = picture.shape().height, width = picture.shape().width;
  const std::vector<Tile> tiles = make_tiles(height, width, tile_.height, tile_.width, overlap_);
  const int reach = std::max(width, tile_.width);  // of a row of tiles
  for (Head& one : heads_) {
    one.mask->assign(static_cast<std::size_t>(height) * static_cast<std::size_t>(width), 0);
    one.sums.assign(static_cast<std::size_t>(one.head->shape().c * tile_.height) *
                        static_cast<std::size_t>(reach),
                    0.0f);
  }
  const std::size_t bytes = tile_.bytes() * size_of(picture.pixels.type);
  pixels_.resize(engine_.predict_batch() * bytes);
  int top = 0;
  for (std::size_t first = 0; first < tiles.size(); first += records_.size()) {
    records_.resize(std::min(engine_.predict_batch(), tiles.size() - first));
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const std::span<std::byte> pixels(pixels_.data() + i * bytes, bytes);
      cut_tile(picture, tiles[first + i], tile_, pixels);
      records_[i].image = {pixels.data(), picture.pixels.type};
    }
    engine_.predict(records_, pointers_);
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const Tile& tile = tiles[first + i];
      for (Head& one : heads_) {
        if (tile.top > top) finish_rows(one, tile.top - top, top, width);
        const auto elements = static_cast<std::size_t>(one.head->shape().elements());
        const auto& outputs = outputs_[static_cast<std::size_t>(one.index)];
        add(one, std::span(outputs).subspan(i * elements, elements), tile.left, reach);
      }
      top = tile.top;
    }
  }
  for (Head& one : heads_) finish_rows(one, std::min(tile_.height, height - top), top, width);
  return masks_;
}

void TiledMasks::add(Head& one, std::span<const float> outputs, int left, int width) {
  const Shape shape = one.head->shape();
  scores_.resize(outputs.size());
  one.head->scores(outputs, scores_);
  const auto weight = [](int i, int size) { return static_cast<float>(std::min(1 + i, size - i)); };
  const float* score = scores_.data();
  for (int c = 0; c < shape.c; ++c) {
    for (int y = 0; y < shape.h; ++y) {
      float* const to =
          one.sums.data() + static_cast<std::ptrdiff_t>(c * shape.h + y) * width + left;
      const float row = weight(y, shape.h);
      for (int x = 0; x < shape.w; ++x) to[x] += row * weight(x, shape.w) * *score++;
    }
  }
}

// The first rows of the sums, which begin at row `top` of the picture, become classes, and those below
// move up.
void TiledMasks::finish_rows(Head& one, int rows, int top, int width) {
  const Shape shape = one.head->shape();
  const int reach = std::max(width, shape.w);
  const auto plane = static_cast<std::ptrdiff_t>(shape.h) * reach;
  std::vector<float> pixel(static_cast<std::size_t>(shape.c));
  for (int y = 0; y < std::min(rows, shape.h); ++y) {
    std::uint8_t* const to = one.mask->data() + static_cast<std::ptrdiff_t>(top + y) * width;
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < shape.c; ++c)
        pixel[static_cast<std::size_t>(c)] = one.sums[static_cast<std::size_t>(
            c * plane + static_cast<std::ptrdiff_t>(y) * reach + x)];
      to[x] = static_cast<std::uint8_t>(one.head->class_of_scores(pixel));
    }
  }
  for (int c = 0; c < shape.c; ++c) {
    const auto begin = one.sums.begin() + c * plane;
    const auto moved = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(rows) * reach, plane);
    std::copy(begin + moved, begin + plane, begin);
    std::fill(begin + plane - moved, begin + plane, 0.0f);
  }
}

}  // namespace medley
