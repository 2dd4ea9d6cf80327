// Whether probabilities say how often predictions are right.
//
// Predictions are put into bins of the same width by the probability of the predicted class, the
// confidence; bin m of M holds ((m - 1) / M, m / M]. Of the n_m in a bin, accuracy_m is the share that
// is right, confidence_m the mean of what they said:
//
//   expected calibration error   Σ_m n_m / n |accuracy_m - confidence_m|
//   largest                      max_m |accuracy_m - confidence_m|
//
// Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, with M = 15.
// scikit-learn: calibration_curve(right, confidence, n_bins=15, strategy="uniform").
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace medley {

class Reliability {
 public:
  static constexpr int bins = 15;

  // One that is not a number is left out.
  void add(double confidence, bool right);
  // The members from "count" on, as model_blocks.hpp has them. Standard errors of accuracies are
  // binomial, intervals Wilson's of 95 %, for predictions that are independent; null without.
  nlohmann::json block(bool independent) const;

 private:
  struct Bin {
    std::uint64_t count = 0, right = 0;
    double confidence = 0.0;  // sum
  };
  std::array<Bin, bins> bins_{};
};

}  // namespace medley
