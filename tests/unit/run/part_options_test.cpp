// Parts of a network as options name them.
#include "medley/run/part_options.hpp"

#include <gtest/gtest.h>

#include "medley/mixes/upgrad.hpp"
#include "medley/run/train_options.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

using Strings = std::vector<std::string>;
using Epochs = std::vector<std::uint32_t>;
using Factors = std::vector<double>;

Description network() {
  Description d;
  const auto add = [&](const char* name, bool trainable = true) {
    d.tensors.push_back({});
    d.tensors.back().name = name;
    d.tensors.back().trainable = trainable;
  };
  add("trunk.0.weight");
  add("trunk.1.weight");
  add("trunk.1.running_mean", false);
  add("trunk.10.weight");
  add("heads.size.0.weight");
  add("heads.size.2.bias");
  add("heads.sizes.0.weight");
  d.tensors.push_back({});
  d.tensors.back().name = "optimizer.all.momentum.trunk.0.weight";
  d.tensors.back().is_parameter = false;
  for (const char* head : {"size", "sizes"}) {
    d.heads.push_back({});
    d.heads.back().name = head;
  }
  for (const char* path : {"trunk.0", "trunk.1", "trunk.2", "trunk.10"}) {
    d.layers.push_back({});
    d.layers.back().path = path;
  }
  d.groups.push_back({});
  d.groups[0].name = "all";
  d.groups[0].losses = 2;
  d.mixes = {AnyMix()};
  d.memory.slots = 4;
  return d;
}

Factors scaled(const Strings& texts) { return parse_parts({}, texts, network()).rate_scale; }
Epochs frozen(const Strings& texts) { return parse_parts(texts, {}, network()).frozen_epochs; }

TEST(PartOptions, APartIsAllThatBeginsWithItUpToAPoint) {
  EXPECT_EQ(scaled({"trunk=2"}), (Factors{2, 2, 2, 2, 1, 1, 1}));
  EXPECT_EQ(scaled({"heads=2"}), (Factors{1, 1, 1, 1, 2, 2, 2}));
  EXPECT_EQ(scaled({"size=2"}), (Factors{1, 1, 1, 1, 2, 2, 1}));
  EXPECT_EQ(scaled({"heads.size=2"}), (Factors{1, 1, 1, 1, 2, 2, 1}));
  EXPECT_EQ(scaled({"size.2=0"}), (Factors{1, 1, 1, 1, 1, 0, 1}));
  EXPECT_EQ(scaled({"trunk.1=2"}), (Factors{1, 2, 2, 1, 1, 1, 1}));
  EXPECT_EQ(scaled({"trunk.0.weight=2"}), (Factors{2, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(scaled({"trunk.1-10=2"}), (Factors{1, 2, 2, 2, 1, 1, 1}));
  EXPECT_EQ(scaled({"size.0-1=2"}), (Factors{1, 1, 1, 1, 2, 1, 1}));
  EXPECT_EQ(scaled({}), Factors{});
}

TEST(PartOptions, TheLaterOneHolds) {
  EXPECT_EQ(scaled({"trunk=2", "trunk.0=3", "trunk.10=0.5"}), (Factors{3, 2, 2, 0.5, 1, 1, 1}));
  EXPECT_EQ(frozen({"trunk:4", "heads.size", "trunk.0:0"}),
            (Epochs{0, 4, 4, 4, all_epochs, all_epochs, 0}));
  const PartOptions parts = parse_parts(Strings{"trunk.0:1", "size", "trunk:3"},
                                        Strings{"trunk=2", "trunk=4"}, network());
  ASSERT_EQ(parts.freeze.size(), 2u);
  EXPECT_EQ(to_string(parts.freeze[0]), "size");
  EXPECT_EQ(to_string(parts.freeze[1]), "trunk:3");
  ASSERT_EQ(parts.scale.size(), 1u);
  EXPECT_EQ(to_string(parts.scale[0]), "trunk=4");
}

TEST(PartOptions, WrongOnesAreRefused) {
  const Description d = network();
  for (const char* part : {"trunk.2", "trunk.11", "trunk.2-9", "trunk.", "siz", "", "trunk.1-",
                           "optimizer", "trunk.0-1.weight", "sizes.1-0"}) {
    EXPECT_ERROR(
        parse_parts(Strings{part}, {}, d),
        "2: --freeze: there is no part '...' with parameters; there are: trunk, heads, size, "
        "sizes; of layers: trunk.0, trunk.1, trunk.10");
  }
  EXPECT_ERROR(frozen({"trunk:two"}), "2: --freeze: 'two'...");
  EXPECT_ERROR(frozen({"trunk:99999999"}), "2: --freeze: 99999999 is not within 0 to 16777216");
  EXPECT_ERROR(frozen({"trunk:1", "heads"}), "2: --freeze: nothing is left to train...");
  EXPECT_ERROR(scaled({"trunk=-0.5"}), "2: --lr-scale: trunk=-0.5 is out of range");
  EXPECT_ERROR(scaled({"trunk"}), "2: --lr-scale...");
}

TEST(PartOptions, ConfigGivesThemAgainAndCheckpointsKnowTheirOrder) {
  const TemporaryFolder folder;
  const Description d = network();
  const Arguments options{"--out",    "run",  "--freeze",   "trunk.0-1", "--freeze",   "trunk.1:2",
                          "--freeze", "size", "--lr-scale", "heads=0.1", "--lr-scale", "sizes=2"};
  const TrainOptions first = parse_train_options(options, d);
  const NamedValues known = result_options(first, d);
  EXPECT_EQ(known.at("freeze"), "trunk.0-1, trunk.1:2, size");
  EXPECT_EQ(known.at("lr-scale"), "heads=0.1, sizes=2");
  write_text(folder / "config.ini", to_config(first, d));
  const std::string config = (folder / "config.ini").string();
  const TrainOptions again = parse_train_options({"--out", "run", "--config", config}, d);
  EXPECT_EQ(to_config(again, d), to_config(first, d));
  EXPECT_EQ(again.parts.frozen_epochs, first.parts.frozen_epochs);
  // The command line has the last word.
  const TrainOptions thawed =
      parse_train_options({"--out", "run", "--config", config, "--freeze", "trunk:0"}, d);
  EXPECT_EQ(thawed.parts.frozen_epochs, (Epochs{0, 0, 0, 0, all_epochs, all_epochs, 0}));
  EXPECT_EQ(result_options(parse_train_options({"--out", "run"}, d), d).count("freeze"), 0u);
}

TEST(PartOptions, NotesTellThemAndWhatIsSuspicious) {
  Description d = network();
  EXPECT_TRUE(part_notes({}, d, true).empty());
  const PartOptions trunk = parse_parts(Strings{"trunk:1"}, Strings{"size=10"}, d);
  EXPECT_EQ(part_notes(trunk, d, false),
            (Strings{"parts: trunk frozen for 1 epoch, size at 10 of the learning rate"}));
  EXPECT_EQ(part_notes(trunk, d, true)[1],
            "warning: what is frozen has initial weights and normalizes by mean 0 and variance 1; "
            "--init FILE loads trained ones");
  d.groups[0].mix.mix = UpGrad{};
  EXPECT_TRUE(part_notes(trunk, d, false)[1].starts_with("warning: group all: the mix upgrad"));
  EXPECT_EQ(part_notes(parse_parts(Strings{"trunk.0"}, {}, d), d, false).size(), 1u);
}

}  // namespace
}  // namespace medley
