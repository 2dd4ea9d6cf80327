// Where the tensors of an exported network lie while it computes one picture: each in a part of the
// caller's memory for as long as it is read, after which others take its place.
//
// At time 0 the picture is normalized into tensor 0, at time i + 1 layer i runs. A head's outputs are
// given to the caller as soon as they are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "medley/export/network_view.hpp"
#include "medley/network/plan.hpp"

namespace medley {

// What becomes of a layer.
struct CStep {
  enum class Way {
    nothing,   // its output is its input: dropout, flatten
    in_place,  // works on the memory of its first input, or of the one that `inputs` has first
    copied,    // works in place on a copy of its first input, which others read too
    apart,     // reads its inputs and writes elsewhere
    unused,    // no head needs it
  };
  Way way = Way::apart;
  std::vector<int> inputs;  // tensors; of a sum, the one that it is added to comes first
  std::uint64_t heads = 0;  // those that need it, a bit each
};

struct CMemory {
  std::vector<CStep> steps;     // one a layer
  std::vector<int> origin;      // the tensor that each is the same as, where a layer does nothing
  std::vector<int> buffer_of;   // of each tensor; -1: nobody needs it
  std::vector<Buffer> buffers;  // offsets in floats
  std::size_t floats = 0;

  std::size_t offset(int tensor) const {
    return buffers[static_cast<std::size_t>(buffer_of[static_cast<std::size_t>(tensor)])].offset;
  }
};

CMemory plan_c_memory(const NetworkView& network);

}  // namespace medley
