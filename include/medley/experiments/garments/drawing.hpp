// Pictures of clothes, drawn on the fly: what the experiment `garments` trains on.
//
// A record is a function of its number alone. What is drawn, its pose, its cloth, what is around
// it, the light and the noise each have random numbers of their own. A picture is painted from back
// to front (background, clutter, hanger, garment, price tag), then light falls on it.
//
//   picture  3 x 32 x 32, 0..255
//   colour   one of eight; nothing else in the picture has the garment's colour
//   size     S, M, L or XL for the garment's kind: shorts of size XL are smaller than a dress of
//            size M. The hanger is always equally wide.
//   mask     1 where the garment is seen
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/base/random.hpp"
#include "medley/data/source.hpp"
#include "medley/experiments/garments/canvas.hpp"
#include "medley/experiments/garments/patterns.hpp"

namespace medley::drawing {

// --- chance --------------------------------------------------------------------------------------

enum class Aspect : std::uint32_t {
  attributes,
  pose,
  cloth,
  background,
  clutter,
  tag,
  light,
  noise
};

// The random numbers of one aspect of one record, one after the other. (One throw a statement: the
// order in which a function's arguments are computed is the compiler's choice.)
class Dice {
 public:
  Dice(std::uint64_t record, Aspect aspect)
      : stream_(seed, Purpose::generator, 0, record),
        index_(static_cast<std::uint32_t>(aspect) << 16) {}

  float between(float low, float high) { return low + (high - low) * unit_float(roll()); }
  int below(int bound) {
    return static_cast<int>(bounded(roll(), static_cast<std::uint32_t>(bound)));
  }
  bool once_in(int times) { return below(times) == 0; }
  // A turn by an angle whose half has a tangent between these two.
  Rotation turn(float low, float high) { return Rotation::from_half_tangent(between(low, high)); }

  // A row of small numbers at little cost: 16 a draw.
  std::array<std::uint8_t, width> row() {
    static_assert(width % 16 == 0);
    std::array<std::uint8_t, width> bytes;
    for (int x = 0; x < width; x += 16) {
      const std::array<std::uint32_t, 4> words = stream_.draw(index_++);
      for (int k = 0; k < 16; ++k) {
        bytes[x + k] = static_cast<std::uint8_t>(words[k / 4] >> k % 4 * 8);
      }
    }
    return bytes;
  }

 private:
  static constexpr std::uint64_t seed = 0x6761726d656e7473;  // "garments"

  std::uint32_t roll() {
    if (used_ == 4) {
      rolled_ = stream_.draw(index_++);
      used_ = 0;
    }
    return rolled_[used_++];
  }

  RandomStream stream_;
  std::uint32_t index_;
  std::array<std::uint32_t, 4> rolled_{};
  int used_ = 4;
};

// --- what is drawn -------------------------------------------------------------------------------

inline constexpr int colours = 8;
inline constexpr std::array<std::string_view, colours> colour_names{
    "black", "grey", "white", "brown", "red", "yellow", "green", "blue"};
inline constexpr std::array<Colour, colours> palette{{{30.0f, 30.0f, 34.0f},
                                                      {118.0f, 118.0f, 120.0f},
                                                      {228.0f, 228.0f, 224.0f},
                                                      {118.0f, 74.0f, 40.0f},
                                                      {196.0f, 30.0f, 42.0f},
                                                      {230.0f, 200.0f, 52.0f},
                                                      {48.0f, 146.0f, 66.0f},
                                                      {44.0f, 84.0f, 190.0f}}};

inline constexpr int sizes = 4;
inline constexpr std::array<std::string_view, sizes> size_names{"S", "M", "L", "XL"};
inline constexpr std::array<float, sizes> size_scale{0.74f, 0.90f, 1.09f, 1.32f};

struct Attributes {
  int kind, colour, size;
};

inline Attributes attributes(std::uint64_t record) {
  Dice dice(record, Aspect::attributes);
  const int kind = dice.below(static_cast<int>(patterns.size()));
  const int colour = dice.below(colours);
  const int size = dice.below(sizes);
  return {kind, colour, size};
}

// No two dyes of a colour are quite the same.
inline Colour dye(Dice& dice, int colour) {
  Colour result = palette[colour];
  const float brightness = dice.between(0.9f, 1.08f);
  for (float& value : result) value = brightness * value + dice.between(-12.0f, 12.0f);
  return result;
}

inline Colour any_dye_but(Dice& dice, int colour) {
  return dye(dice, (colour + 1 + dice.below(colours - 1)) % colours);
}

// --- how it hangs --------------------------------------------------------------------------------

struct Pose {
  float across, along;  // width and height, relative to the pattern
  Rotation tilt;
  std::array<Rotation, 2> arm, leg;  // right, left
};

inline Pose pose(Dice& dice, int size) {
  Pose pose;
  const float scale = size_scale[size] * dice.between(0.98f, 1.02f);
  pose.across = scale * dice.between(0.98f, 1.02f);
  pose.along = scale * dice.between(0.98f, 1.02f);
  pose.tilt = dice.turn(-0.13f, 0.13f);
  for (Rotation& arm : pose.arm) arm = dice.turn(-0.1f, 0.03f);
  for (Rotation& leg : pose.leg) leg = dice.turn(-0.08f, 0.03f);
  return pose;
}

// A garment in the picture.
struct Garment {
  std::array<Panel, 2 * max_panels> panel{};
  int panels = 0;
  Rotation tilt;
  Point hook;  // the middle of its upper edge

  void sew(const Panel& piece, const Pose& pose, bool left) {
    const Rotation joint = piece.role == Role::arm   ? pose.arm[left]
                           : piece.role == Role::leg ? pose.leg[left]
                                                     : Rotation{};
    Panel& sewn = panel[panels++];
    sewn.role = piece.role;
    for (int i = 0; i < 4; ++i) {
      const Point corner = joint.about(piece.corners[0], piece.corners[i]);
      const float x = left ? -corner.x : corner.x;
      sewn.corners[i] = tilt({pose.across * x, pose.along * corner.y});
    }
  }

  void move(Point by) {
    hook = hook + by;
    for (int i = 0; i < panels; ++i) {
      for (Point& corner : panel[i].corners) corner = corner + by;
    }
  }
};

inline Garment sew(const Pattern& pattern, const Pose& pose) {
  Garment garment;
  garment.tilt = pose.tilt;
  garment.hook = pose.tilt({0.0f, pose.along * pattern.panels[0].corners[0].y});
  for (const Panel& piece : pattern.panels) {
    garment.sew(piece, pose, false);
    if (piece.role == Role::arm || piece.role == Role::leg) garment.sew(piece, pose, true);
  }
  return garment;
}

// Moves the garment to a random place where all of it is in the picture.
inline void place(Garment& garment, Dice& dice) {
  Point low = garment.hook, high = garment.hook;
  for (int i = 0; i < garment.panels; ++i) {
    if (garment.panel[i].role == Role::cutout) continue;
    for (const Point corner : garment.panel[i].corners) {
      low = {smaller(low.x, corner.x), smaller(low.y, corner.y)};
      high = {larger(high.x, corner.x), larger(high.y, corner.y)};
    }
  }
  const float right = dice.between(-low.x, width - 1.0f - high.x);
  const float down = dice.between(-low.y, height - 1.0f - high.y);
  garment.move({right, down});
}

inline Garment hang(std::uint64_t record, const Attributes& what) {
  Dice dice(record, Aspect::pose);
  Garment garment = sew(patterns[what.kind], pose(dice, what.size));
  place(garment, dice);
  return garment;
}

// --- from back to front --------------------------------------------------------------------------

// A wall or a cloth in two dyes: shaded, striped, chequered or mottled.
class Backdrop {
 public:
  explicit Backdrop(Dice& dice) {
    style_ = static_cast<Style>(dice.below(4));
    turn_ = dice.turn(-1.0f, 1.0f);
    frequency_ = 1.0f / (style_ == Style::shaded ? 48.0f : dice.between(2.0f, 16.0f));
    phase_ = dice.between(0.0f, 1.0f);
    for (float& value : lattice_) value = dice.between(0.0f, 1.0f);
  }

  // Share of the second dye.
  float operator()(int x, int y) const {
    const Point p = turn_(from_middle(x, y));
    const int column = static_cast<int>(positive + phase_ + frequency_ * p.x);
    const int row = static_cast<int>(positive + phase_ + frequency_ * p.y);
    switch (style_) {
      case Style::shaded:
        return 0.5f + frequency_ * p.x;
      case Style::striped:
        return static_cast<float>(column & 1);
      case Style::chequered:
        return static_cast<float>((column ^ row) & 1);
      case Style::mottled:
        return mottle(x, y);
    }
    return 0.0f;
  }

 private:
  enum class Style : std::uint8_t { shaded, striped, chequered, mottled };
  static constexpr int cell = 4;
  static constexpr int corners = width / cell + 1;

  // Random values at the corners of 4 x 4 cells, bilinear between them.
  float mottle(int x, int y) const {
    const float fx = static_cast<float>(x % cell) / cell, fy = static_cast<float>(y % cell) / cell;
    const float* const corner = &lattice_[(y / cell) * corners + x / cell];
    const float above = corner[0] + fx * (corner[1] - corner[0]);
    const float below = corner[corners] + fx * (corner[corners + 1] - corner[corners]);
    return above + fy * (below - above);
  }

  Style style_;
  Rotation turn_;
  float frequency_, phase_;  // of the stripes
  std::array<float, corners * corners> lattice_;
};

inline void paint_background(Canvas& canvas, std::uint64_t record, int garment_colour) {
  Dice dice(record, Aspect::background);
  const Colour first = any_dye_but(dice, garment_colour);
  const Colour other = any_dye_but(dice, garment_colour);
  const Colour second = mix(first, other, dice.between(0.3f, 1.0f));
  const Backdrop share(dice);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) canvas.set(x, y, mix(first, second, share(x, y)));
  }
}

// Boxes and discs that lie about.
inline void paint_clutter(Canvas& canvas, std::uint64_t record, int garment_colour) {
  Dice dice(record, Aspect::clutter);
  for (int things = 1 + dice.below(6); things > 0; --things) {
    const float x = dice.between(0.0f, width - 1.0f);
    const float y = dice.between(0.0f, height - 1.0f);
    const float extent = dice.between(1.5f, 10.0f);
    const float slimness = dice.between(0.4f, 1.0f);
    const Rotation turn = dice.turn(-1.0f, 1.0f);
    Stencil thing;
    if (dice.once_in(2)) {
      thing.add_disc({x, y}, extent);
    } else {
      thing.add(box({x, y}, extent, slimness * extent, turn));
    }
    canvas.paint(thing, any_dye_but(dice, garment_colour));
  }
}

inline void paint_hanger(Canvas& canvas, const Garment& garment) {
  const auto part = [&](float above, float half_width, float half_height) {
    const Point centre = garment.hook + garment.tilt({0.0f, -above});
    return box(centre, half_width, half_height, garment.tilt);
  };
  Stencil hanger;
  hanger.add(part(0.2f, 5.5f, 0.6f));
  hanger.add(part(2.0f, 0.5f, 2.0f));
  hanger.add(part(3.6f, 1.2f, 0.5f));
  canvas.paint(hanger, {110.0f, 100.0f, 92.0f});
}

// The garment's shape; limbs are a little darker than the body, so that one sees where they begin.
inline Stencil cut_out(const Garment& garment) {
  Stencil cloth;
  for (int i = 0; i < garment.panels; ++i) {
    const Panel& panel = garment.panel[i];
    if (panel.role == Role::cutout) {
      cloth.cut(panel.corners);
    } else {
      cloth.add(panel.corners, panel.role == Role::body ? 1.0f : 0.88f);
    }
  }
  return cloth;
}

inline void paint_garment(Canvas& canvas, Stencil& cloth, std::uint64_t record, int colour) {
  Dice dice(record, Aspect::cloth);
  const Rotation direction = dice.turn(-0.4f, 0.4f);
  const float spacing = dice.between(3.0f, 8.0f);
  const float phase = dice.between(0.0f, 1.0f);
  cloth.fold(direction, spacing, phase, dice.between(0.0f, 0.25f));
  canvas.paint(cloth, dye(dice, colour));
}

// Every fourth garment has a price tag, which hides some of the cloth.
inline Stencil paint_tag(Canvas& canvas, std::uint64_t record, const Garment& garment,
                         int garment_colour) {
  Dice dice(record, Aspect::tag);
  Stencil tag;
  if (!dice.once_in(4)) return tag;
  const float right = dice.between(-5.0f, 5.0f);
  const float down = dice.between(3.0f, 14.0f);
  const float half_width = dice.between(0.8f, 1.6f);
  const float half_height = dice.between(1.2f, 2.2f);
  const Rotation turn = dice.turn(-0.3f, 0.3f);
  tag.add(box(garment.hook + Point{right, down}, half_width, half_height, turn));
  canvas.paint(tag, any_dye_but(dice, garment_colour));
  return tag;
}

// Light of some strength and tint falls in from a side; the camera adds noise.
inline void expose(const Canvas& canvas, std::uint64_t record, std::uint8_t* image) {
  Dice dice(record, Aspect::light);
  const float gain = dice.between(0.85f, 1.12f);
  const float right = dice.between(-0.008f, 0.008f);
  const float down = dice.between(-0.008f, 0.008f);
  const float grain = dice.between(4.0f, 24.0f) / 256.0f;
  Dice noise(record, Aspect::noise);
  for (int c = 0; c < channels; ++c) {
    const float tint = gain * dice.between(0.95f, 1.05f);
    for (int y = 0; y < height; ++y) {
      const std::array<std::uint8_t, width> random = noise.row();
      for (int x = 0; x < width; ++x) {
        const Point p = from_middle(x, y);
        const float light = tint * (1.0f + right * p.x + down * p.y);
        const float speck = grain * (static_cast<float>(random[x]) - 127.5f);
        const float value = light * canvas.plane[c][y * width + x] + speck;
        *image++ = static_cast<std::uint8_t>(clamped(value + 0.5f, 0.0f, 255.0f));
      }
    }
  }
}

// image: 3 x 32 x 32, 0..255; mask: 32 x 32, 0 or 1.
inline void draw(std::uint64_t record, std::uint8_t* image, std::uint8_t* mask) {
  const Attributes what = attributes(record);
  const Garment garment = hang(record, what);
  Stencil cloth = cut_out(garment);

  Canvas canvas;
  paint_background(canvas, record, what.colour);
  paint_clutter(canvas, record, what.colour);
  paint_hanger(canvas, garment);
  paint_garment(canvas, cloth, record, what.colour);
  const Stencil tag = paint_tag(canvas, record, garment, what.colour);

  expose(canvas, record, image);
  for (int i = 0; i < pixels; ++i) mask[i] = cloth.inside(i) && !tag.inside(i);
}

}  // namespace medley::drawing

namespace medley {

// The drawings as records. Training, validation and test records follow one another.
class GarmentSource : public Source {
 public:
  static constexpr std::array<TargetSpec, 3> targets{
      {{"colour", TargetKind::classes, drawing::colours},
       {.name = "size", .kind = TargetKind::classes, .size = drawing::sizes, .ordered = true},
       {"mask", TargetKind::mask, 2}}};

  std::uint64_t size(Split split) const override { return sizes_[static_cast<int>(split)]; }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    for (int before = 0; before < static_cast<int>(split); ++before) rank += sizes_[before];
    return rank;
  }

  std::size_t scratch_bytes() const override { return image_bytes + drawing::pixels; }
  void read(std::uint64_t record, std::span<std::byte> scratch, Record& out) const override {
    auto* const image = reinterpret_cast<std::uint8_t*>(scratch.data());
    auto* const mask = image + image_bytes;
    drawing::draw(record, image, mask);
    out = {};
    out.image = image;
    out.targets[0].label = label(record, 0);
    out.targets[1].label = label(record, 1);
    out.targets[2].mask = mask;
  }
  std::int32_t label(std::uint64_t record, int target) const override {
    const drawing::Attributes what = drawing::attributes(record);
    return target == 0 ? what.colour : target == 1 ? what.size : -1;
  }
  bool labelled(std::uint64_t, int) const override { return true; }
  bool complete(int) const override { return true; }

  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }
  std::span<const std::string> class_names(int target) const override { return names_[target]; }

 private:
  static constexpr std::size_t image_bytes = drawing::channels * drawing::pixels;
  static constexpr std::array<std::uint64_t, 3> sizes_{32768, 2048, 4096};

  // Of the training records; a test computes them again.
  static constexpr std::array<float, drawing::channels> mean_{120.547f, 107.914f, 91.482f};
  static constexpr std::array<float, drawing::channels> deviation_{67.321f, 60.130f, 60.196f};

  std::array<std::vector<std::string>, targets.size()> names_{
      std::vector<std::string>(drawing::colour_names.begin(), drawing::colour_names.end()),
      std::vector<std::string>(drawing::size_names.begin(), drawing::size_names.end()),
      std::vector<std::string>{"background", "garment"}};
};

}  // namespace medley
