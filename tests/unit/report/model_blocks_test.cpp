// What a page is told of a model: of which checkpoint and records, and why where nothing is shown. The engine
// computes nothing; tests/contract has the numbers.
#include "medley/report/model_blocks.hpp"

#include <gtest/gtest.h>

#include "medley/data/dataset_writer.hpp"
#include "tests/training_loop.hpp"

namespace medley::testing {
namespace {

using Json = nlohmann::ordered_json;

class ModelBlocksTest : public TrainingLoop {
 protected:
  Json blocks(ModelBlocksOptions options = {}) {
    if (options.run.empty()) options.run = run;
    options.threads = 1;
    return Json::parse(model_blocks(made.program, options).dump());
  }
};

TEST_F(ModelBlocksTest, AreOfTheBestCheckpointAndTheValidationSplit) {
  made.script.validation = {1, 2};
  train({"--epochs", "2"});
  const Json found = blocks();
  EXPECT_FALSE(found.contains("left_out")) << found;
  EXPECT_EQ(found["step"], 5);
  EXPECT_EQ(found["checkpoint"], (run / "best").string());
  EXPECT_EQ(found["split"], "validation");
  EXPECT_EQ(found["records"], 4);
  EXPECT_EQ(found["data"], "the experiment's own data");
  EXPECT_EQ(found["terms"][0]["name"], "kind");
  EXPECT_EQ(found["terms"][0]["value"], 2.0);
  EXPECT_EQ(found["metrics"][0]["name"], "kind.accuracy");
  EXPECT_EQ(found["samples"]["shown"].size(), 4u);
  EXPECT_EQ(found["samples"]["worst"][0]["term"], "kind");
  EXPECT_EQ(found["samples"]["worst"].size(), 1u);  // penalties hang on no record
  EXPECT_EQ(found["samples"]["records"][0]["losses"], Json::parse("[2.0, null]"));
}

TEST_F(ModelBlocksTest, OfAnotherCheckpointOrSplitWhereAsked) {
  made.script.validation = {1, 2};
  train({"--epochs", "2"});
  const Json last = blocks({.checkpoint = run / "last", .split = Split::test, .samples = 2});
  EXPECT_EQ(last["step"], 10);
  EXPECT_EQ(last["records"], 3);
  EXPECT_EQ(last["samples"]["shown"].size(), 2u);
  EXPECT_TRUE(blocks({.samples = 0})["samples"]["records"].empty());
}

TEST_F(ModelBlocksTest, SayWhyTheyAreLeftOut) {
  EXPECT_PRED2(holds, blocks()["left_out"].get<std::string>(),
               (run.string() + " has no checkpoint yet"));
  train({"--epochs", "1"});
  made.source.sizes[1] = 0;
  EXPECT_PRED2(holds, blocks()["left_out"].get<std::string>(),
               "the experiment's own data: no record is of the split validation");
  made.source.sizes[1] = 4;
  EXPECT_PRED2(holds, blocks({.data = (folder / "gone").string()})["left_out"].get<std::string>(),
               (folder / "gone").string() + ": is not there...--data DIR");
  made.description.fingerprint = 8;
  EXPECT_PRED2(holds, "x" + blocks()["left_out"].get<std::string>(), "x...best");
}

TEST_F(ModelBlocksTest, AreNotOfDataThatHaveChanged) {
  const std::filesystem::path data = folder / "data";
  const auto write = [&] {
    write_dataset(made.source, data, {1, 2, 2}, made.description.targets, true, nullptr);
  };
  write();
  train({"--epochs", "1", "--data", data.string()});
  EXPECT_EQ(blocks()["data"], data.string());
  made.source.classes = {1, 0};
  write();
  EXPECT_PRED2(holds, blocks()["left_out"].get<std::string>(),
               data.string() + ": the data are others...--data DIR");
  EXPECT_EQ(blocks({.data = data.string()})["records"], 4);
}

}  // namespace
}  // namespace medley::testing
