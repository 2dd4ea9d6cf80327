// The options of `train`, and config.ini.
#include "medley/run/train_options.hpp"

#include <gtest/gtest.h>

#include "medley/mixes/blend.hpp"
#include "medley/mixes/probe.hpp"
#include "medley/mixes/upgrad.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

Description one_group() {
  Description d;
  d.groups.push_back({});
  d.groups[0].name = "all";
  d.terms.push_back({});
  d.terms[0].name = "kind";
  d.groups[0].term_set = 1;
  d.groups[0].losses = 1;
  d.mixes = {WeightedSum{}, Blend{}};
  d.memory.slots = 4;
  return d;
}

TEST(TrainOptions, ConfigGivesTheSameOptionsAgain) {
  const TemporaryFolder folder;
  const Description d = one_group();
  const TrainOptions first = parse_train_options(
      {"--out", "run", "--data", "a # b = c", "--init", "w", "--lr", "0.1", "--weight", "kind=-2",
       "--mix", "blend:a=0.25", "--schedule", "step:0.1@0.5", "--warm-up", "0.05", "--steps", "7"},
      d);
  const std::string text = to_config(first, d);
  write_text(folder / "config.ini", text);
  const Arguments again{"--out", "run", "--config", (folder / "config.ini").string()};
  EXPECT_EQ(to_config(parse_train_options(again, d), d), text);
}

TEST(TrainOptions, FoldsAreInConfigAndDecideResults) {
  const TemporaryFolder folder;
  const Description d = one_group();
  const TrainOptions whole = parse_train_options({"--out", "run"}, d);
  EXPECT_FALSE(whole.fold.given());
  EXPECT_FALSE(result_options(whole, d).contains("fold"));
  const TrainOptions first = parse_train_options({"--out", "run", "--fold", "2/5"}, d);
  EXPECT_EQ(first.fold, (Fold{2, 5, 1}));
  const TrainOptions other =
      parse_train_options({"--out", "run", "--fold", "2/5", "--fold-seed", "7"}, d);
  EXPECT_NE(result_options(first, d), result_options(other, d));
  write_text(folder / "config.ini", to_config(other, d));
  Arguments again{"--out", "run", "--config", (folder / "config.ini").string()};
  EXPECT_EQ(parse_train_options(again, d).fold, (Fold{2, 5, 7}));
  again.insert(again.end(), {"--fold", "all"});  // a final training with the same options
  EXPECT_EQ(to_string(parse_train_options(again, d).fold), "all");
  EXPECT_ERROR(parse_train_options({"--out", "run", "--fold", "6/5"}, d), "2: --fold: '6/5'");
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

TEST(TrainOptions, NegativeWeightsAreForMixesThatTakeThem) {
  Description d = one_group();
  d.mixes.push_back(UpGrad{});
  const auto weight = [&](const char* mix, const char* text) {
    return parse_train_options({"--out", "run", "--mix", mix, "--weight", text}, d).weight.at(0);
  };
  EXPECT_EQ(weight("weighted_sum", "kind=-2"), -2.0);
  EXPECT_EQ(weight("upgrad", "kind=0"), 0.0);
  EXPECT_ERROR(weight("upgrad", "kind=-2"),
               "2: --weight kind=-2: the mix upgrad takes weights of 0");
}

TEST(TrainOptions, TheMixIsResolved) {
  const Description d = one_group();
  const auto config = [&](const Arguments& more) {
    Arguments arguments{"--out", "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return to_config(parse_train_options(arguments, d), d);
  };
  EXPECT_PRED2(holds, config({}), "#...\nmix = all=weighted_sum\n");
  EXPECT_PRED2(holds, config({"--mix", "blend"}), "#...\nmix = all=blend:a=0.5\n");
  // The last one holds, whole.
  EXPECT_PRED2(holds, config({"--mix", "blend:a=0.25", "--mix", "all=blend:length=unit"}),
               "#...\nmix = all=blend:a=0.5,length=unit\n");
  // With one step mode there is nothing to say.
  EXPECT_EQ(config({}).find("steps-mode"), std::string::npos);
}

TEST(TrainOptions, TheCommandLineHasTheLastWordOnTheMix) {
  const TemporaryFolder folder;
  const Description d = one_group();
  write_text(folder / "config.ini", "mix = all=blend:a=0.125\n");
  const std::string config = (folder / "config.ini").string();
  const auto mix = [&](const Arguments& arguments) {
    return parse_train_options(arguments, d).mix.at(0).mix;
  };
  EXPECT_EQ(mix({"--out", "run", "--config", config}).get(0), 0.125);
  EXPECT_EQ(mix({"--out", "run", "--config", config, "--mix", "weighted_sum"}).type(),
            "weighted_sum");
}

TEST(TrainOptions, TheStepModeDecidesWhichGroupsThereAre) {
  Description d = one_group();
  ModeInfo joint, in_turn;
  joint.groups = in_turn.groups = d.groups;
  in_turn.mode = StepMode::alternating;
  in_turn.groups[0].name = "first";
  in_turn.groups[0].own_mixes = {Blend{.a = 0.75}};
  d.modes = {joint, in_turn};
  d = with_mode(d, 0);
  const TrainOptions usual = parse_train_options({"--out", "run"}, d);
  EXPECT_PRED2(holds, to_config(usual, d),
               "#...\nsteps-mode = joint\nlr = all=...\nmix = all=weighted_sum\n");
  const TrainOptions o =
      parse_train_options({"--out", "run", "--steps-mode", "alternating", "--lr", "first=0.5"}, d);
  EXPECT_EQ(o.mode, 1);
  EXPECT_PRED2(holds, to_config(o, d),
               "#...\nsteps-mode = alternating\nlr = first=0.5\n...mix = first=blend:a=0.75\n");
  EXPECT_ERROR(parse_train_options({"--out", "run", "--lr", "first=0.5"}, d),
               "2: --lr: there is no 'first'");
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
  EXPECT_ERROR(with({"--mix", "blend"}), "3: ...mix.all weighted_sum, but...has blend:a=0.5");
  checkpoint.options["validate-every"] = "8";
  EXPECT_ERROR(with({}), "3: ...validate-every 8...has not set");
}

TEST(TrainOptions, TheLengthIsOfACheckpointWhereStepsDependOnIt) {
  Description d = one_group();
  d.mixes.push_back(Probe{});
  d.recipe.schedule = Schedule::constant();
  const auto written = [&](const Arguments& more, const char* steps) {
    Arguments all{"--out", "run", "--steps", steps};
    all.insert(all.end(), more.begin(), more.end());
    return parse_train_options(all, d);
  };
  const auto resumed = [&](const Arguments& more) {
    Checkpoint checkpoint;
    checkpoint.path = "run/last";
    checkpoint.options = result_options(written(more, "8"), d);
    require_same_options(checkpoint, written(more, "7"), d);
  };
  resumed({});
  for (const Arguments& more : {Arguments{"--schedule", "cosine"}, Arguments{"--warm-up", "0.1"},
                                Arguments{"--mix", "probe"}})
    EXPECT_ERROR(resumed(more), "3: ...steps 8...has 7");
}

TEST(TrainOptions, TheBestIsOfNumbersThatThereAre) {
  Description d = one_group();
  d.targets = {{"kind", TargetKind::classes, 2}};
  d.metrics = {{.head = "kind", .target = "kind", .classes = 2}};
  const auto best = [&](const Arguments& more) {
    Arguments all{"--out", "run"};
    all.insert(all.end(), more.begin(), more.end());
    std::string text;
    for (const Criterion& c : parse_train_options(all, d).best)
      text += to_string(c) + (c.more_is_better ? "+ " : "- ");
    return text;
  };
  EXPECT_EQ(best({}), "total- ");
  EXPECT_EQ(best({"--best", "kind.f1", "--best", "train.term.kind", "--best", "validation.total"}),
            "kind.f1+ train.term.kind- total- ");
  EXPECT_ERROR(best({"--best", "kind"}),
               "2: --best: there is no 'kind'; there are: total, term.kind, kind.accuracy, "
               "kind.balanced_accuracy, kind.f1");
  EXPECT_ERROR(best({"--best", "test.total"}), "2: --best test.total: what is chosen by the test");
  EXPECT_ERROR(best(Arguments(18, "--best=total")), "2: --best: 18 numbers; at most 8");
  // The command line takes the place of a configuration.
  const TemporaryFolder folder;
  write_text(folder / "config.ini", "best = total\nbest = kind.f1\n");
  const std::string config = (folder / "config.ini").string();
  EXPECT_EQ(best({"--config", config}), "total- kind.f1+ ");
  EXPECT_EQ(best({"--config", config, "--best", "kind.accuracy"}), "kind.accuracy+ ");
}

TEST(TrainOptions, APrefixIsThatOfAFilesNames) {
  const Description d = one_group();
  const auto parse = [&](const std::string& prefix) {
    return parse_train_options({"--out", "run", "--init", "a", "--init-prefix", prefix}, d);
  };
  EXPECT_EQ(parse("module.").init_prefix, "module.");
  EXPECT_PRED2(holds, to_config(parse("module."), d), "#...\ninit-prefix = module.\n");
  for (const char* text : {"two words.", "#", "a\nseed = 2"})
    EXPECT_ERROR(parse(text), "2: --init-prefix: letters, digits and signs");
  EXPECT_ERROR(parse_train_options({"--out", "run", "--init-prefix", "module."}, d),
               "2: --init-prefix: goes with --init");
}

TEST(TrainOptions, MomentsAreThoseOfARunToBeginWith) {
  const Description d = one_group();
  EXPECT_ERROR(parse_train_options({"--out", "run", "--with-optimizer"}, d),
               "2: --with-optimizer: goes with --init");
  const auto o =
      parse_train_options({"--out", "run", "--init", "a", "--with-optimizer", "--quiet"}, d);
  EXPECT_TRUE(o.with_optimizer && o.quiet);
  EXPECT_PRED2(holds, to_config(o, d), "#...\nwith-optimizer = on\n");
  EXPECT_EQ(to_config(o, d).find("quiet"), std::string::npos);
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
