// Sewing patterns: seven kinds of garment, each cut from convex panels of cloth.
//
// Lengths are in pixels of a garment of size M seen straight on; x to the right, y down, the origin
// at the wearer's middle.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace medley::drawing {

struct Point {
  float x = 0.0f, y = 0.0f;
};

// Corners of a convex panel, in order around it.
using Quad = std::array<Point, 4>;

// A limb is given for the right side of the picture and sewn on twice, the second time mirrored; it
// turns about its first corner. A cutout takes cloth away: a neckline, an open front.
enum class Role : std::uint8_t { body, arm, leg, cutout };

struct Panel {
  Role role{};
  Quad corners{};
};

struct Pattern {
  std::string_view name;
  int panels = 0;
  std::array<Panel, 4> panel{};
};

inline constexpr std::array<Pattern, 7> patterns{{
    {"T-shirt",
     3,
     {{{Role::body, {{{-5.4f, -7.4f}, {5.4f, -7.4f}, {5.1f, 7.4f}, {-5.1f, 7.4f}}}},
       {Role::arm, {{{3.8f, -7.4f}, {6.0f, -7.2f}, {10.2f, -2.8f}, {7.0f, 0.2f}}}},
       {Role::cutout, {{{-2.2f, -8.4f}, {2.2f, -8.4f}, {1.2f, -5.6f}, {-1.2f, -5.6f}}}}}}},
    {"shirt",
     3,
     {{{Role::body, {{{-5.2f, -8.0f}, {5.2f, -8.0f}, {4.8f, 8.0f}, {-4.8f, 8.0f}}}},
       {Role::arm, {{{3.6f, -8.0f}, {6.2f, -7.7f}, {10.9f, 4.8f}, {7.7f, 6.0f}}}},
       {Role::cutout, {{{-1.8f, -9.0f}, {1.8f, -9.0f}, {0.5f, -6.0f}, {-0.5f, -6.0f}}}}}}},
    {"jacket",
     3,
     {{{Role::body, {{{-5.6f, -9.0f}, {5.6f, -9.0f}, {6.6f, 9.4f}, {-6.6f, 9.4f}}}},
       {Role::arm, {{{3.8f, -9.0f}, {6.8f, -8.7f}, {11.2f, 4.2f}, {7.8f, 5.4f}}}},
       {Role::cutout, {{{-0.6f, -10.0f}, {0.6f, -10.0f}, {1.4f, 10.4f}, {-1.4f, 10.4f}}}}}}},
    {"dress",
     4,
     {{{Role::body, {{{-4.0f, -10.2f}, {4.0f, -10.2f}, {3.1f, -2.4f}, {-3.1f, -2.4f}}}},
       {Role::body, {{{-3.0f, -3.0f}, {3.0f, -3.0f}, {7.0f, 10.2f}, {-7.0f, 10.2f}}}},
       {Role::arm, {{{2.6f, -10.2f}, {4.6f, -10.0f}, {7.8f, -6.2f}, {5.2f, -4.2f}}}},
       {Role::cutout, {{{-2.3f, -11.2f}, {2.3f, -11.2f}, {1.1f, -8.2f}, {-1.1f, -8.2f}}}}}}},
    {"skirt",
     2,
     {{{Role::body, {{{-4.4f, -7.4f}, {4.4f, -7.4f}, {4.8f, -5.2f}, {-4.8f, -5.2f}}}},
       {Role::body, {{{-4.7f, -5.6f}, {4.7f, -5.6f}, {8.6f, 7.4f}, {-8.6f, 7.4f}}}}}}},
    {"trousers",
     2,
     {{{Role::body, {{{-4.6f, -10.0f}, {4.6f, -10.0f}, {5.3f, -4.8f}, {-5.3f, -4.8f}}}},
       {Role::leg, {{{5.2f, -6.0f}, {5.3f, 10.0f}, {1.5f, 10.0f}, {-0.4f, -6.0f}}}}}}},
    {"shorts",
     2,
     {{{Role::body, {{{-5.6f, -6.4f}, {5.6f, -6.4f}, {6.3f, 0.2f}, {-6.3f, 0.2f}}}},
       {Role::leg, {{{6.1f, -1.2f}, {7.0f, 6.4f}, {1.0f, 6.4f}, {-0.4f, -1.2f}}}}}}},
}};

}  // namespace medley::drawing
