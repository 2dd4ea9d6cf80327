// the experiment has 17 heads: from 1 to 16 are possible
#pragma once

#include "tests/errors/right.hpp"

namespace medley::experiments {

template <std::size_t... I>
std::tuple<Head<Name<2>({'a' + I, 0}), Dense<5>>...> kinds(std::index_sequence<I...>);

struct wrong : right {
  using Heads = decltype(kinds(std::make_index_sequence<17>{}));
  static constexpr auto terms = std::tuple{kind};
  static constexpr auto steps = joint(Adam{});
};

}  // namespace medley::experiments
