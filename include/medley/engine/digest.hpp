// The digest of a model in an arena.
#pragma once

#include <cstdint>

#include "medley/base/digest.hpp"
#include "medley/experiment/definition.hpp"

namespace medley {

// Of all parameters of an experiment; what `train` prints.
template <class Experiment>
std::uint64_t parameter_digest(const float* arena) {
  using D = Definition<Experiment>;
  ParameterDigest digest;
  for (const PlacedParameter& p : D::Net::parameters) {
    digest.add(p.spec.extent, p.spec.packing, arena + D::map.parameters + p.offset);
  }
  return digest.value();
}

}  // namespace medley
