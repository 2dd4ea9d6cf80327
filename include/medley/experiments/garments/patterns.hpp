// Sewing patterns: seven kinds of garment, each sewn from convex panels of cloth.
//
// Lengths are in tenths of a pixel, for a garment of size M that hangs straight; x to the right,
// y down, the origin in the middle of the garment.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace medley::drawing {

struct Point {
  float x = 0.0f, y = 0.0f;
};

// Corners of a convex shape, in order around it.
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
  std::span<const Panel> panels;  // the first begins at the top
};
inline constexpr int max_panels = 4;

struct Tenths {
  int x, y;
};
constexpr Panel panel(Role role, Tenths a, Tenths b, Tenths c, Tenths d) {
  constexpr auto point = [](Tenths t) {
    return Point{static_cast<float>(t.x) / 10.0f, static_cast<float>(t.y) / 10.0f};
  };
  return {role, {point(a), point(b), point(c), point(d)}};
}

inline constexpr std::array t_shirt{
    panel(Role::body, {-54, -74}, {54, -74}, {51, 74}, {-51, 74}),
    panel(Role::arm, {38, -74}, {60, -72}, {102, -28}, {70, 2}),
    panel(Role::cutout, {-22, -84}, {22, -84}, {12, -56}, {-12, -56})};

inline constexpr std::array shirt{panel(Role::body, {-52, -80}, {52, -80}, {48, 80}, {-48, 80}),
                                  panel(Role::arm, {36, -80}, {62, -77}, {90, 44}, {60, 52}),
                                  panel(Role::cutout, {-18, -90}, {18, -90}, {5, -60}, {-5, -60})};

inline constexpr std::array jacket{
    panel(Role::body, {-56, -90}, {56, -90}, {66, 94}, {-66, 94}),
    panel(Role::arm, {38, -90}, {68, -87}, {94, 34}, {61, 42}),
    panel(Role::cutout, {-6, -100}, {6, -100}, {14, 104}, {-14, 104})};

inline constexpr std::array dress{
    panel(Role::body, {-40, -102}, {40, -102}, {31, -24}, {-31, -24}),
    panel(Role::body, {-30, -30}, {30, -30}, {70, 102}, {-70, 102}),
    panel(Role::arm, {26, -102}, {46, -100}, {78, -62}, {52, -42}),
    panel(Role::cutout, {-23, -112}, {23, -112}, {11, -82}, {-11, -82})};

inline constexpr std::array skirt{panel(Role::body, {-44, -74}, {44, -74}, {48, -52}, {-48, -52}),
                                  panel(Role::body, {-47, -56}, {47, -56}, {86, 74}, {-86, 74})};

inline constexpr std::array trousers{
    panel(Role::body, {-46, -100}, {46, -100}, {53, -48}, {-53, -48}),
    panel(Role::leg, {52, -60}, {53, 100}, {15, 100}, {-4, -60})};

inline constexpr std::array shorts{panel(Role::body, {-56, -64}, {56, -64}, {63, 2}, {-63, 2}),
                                   panel(Role::leg, {61, -12}, {70, 64}, {10, 64}, {-4, -12})};

inline constexpr std::array<Pattern, 7> patterns{{{"T-shirt", t_shirt},
                                                  {"shirt", shirt},
                                                  {"jacket", jacket},
                                                  {"dress", dress},
                                                  {"skirt", skirt},
                                                  {"trousers", trousers},
                                                  {"shorts", shorts}}};

}  // namespace medley::drawing
