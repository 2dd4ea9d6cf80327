// Which processes fit together.
#include "medley/processes/identity.hpp"

#include <gtest/gtest.h>

#include "tests/scripted_engine.hpp"

namespace medley {
namespace {

using Arguments = std::vector<std::string>;

// What a process with the other arguments, of the other description, says of the first's.
std::string differs(const Arguments& first, const Arguments& other, const Description& described) {
  Parcel told;
  add_identity(told, testing::scripted_description(), first);
  return differs_from(told, described, other);
}
std::string differs(const Arguments& first, const Arguments& other) {
  return differs(first, other, testing::scripted_description());
}

TEST(Identity, DataThreadsAndInstructionSetAreEachOnesOwn) {
  EXPECT_EQ(differs({"train", "--out", "R"}, {"train", "--out", "R"}), "");
  EXPECT_EQ(differs({"train", "--data", "A", "--out", "R"},
                    {"train", "--out", "R", "--threads=3", "--isa", "avx2", "--data=B"}),
            "");
}

TEST(Identity, AnyOtherOptionIsOfAll) {
  EXPECT_EQ(differs({"train", "--seed", "1"}, {"train", "--seed", "2"}),
            "its options say 2 where those of the first process say 1");
  EXPECT_EQ(differs({"train"}, {"train", "--quiet"}),
            "its options say --quiet where those of the first process say nothing");
  EXPECT_EQ(differs({"train", "--quiet"}, {"train"}),
            "its options say nothing where those of the first process say --quiet");
  // Neither a longer name that begins alike, nor a value that looks like an option of its own.
  EXPECT_NE(differs({"train", "--data-x", "1"}, {"train", "--data-x", "2"}), "");
  EXPECT_EQ(differs({"train", "--data", "--isa", "a"}, {"train", "a"}), "");
}

TEST(Identity, ExperimentsAreToldByNameAndFingerprint) {
  Description other = testing::scripted_description();
  other.name = "another";
  EXPECT_EQ(differs({"train"}, {"train"}, other),
            "it trains the experiment another (0000000000000007), the first process scripted "
            "(0000000000000007)");
  other = testing::scripted_description();
  other.fingerprint = 8;
  EXPECT_EQ(differs({"train"}, {"train"}, other),
            "it trains the experiment scripted (0000000000000008), the first process scripted "
            "(0000000000000007)");
}

TEST(Identity, OfAnotherVersionNothingMoreIsRead) {
  Parcel told;
  told.add(std::string_view("0.0.9"));
  const std::string said = differs_from(told, testing::scripted_description(), {});
  EXPECT_TRUE(said.starts_with("it is version ")) << said;
  EXPECT_TRUE(said.ends_with(", the first process 0.0.9")) << said;
  EXPECT_TRUE(told.at_end());
}

TEST(Identity, OwnOptionsAreReadInBothForms) {
  const Arguments arguments{"train", "--data=D", "--threads", "4", "--isa"};
  EXPECT_EQ(own_option(arguments, "--data"), "D");
  EXPECT_EQ(own_option(arguments, "--threads"), "4");
  EXPECT_EQ(own_option(arguments, "--isa"), "");
  EXPECT_EQ(own_option(arguments, "--out"), "");
}

}  // namespace
}  // namespace medley
