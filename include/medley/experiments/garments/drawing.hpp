// Pictures of clothes, drawn on the fly: the data that the experiment `garments` trains on.
//
// A record is a function of its number alone. Each aspect of it (what is drawn, its pose, its
// cloth, what is around it, the light, the noise) draws its own random numbers, and a picture is
// painted from back to front: background, clutter, hanger, garment, price tag; then light falls on
// it.
//
//   picture  3 x 32 x 32, 0..255
//   colour   one of eight classes
//   size     S, M, L, XL: how large the garment is for its kind. A T-shirt of size XL is smaller
//            than a dress of size S, so the kind must be understood. The camera's distance varies
//            little, and the hanger is always equally long.
//   mask     1 where the garment is seen
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "medley/base/random.hpp"
#include "medley/base/source.hpp"
#include "medley/experiments/garments/canvas.hpp"
#include "medley/experiments/garments/patterns.hpp"

namespace medley::drawing {

// --- random numbers
// -------------------------------------------------------------------------------

enum class Aspect : std::uint32_t { attributes, pose, cloth, background, clutter, light, noise };

// The random numbers of one aspect of one record, one after the other.
class Dice {
 public:
  static constexpr std::uint64_t seed = 0x6761726d656e7473;  // "garments"

  Dice(std::uint64_t record, Aspect aspect)
      : stream_(seed, Purpose::generator, 0, record),
        index_(static_cast<std::uint32_t>(aspect) << 16) {}

  std::array<std::uint32_t, 4> roll4() { return stream_.draw(index_++); }

  std::uint32_t roll() {
    if (used_ == 4) {
      rolled_ = roll4();
      used_ = 0;
    }
    return rolled_[used_++];
  }
  float between(float low, float high) { return low + (high - low) * unit_float(roll()); }
  int below(int bound) {
    return static_cast<int>(bounded(roll(), static_cast<std::uint32_t>(bound)));
  }
  bool once_in(int times) { return below(times) == 0; }

 private:
  RandomStream stream_;
  std::uint32_t index_;
  std::array<std::uint32_t, 4> rolled_{};
  int used_ = 4;
};

// --- what is drawn
// --------------------------------------------------------------------------------

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
inline constexpr std::array<float, sizes> size_scale{0.76f, 0.91f, 1.09f, 1.31f};

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

// Dye and light vary: a colour of the palette, a little off.
inline Colour tone(Dice& dice, int colour) {
  Colour result = palette[colour];
  const float brightness = dice.between(0.9f, 1.08f);
  for (float& value : result) value = brightness * value + dice.between(-12.0f, 12.0f);
  return result;
}

// What is not the garment never has the garment's colour.
inline Colour other_tone(Dice& dice, int garment_colour) {
  return tone(dice, (garment_colour + 1 + dice.below(colours - 1)) % colours);
}

// --- pose
// -----------------------------------------------------------------------------------------

// A garment as it hangs: its panels in the picture's coordinates.
struct Outline {
  std::array<Panel, 6> panel{};
  int panels = 0;
  Rotation tilt;
  Point hook;  // where the hanger's hook leaves the garment
};

struct Pose {
  float across, along;  // width and height, relative to the pattern
  Rotation tilt;
  std::array<Rotation, 2> arm, leg;  // right, left
};

inline Pose pose(Dice& dice, int size) {
  Pose p;
  const float cut = size_scale[size] * dice.between(0.98f, 1.02f);
  p.across = cut * dice.between(0.98f, 1.02f);
  p.along = cut * dice.between(0.98f, 1.02f);
  p.tilt = Rotation::from_half_tangent(dice.between(-0.16f, 0.16f));
  for (Rotation& r : p.arm) r = Rotation::from_half_tangent(dice.between(-0.4f, 0.1f));
  for (Rotation& r : p.leg) r = Rotation::from_half_tangent(dice.between(-0.08f, 0.03f));
  return p;
}

inline Quad posed(const Panel& panel, const Pose& p, bool left) {
  const Rotation joint = panel.role == Role::arm   ? p.arm[left]
                         : panel.role == Role::leg ? p.leg[left]
                                                   : Rotation{};
  Quad quad = panel.corners;
  for (Point& corner : quad) {
    corner = joint.about(panel.corners[0], corner);
    if (left) corner.x = -corner.x;
    corner = p.tilt({p.across * corner.x, p.along * corner.y});
  }
  return quad;
}

inline Outline hang(const Pattern& pattern, const Pose& p) {
  Outline outline;
  outline.tilt = p.tilt;
  outline.hook = p.tilt({0.0f, p.along * pattern.panel[0].corners[0].y});
  for (int i = 0; i < pattern.panels; ++i) {
    const Panel& panel = pattern.panel[i];
    outline.panel[outline.panels++] = {panel.role, posed(panel, p, false)};
    if (panel.role == Role::arm || panel.role == Role::leg) {
      outline.panel[outline.panels++] = {panel.role, posed(panel, p, true)};
    }
  }
  return outline;
}

// Moves a garment to a random place where all of it is seen.
inline void place(Outline& outline, Dice& dice) {
  Point low = outline.hook, high = outline.hook;
  for (int i = 0; i < outline.panels; ++i) {
    if (outline.panel[i].role == Role::cutout) continue;
    for (const Point corner : outline.panel[i].corners) {
      low = {std::min(low.x, corner.x), std::min(low.y, corner.y)};
      high = {std::max(high.x, corner.x), std::max(high.y, corner.y)};
    }
  }
  const float right = dice.between(-low.x, width - 1.0f - high.x);
  const float down = dice.between(-low.y, height - 1.0f - high.y);
  for (int i = 0; i < outline.panels; ++i) {
    for (Point& corner : outline.panel[i].corners) corner = {corner.x + right, corner.y + down};
  }
  outline.hook = {outline.hook.x + right, outline.hook.y + down};
}

// --- from back to front
// ---------------------------------------------------------------------------

inline Quad box(Point centre, float half_width, float half_height, Rotation turn) {
  Quad quad{{{-half_width, -half_height},
             {half_width, -half_height},
             {half_width, half_height},
             {-half_width, half_height}}};
  for (Point& corner : quad) {
    corner = turn(corner);
    corner = {corner.x + centre.x, corner.y + centre.y};
  }
  return quad;
}

// A wall or a floor in two tones: plain, shaded, striped, chequered or mottled.
class Background {
 public:
  explicit Background(Dice& dice) {
    style_ = static_cast<Style>(dice.below(5));
    const Rotation turn = Rotation::from_half_tangent(dice.between(-1.0f, 1.0f));
    const float spacing = style_ == Style::shaded ? 48.0f : dice.between(2.0f, 16.0f);
    across_ = {turn.cosine / spacing, turn.sine / spacing};
    phase_ = dice.between(64.0f, 65.0f);  // keeps coordinates positive
    for (float& value : lattice_) value = dice.between(0.0f, 1.0f);
  }

  // Share of the second tone.
  float operator()(int x, int y) const {
    const float fx = static_cast<float>(x) - 15.5f, fy = static_cast<float>(y) - 15.5f;
    const float u = across_.x * fx + across_.y * fy, v = across_.x * fy - across_.y * fx;
    const int stripe = static_cast<int>(phase_ + u), row = static_cast<int>(phase_ + v);
    switch (style_) {
      case Style::plain:
        return 0.0f;
      case Style::shaded:
        return 0.5f + u;
      case Style::striped:
        return static_cast<float>(stripe & 1);
      case Style::chequered:
        return static_cast<float>((stripe ^ row) & 1);
      case Style::mottled:
        return mottle(x, y);
    }
    return 0.0f;
  }

 private:
  enum class Style : std::uint8_t { plain, shaded, striped, chequered, mottled };
  static constexpr int cell = 4;
  static constexpr int cells = width / cell + 1;

  // Random values at the corners of 4 x 4 cells, bilinear between them.
  float mottle(int x, int y) const {
    const float fx = static_cast<float>(x % cell) / cell, fy = static_cast<float>(y % cell) / cell;
    const float* const corner = &lattice_[(y / cell) * cells + x / cell];
    const float above = corner[0] + fx * (corner[1] - corner[0]);
    const float below = corner[cells] + fx * (corner[cells + 1] - corner[cells]);
    return above + fy * (below - above);
  }

  Style style_;
  Point across_;
  float phase_;
  std::array<float, cells * cells> lattice_;
};

inline void paint_background(Canvas& canvas, Dice dice, int garment_colour) {
  const Colour first = other_tone(dice, garment_colour);
  const Colour second = mix(first, other_tone(dice, garment_colour), dice.between(0.3f, 1.0f));
  const Background share(dice);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) canvas.set(y * width + x, mix(first, second, share(x, y)));
  }
}

// Up to six things that lie about.
inline void paint_clutter(Canvas& canvas, Dice& dice, int garment_colour) {
  for (int things = 1 + dice.below(6); things > 0; --things) {
    Stencil thing;
    const float x = dice.between(0.0f, width - 1.0f);
    const float y = dice.between(0.0f, height - 1.0f);
    const float extent = dice.between(1.5f, 6.0f);
    const float slimness = dice.between(0.4f, 1.0f);
    const Rotation turn = Rotation::from_half_tangent(dice.between(-1.0f, 1.0f));
    if (dice.once_in(2)) {
      thing.add_disc({x, y}, extent);
    } else {
      thing.add(box({x, y}, extent, slimness * extent, turn));
    }
    canvas.paint(thing, other_tone(dice, garment_colour));
  }
}

inline void paint_hanger(Canvas& canvas, const Outline& garment) {
  const auto piece = [&](float up, float half_width, float half_height) {
    const Point offset = garment.tilt({0.0f, -up});
    return box({garment.hook.x + offset.x, garment.hook.y + offset.y}, half_width, half_height,
               garment.tilt);
  };
  Stencil hanger;
  hanger.add(piece(0.2f, 5.5f, 0.6f));
  hanger.add(piece(2.0f, 0.5f, 2.0f));
  hanger.add(piece(3.6f, 1.2f, 0.5f));
  canvas.paint(hanger, {110.0f, 100.0f, 92.0f});
}

inline Stencil cut_out(const Outline& garment) {
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

inline void paint_garment(Canvas& canvas, Stencil& cloth, Dice dice, int colour) {
  const Rotation turn = Rotation::from_half_tangent(dice.between(-0.4f, 0.4f));
  const float spacing = dice.between(3.0f, 8.0f);
  const float phase = dice.between(64.0f, 65.0f);
  cloth.fold({turn.cosine / spacing, turn.sine / spacing}, phase, dice.between(0.0f, 0.25f));
  canvas.paint(cloth, tone(dice, colour));
}

// Every fourth garment has a price tag on it, which hides some of the cloth.
inline Stencil tag(Dice& dice, const Outline& garment) {
  Stencil tag;
  if (dice.once_in(4)) {
    const float x = garment.hook.x + dice.between(-5.0f, 5.0f);
    const float y = garment.hook.y + dice.between(3.0f, 14.0f);
    const Rotation turn = Rotation::from_half_tangent(dice.between(-0.3f, 0.3f));
    tag.add(box({x, y}, dice.between(0.8f, 1.6f), dice.between(1.2f, 2.2f), turn));
  }
  return tag;
}

// Light of some colour and strength falls in from a side; the camera adds noise.
inline void expose(const Canvas& canvas, std::uint64_t record, std::uint8_t* image) {
  Dice dice(record, Aspect::light);
  const float gain = dice.between(0.85f, 1.12f);
  const float right = dice.between(-0.008f, 0.008f);
  const float down = dice.between(-0.008f, 0.008f);
  Colour tint;
  for (float& value : tint) value = gain * dice.between(0.95f, 1.05f);
  const float grain = dice.between(4.0f, 24.0f) / 256.0f;

  Dice noise(record, Aspect::noise);
  for (int i = 0; i < channels * pixels; i += 16) {
    const std::array<std::uint32_t, 4> random = noise.roll4();
    const int c = i / pixels;
    for (int k = 0; k < 16; ++k) {
      const int pixel = i % pixels + k;
      const float x = static_cast<float>(pixel % width) - 15.5f;
      const float y = static_cast<float>(pixel / width) - 15.5f;
      const float light = tint[c] * (1.0f + right * x + down * y);
      const float centred = static_cast<float>(random[k / 4] >> (k % 4 * 8) & 0xFF) - 127.5f;
      const float value = light * canvas.plane[c][pixel] + grain * centred;
      image[i + k] = static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
    }
  }
}

// image: 3 x 32 x 32, 0..255; mask: 32 x 32, 0 or 1.
inline void draw(std::uint64_t record, std::uint8_t* image, std::uint8_t* mask) {
  const Attributes what = attributes(record);
  Dice pose_dice(record, Aspect::pose);
  Outline garment = hang(patterns[what.kind], pose(pose_dice, what.size));
  place(garment, pose_dice);
  Dice clutter(record, Aspect::clutter);

  Canvas canvas;
  paint_background(canvas, Dice(record, Aspect::background), what.colour);
  paint_clutter(canvas, clutter, what.colour);
  paint_hanger(canvas, garment);
  Stencil cloth = cut_out(garment);
  paint_garment(canvas, cloth, Dice(record, Aspect::cloth), what.colour);
  const Stencil price_tag = tag(clutter, garment);
  canvas.paint(price_tag, other_tone(clutter, what.colour));
  expose(canvas, record, image);
  for (int i = 0; i < pixels; ++i) mask[i] = cloth.inside(i) && !price_tag.inside(i);
}

}  // namespace medley::drawing

namespace medley {

// The drawings as a source of records. Training, validation and test records follow one another.
class GarmentSource final : public Source {
 public:
  static constexpr std::array<TargetSpec, 3> targets{
      {{"colour", TargetKind::classes, drawing::colours},
       {"size", TargetKind::classes, drawing::sizes},
       {"mask", TargetKind::mask, 2}}};

  std::uint64_t size(Split split) const override { return sizes_[static_cast<std::size_t>(split)]; }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    for (std::size_t s = 0; s < static_cast<std::size_t>(split); ++s) rank += sizes_[s];
    return rank;
  }

  std::size_t scratch_bytes() const override { return image_bytes + drawing::pixels; }
  void read(std::uint64_t record, std::span<std::byte> scratch, Record& out) const override {
    auto* const image = reinterpret_cast<std::uint8_t*>(scratch.data());
    auto* const mask = image + image_bytes;
    drawing::draw(record, image, mask);
    const drawing::Attributes what = drawing::attributes(record);
    out.image = image;
    out.targets[0].label = what.colour;
    out.targets[1].label = what.size;
    out.targets[2].mask = mask;
  }
  std::int32_t label(std::uint64_t record, int target) const override {
    const drawing::Attributes what = drawing::attributes(record);
    return target == 0 ? what.colour : target == 1 ? what.size : -1;
  }
  bool labelled(std::uint64_t, int target) const override {
    return target >= 0 && target < static_cast<int>(targets.size());
  }

  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }
  std::span<const std::string> class_names(int target) const override {
    return target >= 0 && target < static_cast<int>(names_.size())
               ? std::span<const std::string>(names_[target])
               : std::span<const std::string>();
  }

 private:
  static constexpr std::size_t image_bytes = drawing::channels * drawing::pixels;
  static constexpr std::array<std::uint64_t, 3> sizes_{16384, 2048, 2048};

  // Of the training records; a test computes them again.
  static constexpr std::array<float, drawing::channels> mean_{128.0f, 128.0f, 128.0f};
  static constexpr std::array<float, drawing::channels> deviation_{60.0f, 60.0f, 60.0f};

  std::array<std::vector<std::string>, 3> names_{
      std::vector<std::string>(drawing::colour_names.begin(), drawing::colour_names.end()),
      std::vector<std::string>(drawing::size_names.begin(), drawing::size_names.end()),
      std::vector<std::string>{"background", "garment"}};
};

}  // namespace medley
