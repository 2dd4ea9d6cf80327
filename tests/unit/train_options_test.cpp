// The options of `train`, and config.ini.
#include "train_options.hpp"

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
