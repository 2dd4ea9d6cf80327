// Losses as the engine runs them, and what they are compared with: formulas over whole batches in
// double precision, central differences of these, and files of PyTorch's values.
#pragma once

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>
#include <xtensor/xadapt.hpp>
#include <xtensor/xindex_view.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "medley/base/random.hpp"
#include "medley/losses/loss.hpp"

namespace medley::testing {

using Matrix = xt::xtensor<double, 2>;

inline constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// --- a batch of samples, or a picture of pixels --------------------------------------------------

// Rows are samples or pixels; every number is exact in single precision.
struct Batch {
  Matrix x;                 // logits [rows][channels]
  std::vector<int> label;   // -1: missing
  Matrix value;             // targets [rows][channels]
  std::vector<bool> known;  // whether the row has its target

  int rows() const { return static_cast<int>(x.shape(0)); }
  int channels() const { return static_cast<int>(x.shape(1)); }
};

class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : stream_(seed, Purpose::generator, 0, 0) {}
  double operator()(double low, double high) {
    return static_cast<float>(low + (high - low) * unit_float(stream_.draw(count_++)[0]));
  }
  int below(int bound) { return static_cast<int>(bounded(stream_.draw(count_++)[0], bound)); }

 private:
  RandomStream stream_;
  std::uint32_t count_ = 0;
};

// Logits in ±3, targets of 0 and 1 (or between, if `soft`), about every fifth row without a target.
inline Batch make_batch(int rows, int channels, std::uint64_t seed, bool soft = false) {
  Numbers number(seed);
  Batch batch{Matrix::from_shape({std::size_t(rows), std::size_t(channels)}), {}, {}, {}};
  batch.value = batch.x;
  for (int r = 0; r < rows; ++r) {
    const bool known = r == 0 || number.below(5) > 0;
    batch.known.push_back(known);
    batch.label.push_back(known ? number.below(channels) : -1);
    for (int c = 0; c < channels; ++c) {
      batch.x(r, c) = number(-3.0, 3.0);
      batch.value(r, c) = soft ? number(0.0, 1.0) : number.below(2);
    }
  }
  return batch;
}

// --- running a loss as the engine does -----------------------------------------------------------

// A loss adds to what is there.
inline constexpr float gradient_before = 0x1p-8f, gradient_weight = 24.0f;

struct Outcome {
  double value = 0.0;
  Matrix gradient;  // [rows][channels]
};

// Channel-major storage of rows [first, last), padded to 16 positions. What must not be looked at
// is poisoned: labels out of range, values that are not a number.
struct Storage {
  int channels, positions;
  std::vector<float> logits, values, sample_weight, gradient;
  std::vector<std::int32_t> labels;

  Storage(const Batch& batch, const std::vector<float>& share, int first, int last)
      : channels(batch.channels()),
        positions((last - first + 15) / 16 * 16),
        logits(channels * positions, 1.5f),
        values(channels * positions, nan),
        sample_weight(positions, 0.0f),
        gradient(channels * positions, gradient_before),
        labels(positions, -77) {
    for (int r = first; r < last; ++r) {
      const int p = r - first;
      sample_weight[p] = share[r];
      if (batch.known[r]) labels[p] = batch.label[r];
      for (int c = 0; c < channels; ++c) {
        logits[c * positions + p] = static_cast<float>(batch.x(r, c));
        if (batch.known[r]) values[c * positions + p] = static_cast<float>(batch.value(r, c));
      }
    }
  }
};

template <int C, class L>
[[gnu::noinline]] float evaluate(const L& loss, Storage& storage, bool with_gradient) {
  return loss.evaluate(LossBlock<C>{.positions = storage.positions,
                                    .logits = storage.logits.data(),
                                    .labels = storage.labels.data(),
                                    .values = storage.values.data(),
                                    .sample_weight = storage.sample_weight.data(),
                                    .gradient = with_gradient ? storage.gradient.data() : nullptr,
                                    .weight = gradient_weight});
}

// The sample weight of every row: its weight among the known ones, times `scale`.
template <class L>
std::vector<float> shares(const L& loss, const Batch& batch, double scale) {
  std::vector<double> weight(batch.known.size(), 0.0);
  double total = 0.0;
  for (std::size_t r = 0; r < weight.size(); ++r) {
    if (batch.known[r]) total += weight[r] = record_weight(loss, batch.label[r]);
  }
  std::vector<float> share(weight.size());
  for (std::size_t r = 0; r < share.size(); ++r) {
    share[r] = static_cast<float>(scale * weight[r] / total);
  }
  return share;
}

// Evaluates block after block; `once(storage, with_gradient)` is the loss.
inline Outcome run_blocks(const Batch& batch, const std::vector<float>& share, int rows_a_block,
                          const std::function<float(Storage&, bool)>& once) {
  Outcome outcome{0.0, Matrix::from_shape(batch.x.shape())};
  for (int first = 0; first < batch.rows(); first += rows_a_block) {
    const int last = std::min(first + rows_a_block, batch.rows());
    Storage storage(batch, share, first, last);
    const float value = once(storage, true), alone = once(storage, false);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(alone), std::bit_cast<std::uint32_t>(value));
    outcome.value += value;
    for (int p = 0; p < storage.positions; ++p) {
      const bool counts = first + p < last && batch.known[first + p];
      for (int c = 0; c < storage.channels; ++c) {
        const float got = storage.gradient[c * storage.positions + p];
        if (!counts && std::isfinite(value)) {
          EXPECT_EQ(got, gradient_before) << "no target at position " << p;
        }
        if (first + p < last) {
          outcome.gradient(first + p, c) =
              (double{got} - double{gradient_before}) / double{gradient_weight};
        }
      }
    }
  }
  return outcome;
}

template <int C, class L>
Outcome run(const L& loss, const Batch& batch, double scale = 1.0) {
  static_assert(Loss<L, C>);
  EXPECT_TRUE(loss.valid(C));
  return run_blocks(batch, shares(loss, batch, scale), dense_only<L> ? batch.rows() : 32,
                    [&](Storage& storage, bool with_gradient) {
                      return evaluate<C>(loss, storage, with_gradient);
                    });
}

// Calls f(integral_constant) for numbers of channels from 1 to 20, from `Least` on.
template <int Least, class F>
void for_channels(F f) {
  const auto one = [&](auto channels) {
    if constexpr (channels >= Least) f(channels);
  };
  [&]<int... C>(std::integer_sequence<int, C...>) { (one(std::integral_constant<int, C>{}), ...); }
  (std::integer_sequence<int, 1, 2, 3, 5, 8, 14, 20>{});
}

// --- formulas: whole batches, [rows][channels], in double ----------------------------------------

inline std::vector<std::size_t> known_rows(const Batch& batch) {
  std::vector<std::size_t> rows;
  for (std::size_t r = 0; r < batch.known.size(); ++r) {
    if (batch.known[r]) rows.push_back(r);
  }
  return rows;
}
inline Matrix known(const Batch& batch, const Matrix& all) {
  return xt::view(all, xt::keep(known_rows(batch)), xt::all());
}
inline Matrix one_hot(const Batch& batch) {
  Matrix all = xt::zeros<double>(batch.x.shape());
  for (int r = 0; r < batch.rows(); ++r) {
    if (batch.known[r]) all(r, batch.label[r]) = 1.0;
  }
  return known(batch, all);
}
inline Matrix softmax(const Matrix& x) {
  const Matrix power = xt::exp(x);
  return power / xt::view(xt::sum(power, {1}), xt::all(), xt::newaxis());
}

// Central differences of a formula: for a step of 1e-4 they are right to about 1e-9 here.
template <class Formula>
Matrix differences(const Formula& formula, Batch batch) {
  constexpr double step = 1e-4;
  Matrix gradient = xt::zeros<double>(batch.x.shape());
  for (std::size_t i = 0; i < batch.x.size(); ++i) {
    const double x = batch.x.flat(i);
    batch.x.flat(i) = x + step;
    const double above = formula(batch);
    batch.x.flat(i) = x - step;
    gradient.flat(i) = (above - formula(batch)) / (2.0 * step);
    batch.x.flat(i) = x;
  }
  return gradient;
}

// The largest difference, in parts of the largest entry.
inline double distance(const Matrix& got, const Matrix& expected) {
  const double size = xt::amax(xt::abs(expected))();
  return xt::amax(xt::abs(got - expected))() / (size > 0.0 ? size : 1.0);
}

// Compares a loss with formula(batch), its value in double over all known rows.
template <int C, class L, class Formula>
void expect_formula(const L& loss, const Batch& batch, const Formula& formula) {
  SCOPED_TRACE(std::string(L::type) + ", channels " + std::to_string(C) + ", rows " +
               std::to_string(batch.rows()));
  const Outcome outcome = run<C>(loss, batch);
  const double expected = formula(batch);
  EXPECT_NEAR(outcome.value, expected, 2e-6 * std::max(1e-3, std::fabs(expected)));
  if (batch.rows() <= 20) {
    EXPECT_LT(distance(outcome.gradient, differences(formula, batch)), 2e-6);
  }
}

// --- PyTorch -------------------------------------------------------------------------------------

// A file that a script beside it wrote.
inline nlohmann::json golden(const std::string& name) {
  std::ifstream file("tests/golden/" + name);
  EXPECT_TRUE(file) << "tests run from the project's folder, where tests/golden/" << name << " is";
  return nlohmann::json::parse(file);
}

// [channels][positions] of the file as [rows][channels]; null becomes NaN.
inline Matrix transposed(const nlohmann::json& rows) {
  Matrix matrix = Matrix::from_shape({rows[0].size(), rows.size()});
  for (std::size_t c = 0; c < rows.size(); ++c) {
    for (std::size_t r = 0; r < rows[c].size(); ++r) {
      matrix(r, c) = rows[c][r].is_null() ? double{nan} : rows[c][r].get<double>();
    }
  }
  return matrix;
}

inline Batch golden_batch(const nlohmann::json& block) {
  Batch batch{transposed(block["logits"]), {}, {}, {}};
  const std::size_t rows = batch.x.shape(0);
  if (block.contains("labels")) {
    batch.label = block["labels"].get<std::vector<int>>();
    batch.value = xt::zeros<double>(batch.x.shape());
  } else {
    batch.label.assign(rows, 0);
    batch.value = transposed(block["values"]);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    batch.known.push_back(batch.label[r] >= 0 && !std::isnan(batch.value(r, 0)));
  }
  return batch;
}

template <int C, class L>
void expect_golden(const L& loss, const nlohmann::json& test) {
  double value = 0.0;
  for (const auto& block : test["blocks"]) {
    const Outcome outcome =
        run<C>(loss, golden_batch(block), 1.0 / static_cast<double>(test["blocks"].size()));
    value += outcome.value;
    EXPECT_LT(distance(outcome.gradient, transposed(block["gradient"])), 2e-6);
  }
  const double expected = test["value"];
  EXPECT_NEAR(value, expected, 1e-6 * std::fabs(expected));
}

// Calls f(integral_constant) for the number of channels that a case has.
template <int... C, class F>
void with_channels(std::integer_sequence<int, C...>, const nlohmann::json& test, F f) {
  const std::size_t channels = test["blocks"][0]["logits"].size();
  const bool found = ((channels == C && (f(std::integral_constant<int, C>{}), true)) || ...);
  EXPECT_TRUE(found) << channels << " channels";
}

// --- what holds for every loss -------------------------------------------------------------------

template <class L>
void expect_one_nan_anywhere_shows(const L& loss) {
  SCOPED_TRACE(loss.type);
  const Batch clean = make_batch(40, 3, 11);
  ASSERT_TRUE(std::isfinite(run<3>(loss, clean).value));
  for (int r = 0; r < clean.rows(); ++r) {
    if (!clean.known[r]) continue;
    for (int c = 0; c < 3; ++c) {
      Batch batch = clean;
      batch.x(r, c) = nan;
      EXPECT_TRUE(std::isnan(run<3>(loss, batch).value)) << r << ", " << c;
    }
  }
}

template <class L>
void expect_rows_without_target_count_for_nothing(const L& loss) {
  SCOPED_TRACE(loss.type);
  const Batch batch = make_batch(40, 3, 12);
  Batch other = batch;
  for (int r = 0; r < batch.rows(); ++r) {
    if (batch.known[r]) continue;
    for (int c = 0; c < 3; ++c) other.x(r, c) = 50.0 * (c - 1);
  }
  const Outcome one = run<3>(loss, batch), two = run<3>(loss, other);
  EXPECT_EQ(one.value, two.value);
  EXPECT_TRUE(one.gradient == two.gradient);
}

template <class L>
void expect_nothing_labelled_is_zero(const L& loss) {
  SCOPED_TRACE(loss.type);
  Batch batch = make_batch(20, 3, 13);
  const std::vector<float> none(20, 0.0f);
  std::fill(batch.known.begin(), batch.known.end(), false);
  Storage storage(batch, none, 0, 20);
  EXPECT_EQ(evaluate<3>(loss, storage, true), 0.0f);
  for (const float g : storage.gradient) EXPECT_EQ(g, gradient_before);
}

// Digest of the bits that losses give for one batch, which are the same everywhere.
template <class... L>
std::uint64_t digest_of(const L&... losses) {
  std::vector<double> numbers;
  const auto add = [&](const auto& loss) {
    const Outcome outcome = run<3>(loss, make_batch(300, 3, 14));
    numbers.push_back(outcome.value);
    numbers.insert(numbers.end(), outcome.gradient.begin(), outcome.gradient.end());
  };
  (add(losses), ...);
  return XXH3_64bits(numbers.data(), numbers.size() * sizeof(double));
}

// --- single losses -------------------------------------------------------------------------------

// One labelled row; the others have no target.
template <int C, class L>
Outcome run_row(const L& loss, const std::array<double, C>& x, int label, double value = 0.0) {
  Batch batch = make_batch(3, C, 15);
  batch.known = {false, true, false};
  batch.label = {-1, label, -1};
  for (int c = 0; c < C; ++c) {
    batch.x(1, c) = x[static_cast<std::size_t>(c)];
    batch.value(1, c) = value;
  }
  return run<C>(loss, batch);
}

}  // namespace medley::testing
