// Which arms a comparison has, how they are asked for and written down, and what is read of their runs.
#include "medley/study/compare_options.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "medley/mixes/constrained.hpp"
#include "medley/mixes/pcgrad.hpp"
#include "medley/mixes/random_weights.hpp"
#include "medley/mixes/uncertainty.hpp"
#include "medley/mixes/upgrad.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/study/compare_study.hpp"
#include "medley/study/run_reading.hpp"
#include "tests/files_helpers.hpp"

namespace medley::comparison {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

// So many losses and a penalty, joint and alternating steps.
Description described(int losses) {
  Description d;
  d.name = "made";
  TermSet all = 0;
  for (int k = 0; k < losses; ++k) {
    TermInfo term;
    term.name = std::string(1, static_cast<char>('a' + k));
    d.terms.push_back(term);
    all |= TermSet{1} << k;
  }
  TermInfo decay;
  decay.name = "decay";
  decay.is_penalty = true;
  d.terms.push_back(decay);
  d.mixes = {WeightedSum{}, RandomWeights{}, Uncertainty{}, Constrained{}, UpGrad{}, PcGrad{}};
  ModeInfo joint, in_turn;
  joint.groups.emplace_back();
  joint.groups[0].name = "all";
  joint.groups[0].term_set = all;
  joint.groups[0].losses = losses;
  in_turn = joint;
  in_turn.mode = StepMode::alternating;
  d.modes = {joint, in_turn};
  return with_mode(d, 0);
}

Strings names_of(const std::vector<Arm>& arms) {
  Strings names;
  for (const Arm& arm : arms) names.push_back(arm.name);
  return names;
}

CompareOptions parsed(Arguments more) {
  more.insert(more.begin(), {"--study", "s"});
  return parse_compare_options(more, described(2));
}

// --- arms ------------------------------------------------------------------------------------------

TEST(Arms, OfTwoLosses) {
  const auto arms = comparison_arms(
      described(2), {.mixes = {"upgrad", "random"}, .modes = {"joint", "alternating"}});
  EXPECT_EQ(names_of(arms),
            (Strings{"a alone", "b alone", "sum", "a=0.118 b=1.88", "a=0.4 b=1.6", "a=1.6 b=0.4",
                     "a=1.88 b=0.118", "random", "upgrad", "alternating steps"}));
  for (const Arm& arm : arms) {
    const double sum = std::accumulate(arm.weights.begin(), arm.weights.end(), 0.0);
    EXPECT_NEAR(sum, arm.kind == ArmKind::single ? 1.0 : 2.0, 1e-12) << arm.name;
    EXPECT_EQ(arm.fixed_weights, arm.kind == ArmKind::sum || arm.kind == ArmKind::fixed);
  }
  EXPECT_EQ(arm_options(arms[0], described(2)),
            (Arguments{"--steps-mode", "joint", "--mix", "weighted_sum", "--weight", "a=1",
                       "--weight", "b=0"}));
  EXPECT_EQ(arm_options(arms[8], described(2)),
            (Arguments{"--steps-mode", "joint", "--mix", "upgrad", "--weight", "a=1", "--weight",
                       "b=1"}));
  EXPECT_EQ(arm_options(arms[9], described(2))[1], "alternating");
}

TEST(Arms, OfThreeLossesEachIsEmphasizedAndPlayedDown) {
  const auto arms = comparison_arms(described(3), {});
  EXPECT_EQ(names_of(arms),
            (Strings{"a alone", "b alone", "c alone", "sum", "a=2 b=0.5 c=0.5",
                     "a=0.333 b=1.33 c=1.33", "a=0.5 b=2 c=0.5", "a=1.33 b=0.333 c=1.33",
                     "a=0.5 b=0.5 c=2", "a=1.33 b=1.33 c=0.333", "random"}));
}

TEST(Arms, WhatIsWrittenIsAnArmWhereItIsNotThePlainSum) {
  Description weighted = described(2);
  weighted.terms[1].weight = 0.5;
  const Arm arm = comparison_arms(weighted, {})[3];
  EXPECT_EQ(arm.name, "as written");
  EXPECT_TRUE(arm.fixed_weights);
  EXPECT_EQ(arm_options(arm, weighted), Arguments{});
  Description mixed = described(2);
  std::swap(mixed.mixes[0], mixed.mixes[2]);
  EXPECT_FALSE(comparison_arms(mixed, {})[3].fixed_weights);
}

TEST(Arms, WhatCannotBeComparedIsRefused) {
  EXPECT_EQ(error_of([] { comparison_arms(described(1), {}); }),
            "2: compare: made has a single loss, and nothing to share or to mix");
  Description in_turn = described(2);
  in_turn.modes.erase(in_turn.modes.begin());
  EXPECT_NE(error_of([&] { comparison_arms(in_turn, {}); }).find("lists no joint steps"),
            std::string::npos);
  Description other = described(2);
  other.mixes = {UpGrad{}};
  EXPECT_NE(error_of([&] { comparison_arms(other, {}); }).find("does not list the weighted sum"),
            std::string::npos);
}

TEST(Arms, CostlyOnesComeAgainWithFewerSteps) {
  auto arms = comparison_arms(described(2), {.mixes = {"upgrad"}, .modes = {"alternating"}});
  arms[7].cost = 1.05;
  arms[8].cost = 1.5;
  arms[9].cost = 2.0;
  arms[0].cost = 3.0;  // a loss alone is about its task, not its price
  const auto again = equal_time_arms(arms);
  EXPECT_EQ(names_of(again), (Strings{"upgrad at equal time", "alternating steps at equal time"}));
  EXPECT_TRUE(again[0].at_equal_time);
}

TEST(Arms, CostsAreOfStepsAlone) {
  const auto arms = comparison_arms(described(2), {.mixes = {"upgrad"}, .modes = {}});
  // A start of 0.3 seconds; a step of upgrad takes half as long again.
  const auto costs = measure_costs(arms, described(2), [](const Arguments& o, std::uint64_t steps) {
    return 0.3 + 0.001 * (o[3] == "upgrad" ? 1.5 : 1.0) * static_cast<double>(steps);
  });
  EXPECT_EQ(costs, (std::map<std::size_t, double>{{7, 1.0}, {8, 1.5}}));
}

// --- options ---------------------------------------------------------------------------------------

TEST(CompareOptions, Defaults) {
  const CompareOptions o = parsed({});
  EXPECT_EQ(o.arms.mixes, (Strings{"uncertainty", "pcgrad", "upgrad"}));
  EXPECT_EQ(o.arms.modes, Strings{"alternating"});
  EXPECT_EQ(o.study.seeds, 3);
  EXPECT_EQ(o.effect, 0.1);
  EXPECT_TRUE(o.equal_time);
  ASSERT_EQ(o.rates.size(), 3u);
  EXPECT_EQ(o.rates[0].text(), "x0.333");
  EXPECT_FALSE(o.study.is_given);
}

TEST(CompareOptions, ListsOfMixesAndRates) {
  EXPECT_EQ(parsed({"--mixes", "all"}).arms.mixes, (Strings{"uncertainty", "upgrad", "pcgrad"}));
  EXPECT_EQ(parsed({"--mixes", "none"}).arms.mixes, Strings{});
  EXPECT_EQ(parsed({"--mixes", "upgrad,pcgrad"}).arms.mixes, (Strings{"upgrad", "pcgrad"}));
  EXPECT_EQ(parsed({"--mixes=upgrad:length=match,map=log|pcgrad"}).arms.mixes,
            (Strings{"upgrad:length=match,map=log", "pcgrad"}));
  const auto rates = parsed({"--lr", "0.001..0.1"}).rates;
  ASSERT_EQ(rates.size(), 3u);
  EXPECT_EQ(rates[1].text(), "0.01");
  EXPECT_EQ(parsed({"--lr", "x0.5,x2"}).rates[1].text(), "x2");
}

TEST(CompareOptions, WhatIsWrongIsNamed) {
  const auto wrong = [](Arguments more) { return error_of([&] { parsed(more); }); };
  EXPECT_EQ(wrong({"--lr", "0.1..0.01"}), "2: --lr: '0.1..0.01' is no range");
  EXPECT_EQ(wrong({"--lr", "0.1..x2"}), "2: --lr: '0.1..x2' is no range");
  EXPECT_EQ(wrong({"--lr", "-1"}), "2: --lr: -1 is not above 0");
  EXPECT_EQ(wrong({"--lr", "1", "--lr", "2"}), "2: --lr is given twice");
  EXPECT_EQ(wrong({"--mixes"}), "2: --mixes: a value is missing");
  EXPECT_EQ(wrong({"--halving", "2"}), "2: compare: --halving is an option of tune");
  EXPECT_EQ(wrong({"--weight", "a=2"}),
            "2: compare: --weight is not for all trainings: see --mixes and --modes");
  EXPECT_EQ(wrong({"--modes", "simultaneous"}),
            "2: --modes: made does not list 'simultaneous'; there are: alternating");
  EXPECT_EQ(error_of([] {
              parse_compare_options({"--data", "d"}, described(2));
            }),
            "2: compare: --study S is missing ('compare --help' lists the options)");
}

TEST(CompareOptions, AStudyReadsBackAsItWasWritten) {
  const TemporaryFolder folder;
  const Description d = described(2);
  CompareOptions o = parse_compare_options(
      {"--study", folder.path().string(), "--mixes", "upgrad:length=match,map=log", "--modes",
       "none", "--lr", "0.001,x3", "--effect", "0.2", "--equal-time", "off", "--seeds", "7",
       "--epochs", "3"},
      d);
  o.costs = {{7, 1.25}, {12, 2.0}};
  write_text(folder / "study.ini", to_ini(o, d));
  const CompareOptions read = read_compare_ini(folder.path(), d);
  EXPECT_EQ(to_ini(read, d), to_ini(o, d));
  EXPECT_EQ(read.costs, o.costs);
  EXPECT_EQ(read.arms.mixes, o.arms.mixes);
  CompareOptions other = o;
  other.effect = 0.3;
  EXPECT_NE(error_of([&] { require_same_study(other, read, d); }).find("effect = 0.2"),
            std::string::npos);
  EXPECT_EQ(error_of([&] { require_same_study(o, read, d); }), "no error");
}

TEST(CompareOptions, AStudyOfTuneIsNoComparison) {
  const TemporaryFolder folder;
  write_text(folder / "study.ini", "method = sobol\ntrials = 4\n");
  EXPECT_NE(error_of([&] {
              read_compare_ini(folder.path(), described(2));
            }).find("is a study of tune, not a comparison"),
            std::string::npos);
}

// --- what is read of runs --------------------------------------------------------------------------

TEST(RunReading, CosinesWeighWhatNoiseLeavesOfThem) {
  const TemporaryFolder folder;
  write_text(folder / "diagnostics.csv",
             "epoch,step,a.control,b.control,corrected.a.b\r\n"
             "0,1,0.81,1,-0.5\r\n"
             "0,2,0.01,1,3\r\n"   // next to nothing is left: it counts a ninth
             "0,3,0.5,-0.1,\r\n"  // noise hides it
             "0,4,0.5,0.5,\r\n");
  EXPECT_NEAR(corrected_cosine(folder.path(), "a", "b"), (0.9 * -0.5 + 0.1 * 3) / 1.0, 1e-12);
  write_text(folder / "diagnostics.csv", "epoch,step,a.control,b.control,corrected.a.b\r\n");
  EXPECT_TRUE(std::isnan(corrected_cosine(folder.path(), "a", "b")));
  EXPECT_TRUE(std::isnan(corrected_cosine(folder / "none", "a", "b")));
}

TEST(RunReading, WeightsAreThoseOfTrainingRows) {
  const TemporaryFolder folder;
  write_text(folder / "losses.csv",
             "epoch,step,split,total,a.value,a.weight,b.value,b.weight\r\n"
             "0,1,train,1,1,3,1,1\r\n"
             "0,2,train,1,1,6,1,2\r\n"
             "0,2,validation,1,1,0,1,9\r\n");
  EXPECT_EQ(used_weights(folder.path(), {"a", "b"}), (std::vector<double>{1.5, 0.5}));
  EXPECT_EQ(used_weights(folder / "none", {"a", "b"}), std::vector<double>{});
}

}  // namespace
}  // namespace medley::comparison
