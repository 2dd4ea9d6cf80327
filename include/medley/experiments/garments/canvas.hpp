// A small canvas, and stencils to paint on it: convex shapes with soft edges.
//
// Only + - * /, square roots and comparisons of floats, so that a picture is the same bits on every
// machine. Loops run over whole rows of constant length: the compiler turns them into vectors.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "medley/experiments/garments/patterns.hpp"

namespace medley::drawing {

inline constexpr int channels = 3;
inline constexpr int height = 32;
inline constexpr int width = 32;
inline constexpr int pixels = height * width;

// By value, unlike the standard library's: loops over these become vector code.
constexpr float smaller(float a, float b) { return b < a ? b : a; }
constexpr float larger(float a, float b) { return b > a ? b : a; }
constexpr float clamped(float value, float low, float high) {
  return smaller(larger(value, low), high);
}

constexpr Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
constexpr Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }

// A pixel's centre, seen from the middle of the picture.
constexpr Point from_middle(int x, int y) {
  return {static_cast<float>(x) - 0.5f * (width - 1), static_cast<float>(y) - 0.5f * (height - 1)};
}

// Added to a coordinate before it is made an integer, so that it is rounded towards one side.
inline constexpr float positive = 64.0f;

using Colour = std::array<float, channels>;  // red, green, blue, 0..255

constexpr Colour mix(const Colour& a, const Colour& b, float share_of_b) {
  Colour mixed{};
  for (int c = 0; c < channels; ++c) mixed[c] = a[c] + share_of_b * (b[c] - a[c]);
  return mixed;
}

// A rotation, clockwise on the screen, as three shears one after the other (Paeth, "A Fast
// Algorithm for General Raster Rotation", 1986). The matrix form would not do: from a product's sum
// and difference side by side, g++ 12 makes one fused instruction even where contraction is off.
class Rotation {
 public:
  constexpr Rotation() = default;
  static constexpr Rotation from_half_tangent(float t) { return {t, 2.0f * t / (1.0f + t * t)}; }

  constexpr Point operator()(Point p) const {
    p.x -= half_tangent_ * p.y;
    p.y += sine_ * p.x;
    p.x -= half_tangent_ * p.y;
    return p;
  }
  constexpr Point about(Point pivot, Point p) const { return pivot + (*this)(p - pivot); }

 private:
  constexpr Rotation(float half_tangent, float sine) : half_tangent_(half_tangent), sine_(sine) {}

  float half_tangent_ = 0.0f, sine_ = 0.0f;
};

constexpr Quad box(Point centre, float half_width, float half_height, Rotation turn) {
  const Point u = turn({half_width, 0.0f}), v = turn({0.0f, half_height});
  return {centre - u - v, centre + u - v, centre + u + v, centre - u + v};
}

// The rows of a picture that something may touch; none to begin with.
struct Rows {
  int first = height, last = -1;

  static Rows between(float top, float bottom) {
    return {static_cast<int>(clamped(top - 1.0f, 0.0f, height - 1.0f)),
            static_cast<int>(clamped(bottom + 2.0f, 0.0f, height - 1.0f))};
  }
  void join(Rows other) {
    first = std::min(first, other.first);
    last = std::max(last, other.last);
  }
};

// The half-planes whose intersection is a convex quad, each as a x + b y + c, the distance from its
// border. Near a corner the largest of the four is less than the true distance: corners stay sharp.
struct HalfPlanes {
  std::array<float, 4> a{}, b{}, c{};

  explicit HalfPlanes(const Quad& quad) {
    const Point inside{0.5f * (quad[0].x + quad[2].x), 0.5f * (quad[0].y + quad[2].y)};
    for (int i = 0; i < 4; ++i) {
      const Point p = quad[i], q = quad[(i + 1) % 4];
      const float dx = q.x - p.x, dy = q.y - p.y;
      const bool clockwise = dx * (inside.y - p.y) > dy * (inside.x - p.x);
      const float scale = (clockwise ? 1.0f : -1.0f) / std::sqrt(dx * dx + dy * dy);
      a[i] = dy * scale;
      b[i] = -dx * scale;
      c[i] = -(a[i] * p.x + b[i] * p.y);
    }
  }
  float distance(int x, int y) const {
    return larger(larger(along(0, x, y), along(1, x, y)), larger(along(2, x, y), along(3, x, y)));
  }

 private:
  float along(int i, int x, int y) const {
    return a[i] * static_cast<float>(x) + (b[i] * static_cast<float>(y) + c[i]);
  }
};

// A shape under construction: for each pixel the distance from its centre to the shape's edge,
// negative inside, and the shade of the material, 1 where it is fully lit.
class Stencil {
 public:
  Stencil() {
    distance_.fill(far_away);
    shade_.fill(1.0f);
  }

  void add(const Quad& quad, float shade = 1.0f) {
    const HalfPlanes edges(quad);
    const Rows rows = rows_of(quad);
    rows_.join(rows);
    for (int y = rows.first; y <= rows.last; ++y) {
      for (int x = 0; x < width; ++x) {
        const int i = y * width + x;
        const float d = edges.distance(x, y), before = distance_[i];
        shade_[i] = d < before ? shade : shade_[i];
        distance_[i] = smaller(before, d);
      }
    }
  }

  void add_disc(Point centre, float radius) {
    const Rows rows = Rows::between(centre.y - radius, centre.y + radius);
    rows_.join(rows);
    for (int y = rows.first; y <= rows.last; ++y) {
      for (int x = 0; x < width; ++x) {
        const int i = y * width + x;
        const float dx = static_cast<float>(x) - centre.x, dy = static_cast<float>(y) - centre.y;
        const float d = std::sqrt(dx * dx + dy * dy) - radius;
        distance_[i] = smaller(distance_[i], d);
      }
    }
  }

  void cut(const Quad& quad) {
    const HalfPlanes edges(quad);
    const Rows rows = rows_of(quad);
    for (int y = rows.first; y <= rows.last; ++y) {
      for (int x = 0; x < width; ++x) {
        const int i = y * width + x;
        distance_[i] = larger(distance_[i], -edges.distance(x, y));
      }
    }
  }

  // Soft folds: the shade dips by `depth` and recovers, once in `spacing` pixels.
  void fold(Rotation direction, float spacing, float phase, float depth) {
    for (int y = rows_.first; y <= rows_.last; ++y) {
      for (int x = 0; x < width; ++x) {
        const float u = positive + phase + direction(from_middle(x, y)).x / spacing;
        const float wave = u - static_cast<float>(static_cast<int>(u));
        shade_[y * width + x] *= 1.0f - depth * std::fabs(2.0f * wave - 1.0f);
      }
    }
  }

  Rows rows() const { return rows_; }
  bool inside(int pixel) const { return distance_[pixel] < 0.0f; }
  float shade(int pixel) const { return shade_[pixel]; }
  // Share of the pixel that the shape covers, as if its edge ran straight across.
  float coverage(int pixel) const { return clamped(0.5f - distance_[pixel], 0.0f, 1.0f); }

 private:
  static constexpr float far_away = 1000.0f;

  static Rows rows_of(const Quad& quad) {
    const auto [top, bottom] = std::minmax({quad[0].y, quad[1].y, quad[2].y, quad[3].y});
    return Rows::between(top, bottom);
  }

  std::array<float, pixels> distance_;
  std::array<float, pixels> shade_;
  Rows rows_;
};

// The picture while it is painted, one plane a channel.
struct Canvas {
  std::array<std::array<float, pixels>, channels> plane;

  void set(int x, int y, const Colour& colour) {
    for (int c = 0; c < channels; ++c) plane[c][y * width + x] = colour[c];
  }

  void paint(const Stencil& stencil, const Colour& colour) {
    for (int c = 0; c < channels; ++c) {
      for (int y = stencil.rows().first; y <= stencil.rows().last; ++y) {
        for (int x = 0; x < width; ++x) {
          const int i = y * width + x;
          plane[c][i] += stencil.coverage(i) * (stencil.shade(i) * colour[c] - plane[c][i]);
        }
      }
    }
  }
};

}  // namespace medley::drawing
