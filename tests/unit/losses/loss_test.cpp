// Losses and penalties: values against references of another formulation in double precision,
// gradients against central differences of those references, both against PyTorch, and what a loss
// must do with missing targets, extreme logits and NaN.
#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>
#include <xtensor/xadapt.hpp>
#include <xtensor/xindex_view.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "medley/base/random.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"

namespace medley {
namespace {

using Matrix = xt::xtensor<double, 2>;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

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
Batch make_batch(int rows, int channels, std::uint64_t seed, bool soft = false) {
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
constexpr float gradient_before = 0x1p-8f, gradient_weight = 24.0f;

struct Outcome {
  double value = 0.0;
  Matrix gradient;  // [rows][channels]
};

// Channel-major storage of rows [first, last), padded to 16 positions. What must not be looked at
// is poisoned: labels out of range, values that are not a number.
struct Storage {
  int channels, positions;
  std::vector<float> logits, values, coefficient, gradient;
  std::vector<std::int32_t> labels;

  Storage(const Batch& batch, const std::vector<float>& share, int first, int last)
      : channels(batch.channels()),
        positions((last - first + 15) / 16 * 16),
        logits(channels * positions, 1.5f),
        values(channels * positions, nan),
        coefficient(positions, 0.0f),
        gradient(channels * positions, gradient_before),
        labels(positions, -77) {
    for (int r = first; r < last; ++r) {
      const int p = r - first;
      coefficient[p] = share[r];
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
                                    .coefficient = storage.coefficient.data(),
                                    .gradient = with_gradient ? storage.gradient.data() : nullptr,
                                    .weight = gradient_weight});
}

// The coefficient of every row: its weight among the known ones, times `scale`.
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
Outcome run_blocks(const Batch& batch, const std::vector<float>& share, int rows_a_block,
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

// --- references: whole-batch formulas on [rows][channels], in double -----------------------------

std::vector<std::size_t> known_rows(const Batch& batch) {
  std::vector<std::size_t> rows;
  for (std::size_t r = 0; r < batch.known.size(); ++r) {
    if (batch.known[r]) rows.push_back(r);
  }
  return rows;
}
Matrix known(const Batch& batch, const Matrix& all) {
  return xt::view(all, xt::keep(known_rows(batch)), xt::all());
}
Matrix one_hot(const Batch& batch) {
  Matrix all = xt::zeros<double>(batch.x.shape());
  for (int r = 0; r < batch.rows(); ++r) {
    if (batch.known[r]) all(r, batch.label[r]) = 1.0;
  }
  return known(batch, all);
}
Matrix softmax(const Matrix& x) {
  const Matrix power = xt::exp(x);
  return power / xt::view(xt::sum(power, {1}), xt::all(), xt::newaxis());
}

double reference(const SoftmaxCrossEntropy& loss, const Batch& batch) {
  xt::xtensor<double, 1> w = xt::zeros<double>({batch.channels()});
  for (int c = 0; c < batch.channels(); ++c) w(c) = loss.class_weights[c];
  const Matrix hot = one_hot(batch) * w, surprise = -xt::log(softmax(known(batch, batch.x)));
  const double chosen = xt::sum(hot * surprise)(), every = xt::sum(surprise * w)();
  return ((1.0 - loss.smoothing) * chosen + loss.smoothing / batch.channels() * every) /
         xt::sum(hot)();
}
double reference(const BinaryCrossEntropy& loss, const Batch& batch) {
  const Matrix t = known(batch, batch.value), p = 1.0 / (1.0 + xt::exp(-known(batch, batch.x)));
  return xt::mean(-(loss.positive_weight * t * xt::log(p) + (1.0 - t) * xt::log(1.0 - p)))();
}
// The margins of all classes; that of the label itself is the constant margin.
Matrix hinge_margins(const Hinge& loss, const Batch& batch) {
  const Matrix x = known(batch, batch.x);
  const xt::xtensor<double, 1> chosen = xt::sum(x * one_hot(batch), {1});
  return loss.margin + x - xt::view(chosen, xt::all(), xt::newaxis());
}
double reference(const Hinge& loss, const Batch& batch) {
  const xt::xtensor<double, 1> rows =
      xt::sum(xt::maximum(hinge_margins(loss, batch), 0.0), {1}) - loss.margin;
  return xt::mean(rows)() / batch.channels();
}
Matrix hinge_margins(const BinaryHinge& loss, const Batch& batch) {
  const Matrix t = known(batch, batch.value), x = known(batch, batch.x);
  return loss.margin + xt::where(t > 0.5, -x, x);
}
double reference(const BinaryHinge& loss, const Batch& batch) {
  return xt::mean(xt::maximum(hinge_margins(loss, batch), 0.0))();
}
// 1 - IoU of fuzzy sets: the union of a pixel is 1 - (1 - p)(1 - t).
double mean_distance(const Matrix& p, const Matrix& t, double epsilon) {
  const xt::xtensor<double, 1> both = xt::sum(p * t, {0});
  const xt::xtensor<double, 1> either = xt::sum(1.0 - (1.0 - p) * (1.0 - t), {0});
  return xt::mean((either - both) / (either + epsilon))();
}
double reference(const SoftIou& loss, const Batch& batch) {
  const Matrix p = 1.0 / (1.0 + xt::exp(-known(batch, batch.x)));
  return mean_distance(p, known(batch, batch.value), loss.epsilon);
}
double reference(const MulticlassSoftIou& loss, const Batch& batch) {
  return mean_distance(softmax(known(batch, batch.x)), one_hot(batch), loss.epsilon);
}
double reference(const MeanSquaredError&, const Batch& batch) {
  return xt::mean(xt::square(known(batch, batch.x - batch.value)))();
}

// Central differences: for a step of 1e-4 they are right to about 1e-9 here.
template <class L>
Matrix differences(const L& loss, Batch batch) {
  constexpr double step = 1e-4;
  Matrix gradient = xt::zeros<double>(batch.x.shape());
  for (std::size_t i = 0; i < batch.x.size(); ++i) {
    const double x = batch.x.flat(i);
    batch.x.flat(i) = x + step;
    const double above = reference(loss, batch);
    batch.x.flat(i) = x - step;
    gradient.flat(i) = (above - reference(loss, batch)) / (2.0 * step);
    batch.x.flat(i) = x;
  }
  return gradient;
}

template <class L>
void avoid_kinks(const L&, Batch&) {}
// Moves rows until no margin is closer to its kink than the differences reach.
template <class L>
requires requires(const L& loss, const Batch& batch) { hinge_margins(loss, batch); }
void avoid_kinks(const L& loss, Batch& batch) {
  while (xt::amin(xt::abs(hinge_margins(loss, batch)))() < 1e-3) batch.x *= 1.0078125;
}

// The largest difference, in parts of the largest entry.
double distance(const Matrix& got, const Matrix& expected) {
  const double size = xt::amax(xt::abs(expected))();
  return xt::amax(xt::abs(got - expected))() / (size > 0.0 ? size : 1.0);
}

template <int C, class L>
void expect_reference(const L& loss, int rows, bool soft = false) {
  SCOPED_TRACE(std::string(L::type) + ", channels " + std::to_string(C) + ", rows " +
               std::to_string(rows));
  Batch batch = make_batch(rows, C, static_cast<std::uint64_t>(100 * rows + C), soft);
  avoid_kinks(loss, batch);
  const Outcome outcome = run<C>(loss, batch);
  const double expected = reference(loss, batch);
  EXPECT_NEAR(outcome.value, expected, 2e-6 * std::max(1e-3, std::fabs(expected)));
  if (rows <= 20) {
    EXPECT_LT(distance(outcome.gradient, differences(loss, batch)), 2e-6);
  }
}

template <class L>
void expect_references(const L& loss, bool soft = false) {
  constexpr int least = L::compares == Compares::labels ? 2 : 1;
  for_channels<least>([&](auto channels) {
    for (const int rows : {1, 15, 16, 17, 70}) expect_reference<channels()>(loss, rows, soft);
  });
}

ClassWeights first_weights(int count) {
  constexpr double some[] = {0.5, 2.0, 1.25, 3.0};
  ClassWeights weights;
  if (count == 2) weights = {some[0], some[1]};
  if (count == 5) weights = {some[0], some[1], some[2], some[3], 0.75};
  return weights;
}

TEST(Loss, SoftmaxCrossEntropyAgreesWithItsReference) {
  expect_references(SoftmaxCrossEntropy{});
  expect_references(SoftmaxCrossEntropy{.smoothing = 0.1});
}

TEST(Loss, ClassWeightsAgreeWithTheirReference) {
  for (const double smoothing : {0.0, 0.2}) {
    for (const int rows : {1, 16, 17, 70}) {
      expect_reference<2>(SoftmaxCrossEntropy{smoothing, first_weights(2)}, rows);
      expect_reference<5>(SoftmaxCrossEntropy{smoothing, first_weights(5)}, rows);
    }
  }
}

TEST(Loss, BinaryCrossEntropyAgreesWithItsReference) {
  expect_references(BinaryCrossEntropy{});
  expect_references(BinaryCrossEntropy{.positive_weight = 3.5}, true);
}

TEST(Loss, HingeAgreesWithItsReference) {
  expect_references(Hinge{});
  expect_references(Hinge{.margin = 0.25});
}

TEST(Loss, BinaryHingeAgreesWithItsReference) {
  expect_references(BinaryHinge{});
  expect_references(BinaryHinge{.margin = 2.0});
}

TEST(Loss, SoftIouAgreesWithItsReference) {
  expect_references(SoftIou{});
  expect_references(SoftIou{.epsilon = 1e-3});
}

TEST(Loss, MulticlassSoftIouAgreesWithItsReference) {
  expect_references(MulticlassSoftIou{});
  expect_references(MulticlassSoftIou{.epsilon = 0.01});
}

TEST(Loss, MeanSquaredErrorAgreesWithItsReference) { expect_references(MeanSquaredError{}, true); }

// --- PyTorch -------------------------------------------------------------------------------------

nlohmann::json golden() {
  std::ifstream file("tests/golden/losses.json");
  EXPECT_TRUE(file) << "tests run from the project's folder, where tests/golden/losses.json is";
  return nlohmann::json::parse(file);
}

// [channels][positions] of the file as [rows][channels]; null becomes NaN.
Matrix transposed(const nlohmann::json& rows) {
  Matrix matrix = Matrix::from_shape({rows[0].size(), rows.size()});
  for (std::size_t c = 0; c < rows.size(); ++c) {
    for (std::size_t r = 0; r < rows[c].size(); ++r) {
      matrix(r, c) = rows[c][r].is_null() ? double{nan} : rows[c][r].get<double>();
    }
  }
  return matrix;
}

Batch golden_batch(const nlohmann::json& block) {
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

ClassWeights golden_weights(const nlohmann::json& list) {
  if (list.size() == 4) return {list[0], list[1], list[2], list[3]};
  if (list.size() == 3) return {list[0], list[1], list[2]};
  EXPECT_EQ(list.size(), 0u);
  return {};
}

// Finds the loss that a case names, and the compiled number of channels it needs.
template <int C>
void run_golden(const nlohmann::json& test) {
  const std::string name = test["loss"];
  const nlohmann::json& options = test["options"];
  if (name == MeanSquaredError::type) return expect_golden<C>(MeanSquaredError{}, test);
  if (name == BinaryHinge::type) return expect_golden<C>(BinaryHinge{options["margin"]}, test);
  if (name == SoftIou::type) return expect_golden<C>(SoftIou{options["epsilon"]}, test);
  if (name == BinaryCrossEntropy::type) {
    return expect_golden<C>(BinaryCrossEntropy{options["positive_weight"]}, test);
  }
  if constexpr (C >= 2) {
    if (name == Hinge::type) return expect_golden<C>(Hinge{options["margin"]}, test);
    if (name == MulticlassSoftIou::type) {
      return expect_golden<C>(MulticlassSoftIou{options["epsilon"]}, test);
    }
    if (name == SoftmaxCrossEntropy::type) {
      return expect_golden<C>(
          SoftmaxCrossEntropy{options["smoothing"], golden_weights(options["class_weights"])},
          test);
    }
  }
  FAIL() << "no loss is called " << name;
}

TEST(Loss, AgreesWithPyTorch) {
  const nlohmann::json all = golden();
  ASSERT_EQ(all["losses"].size(), 16u);
  for (const auto& test : all["losses"]) {
    SCOPED_TRACE(test["loss"].get<std::string>() + " " + test["options"].dump());
    const std::size_t channels = test["blocks"][0]["logits"].size();
    [&]<int... C>(std::integer_sequence<int, C...>) {
      const bool found = ((channels == C && (run_golden<C>(test), true)) || ...);
      EXPECT_TRUE(found) << channels << " channels";
    }
    (std::integer_sequence<int, 1, 2, 3, 4, 5, 6, 7, 9>{});
  }
}

TEST(Penalty, AgreesWithPyTorch) {
  const nlohmann::json all = golden();
  ASSERT_EQ(all["penalties"].size(), 2u);
  for (const auto& test : all["penalties"]) {
    std::vector<float> w = test["weights"].get<std::vector<float>>(), gradient(32);
    w.resize(32);  // zeros cost nothing and have no derivative
    float value = 0.0f;
    for (int i = 0; i < 32; i += 16) {
      const Vec v = Vec::load(&w[i]);
      const bool l1 = test["penalty"] == L1Penalty::type;
      EXPECT_TRUE(l1 || test["penalty"] == L2Penalty::type);
      value += sum(l1 ? L1Penalty::value(v) : L2Penalty::value(v));
      (l1 ? L1Penalty::derivative(v) : L2Penalty::derivative(v)).store(&gradient[i]);
    }
    EXPECT_NEAR(value, test["value"].get<double>(), 1e-6 * test["value"].get<double>());
    for (std::size_t i = 0; i < 32; ++i) {
      const double expected = i < 20 ? test["gradient"][i].get<double>() : 0.0;
      EXPECT_NEAR(gradient[i], expected, 1e-7 * std::fabs(expected));
    }
  }
}

TEST(Penalty, DerivativeIsThatOfTheValue) {
  Numbers number(7);
  for (int round = 0; round < 20; ++round) {
    const double w = number(-2.0, 2.0);
    if (std::fabs(w) < 1e-2) continue;  // the kink of |w|
    const Vec v = Vec::broadcast(static_cast<float>(w));
    const auto slope = [&](auto f) { return (f(w + 1e-4) - f(w - 1e-4)) / 2e-4; };
    EXPECT_NEAR(L1Penalty::derivative(v).lanes()[3], slope([](double x) { return std::fabs(x); }),
                1e-6);
    EXPECT_NEAR(L2Penalty::derivative(v).lanes()[3], slope([](double x) { return x * x; }), 1e-6);
  }
}

TEST(Penalty, NotANumberIsNotHidden) {
  const Vec v = Vec::broadcast(nan);
  EXPECT_TRUE(std::isnan(L1Penalty::value(v).lanes()[0]));
  EXPECT_TRUE(std::isnan(L1Penalty::derivative(v).lanes()[0]));
  EXPECT_TRUE(std::isnan(L2Penalty::value(v).lanes()[0]));
  EXPECT_TRUE(std::isnan(L2Penalty::derivative(v).lanes()[0]));
}

// --- what holds for every loss -------------------------------------------------------------------

template <class F>
void for_every_loss(F f) {
  f(SoftmaxCrossEntropy{});
  f(SoftmaxCrossEntropy{.smoothing = 0.1, .class_weights = {1.0, 2.0, 0.5}});
  f(BinaryCrossEntropy{.positive_weight = 2.0});
  f(Hinge{});
  f(BinaryHinge{});
  f(SoftIou{});
  f(MulticlassSoftIou{});
  f(MeanSquaredError{});
}

TEST(Loss, OneNotANumberAnywhereShows) {
  for_every_loss([](const auto& loss) {
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
  });
}

TEST(Loss, RowsWithoutTargetCountForNothing) {
  for_every_loss([](const auto& loss) {
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
  });
}

TEST(Loss, NothingLabelledIsZero) {
  for_every_loss([](const auto& loss) {
    SCOPED_TRACE(loss.type);
    Batch batch = make_batch(20, 3, 13);
    const std::vector<float> none(20, 0.0f);
    std::fill(batch.known.begin(), batch.known.end(), false);
    Storage storage(batch, none, 0, 20);
    EXPECT_EQ(evaluate<3>(loss, storage, true), 0.0f);
    for (const float g : storage.gradient) EXPECT_EQ(g, gradient_before);
  });
}

TEST(Loss, BitsAreTheSameEverywhere) {
  XXH3_state_t* const state = XXH3_createState();
  XXH3_64bits_reset(state);
  for_every_loss([&](const auto& loss) {
    const Batch batch = make_batch(300, 3, 14);
    const Outcome outcome = run<3>(loss, batch);
    XXH3_64bits_update(state, &outcome.value, sizeof outcome.value);
    XXH3_64bits_update(state, outcome.gradient.data(), outcome.gradient.size() * sizeof(double));
  });
  const std::uint64_t found = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  EXPECT_EQ(found, 0x2BCB5660C7C2ECA4u) << std::hex << found;
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

TEST(Loss, SoftmaxCrossEntropyStandsExtremeLogits) {
  for (const double size : {100.0, 1e4, 1e30}) {
    const Outcome wrong = run_row<3>(SoftmaxCrossEntropy{}, {size, -size, 0.0}, 1);
    EXPECT_NEAR(wrong.value, 2.0 * size, 1e-6 * size);
    EXPECT_NEAR(wrong.gradient(1, 0), 1.0, 1e-6);
    EXPECT_NEAR(wrong.gradient(1, 1), -1.0, 1e-6);
    const Outcome right = run_row<3>(SoftmaxCrossEntropy{}, {size, -size, 0.0}, 0);
    EXPECT_NEAR(right.value, 0.0, 1e-30);
  }
}

TEST(Loss, BinaryCrossEntropyStandsExtremeLogits) {
  for (const double size : {100.0, 1e4, 1e30}) {
    const Outcome wrong = run_row<1>(BinaryCrossEntropy{}, {size}, 0, 0.0);
    EXPECT_NEAR(wrong.value, size, 1e-6 * size);
    EXPECT_NEAR(wrong.gradient(1, 0), 1.0, 1e-6);
    const Outcome right = run_row<1>(BinaryCrossEntropy{}, {-size}, 0, 0.0);
    EXPECT_NEAR(right.value, 0.0, 1e-30);
  }
  // The small loss of a sure answer keeps its digits.
  EXPECT_NEAR(run_row<1>(BinaryCrossEntropy{}, {-30.0}, 0, 0.0).value / std::exp(-30.0), 1.0, 1e-6);
}

TEST(Loss, HingeHasNoSlopeAtItsKink) {
  const Outcome outcome = run_row<3>(Hinge{}, {2.0, 1.0, 1.5}, 0);
  EXPECT_EQ(outcome.value, 0.5f / 3.0f);
  EXPECT_EQ(outcome.gradient(1, 1), 0.0);  // exactly on the margin
  EXPECT_NEAR(outcome.gradient(1, 2), 1.0 / 3.0, 1e-6);
  EXPECT_NEAR(outcome.gradient(1, 0), -1.0 / 3.0, 1e-6);
  EXPECT_EQ(run_row<1>(BinaryHinge{}, {1.0}, 0, 1.0).gradient(1, 0), 0.0);
}

TEST(Loss, SoftIouOfALargePictureIsExact) {
  Batch picture = make_batch(512 * 512, 1, 16);
  for (int r = 0; r < picture.rows(); ++r) picture.value(r, 0) = r % 512 < 200;
  const Outcome outcome = run<1>(SoftIou{}, picture);
  EXPECT_NEAR(outcome.value, reference(SoftIou{}, picture), 5e-7);
}

TEST(Loss, SoftIouOfAnEmptyMaskIsDefined) {
  Batch picture = make_batch(64, 1, 17);
  picture.x.fill(-100.0);
  picture.value.fill(0.0);
  EXPECT_NEAR(run<1>(SoftIou{}, picture).value, 0.0, 1e-6);
}

TEST(Loss, ValidKnowsWhatFitsTheHead) {
  static_assert(SoftmaxCrossEntropy{}.valid(2) && !SoftmaxCrossEntropy{}.valid(1));
  static_assert(SoftmaxCrossEntropy{.class_weights = {1, 2, 3}}.valid(3));
  static_assert(!SoftmaxCrossEntropy{.class_weights = {1, 2, 3}}.valid(4));
  static_assert(!SoftmaxCrossEntropy{.class_weights = {1, 0}}.valid(2));
  static_assert(!SoftmaxCrossEntropy{.smoothing = 1.0}.valid(2));
  static_assert(!SoftmaxCrossEntropy{.smoothing = -0.1}.valid(2));
  static_assert(!BinaryCrossEntropy{.positive_weight = 0.0}.valid(1));
  static_assert(!Hinge{}.valid(1) && !Hinge{.margin = 0.0}.valid(2));
  static_assert(!BinaryHinge{.margin = -1.0}.valid(1));
  static_assert(!SoftIou{.epsilon = 0.0}.valid(1) && !MulticlassSoftIou{}.valid(1));
  static_assert(dense_only<SoftIou> && dense_only<MulticlassSoftIou> && !dense_only<Hinge>);
  static_assert(SummedLoss<SoftIou, 2> && SummedLoss<MulticlassSoftIou, 3> &&
                !SummedLoss<Hinge, 3>);
}

TEST(Loss, OptionsReportEveryNumber) {
  std::vector<std::pair<std::string, double>> found;
  SoftmaxCrossEntropy{.smoothing = 0.1, .class_weights = {1, 2.5}}.options(
      [&](std::string_view name, double value) { found.emplace_back(name, value); });
  const std::vector<std::pair<std::string, double>> expected = {
      {"smoothing", 0.1}, {"class_weight.0", 1.0}, {"class_weight.1", 2.5}};
  EXPECT_EQ(found, expected);
}

TEST(Loss, RecordsWeighAsTheirClass) {
  constexpr SoftmaxCrossEntropy weighted{.class_weights = {1.0, 2.5}};
  EXPECT_EQ(record_weight(weighted, 1), 2.5f);
  EXPECT_EQ(record_weight(SoftmaxCrossEntropy{}, 1), 1.0f);
  EXPECT_EQ(record_weight(Hinge{}, 1), 1.0f);
}

}  // namespace
}  // namespace medley
