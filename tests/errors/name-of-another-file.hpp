// a target cannot be named images: images.npy is another file
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr auto targets = std::to_array<TargetSpec>(
      {{"kind", TargetKind::classes, 5}, {"images", TargetKind::classes, 2}});
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
