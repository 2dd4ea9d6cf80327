// What is best: the numbers by which the best checkpoint of a run is chosen, in the order in which
// they count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/experiment/records.hpp"

namespace medley {

// One of them: "total", "term.<term>" or a metric such as "colour.accuracy", of a split.
struct Criterion {
  Split split = Split::validation;
  std::string name = "total";
  bool more_is_better = false;
};

inline constexpr std::size_t most_criteria = 8;

// What logs call the evaluation of the whole training split ("train" are batches), and of the test
// split with the best parameters.
inline constexpr std::string_view whole_train = "whole.train", best_test = "best.test";

// More is better of accuracies, F1, AUC, IoU; less of totals, terms and errors. The last part of the
// name tells.
bool more_is_better(std::string_view name);

// As --best takes it: "colour.accuracy" of the validation split, "train.colour.accuracy" of the
// training split.
std::string to_string(const Criterion& criterion);

// What the text names; nothing if that is none of `names`. Names of experiments come first, so that
// a target may be called "train". The split `test` is given too: whoever asks refuses it.
std::optional<Criterion> find_criterion(std::string_view text, std::span<const std::string> names);

// How far a run has come: its best evaluation, and how many there were since.
struct BestSoFar {
  std::uint64_t step = 0;  // after so many; 0: none yet
  std::uint64_t waited = 0;
  std::array<double, most_criteria> value = [] {
    std::array<double, most_criteria> none{};
    none.fill(std::numeric_limits<double>::infinity());
    return none;
  }();

  // Counts the evaluation after `step`; whether it is the best so far. A later number decides where
  // all before it tie. An evaluation that ties in all is not better, and one of which the first
  // number is not finite (no record counts for it) never is; other numbers that are not finite are
  // worse than any.
  bool add(std::uint64_t at, std::span<const Criterion> criteria,
           std::span<const double> values) noexcept;
};

}  // namespace medley
