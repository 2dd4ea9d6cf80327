// the experiment has 17 targets: from 1 to 16 are possible
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto targets = [] {
    std::array<TargetSpec, 17> list;
    list.fill({"kind", TargetKind::classes, 5});
    return list;
  }();
};

}  // namespace medley::experiments
