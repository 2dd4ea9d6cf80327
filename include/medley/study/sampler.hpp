// Where a study looks: places of the unit cube, one coordinate a dimension of the search.
//
//   grid_places()     every combination
//   sobol_points()    quasi-random: each part of the cube gets its share, without clumps
//   ParzenProposals   adaptive: where good settings were dense and bad ones were not
//
// Depend on the seed alone (Philox): the same on every machine, in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace medley {

using Place = std::vector<double>;  // from 0 to below 1

// Points first to first + count - 1 of Sobol's sequence, scrambled as Owen does: a bit is flipped or
// not as a random function of the bits before it. 2^k points from 0 on have one in each of 2^k slices
// of every dimension. Sobol 1967; Owen, "Randomly Permuted (t,m,s)-Nets", 1995; as
// scipy.stats.qmc.Sobol(scramble=True), torch.quasirandom.SobolEngine(scramble=True).
std::vector<Place> sobol_points(std::uint64_t seed, std::size_t dimensions, std::size_t first,
                                std::size_t count);

// The tree-structured Parzen estimator: of the places that were tried, best first, a fifth are good;
// of 24 places drawn from the density l of the good ones, that with the largest l / g is proposed,
// with g the density of the others. Dimensions are independent. Densities are means of Gaussians
// around the places, as wide as the gap to the farther neighbour, reflected at 0 and 1, and a flat
// one; of lists, shares of values and one more each. Bergstra et al., "Algorithms for Hyper-Parameter
// Optimization", NIPS 2011; as hyperopt.tpe and optuna.samplers.TPESampler.
//
// `cardinality` has the number of values of each list, 0 for ranges. Draws depend on seed and `index`,
// the number of the proposal.
Place propose_place(std::span<const Place> best_first, std::span<const std::size_t> cardinality,
                    std::uint64_t seed, std::uint32_t index);

}  // namespace medley
