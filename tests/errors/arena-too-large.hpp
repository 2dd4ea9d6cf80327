// the arena needs 1335808 bytes, but memory.budget_bytes is 1000: a smaller memory.shard or memory.slots, or smaller layers, need less; the largest is heads.outline.0 with 82944 bytes a shard
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  static constexpr Memory memory{.shard = 4, .slots = 2, .budget_bytes = 1000};
};

}  // namespace medley::experiments
