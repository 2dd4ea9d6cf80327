// The options of `tune`: what is its own, what is of train, and what a study keeps of them.
#include "medley/study/study_options.hpp"

#include <gtest/gtest.h>

#include "tests/files_helpers.hpp"
#include "tests/scripted_engine.hpp"

namespace medley::testing {
namespace {

namespace fs = std::filesystem;

class StudyOptionsTest : public ::testing::Test {
 protected:
  StudyOptions parse(Arguments arguments) const {
    arguments.insert(arguments.begin(), {"--study", folder.path().string()});
    return parse_study_options(arguments, d);
  }
  TrainOptions trained(const StudyOptions& o, const Arguments& setting = {}) const {
    return train_options(o, make_design(o, d), setting, d);
  }

  TemporaryFolder folder;
  Description d = scripted_description();
};

TEST_F(StudyOptionsTest, OthersAreThoseOfTrain) {
  const StudyOptions o = parse({"--search", "lr=1,2", "--epochs", "7", "--seeds=3", "--weight",
                                "kind=2", "--batch-size=5", "--trials", "9", "--quiet"});
  EXPECT_EQ(o.shared,
            (Arguments{"--epochs", "7", "--weight", "kind=2", "--batch-size", "5", "--quiet"}));
  EXPECT_EQ(o.seeds, 3);
  EXPECT_EQ(o.search.settings, 9u);
  EXPECT_EQ(o.objectives, (std::vector<std::string>{"kind.accuracy"}));
  const TrainOptions t = trained(o, {"--lr", "2", "--weight", "kind=3"});
  EXPECT_EQ(t.epochs, 7u);
  EXPECT_EQ(t.batch_size, 5u);
  EXPECT_EQ(t.learning_rate[0], 2.0);
  EXPECT_EQ(t.weight[0], 3.0);  // a setting's own comes last
  EXPECT_EQ(t.keep, 1u);
  EXPECT_EQ(trained(parse({"--keep", "4"})).keep, 4u);
}

TEST_F(StudyOptionsTest, AStudyKeepsThem) {
  const fs::path config = folder / "given.ini";
  write_text(config, "epochs = 5\nclip = 2\n");
  const StudyOptions o = parse({"--search",
                                "mix=blend|weighted_sum:length=match",
                                "--method",
                                "adaptive",
                                "--generation",
                                "2",
                                "--folds",
                                "4",
                                "--objective",
                                "term.kind",
                                "--require",
                                "kind.accuracy>=0.5",
                                "--at",
                                "best",
                                "--no-default",
                                "--seed",
                                "6",
                                "--config",
                                config.string(),
                                "--data",
                                "here",
                                "--epochs",
                                "3"});
  write_text(folder / "study.ini", to_ini(o, d));
  write_text(folder / "base.ini", o.config_text);
  const StudyOptions again = read_ini(folder.path(), d);
  EXPECT_EQ(to_ini(again, d), to_ini(o, d));
  EXPECT_EQ(again.search.dimensions[0].values, o.search.dimensions[0].values);
  EXPECT_EQ(again.search.method, Method::adaptive);
  EXPECT_FALSE(again.has_default);
  EXPECT_EQ(make_design(again, d).best_by, "term.kind");
  EXPECT_EQ(trained(again).epochs, 3u);  // the command line comes before --config
  EXPECT_EQ(trained(again).clip_norm, 2.0);
  EXPECT_TRUE(fs::path(again.data).is_absolute());
  require_same_study(o, again, d);
  StudyOptions other = o;
  other.data = "/elsewhere";  // the same records, as this process finds them
  other.is_final = true;
  require_same_study(other, again, d);
  other.folds = 5;
  EXPECT_ERROR(
      require_same_study(other, again, d),
      "2: ...is a study with other options: it has 'folds = 4', it does not have 'folds = 5'");
  other.folds = 4;
  other.config_text = "epochs = 6\n";
  EXPECT_ERROR(require_same_study(other, again, d), "2: ...another --config");
}

TEST_F(StudyOptionsTest, ADamagedStudyIsNamed) {
  write_text(folder / "study.ini", "serch = lr=1,2\nmethod = fast\n");
  EXPECT_ERROR(read_ini(folder.path(), d), "2: ...study.ini: --method: there is no 'fast'");
  EXPECT_ERROR(read_ini(folder / "none", d), "4: ...study.ini: cannot be read");
}

TEST_F(StudyOptionsTest, WhatContradictsItselfIsRefused) {
  EXPECT_ERROR(parse_study_options({"--search", "lr=1,2"}, d), "2: tune: --study S is missing");
  EXPECT_ERROR(parse({"--search", "lr=1,2", "--search", "lr=3,4"}), "2: ...lr is searched twice");
  EXPECT_ERROR(parse({"--search", "lr=1,2", "--at", "first"}), "2: --at: 'first'");
  EXPECT_ERROR(parse({"--search", "lr=1,2", "--halving", "1"}), "2: --halving 1: one of ETA");
  EXPECT_ERROR(parse({"--search", "lr=1,2", "--halving", "3,0"}), "2: --halving 3,0: ");
  EXPECT_ERROR(parse({"--search", "lr=1,2", "--halving", "3", "--method", "adaptive"}),
               "2: --halving: goes with --method grid or sobol");
  EXPECT_ERROR(parse({"--grid-points", "3"}), "2: --grid-points: belongs to --method grid");
  EXPECT_ERROR(parse({"--folds", "1"}), "2: --folds: 1 is not within 2");
  EXPECT_ERROR(parse({"--no-default"}), "2: --no-default: without --search");
  EXPECT_ERROR(parse({"loose"}), "2: tune: unexpected argument 'loose'");
  EXPECT_ERROR(parse({"--epochs", "3", "loose"}), "2: tune: unexpected argument 'loose'");
  EXPECT_ERROR(parse({"--resume"}), "2: tune: --resume belongs to a trial");
  EXPECT_ERROR(trained(parse({"--epoch", "3"})), "2: ...unrecognised option '--epoch'");
}

TEST_F(StudyOptionsTest, TheDefaultHasItsValues) {
  const StudyOptions o =
      parse({"--search", "lr=1,2", "--search", "weight.decay=0.1..1", "--search", "epochs=1..9",
             "--search", "mix=blend,weighted_sum", "--lr", "all=0.25"});
  const Setting setting = default_setting(o, make_design(o, d), d);
  EXPECT_EQ(setting.name, "default");
  EXPECT_EQ(setting.values, (std::vector<std::string>{"0.25", "0.5", "10", "blend:a=0.5"}));
  EXPECT_TRUE(setting.options.empty());
}

TEST_F(StudyOptionsTest, FixedWeightsAreSimplerThanThoseThatAdapt) {
  const StudyOptions o = parse({"--search", "lr=1,2"});
  const Simplicity plain = simplicity(trained(o), d, true);
  EXPECT_FALSE(plain.adapts);
  EXPECT_LT(plain, simplicity(trained(o), d, false));
  EXPECT_LT(plain, simplicity(trained(o, {"--epochs", "19"}), d, true));
  EXPECT_LT((Simplicity{.adapts = false, .mode = 2, .is_other = true, .epochs = 9}),
            (Simplicity{.adapts = true, .mode = 0, .is_other = false, .epochs = 1}));
  EXPECT_LT((Simplicity{.mode = 1, .is_other = true}), (Simplicity{.mode = 2, .is_other = false}));
}

}  // namespace
}  // namespace medley::testing
