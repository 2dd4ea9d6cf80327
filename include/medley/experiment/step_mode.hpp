// The step modes by name; what each does is told in experiment/steps.hpp.
#pragma once

#include <array>
#include <string_view>

namespace medley {

enum class StepMode { joint, simultaneous, alternating };
inline constexpr std::array<std::string_view, 3> step_mode_names{"joint", "simultaneous",
                                                                 "alternating"};

}  // namespace medley
