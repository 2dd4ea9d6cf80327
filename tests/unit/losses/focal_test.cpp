// Focal losses against their formulas, central differences, PyTorch and the cross-entropies, and what
// every loss must hold.
#include "medley/losses/focal.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "medley/losses/binary_cross_entropy.hpp"
#include "tests/loss_harness.hpp"

namespace medley::testing {
namespace {

double reference(const Focal& loss, const Batch& batch) {
  xt::xtensor<double, 1> alpha = xt::zeros<double>({batch.channels()});
  for (int c = 0; c < batch.channels(); ++c) alpha(c) = loss.alpha[c];
  const Matrix p = softmax(known(batch, batch.x));
  const Matrix each = alpha * xt::pow(1.0 - p, loss.gamma) * -xt::log(p);
  return xt::mean(xt::sum(one_hot(batch) * each, {1}))();
}
// Written for each value of a target apart.
double reference(const BinaryFocal& loss, const Batch& batch) {
  const Matrix t = known(batch, batch.value), p = 1.0 / (1.0 + xt::exp(-known(batch, batch.x)));
  const double on = loss.alpha < 0.0 ? 1.0 : loss.alpha;
  const double off = loss.alpha < 0.0 ? 1.0 : 1.0 - loss.alpha;
  return xt::mean(xt::where(t > 0.5, -on * xt::pow(1.0 - p, loss.gamma) * xt::log(p),
                            -off * xt::pow(p, loss.gamma) * xt::log(1.0 - p)))();
}

template <class L>
void expect_references(const L& loss) {
  constexpr int least = L::compares == Compares::labels ? 2 : 1;
  for_channels<least>([&](auto channels) {
    for (const int rows : {1, 16, 17, 70}) {
      const auto seed = static_cast<std::uint64_t>(200 * rows + channels);
      expect_formula<channels()>(loss, make_batch(rows, channels, seed),
                                 [&](const Batch& b) { return reference(loss, b); });
    }
  });
}

TEST(Focal, AgreesWithItsReference) {
  expect_references(Focal{});
  expect_references(Focal{.gamma = 0.5});
  expect_formula<3>(Focal{.gamma = 1.0, .alpha = {0.5, 2.0, 1.25}}, make_batch(20, 3, 5),
                    [](const Batch& b) {
                      return reference(Focal{.gamma = 1.0, .alpha = {0.5, 2.0, 1.25}}, b);
                    });
}

TEST(Focal, OfTwoValuesAgreesWithItsReference) {
  expect_references(BinaryFocal{});
  expect_references(BinaryFocal{.gamma = 3.5, .alpha = -1.0});
}

template <int C>
void run_golden(const nlohmann::json& test) {
  const nlohmann::json& options = test["options"];
  if (test["loss"] == BinaryFocal::type) {
    return expect_golden<C>(BinaryFocal{options["gamma"], options["alpha"]}, test);
  }
  ASSERT_EQ(test["loss"], Focal::type);
  if constexpr (C >= 2) {
    const nlohmann::json& a = options["alpha"];
    Focal loss{options["gamma"]};
    if (a.size() == 3) loss.alpha = {a[0], a[1], a[2]};
    if (a.size() == 4) loss.alpha = {a[0], a[1], a[2], a[3]};
    expect_golden<C>(loss, test);
  }
}

TEST(Focal, AgreesWithPyTorch) {
  const nlohmann::json all = golden("focal.json");
  ASSERT_EQ(all["losses"].size(), 10u);
  for (const auto& test : all["losses"]) {
    SCOPED_TRACE(test["loss"].get<std::string>() + " " + test["options"].dump());
    with_channels(std::integer_sequence<int, 1, 2, 3, 4, 5, 6, 7>{}, test,
                  [&](auto channels) { run_golden<channels()>(test); });
  }
}

TEST(Focal, WithoutFocusIsCrossEntropy) {
  const Batch batch = make_batch(40, 3, 21, true);
  const Outcome focal = run<3>(Focal{.gamma = 0.0}, batch);
  const Outcome plain = run<3>(SoftmaxCrossEntropy{}, batch);
  EXPECT_NEAR(focal.value, plain.value, 1e-6);
  EXPECT_LT(distance(focal.gradient, plain.gradient), 1e-6);
  const Outcome halves = run<3>(BinaryFocal{.gamma = 0.0, .alpha = 0.5}, batch);
  const Outcome binary = run<3>(BinaryCrossEntropy{}, batch);
  EXPECT_NEAR(2.0 * halves.value, binary.value, 1e-6);
  EXPECT_LT(distance(2.0 * halves.gradient, binary.gradient), 1e-6);
}

TEST(Focal, HoldsWhatEveryLossDoes) {
  const auto expect = [](const auto& loss) {
    expect_one_nan_anywhere_shows(loss);
    expect_rows_without_target_count_for_nothing(loss);
    expect_nothing_labelled_is_zero(loss);
  };
  expect(Focal{.gamma = 1.5, .alpha = {1.0, 2.0, 0.5}});
  expect(Focal{.gamma = 0.5});
  expect(BinaryFocal{});
}

TEST(Focal, BitsAreTheSameEverywhere) {
  const std::uint64_t found = digest_of(Focal{}, Focal{0.5, {1.0, 2.0, 0.5}}, BinaryFocal{});
  EXPECT_EQ(found, 0x303F24DA194473EBu) << std::hex << found;
}

TEST(Focal, StandsExtremeLogits) {
  for (const double gamma : {0.5, 2.0}) {
    for (const double size : {100.0, 1e4, 1e30}) {
      const Outcome wrong = run_row<3>(Focal{gamma}, {size, -size, 0.0}, 1);
      EXPECT_NEAR(wrong.value, 2.0 * size, 1e-6 * size);
      EXPECT_NEAR(wrong.gradient(1, 0), 1.0, 1e-6);
      EXPECT_NEAR(wrong.gradient(1, 1), -1.0, 1e-6);
      const Outcome right = run_row<3>(Focal{gamma}, {size, -size, 0.0}, 0);
      EXPECT_NEAR(right.value, 0.0, 1e-30);
      EXPECT_NEAR(right.gradient(1, 0), 0.0, 1e-18);

      const BinaryFocal binary{.gamma = gamma, .alpha = -1.0};
      const Outcome high = run_row<1>(binary, {size}, 0, 0.0);
      EXPECT_NEAR(high.value, size, 1e-6 * size);
      EXPECT_NEAR(high.gradient(1, 0), 1.0, 1e-6);
      const Outcome low = run_row<1>(binary, {-size}, 0, 0.0);
      EXPECT_NEAR(low.value, 0.0, 1e-30);
      EXPECT_NEAR(low.gradient(1, 0), 0.0, 1e-18);
    }
  }
}

TEST(Focal, GuessIsTheValueOfZeros) {
  Batch batch = make_batch(32, 4, 22);
  batch.x.fill(0.0);
  EXPECT_NEAR(run<4>(Focal{}, batch).value, Focal{}.guess(4), 1e-6);
  const BinaryFocal binary{.gamma = 1.0, .alpha = -1.0};
  EXPECT_NEAR(run<4>(binary, batch).value, binary.guess(4), 1e-6);
  batch.value.fill(0.0);
  EXPECT_NEAR(run<4>(BinaryFocal{}, batch).value, BinaryFocal{}.guess(4), 1e-6);
}

TEST(Focal, ValidKnowsWhatFitsTheHead) {
  static_assert(Focal{}.valid(2) && !Focal{}.valid(1) && !Focal{.gamma = -0.5}.valid(2));
  static_assert(Focal{.alpha = {1, 2, 3}}.valid(3) && !Focal{.alpha = {1, 2, 3}}.valid(4));
  static_assert(!Focal{.alpha = {1, 0}}.valid(2));
  static_assert(BinaryFocal{}.valid(1) && BinaryFocal{.alpha = -1.0}.valid(1));
  static_assert(!BinaryFocal{.alpha = 1.5}.valid(1) && !BinaryFocal{.gamma = 11.0}.valid(1));
  static_assert(record_weight(Focal{.alpha = {1.0, 2.5}}, 1) == 1.0f);
}

}  // namespace
}  // namespace medley::testing
