// What a comparison reads of a run folder besides its results: how gradients agreed, and the weights
// that were used.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace medley::comparison {

// The cosine of two losses' gradients without sampling noise, over the rows of diagnostics.csv:
//
//   Σ_t √(c_a c_b) · corrected_t / Σ_t √(c_a c_b)
//
// with c_a, c_b the cosines of each loss's own gradients from two halves of the batch. Rows weigh as
// much as noise leaves of them: what is averaged is the cosine between halves, before it is divided by
// what noise takes away. (The mean of `corrected` itself is ruled by rows whose divisor is next to 0.) NaN
// where no row has all three.
double corrected_cosine(const std::filesystem::path& run, const std::string& a,
                        const std::string& b);

// The mean weight of each loss over the training rows of losses.csv, scaled so that they add up to
// their number; empty where that cannot be.
std::vector<double> used_weights(const std::filesystem::path& run,
                                 const std::vector<std::string>& losses);

}  // namespace medley::comparison
