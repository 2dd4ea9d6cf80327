// Strict parsing of options, and help texts.
#include "medley/files/options.hpp"

#include <gtest/gtest.h>

#include "commands/help.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

po::options_description some_options() {
  po::options_description options("options", 100, 60);
  auto add = options.add_options();
  add("threads", po::value<std::string>()->value_name("T"), "how many");
  add("force", po::bool_switch(), "do it");
  return options;
}

TEST(ParseOptions, TakesBothForms) {
  const auto values = parse_options("eval", some_options(), {"--threads=3", "--force"});
  EXPECT_EQ(values["threads"].as<std::string>(), "3");
  EXPECT_TRUE(values["force"].as<bool>());
  EXPECT_EQ(parse_options("eval", some_options(), {"--threads", "-1"})["threads"].as<std::string>(),
            "-1");
}

TEST(ParseOptions, NamesWhatItDoesNotKnow) {
  const auto refuse = [](const Arguments& arguments, const std::string& message) {
    EXPECT_ERROR(parse_options("eval", some_options(), arguments), message + "...eval --help");
  };
  refuse({"--thread", "3"}, "2: eval: ...--thread");  // no abbreviations
  refuse({"--no-such"}, "2: eval: ...--no-such");
  refuse({"-t"}, "2: eval: ...-t");
  refuse({"picture.jpg"}, "2: eval: unexpected argument 'picture.jpg'");
  refuse({"--", "picture.jpg"}, "2: eval: unexpected argument 'picture.jpg'");
  refuse({"--threads"}, "2: eval: ...--threads");
  refuse({"--threads", "1", "--threads", "2"}, "2: eval: ...--threads");
  refuse({"--force=1"}, "2: eval: ...--force");
  // Words that Boost would replace by the name again and again.
  for (const std::string option : {"--%option%", "--x%canonical_option%", "--%prefix%%%"})
    refuse({option}, "2: eval: ..." + option);
  refuse({"--force=%value%"}, "2: eval: ...--force");
}

TEST(ParseOptions, OtherArgumentsWhereTheyAreWanted) {
  po::options_description options = some_options();
  options.add_options()("image", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("image", -1);
  const auto values =
      parse_options("predict", options, {"a.jpg", "--force", "-", "--", "--b.jpg"}, &positional);
  EXPECT_EQ(values["image"].as<std::vector<std::string>>(),
            (std::vector<std::string>{"a.jpg", "-", "--b.jpg"}));
}

class ParseConfig : public ::testing::Test {
 protected:
  std::string error(std::string_view text) {
    write_text(folder_ / "config.ini", text);
    return error_of([&] {
      parse_options("train", some_options(), {}, nullptr, (folder_ / "config.ini").string());
    });
  }
  TemporaryFolder folder_;
};

TEST_F(ParseConfig, NamesFileAndOption) {
  EXPECT_EQ(error("# a comment\n\n threads = 3 \r\n"), "no error");
  EXPECT_PRED2(holds, error("thread = 3"), "2: train: ...config.ini: ...'thread'");
  EXPECT_PRED2(holds, error("threads"), "2: train: ...config.ini: ...threads");
  EXPECT_PRED2(holds, error("threads = 1\nthreads = 2"), "2: train: ...config.ini: ...threads");
  EXPECT_PRED2(holds, error(std::string_view("threads = 1\0000", 13)), "2: train: ...zero byte");
}

TEST_F(ParseConfig, SwitchesAreForTheCommandLine) {
  EXPECT_PRED2(holds, error("force = on"), "2: train: ...config.ini: ...'force'");
}

TEST_F(ParseConfig, AFolderIsNoConfig) {
  EXPECT_ERROR(parse_options("train", some_options(), {}, nullptr, folder_.path().string()),
               "4: train: " + folder_.path().string() + ": cannot be read");
}

TEST(ParseNumber, TakesTheWholeText) {
  EXPECT_EQ(parse_number<int>("-12", "n"), -12);
  EXPECT_EQ(parse_number<double>("1e-3", "x"), 1e-3);
  for (const char* text : {"", "2x", "0x10", "2.5", "99999999999", "+-2", "++2", "2 2", "+"}) {
    EXPECT_ERROR(parse_number<int>(text, "threads"),
                 "2: --threads: '" + std::string(text) + "' is not a whole number of the allowed");
  }
  for (const char* text : {"", "1.5.", "1,5", "x", "+-1", "0x1p3", "1 e3"}) {
    EXPECT_ERROR(parse_number<double>(text, "lr"),
                 "2: --lr: '" + std::string(text) + "' is not a number");
  }
}

TEST(ParseNumber, TakesWhatCanMeanOneNumberOnly) {
  for (const char* text : {"+2", " 2", "2 ", "\t+2 "}) EXPECT_EQ(parse_number<int>(text, "n"), 2);
  for (const char* text : {"+0.5", " 0.5", "0.5 ", ".5", "+.5", "5e-1"})
    EXPECT_EQ(parse_number<double>(text, "x"), 0.5) << text;
  EXPECT_EQ(parse_number<double>("5.", "x"), 5.0);
  EXPECT_EQ(parse_number<float>("1e-50", "x"), 0.0f);
  EXPECT_EQ(parse_number<float>("-1e-40", "x"), -1e-40f);
  EXPECT_EQ(parse_number<double>("1e-400", "x"), 0.0);
}

TEST(ParseNumber, SaysWhatIsTooLarge) {
  EXPECT_ERROR(parse_number<double>("1e400", "lr"), "2: --lr: '1e400' is beyond the range");
  EXPECT_ERROR(parse_number<float>("-1e40", "lr"), "2: --lr: '-1e40' is beyond the range");
  for (const char* text : {"nan", "inf", "-infinity"})
    EXPECT_ERROR(parse_number<double>(text, "lr"),
                 "2: --lr: '" + std::string(text) + "' is not a finite number");
}

TEST(ParsePair, NeedsAName) {
  EXPECT_EQ(parse_pair("kids=0.5", "weight"), std::pair(std::string("kids"), std::string("0.5")));
  EXPECT_EQ(parse_pair("a=b=c", "exclude").second, "b=c");
  EXPECT_ERROR(parse_pair("kids", "weight"), "2: --weight: 'kids'");
  EXPECT_ERROR(parse_pair("=1", "weight"), "2: --weight: '=1'");
}

TEST(Help, ShowsPurposeCallsOptionsAndExample) {
  const std::string text =
      help("tiny", {"eval", "metrics", {"--data DIR", "FILE"}, "--data here"}, some_options());
  EXPECT_PRED2(holds, text,
               "medley-tiny eval: metrics\n...medley-tiny eval --data DIR\n...medley-tiny eval "
               "FILE\n...--threads T"
               "...example:\n  medley-tiny eval --data here\n");
}

}  // namespace
}  // namespace medley
