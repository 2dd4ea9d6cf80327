// How many terms and groups an experiment may have: what is kept for each has a fixed size.
#pragma once

#include <cstdint>

namespace medley {

inline constexpr int max_terms = 16;
// Terms as a set: bit k is term k.
using TermSet = std::uint32_t;
inline constexpr int max_groups = 8;

}  // namespace medley
