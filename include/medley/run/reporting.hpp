// Time and numbers as people are shown them.
#pragma once

#include <chrono>
#include <cmath>

namespace medley {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Four digits behind the point are enough for people.
inline double rounded(double x) { return std::round(x * 1e4) / 1e4; }

}  // namespace medley
