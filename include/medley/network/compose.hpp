// How layers are put together. These types only describe; graph.hpp turns them into nodes.
#pragma once

#include <cstdint>
#include <string_view>

#include "medley/base/name.hpp"

namespace medley {

// Heads as a set: bit h is head h.
using HeadSet = std::uint32_t;
inline constexpr int max_heads = 16;

// One layer after the other.
template <class... Layers>
struct Sequence {};

using Identity = Sequence<>;

// main(x) + shortcut(x) (He et al. 2015). Parameters: <path>.main.…, <path>.shortcut.….
template <class Main, class Shortcut = Identity>
struct Residual {};

// Outputs of all branches, one after the other along the channels, as torch.cat(…, dim=1).
// Parameters: <path>.branch.0.…, <path>.branch.1.….
template <class... Branches>
struct Concat {};

// The layers of one task, on top of the trunk's output.
template <Name N, class... Layers>
struct Head {
  static constexpr std::string_view name = N.view();
  using layers = Sequence<Layers...>;
};

}  // namespace medley
