// What is said of a step where it is asked for (--diagnose): a row of diagnostics.csv.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "medley/base/line.hpp"
#include "medley/engine/reports.hpp"
#include "medley/experiment/description.hpp"
#include "medley/run/run_folder.hpp"

namespace medley {

// Over the K losses of the experiment, g_k their gradients over the trunk at the parameters before the
// step, w_k the weights as used, C the cosines:
//
//   <loss>.contribution      w_k ‖g_k‖, and its share of their sum
//   <loss>.predicted, .real  ⟨g_k, Δθ⟩, and how the loss has changed on the batch
//   <loss>.control           cosine of the loss's gradients from two halves of the batch: noise alone
//                            brings it below 1
//   similarity.<a>.<b>       2 ‖g_a‖ ‖g_b‖ / (‖g_a‖² + ‖g_b‖²)
//   corrected.<a>.<b>        cosine without the noise that weakens it: ⟨g_a, g_b'⟩ from different
//                            halves over √(⟨g_a, g_a'⟩ ⟨g_b, g_b'⟩); empty where noise hides it
//   affinity.<a>.<b>         η ⟨g_a, g_b⟩ / l_b: the share of loss b that a step against g_a takes away,
//                            to first order (Fifty et al., 2021, arXiv 2109.04617)
//   lookahead.<a>.<b>        the same by taking that step: 1 - l_b after it over l_b; where asked for
//   eigenvalue.<i>           of the Gramian, descending
//   condition                of C: the largest eigenvalue over the smallest
//   effective_rank           e to the entropy of the eigenvalues' shares
//   stationarity             norm of the least convex combination of the gradients, and over that of
//                            the losses' own weights (`stationarity.relative`)
//   length                   ‖Σ w_k g_k‖ over that with the losses' own weights
//   exact.cosine             between Σ w_k g_k and what the exact Gramian would have given; 1 where it
//                            was taken
class Diagnostics {
 public:
  // Opens the file, cut to so many bytes. Throws io_error, data_error.
  Diagnostics(const Description& description, const std::filesystem::path& run, std::uint64_t bytes,
              bool looks_ahead);

  std::uint64_t bytes() const { return file_.bytes(); }
  // `rate` gives the learning rate of each group in this step. Does not allocate.
  Status write(std::uint32_t epoch, std::uint64_t step, const StepReport& report,
               const Diagnosis& diagnosis, std::span<const double> own,
               std::span<const double> rate) noexcept;
  Status sync() noexcept { return file_.sync(); }

 private:
  std::string header() const;

  const Description& d_;
  std::vector<std::size_t> losses_;  // terms that are no penalties
  std::vector<std::size_t> group_;   // of each of these
  bool looks_ahead_;
  LogFile file_;
  Line<32768> row_;
};

}  // namespace medley
