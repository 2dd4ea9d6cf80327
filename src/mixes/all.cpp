#include "medley/mixes/all.hpp"

namespace medley {

std::array<AnyMix, std::tuple_size_v<EveryMix>> compiled_mixes(const EveryMix& mixes) {
  return std::apply([](const auto&... mix) { return std::array{AnyMix(mix)...}; }, mixes);
}

}  // namespace medley
