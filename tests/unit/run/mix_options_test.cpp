// The step mode and the mixes of a run, as options name them and as they are written down.
#include "medley/run/mix_options.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <tuple>

#include "medley/mixes/all.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

GroupInfo group_of(std::string name, TermSet terms, int losses) {
  GroupInfo group;
  group.name = std::move(name);
  group.term_set = terms;
  group.losses = losses;
  return group;
}

// Losses kind and size, a penalty; the groups of the second mode are kinds and sizes, and the latter
// has mixes of its own.
Description listing() {
  Description d;
  for (const char* const name : {"kind", "size", "decay"}) {
    TermInfo term;
    term.name = name;
    d.terms.push_back(term);
  }
  d.terms[2].is_penalty = true;
  d.mixes = {WeightedSum{}, CaGrad{.c = 0.3}, Uncertainty{}, Constrained{}};
  ModeInfo joint, in_turn;
  joint.groups = {group_of("all", 7, 2)};
  in_turn.mode = StepMode::alternating;
  in_turn.groups = {group_of("kinds", 5, 1), group_of("sizes", 2, 1)};
  in_turn.groups[1].own_mixes = {Blend{.a = 0.75}, Constrained{}};
  d.modes = {joint, in_turn};
  return with_mode(d, 0);
}

std::string written(std::string_view text) {
  Description d = listing();
  set_mix(text, d);
  return to_string(d.groups[0], d);
}

TEST(MixOptions, AMixIsNamedWithItsNumbersInAnyOrder) {
  EXPECT_EQ(written("weighted_sum"), "weighted_sum");
  EXPECT_EQ(written("cagrad"), "cagrad:c=0.3,rescale=square");
  EXPECT_EQ(written("cagrad:c=0.125"), "cagrad:c=0.125,rescale=square");
  EXPECT_EQ(written("uncertainty:form=revised,rate=2"), "uncertainty:rate=2,form=revised");
  EXPECT_EQ(written("all=cagrad:c=0.5"), "cagrad:c=0.5,rescale=square");
}

TEST(MixOptions, WhatGoesWithAnyMixIsWrittenWhereItIsNotTheDefault) {
  EXPECT_EQ(written("weighted_sum:length=match,map=log,bound=-1"),
            "weighted_sum:map=log,bound=-1,length=match");
  EXPECT_EQ(written("cagrad:refresh=8,smoothing=0.9,values=batch,gradients=output,c=0"),
            "cagrad:c=0,rescale=square,smoothing=0.9,refresh=8,values=batch,gradients=output");
  EXPECT_EQ(written("weighted_sum:length=paper,map=none"), "weighted_sum");
}

TEST(MixOptions, LossesHaveNumbersOfTheirOwn) {
  const std::string both = "constrained:rate=0.01,damping=1,limit.kind=2,limit.size=0.3";
  EXPECT_EQ(written("constrained:size<=0.3,kind<=2"), both);
  EXPECT_EQ(written("constrained:limit.size=0.3,limit.kind=2"), both);
  EXPECT_EQ(written("constrained"), "constrained:rate=0.01,damping=1");
}

TEST(MixOptions, TextsOfAllMixesReadBackToTheSame) {
  Description d = listing();
  d.mixes = std::apply([](const auto&... mix) { return std::vector<AnyMix>{AnyMix(mix)...}; },
                       every_mix.parts);
  for (const AnyMix& mix : d.mixes) {
    MixChoice choice{mix, {}};
    // The far end of each option, and a number that has no short text.
    for (std::size_t i = 0; i < mix.option_count(); ++i) {
      const MixOptionInfo option = mix.option(i);
      choice.mix.set(i, option.names.empty() ? option.least + (option.most - option.least) / 3
                                             : static_cast<double>(option.names.size() - 1));
    }
    choice.with.smoothing = 1.0 / 3.0;
    choice.with.length = Composition::match;
    d.groups[0].mix = choice;
    const std::string text = to_string(d.groups[0], d);
    Description again = d;
    set_mix(text, again);
    EXPECT_EQ(to_string(again.groups[0], again), text);
    for (std::size_t i = 0; i < mix.option_count(); ++i)
      EXPECT_EQ(again.groups[0].mix.mix.get(i), choice.mix.get(i)) << text;
    EXPECT_EQ(again.groups[0].mix.with.smoothing, choice.with.smoothing);
  }
}

TEST(MixOptions, AMixIsThatOfAllGroupsThatHaveNoneOfTheirOwn) {
  Description d = with_mode(listing(), 1);
  set_mix("cagrad:c=0.5", d);
  EXPECT_EQ(to_string(d.groups[0], d), "cagrad:c=0.5,rescale=square");
  EXPECT_EQ(to_string(d.groups[1], d), "blend:a=0.75");
  set_mix("sizes=constrained:size<=1", d);
  EXPECT_EQ(to_string(d.groups[1], d), "constrained:rate=0.01,damping=1,limit.size=1");
  set_mix("kinds=uncertainty", d);
  EXPECT_EQ(to_string(d.groups[0], d), "uncertainty:rate=1,form=kendall");
}

TEST(MixOptions, AMixThatNoGroupWouldTakeIsRefused) {
  Description d = with_mode(listing(), 1);
  d.groups[0].own_mixes = {WeightedSum{}};
  EXPECT_ERROR(set_mix("cagrad", d),
               "2: --mix cagrad: all groups have mixes of their own; say whose it is, as in "
               "kinds=cagrad");
}

TEST(MixOptions, SentencesForWhatIsWrong) {
  Description d = listing();
  EXPECT_ERROR(set_mix("upgrad", d),
               "2: --mix upgrad: there is no mix 'upgrad' here; there are: weighted_sum, cagrad, "
               "uncertainty, constrained (numbers follow the name, as in "
               "weighted_sum:length=match)");
  EXPECT_ERROR(set_mix("", d), "2: --mix : there is no mix '' here");
  EXPECT_ERROR(set_mix("labels=cagrad", d),
               "2: --mix labels=cagrad: there is no group 'labels'; there are: all (numbers of a "
               "mix follow its name, as in weighted_sum:labels=cagrad)");
  EXPECT_ERROR(
      set_mix("cagrad:d=1", d),
      "2: --mix cagrad:d=1: 'd=1' is no number of cagrad; there are: c, rescale, map, bound, "
      "smoothing, length, refresh, values, gradients");
  EXPECT_ERROR(set_mix("cagrad:c", d), "2: --mix cagrad:c: 'c' is no number of cagrad");
  EXPECT_ERROR(set_mix("cagrad:,c=1", d), "2: --mix cagrad:,c=1: '' is no number of cagrad");
  EXPECT_ERROR(set_mix("cagrad:c=-1", d), "2: --mix cagrad:c=-1: c is a number from 0 to ");
  EXPECT_ERROR(set_mix("cagrad:c=", d), "2: ");
  EXPECT_ERROR(set_mix("cagrad:c=0.5x", d), "2: ");
  EXPECT_ERROR(set_mix("cagrad:c=nan", d), "2: ");
  EXPECT_ERROR(set_mix("cagrad:length=long", d),
               "2: --mix cagrad:length=long: length is one of paper, unit, match, not 'long'");
  EXPECT_ERROR(set_mix("cagrad:smoothing=1", d), "2: ...smoothing is a number from 0 to 0.999999");
  EXPECT_ERROR(set_mix("cagrad:refresh=0", d), "2: ...refresh is a whole number from 1 to");
  EXPECT_ERROR(set_mix("cagrad:refresh=2.5", d), "2: ...refresh is a whole number from 1 to");
  EXPECT_ERROR(set_mix("constrained:shape<=1", d),
               "2: --mix constrained:shape<=1: there is no loss 'shape' here; there are: kind, "
               "size");
  EXPECT_ERROR(set_mix("constrained:decay<=1", d), "2: ...there is no loss 'decay' here");
  EXPECT_ERROR(set_mix("constrained:limit.kind", d), "2: ...there is no loss 'kind' here");
  EXPECT_ERROR(set_mix("constrained:limit.kind=0", d), "2: ...limit is a number from 1e-12 to");
  EXPECT_ERROR(set_mix("cagrad:kind<=1", d), "2: ...'kind<=1' is no number of cagrad");
  // What is wrong leaves what was chosen.
  EXPECT_EQ(to_string(d.groups[0], d), "weighted_sum");
}

TEST(MixOptions, StepModesAreThoseThatAreListed) {
  const Description d = listing();
  EXPECT_EQ(parse_mode("joint", d), 0);
  EXPECT_EQ(parse_mode("alternating", d), 1);
  EXPECT_ERROR(parse_mode("simultaneous", d),
               "2: --steps-mode: the experiment has no 'simultaneous'; there are: joint, "
               "alternating");
}

TEST(MixOptions, ACheckpointHasTheModeAndTheMixesOfItsRun) {
  Checkpoint checkpoint;
  checkpoint.path = "run/last";
  checkpoint.options = {{"steps-mode", "alternating"},
                        {"mix.kinds", "cagrad:c=0.125,rescale=square,length=match"},
                        {"mix.sizes", "constrained:size<=2"},
                        {"seed", "1"}};
  const Description d = with_options(listing(), checkpoint);
  EXPECT_EQ(d.mode, StepMode::alternating);
  EXPECT_EQ(to_string(d.groups[0], d), "cagrad:c=0.125,rescale=square,length=match");
  EXPECT_EQ(to_string(d.groups[1], d), "constrained:rate=0.01,damping=1,limit.size=2");
  EXPECT_EQ(mix_states(d).size(), 0u);  // no room in this arena
  checkpoint.options = {};
  EXPECT_EQ(to_string(with_options(listing(), checkpoint).groups[0], d), "weighted_sum");
}

TEST(MixOptions, WrongTextsOfACheckpointAreWrongData) {
  Checkpoint checkpoint;
  checkpoint.path = "run/last";
  const auto with = [&](const char* name, const char* text) {
    checkpoint.options = {{name, text}};
    with_options(listing(), checkpoint);
  };
  EXPECT_ERROR(with("steps-mode", "backwards"), "3: run/last: ...has no 'backwards'");
  EXPECT_ERROR(with("mix.all", "upgrad"), "3: run/last: ...there is no mix 'upgrad'");
  EXPECT_ERROR(with("mix.all", "cagrad:c=x"), "3: run/last: ");
  EXPECT_ERROR(with("mix.all", ""), "3: run/last: ");
  EXPECT_ERROR(with("mix.kinds", "cagrad"), "3: run/last: ...there is no group 'kinds'");
}

TEST(MixOptions, HelpListsMixesTheirNumbersAndWhatThoseMayBe) {
  EXPECT_PRED2(holds, "x" + mixes_text(listing()),
               "x  weighted_sum\n"
               "  cagrad        c=0.3 (0 to 10), rescale=square (square, none)\n"
               "  uncertainty   rate=1 (0 to 1000), form=kendall (kendall, revised)\n"
               "  constrained   rate=0.01 (0 to 1000), damping=1 (0 to 1000),\n"
               "                limit.LOSS (1e-12 to 1e+30)\n"
               "  with any      map=none (none, log), bound=0 (-1e+30 to 1e+30),\n"
               "                ...gradients=trunk (trunk, output)\n");
}

TEST(MixOptions, HelpFitsIntoEightyColumns) {
  Description d;
  std::apply([&](const auto&... mix) { (d.mixes.emplace_back(mix), ...); }, every_mix.parts);
  std::istringstream text(mixes_text(d));
  std::size_t rows = 0, longest = 0;
  for (std::string line; std::getline(text, line); ++rows) longest = std::max(longest, line.size());
  EXPECT_GT(rows, d.mixes.size());
  EXPECT_LE(longest, 80u);
  EXPECT_GT(longest, 70u);
}

}  // namespace
}  // namespace medley
