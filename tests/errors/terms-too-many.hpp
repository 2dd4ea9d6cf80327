// the experiment has 17 terms: from 1 to 16 are possible
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

template <std::size_t... I>
constexpr auto of_kind(std::index_sequence<I...>) {
  return std::tuple{term<Name<2>({'a' + I, 0}), "kind">(SoftmaxCrossEntropy{})...};
}

struct wrong : right {
  static constexpr auto terms = of_kind(std::make_index_sequence<17>{});
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
