// the names of layer trunk.0.main.main.main.main.main.main.main.main.main.main.main.m are longer than 64 characters: shorten the head's name, or nest less
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

struct wrong : right {
  template <int Depth, class Inner>
  struct Nest {
    using type = typename Nest<Depth - 1, Residual<Inner>>::type;
  };
  template <class Inner>
  struct Nest<0, Inner> {
    using type = Inner;
  };
  using Trunk = Sequence<typename Nest<12, Conv<1>>::type>;
};

}  // namespace medley::experiments
