// The options of `train`, and config.ini.
#include "medley/run/train_options.hpp"

#include <gtest/gtest.h>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

Description one_group() {
  Description d;
  d.groups.push_back({});
  d.groups[0].name = "all";
  d.terms.push_back({});
  d.terms[0].name = "kind";
  d.memory.slots = 4;
  return d;
}

TEST(TrainOptions, ConfigGivesTheSameOptionsAgain) {
  const TemporaryFolder folder;
  const Description d = one_group();
  const TrainOptions first = parse_train_options(
      {"--out", "run", "--data", "a # b = c", "--init", "w", "--lr", "0.1", "--weight", "kind=-2",
       "--mix", "a=0.25", "--schedule", "step:0.1@0.5", "--warm-up", "0.05", "--steps", "7"},
      d);
  const std::string text = to_config(first, d);
  write_text(folder / "config.ini", text);
  const Arguments again{"--out", "run", "--config", (folder / "config.ini").string()};
  EXPECT_EQ(to_config(parse_train_options(again, d), d), text);
}

TEST(TrainOptions, ConfigMayBeginWithAByteOrderMarkAndHaveLinesOfDos) {
  const TemporaryFolder folder;
  const Description d = one_group();
  const Arguments arguments{"--out", "run", "--config", (folder / "config.ini").string()};
  for (const char* text : {"\xEF\xBB\xBF# options\nseed = 7\n", "\xEF\xBB\xBFseed = 7\r\n"}) {
    write_text(folder / "config.ini", text);
    EXPECT_EQ(parse_train_options(arguments, d).seed, 7u);
  }
  write_text(folder / "config.ini", "seed = 7\n\xEF\xBB\xBFseed = 8\n");
  EXPECT_ERROR(parse_train_options(arguments, d), "2: train: ...config.ini: there is no option");
}

TEST(TrainOptions, AnotherScheduleKeepsTheWarmUpOfTheRecipe) {
  Description d = one_group();
  d.recipe.schedule = Schedule::one_cycle().with_warm_up(0.25);
  const auto warm_up = [&](const Arguments& more) {
    Arguments arguments{"--out", "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return parse_train_options(arguments, d).schedule.warm_up;
  };
  EXPECT_EQ(warm_up({}), 0.25);
  EXPECT_EQ(warm_up({"--schedule", "cosine"}), 0.25);
  EXPECT_EQ(warm_up({"--schedule", "cosine", "--warm-up", "0"}), 0.0);
  EXPECT_EQ(warm_up({"--warm-up", "0.5"}), 0.5);
}

TEST(TrainOptions, NumbersOfTheMixAreResolved) {
  Description d = one_group();
  d.mix_options = {{"a", 0.5}};
  EXPECT_NE(to_config(parse_train_options({"--out", "run"}, d), d).find("mix = a=0.5\n"),
            std::string::npos);
  const TrainOptions o =
      parse_train_options({"--out", "run", "--mix", "a=0.25", "--mix", "b=1"}, d);
  EXPECT_EQ(o.mix, (std::vector<std::pair<std::string, double>>{{"a", 0.25}, {"b", 1.0}}));
}

TEST(TrainOptions, ThoseOfACheckpointMustBeInForceStill) {
  const Description d = one_group();
  const Arguments arguments{"--out", "run", "--lr", "0.1", "--steps", "7", "--keep", "2"};
  Checkpoint checkpoint;
  checkpoint.path = "run/last";
  checkpoint.options = result_options(parse_train_options(arguments, d), d);
  const auto with = [&](const Arguments& more) {
    Arguments all = arguments;
    all.insert(all.end(), more.begin(), more.end());
    require_same_options(checkpoint, parse_train_options(all, d), d);
  };
  with({});
  with({"--data", "elsewhere", "--threads", "2", "--checkpoint-every", "3"});
  EXPECT_EQ(checkpoint.options.at("lr.all"), "0.1");
  EXPECT_ERROR(with({"--weight", "kind=2"}),
               "3: run/last: written with weight.kind 1, but config.ini has 2");
  EXPECT_ERROR(with({"--gradients-every", "2"}), "3: ...gradients-every not set...has 2");
  EXPECT_ERROR(with({"--batch-size", "3"}), "3: ...batch-size");
  EXPECT_ERROR(with({"--seed", "3"}), "3: ...seed 1...has 3");
  EXPECT_ERROR(with({"--augment", "off"}), "3: ...augment on");
  checkpoint.options["steps"] = "8";
  EXPECT_ERROR(with({}), "3: ...steps 8...has 7");
}

TEST(TrainOptions, PathsThatALineCannotHoldAreRefused) {
  const Description d = one_group();
  for (const std::string option : {"data", "init"}) {
    for (const std::string path : {"a\nseed = 2", "a ", "a\t", "a\r"}) {
      EXPECT_ERROR(parse_train_options({"--out", "run", "--" + option, path}, d),
                   "2: --" + option + ": '" + path + "' cannot be written into config.ini")
          << path;
    }
  }
}

}  // namespace
}  // namespace medley
