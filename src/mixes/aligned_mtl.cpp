// Aligned-MTL, by the eigenvalues of the Gramian over its trace.
#include "medley/mixes/aligned_mtl.hpp"

#include <cmath>
#include <cstddef>

#include "medley/mixes/active.hpp"
#include "medley/mixes/spectrum.hpp"

namespace medley {
namespace {

Spectrum spectrum_over_trace(const ScaledGramian& gramian) {
  double trace = 0.0;
  for (std::size_t i = 0; i < gramian.count; ++i) trace += gramian(i, i);
  SmallMatrix g = small_matrix(0.0);
  for (std::size_t i = 0; i < gramian.count; ++i) {
    for (std::size_t j = 0; j < gramian.count; ++j) g(i, j) = gramian(i, j) / trace;
  }
  return spectrum_of(g, gramian.count);
}

double chosen_eigenvalue(const Spectrum& found, int scale) {
  if (scale == 0) return found.values(found.rank - 1);
  if (scale == 1) return found.values(found.rank / 2);
  double sum = 0.0;
  for (std::size_t r = 0; r < found.rank; ++r) sum += found.values(r);
  return sum / static_cast<double>(found.rank);
}

}  // namespace

void AlignedMtl::weights(const MixStep& step, std::span<double> out) const {
  combine(step, out, [&](const ActiveLosses& losses, SmallVector& w) {
    const Spectrum found = spectrum_over_trace(losses.gramian);
    if (!found.ended || found.rank == 0) {
      step.flag(MixFlag::no_solution);
      return false;
    }
    const double chosen = chosen_eigenvalue(found, scale);
    w.fill(0.0);
    for (std::size_t r = 0; r < found.rank; ++r) {
      double along = 0.0;
      for (std::size_t k = 0; k < losses.count; ++k) {
        along += found.vectors(k, r) * losses.preference(k);
      }
      along *= std::sqrt(chosen / found.values(r));
      for (std::size_t k = 0; k < losses.count; ++k) w(k) += along * found.vectors(k, r);
    }
    return true;
  });
}

}  // namespace medley
