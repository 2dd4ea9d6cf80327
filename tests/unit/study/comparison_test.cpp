// What tables of results say: verdicts, places and conclusions, and the sentences that tell them.
#include "medley/study/comparison.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "medley/study/comparison_answer.hpp"

namespace medley::comparison {
namespace {

using Values = std::vector<double>;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

// Errors of five seeds around a mean, whose standard error is a tenth of `noise` or so; `turn` makes
// others of the same kind.
Values around(double mean, double noise = 0.001, std::size_t turn = 0) {
  const Values pattern{0.3, -0.2, 0.1, -0.3, 0.1};
  Values values;
  for (std::size_t i = 0; i < 5; ++i)
    values.push_back(mean + noise * pattern[(i * (turn % 4 + 1) + turn) % 5]);
  return values;
}

// Losses a and b, a metric each: errors of one, accuracies of the other.
struct Example {
  Table table;
  AnswerContext context{.has_test = true, .seeds = 5, .folds = 0, .rates = {"0.01"}, .steps = 100};

  Example() {
    table.losses = {"a", "b"};
    table.metrics = {{"a.mean_absolute_error", false, {0}}, {"b.accuracy", true, {1}}};
  }
  // By errors; of the second metric 1 - accuracy.
  Example& add(Arm arm, Values a, Values b) {
    table.arms.push_back({std::move(arm), "0.01", {std::move(a), std::move(b)}, {}});
    return *this;
  }
  Example& alone(double a, double b, double noise = 0.001) {
    add({.kind = ArmKind::single, .name = "a alone", .loss = 0}, around(a, noise, 1),
        Values(5, none));
    return add({.kind = ArmKind::single, .name = "b alone", .loss = 1}, Values(5, none),
               around(b, noise, 2));
  }
  Example& fixed(ArmKind kind, const char* name, double a, double b, double noise = 0.001) {
    Arm arm{.kind = kind, .name = name};
    arm.fixed_weights = true;
    const std::size_t turn = table.arms.size();
    return add(arm, around(a, noise, turn), around(b, noise, turn + 1));
  }
  Example& sum(double a, double b, double noise = 0.001) {
    return fixed(ArmKind::sum, "sum", a, b, noise);
  }
  Example& mix(const char* name, double a, double b, double noise = 0.001) {
    const std::size_t turn = table.arms.size();
    return add({.kind = ArmKind::mix, .name = name, .mix = name}, around(a, noise, turn),
               around(b, noise, turn + 1));
  }
  // A front with a trade-off, the sum in the middle of it.
  Example& front() {
    return sum(0.2, 0.2)
        .fixed(ArmKind::fixed, "a=0.4 b=1.6", 0.3, 0.15)
        .fixed(ArmKind::fixed, "a=1.6 b=0.4", 0.15, 0.3);
  }
  Findings found() const { return findings(table); }
  std::string text() const {
    std::string lines;
    for (const std::string& line : answer(table, found(), context)) lines += line + "\n";
    return lines;
  }
};

Place place_of_mix(const Example& example) { return example.found().positions.at(0).place; }

void expect_says(const Example& example, const std::string& words) {
  EXPECT_NE(example.text().find(words), std::string::npos) << words << "\nis not in\n"
                                                           << example.text();
}

// --- a difference ----------------------------------------------------------------------------------

TEST(Comparison, ADifferenceIsJudgedByItsInterval) {
  const auto verdict = [](const Values& differences) {
    return judge(statistics::paired(differences, Values(differences.size(), 0.0)), 0.1).verdict;
  };
  EXPECT_EQ(verdict({0.5, 0.52, 0.48}), Verdict::more);
  EXPECT_EQ(verdict({-0.5, -0.52, -0.48}), Verdict::less);
  EXPECT_EQ(verdict({0.05, 0.051, 0.049}), Verdict::same);  // there, and less than what matters
  EXPECT_EQ(verdict({0.5, -0.5, 0.1}), Verdict::unknown);
  EXPECT_EQ(verdict({0.5}), Verdict::unknown);
  const Judgement vague =
      judge(statistics::paired(Values{0.5, -0.5, 0.1}, Values{0.0, 0.0, 0.0}), 0.1);
  // The error is 0.29; it would be 0.05 with (0.29 / 0.05)² times as many.
  EXPECT_EQ(vague.needed, 102u);
}

// --- sharing ---------------------------------------------------------------------------------------

TEST(Comparison, SharingHelpsOrHurtsEachTask) {
  Example example;
  example.alone(0.3, 0.1).sum(0.2, 0.2);
  const Findings found = example.found();
  ASSERT_EQ(found.sharing.size(), 2u);
  EXPECT_EQ(found.sharing[0].joint.verdict, Verdict::less);
  EXPECT_EQ(found.sharing[1].joint.verdict, Verdict::more);
  EXPECT_EQ(found.conclusion, Conclusion::decision);
  expect_says(example,
              "Sharing helps a: a.mean_absolute_error 0.2 with all losses, 0.3 with a alone (-0.1, "
              "95% interval -0.1");
  // Of accuracies less is worse.
  expect_says(example,
              "Sharing hurts b: b.accuracy 0.8 with all losses, 0.9 with b alone (-0.1, 95% "
              "interval -0.1");
  expect_says(example,
              "In short: several objectives that want a decision. Sharing helps "
              "a.mean_absolute_error and hurts b.accuracy.");
}

TEST(Comparison, ADecisionBeginsWithWhatIsBetterThanTheSum) {
  Example example;
  example.alone(0.3, 0.1).sum(0.2, 0.2);
  example.fixed(ArmKind::fixed, "a=0.4 b=1.6", 0.15, 0.15);
  EXPECT_EQ(example.found().conclusion, Conclusion::decision);
  expect_says(
      example,
      "hurts b.accuracy. Begin with weights a=0.4 b=1.6, not with the plain sum: better than "
      "it in one metric or more and, by what matters, worse in none (a.mean_absolute_error "
      "0.15 and b.accuracy 0.85, against a.mean_absolute_error 0.2 and b.accuracy 0.8).");
}

TEST(Comparison, TasksThatHelpEachOtherWantTheSum) {
  Example example;
  example.alone(0.3, 0.3).sum(0.2, 0.2).fixed(ArmKind::fixed, "a=0.4 b=1.6", 0.201, 0.201);
  EXPECT_EQ(example.found().conclusion, Conclusion::sum);
  EXPECT_EQ(example.found().needed, 0u);
  expect_says(example,
              "In short: multi-task learning that wants the sum. Sharing helps "
              "a.mean_absolute_error and b.accuracy and was not seen to hurt, and");
}

TEST(Comparison, TasksThatHaveNothingInCommon) {
  Example example;
  example.alone(0.2, 0.2).sum(0.201, 0.2);
  EXPECT_EQ(example.found().conclusion, Conclusion::sharing_none);
  expect_says(
      example,
      "In short: multi-task learning in which sharing neither helps nor hurts by what matters: "
      "one network for all");
  // A clear difference of half a hundredth, and none.
  expect_says(example, "Sharing hurts a, by less than matters: a.mean_absolute_error 0.201");
  expect_says(example, "Sharing makes no difference to b that matters: b.accuracy 0.8 ");
}

TEST(Comparison, TasksThatHurtEachOtherAreADecision) {
  Example example;
  example.alone(0.1, 0.1).front();
  EXPECT_EQ(example.found().conclusion, Conclusion::apart);
  expect_says(example,
              "In short: several objectives that want a decision. Sharing this trunk hurts "
              "a.mean_absolute_error and b.accuracy and was not seen to help any");
  expect_says(example, "With this trunk, weights decide who pays.");
}

TEST(Comparison, ASmallBudgetSaysThatItIsSmall) {
  Example example;
  example.alone(0.21, 0.19, 0.3).sum(0.2, 0.2, 0.3);
  const Findings found = example.found();
  EXPECT_EQ(found.conclusion, Conclusion::unknown);
  EXPECT_GT(found.needed, 5u);
  expect_says(example, "In short: this could not be told with 5 seeds; about ");
  expect_says(example, "Whether sharing helps or hurts a could not be told: a.mean_absolute_error");
  expect_says(example, "What could not be told was less certain than 10% of the plain sum's error");
}

TEST(Comparison, ASingleSeedTellsNothing) {
  Example example;
  example.context.seeds = 1;
  example.alone(0.5, 0.5).sum(0.2, 0.2);
  for (ArmResult& arm : example.table.arms) {
    for (Values& row : arm.error) row.resize(1);
  }
  EXPECT_EQ(example.found().conclusion, Conclusion::unknown);
  expect_says(example, "In short: this could not be told with 1 seed.");
  expect_says(example, "; more seeds are needed.");
}

TEST(Comparison, FoldsShareRecordsAndAreLessCertain) {
  Example example;
  example.alone(0.23, 0.23, 0.04).sum(0.2, 0.2, 0.04);
  EXPECT_EQ(example.found().sharing[0].joint.verdict, Verdict::less);
  example.table.fold_share = 0.25;
  EXPECT_EQ(example.found().sharing[0].joint.verdict, Verdict::unknown);
}

// --- gradients -------------------------------------------------------------------------------------

TEST(Comparison, GradientsConflictAgreeOrNeither) {
  Example example;
  example.alone(0.2, 0.2).sum(0.2, 0.2);
  const auto told = [&](Values cosine) {
    example.table.pairs = {{0, 1, std::move(cosine)}};
    return example.found().agreement.at(0).verdict;
  };
  EXPECT_EQ(told({-0.8, -0.9, -0.85}), Verdict::less);
  expect_says(example,
              "The gradients of a and b conflict, beyond what sampling noise makes: cosine without "
              "noise -0.85, 95% interval -0.97 to -0.73, 3 seeds.");
  EXPECT_EQ(told({0.5, 0.6, none, 0.55}), Verdict::more);
  expect_says(example, "The gradients of a and b agree: cosine without noise +0.55");
  EXPECT_EQ(told({-0.1, -0.12, -0.11}), Verdict::same);  // clearly below 0, and weak
  expect_says(example, "The gradients of a and b neither conflict nor agree clearly: ");
  EXPECT_EQ(told({-0.9, 0.5, -0.8}), Verdict::unknown);
  EXPECT_EQ(told({-0.9}), Verdict::unknown);
  expect_says(example, "Whether the gradients of a and b conflict could not be told: cosine");
  EXPECT_EQ(told({none, none}), Verdict::unknown);
  expect_says(example, "could not be told: noise hides their cosine.");
}

// --- fixed weights ---------------------------------------------------------------------------------

TEST(Comparison, WeightsMatterWhereTheyTrade) {
  Example example;
  example.alone(0.3, 0.3).front();
  const Findings found = example.found();
  ASSERT_TRUE(found.trade_off.has_value());
  EXPECT_EQ(example.table.arms[found.trade_off->best_a].arm.name, "a=1.6 b=0.4");
  EXPECT_EQ(example.table.arms[found.trade_off->best_b].arm.name, "a=0.4 b=1.6");
  EXPECT_EQ(found.conclusion, Conclusion::decision);
  expect_says(example,
              "Weights matter for b.accuracy: from 0.85 with weights a=0.4 b=1.6 to 0.7 with "
              "weights a=1.6 b=0.4");
  expect_says(example,
              "Fixed weights trade one metric for another: weights a=1.6 b=0.4 give "
              "a.mean_absolute_error 0.15 and b.accuracy 0.7;");
}

TEST(Comparison, WeightsThatDoNotMatter) {
  Example example;
  example.alone(0.3, 0.3).sum(0.2, 0.2).fixed(ArmKind::fixed, "a=0.4 b=1.6", 0.2, 0.2);
  EXPECT_FALSE(example.found().trade_off.has_value());
  expect_says(example, "Weights do not matter for a.mean_absolute_error: from 0.2");
  Example noisy;
  noisy.alone(0.3, 0.3).sum(0.2, 0.2, 0.5).fixed(ArmKind::fixed, "a=0.4 b=1.6", 0.2, 0.2, 0.5);
  expect_says(noisy, "Whether weights matter for a.mean_absolute_error could not be told");
}

TEST(Comparison, OneWeightThatIsBetterInAllIsNoTradeOff) {
  Example example;
  example.alone(0.3, 0.3).sum(0.2, 0.2).fixed(ArmKind::fixed, "a=1.6 b=0.4", 0.15, 0.15);
  const Findings found = example.found();
  EXPECT_FALSE(found.trade_off.has_value());
  EXPECT_EQ(found.conclusion, Conclusion::reweight);
  expect_says(example, "and weights a=1.6 b=0.4 is better than the plain sum");
}

// --- places ----------------------------------------------------------------------------------------

TEST(Comparison, AMixOutsideTheFront) {
  Example example;
  example.alone(0.3, 0.3).front().mix("upgrad", 0.14, 0.14);
  const Position position = example.found().positions.at(0);
  EXPECT_EQ(position.place, Place::outside);
  EXPECT_GT(position.distance, 2.0);
  expect_says(example, "The mix upgrad lies outside the front of fixed weights, by ");
}

TEST(Comparison, AMixOnTheLineBetweenFixedWeightsIsNotOutside) {
  Example example;
  // On the line from (0.3, 0.15) to (0.2, 0.2), where no fixed weights were tried: better than each
  // of them in one metric.
  example.alone(0.3, 0.3).front().mix("upgrad", 0.25, 0.175);
  const Position position = example.found().positions.at(0);
  EXPECT_LT(position.distance, 2.0);
  EXPECT_GT(position.p, 0.05);  // that of the fixed weights that it is the least below
  EXPECT_EQ(position.place, Place::elsewhere);
  expect_says(example, "The mix upgrad is not outside the front of fixed weights (");
}

TEST(Comparison, MixesAreManyChances) {
  // Better by three standard errors or so: enough for one, not for one of eight.
  const auto place = [](int others) {
    Example example;
    example.alone(0.3, 0.3).sum(0.2, 0.2, 0.01).mix("m", 0.195, 0.195, 0.01);
    for (int i = 0; i < others; ++i) example.mix("other", 0.25, 0.25, 0.01);
    const Position position = example.found().positions.at(0);
    EXPECT_GT(position.distance, 2.0);
    return position;
  };
  const Position single = place(0), one_of_many = place(7);
  EXPECT_EQ(single.holm, single.p);
  EXPECT_NEAR(one_of_many.holm, 8 * single.p, 1e-12);
}

TEST(Comparison, AMixThatIsEquivalentToFixedWeights) {
  Example example;
  example.alone(0.3, 0.3).front().mix("uncertainty", 0.151, 0.301);
  example.table.arms.back().used = {1.5, 0.5};
  EXPECT_EQ(place_of_mix(example), Place::equivalent);
  expect_says(example,
              "The mix uncertainty is equivalent to weights a=1.6 b=0.4 (a.mean_absolute_error ");
  expect_says(example, "its own weights were a=1.5 b=0.5 on average.");
}

TEST(Comparison, AMixThatIsBehind) {
  Example example;
  example.alone(0.3, 0.3).front().mix("mgda", 0.25, 0.25);
  EXPECT_EQ(place_of_mix(example), Place::behind);
  expect_says(example, "The mix mgda is behind the plain sum (a.mean_absolute_error +0.05");
}

TEST(Comparison, AMixThatCannotBeTold) {
  Example example;
  example.alone(0.3, 0.3).front().mix("mgda", 0.2, 0.2, 0.4);
  EXPECT_EQ(place_of_mix(example), Place::unknown);
  expect_says(example, "The mix mgda could not be told from the front of fixed weights;");
}

TEST(Comparison, AMixOfWhichEveryRunDiverged) {
  Example example;
  example.alone(0.3, 0.3).front().mix("mgda", none, none);
  EXPECT_EQ(place_of_mix(example), Place::nothing);
  expect_says(example, "The mix mgda came to nothing: no run of it has figures.");
}

TEST(Comparison, ModesTheControlAndEqualTimeAreNamed) {
  Example example;
  example.alone(0.3, 0.3).front();
  Arm random{.kind = ArmKind::random, .name = "random", .mix = "random"};
  Arm mode{.kind = ArmKind::mode, .name = "alternating steps", .mode = "alternating"};
  mode.cost = 1.9;
  mode.at_equal_time = true;
  example.add(random, around(0.2), around(0.2)).add(mode, around(0.4), around(0.4));
  expect_says(example, "The control, random weights, is equivalent to the plain sum (");
  expect_says(example,
              "The step mode alternating at equal time (a step costs 1.9 of the sum's) is behind ");
}

// --- where figures are from ------------------------------------------------------------------------

TEST(Comparison, SaysWhereFiguresAreFrom) {
  Example example;
  example.alone(0.3, 0.3).sum(0.2, 0.2);
  example.context.rates = {"0.001", "0.01"};
  expect_says(example,
              "Figures are of the test split; what was chosen was chosen on validation: the "
              "learning rate of each arm is the best of 0.001, 0.01 by the mean");
  expect_says(example, "5 seeds, 100 steps a run.");
  example.context.has_test = false;
  expect_says(example, "There is no test split: figures are of the validation split, on which ");
}

}  // namespace
}  // namespace medley::comparison
