// Schedules as options and configuration files have them.
#pragma once

#include <string>
#include <string_view>

#include "medley/optimizers/schedule.hpp"

namespace medley {

// Text form, without the warm-up, which is an option of its own:
//   constant | cosine | step:GAMMA@FRACTION,FRACTION... | one-cycle | one-cycle:RISE,DIV,FINAL_DIV
// Throws a usage error that shows these forms.
Schedule parse_schedule(std::string_view text);
std::string to_string(const Schedule& schedule);

}  // namespace medley
