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

using Colour = std::array<float, channels>;  // red, green, blue, 0..255

constexpr Colour mix(const Colour& a, const Colour& b, float share_of_b) {
  Colour mixed{};
  for (int c = 0; c < channels; ++c) mixed[c] = a[c] + share_of_b * (b[c] - a[c]);
  return mixed;
}

// A rotation (clockwise on the screen) by the angle whose half has this tangent: the rational
// parametrization of the circle, which needs no sine.
struct Rotation {
  float cosine = 1.0f, sine = 0.0f;

  static constexpr Rotation from_half_tangent(float t) {
    const float scale = 1.0f / (1.0f + t * t);
    return {(1.0f - t * t) * scale, 2.0f * t * scale};
  }
  constexpr Point operator()(Point p) const {
    return {cosine * p.x - sine * p.y, sine * p.x + cosine * p.y};
  }
  constexpr Point about(Point pivot, Point p) const {
    const Point turned = (*this)({p.x - pivot.x, p.y - pivot.y});
    return {pivot.x + turned.x, pivot.y + turned.y};
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
    const Edges edges(quad);
    for (int y = edges.first_row; y <= edges.last_row; ++y) {
      float* const distance = &distance_[y * width];
      float* const shades = &shade_[y * width];
      for (int x = 0; x < width; ++x) {
        const float d = edges.distance(x, y);
        shades[x] = d < distance[x] ? shade : shades[x];
        distance[x] = d < distance[x] ? d : distance[x];
      }
    }
  }

  void add_disc(Point centre, float radius) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const float dx = static_cast<float>(x) - centre.x, dy = static_cast<float>(y) - centre.y;
        const float d = std::sqrt(dx * dx + dy * dy) - radius;
        distance_[y * width + x] = std::min(distance_[y * width + x], d);
      }
    }
  }

  void cut(const Quad& quad) {
    const Edges edges(quad);
    for (int y = edges.first_row; y <= edges.last_row; ++y) {
      for (int x = 0; x < width; ++x) {
        distance_[y * width + x] = std::max(distance_[y * width + x], -edges.distance(x, y));
      }
    }
  }

  // Soft folds: the shade dips by `depth` and recovers along `across`, a vector of one over the
  // folds' spacing.
  void fold(Point across, float phase, float depth) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const float u = phase + across.x * static_cast<float>(x) + across.y * static_cast<float>(y);
        const float wave = u - static_cast<float>(static_cast<int>(u));
        shade_[y * width + x] *= 1.0f - depth * std::fabs(2.0f * wave - 1.0f);
      }
    }
  }

  bool inside(int pixel) const { return distance_[pixel] < 0.0f; }
  // Share of the pixel that the shape covers, as if its edge ran straight.
  float coverage(int pixel) const { return std::clamp(0.5f - distance_[pixel], 0.0f, 1.0f); }
  float shade(int pixel) const { return shade_[pixel]; }

 private:
  static constexpr float far_away = 1000.0f;

  // The half-planes whose intersection is a convex quad, each as a x + b y + c, the distance from
  // its border. Near a corner the largest of the four is less than the true distance: corners are
  // sharp, as cloth is.
  struct Edges {
    std::array<float, 4> a{}, b{}, c{};
    int first_row, last_row;  // that the quad touches

    explicit Edges(const Quad& quad) {
      const Point centre{0.25f * (quad[0].x + quad[1].x + quad[2].x + quad[3].x),
                         0.25f * (quad[0].y + quad[1].y + quad[2].y + quad[3].y)};
      float top = quad[0].y, bottom = quad[0].y;
      for (int e = 0; e < 4; ++e) {
        const Point p = quad[e], q = quad[(e + 1) % 4];
        const float dx = q.x - p.x, dy = q.y - p.y;
        const float outside = dy * (centre.x - p.x) - dx * (centre.y - p.y) < 0.0f ? 1.0f : -1.0f;
        const float scale = outside / std::sqrt(dx * dx + dy * dy);
        a[e] = dy * scale;
        b[e] = -dx * scale;
        c[e] = -(a[e] * p.x + b[e] * p.y);
        top = std::min(top, p.y);
        bottom = std::max(bottom, p.y);
      }
      first_row = static_cast<int>(std::clamp(top - 1.0f, 0.0f, height - 1.0f));
      last_row = static_cast<int>(std::clamp(bottom + 2.0f, 0.0f, height - 1.0f));
    }

    float distance(int x, int y) const {
      const float fx = static_cast<float>(x), fy = static_cast<float>(y);
      return std::max(std::max(a[0] * fx + (b[0] * fy + c[0]), a[1] * fx + (b[1] * fy + c[1])),
                      std::max(a[2] * fx + (b[2] * fy + c[2]), a[3] * fx + (b[3] * fy + c[3])));
    }
  };

  std::array<float, pixels> distance_;
  std::array<float, pixels> shade_;
};

// The picture while it is painted, one plane a channel.
struct Canvas {
  std::array<std::array<float, pixels>, channels> plane;

  void set(int pixel, const Colour& colour) {
    for (int c = 0; c < channels; ++c) plane[c][pixel] = colour[c];
  }

  void paint(const Stencil& stencil, const Colour& colour) {
    for (int c = 0; c < channels; ++c) {
      for (int i = 0; i < pixels; ++i) {
        plane[c][i] += stencil.coverage(i) * (stencil.shade(i) * colour[c] - plane[c][i]);
      }
    }
  }
};

}  // namespace medley::drawing
