// What results say of settings: front, ties, requirements; who goes on in successive halving.
#include "medley/study/selection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "medley/study/answer.hpp"
#include "medley/study/search_plan.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
using Numbers = std::vector<std::size_t>;

const std::vector<Objective> up_down{{"a", 0, true}, {"b", 1, false}};

// A study of settings that are known, three seeds each, with results as they are written down.
struct Results {
  Design design;
  std::vector<Setting> settings;
  TrialTable table;
  Criteria criteria;
  std::vector<Simplicity> simplicity;

  Results() {
    design.columns = {"lr"};
    design.metrics = {"a", "b"};
    design.seeds = 3;
    criteria.objectives = {{"a", 0, true}};
  }
  // Values of metric a, and a value of b for all of them.
  void add(std::vector<double> a, double b = 0.0, Simplicity simple = {}) {
    const std::size_t s = settings.size();
    settings.push_back({s == 0 ? "default" : "", {std::to_string(s)}, {}});
    simple.is_other = s != 0;
    simplicity.push_back(simple);
    for (int repeat = 0; repeat < design.repeats(); ++repeat) {
      const double value = a[static_cast<std::size_t>(repeat)];
      const bool diverged = std::isnan(value);
      table.add({.trial = {.number = design.trial(s, repeat), .rung = 0, .epochs = 1},
                 .status = diverged ? TrialStatus::diverged : TrialStatus::complete,
                 .values = settings.back().values,
                 .metrics = {value, diverged ? none : b}});
    }
  }
  Selection selection() const {
    const FixedPlan plan(design, settings);
    return select(design, plan, table, criteria, simplicity);
  }
  std::string answer() const {
    const FixedPlan plan(design, settings);
    std::string text;
    for (const std::string& line : answer_sentences(design, plan, criteria, selection()))
      text += line + "\n";
    return text;
  }
};

TEST(Selection, TheBestIsChosenAndComparedRunByRun) {
  Results r;
  r.add({0.5, 0.6, 0.7});
  r.add({0.8, 0.9, 1.0});
  r.add({0.5, 0.5, 0.5});
  const Selection s = r.selection();
  EXPECT_EQ(s.chosen, 1u);
  EXPECT_EQ(s.best, 1u);
  EXPECT_TRUE(s.settings[1].chosen && s.settings[1].on_front && s.settings[1].ties);
  EXPECT_FALSE(s.settings[0].on_front);
  EXPECT_NEAR(s.settings[1].objective[0].mean, 0.9, 1e-15);
  EXPECT_NEAR(s.settings[1].objective[0].standard_error, 0.1 / std::sqrt(3.0), 1e-15);
  EXPECT_NEAR(s.settings[1].to_default[0].difference, 0.3, 1e-15);
  EXPECT_NEAR(s.settings[1].to_default[0].standard_error, 0.0, 1e-15);
  EXPECT_EQ(s.settings[1].to_default[0].n, 3u);
  EXPECT_TRUE(holds(r.answer(),
                    "3 settings, each trained on 3 seeds...Chosen: setting 1 (lr 1): a "
                    "0.9 ± 0.058...no other ties...Against the default it is better in "
                    "a by 0.3"));
}

TEST(Selection, TiesGoToTheSimplerSetting) {
  Results r;
  // The differences of 1, 2, 3 to the best, 4, are within their standard error.
  r.add({0.1, 0.1, 0.1});
  r.add({0.8, 0.9, 0.7}, 0, {.adapts = true});
  r.add({0.9, 0.7, 0.8}, 0, {.mode = 2});
  r.add({0.7, 0.8, 0.9}, 0, {.epochs = 9});
  r.add({0.9, 0.8, 0.75}, 0, {.epochs = 12});
  EXPECT_EQ(r.selection().best, 4u);
  EXPECT_EQ(r.selection().chosen, 3u);
  EXPECT_EQ(r.selection().chosen_to_best.size(), 1u);
  EXPECT_TRUE(holds(r.answer(),
                    "...The best a has setting 4...4 settings are within one standard "
                    "error of it, of which the chosen one is the simplest"));
  r.simplicity[3].epochs = 12;  // then the better mean
  EXPECT_EQ(r.selection().chosen, 4u);
  r.simplicity[4].mode = 1;
  EXPECT_EQ(r.selection().chosen, 3u);
  r.simplicity[3].adapts = r.simplicity[4].adapts = true;  // fixed weights come before the mode
  EXPECT_EQ(r.selection().chosen, 2u);
}

TEST(Selection, OfTiesAsSimpleTheNextObjectiveDecides) {
  Results r;
  r.criteria.objectives = up_down;
  r.add({0.1, 0.1, 0.1}, 9);
  r.add({0.8, 0.9, 0.7}, 5);
  r.add({0.81, 0.88, 0.72}, 6);
  EXPECT_EQ(r.selection().best, 2u);
  EXPECT_EQ(r.selection().chosen, 1u);
  EXPECT_TRUE(holds(r.answer(), "...of which the chosen one is the best in b and no less simple"));
}

TEST(Selection, TheDefaultWinsTies) {
  Results r;
  r.add({0.8, 0.9, 0.7}, 0, {.epochs = 99});
  r.add({0.9, 0.7, 0.83}, 0, {.epochs = 1});
  EXPECT_EQ(r.selection().best, 1u);
  EXPECT_EQ(r.selection().chosen, 0u);
  EXPECT_TRUE(holds(r.answer(), "...That is the experiment's own setting."));
}

TEST(Selection, ASingleRunTiesWithNothingButItsEqual) {
  Results r;
  r.design.seeds = 1;
  r.add({0.8999});
  r.add({0.9});
  r.add({0.9});
  EXPECT_EQ(r.selection().chosen, 1u);
  EXPECT_FALSE(r.selection().settings[0].ties);
  EXPECT_TRUE(r.selection().settings[2].ties);
  EXPECT_TRUE(holds(r.answer(),
                    "...in a single pair of trainings, which tells nothing of "
                    "chance...Each setting was trained once"));
}

TEST(Selection, ASettingThatDivergedOnceIsNotChosen) {
  Results r;
  r.add({0.1, 0.2, 0.15});
  r.add({0.9, none, 0.9});
  const Selection s = r.selection();
  EXPECT_EQ(s.chosen, 0u);
  EXPECT_FALSE(s.settings[1].is_whole);
  EXPECT_EQ(s.settings[1].diverged, 1u);
  EXPECT_EQ(s.settings[1].complete, 2u);
  EXPECT_EQ(s.settings[1].objective[0].n, 2u);
  EXPECT_TRUE(holds(r.answer(), "2 settings, ...; 1 training diverged."));
}

TEST(Selection, RequirementsRuleOut) {
  Results r;
  r.add({0.1, 0.2, 0.15}, 3.0);
  r.add({0.9, 0.8, 0.85}, 1.0);
  r.criteria.requirements = {parse_requirement("b>=2", r.design.metrics)};
  EXPECT_EQ(r.selection().chosen, 0u);
  EXPECT_FALSE(r.selection().settings[1].meets || r.selection().settings[1].on_front);
  r.criteria.requirements = {parse_requirement("b<=3", r.design.metrics)};
  EXPECT_EQ(r.selection().chosen, 1u);
  r.criteria.requirements = {parse_requirement("b >= 3.5", r.design.metrics)};
  EXPECT_EQ(r.selection().chosen, std::nullopt);
  EXPECT_TRUE(holds(r.answer(), "...No setting has b>=3.5: none is chosen."));
  EXPECT_ERROR(parse_requirement("b=2", r.design.metrics),
               "2: --require: 'b=2' is not of the form");
  EXPECT_ERROR(parse_requirement("c>=2", r.design.metrics), "2: ...no 'c'...there are: a, b");
  EXPECT_ERROR(parse_requirement("a>=x", r.design.metrics), "2: --require: 'x' is not a number");
  EXPECT_ERROR(parse_objective("x", r.design.metrics), "2: --objective: there is no 'x'");
}

TEST(Selection, OfSeveralObjectivesTheFirstDecidesOnTheFront) {
  Results r;
  r.criteria.objectives = up_down;
  r.add({0.5, 0.5, 0.5}, 1.0);
  r.add({0.7, 0.7, 0.7}, 2.0);
  r.add({0.9, 0.9, 0.9}, 9.0);
  r.add({0.7, 0.7, 0.7}, 3.0);
  const Selection s = r.selection();
  EXPECT_EQ(s.chosen, 2u);
  EXPECT_TRUE(s.settings[0].on_front && s.settings[1].on_front && s.settings[2].on_front);
  EXPECT_FALSE(s.settings[3].on_front);
  EXPECT_TRUE(holds(r.answer(),
                    "...3 settings are on the Pareto front...and a decided here...On the "
                    "front: setting 0, default (lr 0): a 0.5 ± 0, b 1 ± 0."));
  const FixedPlan plan(r.design, r.settings);
  EXPECT_EQ(settings_text(r.design, plan, r.criteria, s, true),
            "setting,name,lr,trials,diverged,failed,rung,a.mean,a.standard_error,a.difference,"
            "a.difference_error,a.p,b.mean,b.standard_error,b.difference,b.difference_error,b.p,"
            "on_front,chosen\r\n"
            "0,default,0,3,0,0,0,0.5,0,0,0,1,1,0,0,0,1,1,0\r\n" +
                settings_text(r.design, plan, r.criteria, s, true)
                    .substr(settings_text(r.design, plan, r.criteria, s, true).find("1,,1,3")));
}

TEST(Halving, TheFrontIsThatOfAllPairs) {
  std::srand(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<Scores> settings;
    for (int i = 0; i < 12; ++i) {
      settings.push_back(
          {static_cast<double>(std::rand() % 5), static_cast<double>(std::rand() % 5)});
      if (std::rand() % 9 == 0) settings.back()[1] = none;
    }
    const std::vector<bool> front = pareto_front(settings, up_down);
    for (std::size_t i = 0; i < settings.size(); ++i) {
      bool beaten = std::isnan(settings[i][1]);
      for (const Scores& other : settings) {
        const double a = settings[i][0], b = settings[i][1];
        beaten |= !std::isnan(other[1]) && other[0] >= a && other[1] <= b &&
                  (other[0] > a || other[1] < b);
      }
      EXPECT_EQ(front[i], !beaten);
    }
    // Ranks: nothing comes before what dominates it.
    const Numbers order = ranked(settings, up_down);
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (std::size_t j = i + 1; j < order.size(); ++j)
        EXPECT_FALSE(dominates(settings[order[j]], settings[order[i]], up_down));
    }
  }
}

TEST(Halving, RungsGrowByTheFactor) {
  using Epochs = std::vector<std::uint64_t>;
  EXPECT_EQ(rung_epochs(0, 1, 20), (Epochs{20}));
  EXPECT_EQ(rung_epochs(3, 1, 20), (Epochs{1, 3, 9, 20}));
  EXPECT_EQ(rung_epochs(2, 5, 20), (Epochs{5, 10, 20}));
  EXPECT_EQ(rung_epochs(3, 30, 20), (Epochs{20}));
  EXPECT_EQ(promoted(9, 3), 3u);
  EXPECT_EQ(promoted(10, 3), 4u);
  EXPECT_EQ(promoted(1, 3), 1u);
}

// A search over lr and batch-size whose results are a function of the setting and the rung.
class Plans : public ::testing::Test {
 protected:
  Plans() {
    design.columns = {"lr", "batch-size"};
    design.metrics = {"a"};
    design.seeds = 2;
    search.dimensions = {parse_search("lr=0.1..0.9"), parse_search("batch-size=1,2")};
    search.settings = 8;
    search.epochs = 9;
    search.objectives = {{"a", 0, true}};
  }
  SearchPlan plan() const {
    return SearchPlan(design, search, &fallback, [](const Setting& setting) {
      std::string text;
      for (const std::string& option : setting.options) text += option + " ";
      return text;
    });
  }
  // Does what the plan wants, in an order of its own, and says how large its stages were.
  Numbers run(SearchPlan& plan, TrialTable& table, unsigned order) const {
    Numbers stages;
    std::srand(order);
    for (;;) {
      std::vector<Trial> open = plan.next(table);
      if (open.empty()) return stages;
      stages.push_back(open.size());
      for (; !open.empty(); open = plan.next(table)) {
        if (stages.back() < open.size()) break;
        stages.back() = std::max(stages.back(), open.size());
        const Trial trial = open[static_cast<std::size_t>(std::rand()) % open.size()];
        const std::size_t s = design.setting_of(trial.number);
        const Setting& setting = plan.settings()[s];
        const double lr = std::stod(setting.values[0]);
        const bool diverges = setting.values[1] == "2" && lr > 0.6;
        table.add({trial,
                   diverges ? TrialStatus::diverged : TrialStatus::complete,
                   setting.values,
                   {diverges ? none : 1 - std::abs(lr - 0.4) + 0.01 * trial.rung}});
        if (open.size() == 1) break;
      }
    }
  }
  Design design;
  SearchDesign search;
  Setting fallback{"default", {"0.85", "1"}, {}};
};

TEST_F(Plans, TheBestGoOnAndTheDefaultWithThem) {
  search.factor = 3;
  SearchPlan p = plan();
  TrialTable table;
  EXPECT_EQ(run(p, table, 1), (Numbers{18, 8, 6}));  // 9 settings, 3 and the default, 2 and it
  EXPECT_EQ(p.last_rung(), 2);
  // Who is in a rung is among the best of the one before.
  for (int rung = 1; rung <= 2; ++rung) {
    double worst_in = 2.0, best_out = 0.0;
    for (std::size_t s = 1; s < p.settings().size(); ++s) {
      const double before = table.values(design, s, rung - 1, 0)[0];
      if (std::isnan(before)) {
        EXPECT_LT(p.rung_of(s), rung);
      } else if (p.rung_of(s) >= rung) {
        worst_in = std::min(worst_in, before);
      } else {
        best_out = std::max(best_out, before);
      }
    }
    EXPECT_GT(worst_in, best_out);
  }
  EXPECT_EQ(p.rung_of(0), 2);
  EXPECT_EQ(p.next(table), std::vector<Trial>{});
}

TEST_F(Plans, WhatDivergedDoesNotGoOn) {
  search.factor = 3;
  search.dimensions = {parse_search("lr=0.7..0.9"), parse_search("batch-size=2")};
  SearchPlan p = plan();
  TrialTable table;
  EXPECT_EQ(run(p, table, 1), (Numbers{18, 2, 2}));  // the default alone
}

TEST_F(Plans, RungsButTheLastPause) {
  search.factor = 3;
  SearchPlan p = plan();
  TrialTable table;
  EXPECT_EQ(p.next(table)[0].epochs, 1u);
  run(p, table, 1);
  SearchPlan again = plan();
  TrialTable first;
  for (const auto& [key, row] : table.rows()) {
    if (key.first < 2) first.add(row);
  }
  const std::vector<Trial> last = again.next(first);
  ASSERT_FALSE(last.empty());
  EXPECT_EQ(last[0].rung, 2);
  EXPECT_EQ(last[0].epochs, 0u);  // to its own end
}

TEST_F(Plans, TheOrderInWhichTrialsEndDoesNotMatter) {
  for (const Method method : {Method::sobol, Method::adaptive, Method::grid}) {
    search.method = method;
    search.factor = method == Method::sobol ? 3 : 0;
    search.settings = 20;
    SearchPlan first = plan(), second = plan();
    TrialTable table, other;
    run(first, table, 1);
    run(second, other, 2);
    ASSERT_EQ(table.size(), other.size());
    for (const auto& [key, row] : table.rows())
      EXPECT_EQ(row.values, other.find(key.first, key.second)->values);
    // One that comes when all is done finds the same settings.
    SearchPlan late = plan();
    EXPECT_TRUE(late.next(table).empty());
    ASSERT_EQ(late.settings().size(), first.settings().size());
    for (std::size_t s = 0; s < late.settings().size(); ++s)
      EXPECT_EQ(late.settings()[s].values, first.settings()[s].values);
  }
}

TEST_F(Plans, AnAdaptiveSearchLearns) {
  search.method = Method::adaptive;
  search.settings = 40;
  SearchPlan p = plan();
  TrialTable table;
  run(p, table, 1);
  double near = 0;
  for (std::size_t s = 21; s < 41; ++s)
    near += std::abs(std::stod(p.settings()[s].values[0]) - 0.4) < 0.12;
  EXPECT_GE(near, 10);  // 0.24 of 0.8 is 6 of 20
}

TEST_F(Plans, SettingsAreTriedOnce) {
  search.dimensions = {parse_search("lr=0.1,0.2"), parse_search("batch-size=1,2")};
  search.settings = 50;
  EXPECT_EQ(plan().settings().size(), 5u);  // the default's options are none, so that it is another
  search.method = Method::grid;
  const SearchPlan p = plan();
  ASSERT_EQ(p.settings().size(), 5u);
  EXPECT_EQ(p.settings()[2].values, (std::vector<std::string>{"0.1", "2"}));
  EXPECT_EQ(p.settings()[2].options, (Arguments{"--lr", "0.1", "--batch-size", "2"}));
  search.dimensions = {parse_search("lr=0.1..0.9"), parse_search("clip=0..9")};
  search.grid_points = 1000;
  EXPECT_ERROR(plan(), "2: --method grid: more than 100000 settings");
}

TEST_F(Plans, ProgressIsInEpochs) {
  search.factor = 3;
  SearchPlan p = plan();
  TrialTable table;
  EXPECT_EQ(p.progress(table).of_trials, 26u);  // 18, 6 and 2, the default not counted twice
  EXPECT_EQ(p.progress(table).of_work, 18 + 6 * 2 + 2 * 6);
  run(p, table, 1);
  EXPECT_EQ(p.progress(table).trials, p.progress(table).of_trials);
  EXPECT_EQ(p.progress(table).work, p.progress(table).of_work);
}

}  // namespace
}  // namespace medley
