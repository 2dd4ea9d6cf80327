// The network and the arena as blocks of a page.
#include <gtest/gtest.h>

#include "medley/report/model_blocks.hpp"

namespace medley {
namespace {

using Json = nlohmann::ordered_json;

Description small() {
  Description d;
  d.layers = {
      {"trunk.0", "conv", {{"outputs", 16}, {"slope", 0.25}}, {"input"}, {16, 8, 8}, 448, 55296},
      {"heads.kind.0", "dense", {}, {"trunk.0"}, {4, 1, 1}, 4100, 8192, "Winograd"}};
  d.parameters = 4548;
  d.flops = 63488;
  d.memory.budget_bytes = 1 << 20;
  d.arena = {{"parameters", "run", 0, 1000},
             {"gradients, trunk, direction 0", "step", 1024, 512},
             {"gradients, head kind, direction 0", "step", 1536, 256},
             {"worker 0: activations", "pass", 2048, 4096},
             {"worker 1: activations", "pass", 6144, 4096},
             {"gradients of terms", "when measured", 10240, 0}};
  d.activations = {{"value of input", "-1..4", 256, 64}, {"gradient of trunk.0", "3..5", 0, 128}};
  d.arena_bytes = 10240;
  return d;
}

TEST(NetworkBlock, HasTheLayersInOrderAndTheSums) {
  const auto block = Json::parse(network_block(small()).dump());
  EXPECT_EQ(block["parameters"], 4548);
  EXPECT_EQ(block["mflop"], 0.063488);
  EXPECT_EQ(block["layers"][0], Json::parse(R"({"algorithm": "", "mflop": 0.055296,
      "options": "outputs 16, slope 0.25", "output": "16x8x8", "parameters": 448, "path": "trunk.0",
      "reads": ["input"], "type": "conv"})"));
  EXPECT_EQ(block["layers"][1]["output"], "4");
  EXPECT_EQ(block["layers"][1]["algorithm"], "Winograd");
  EXPECT_EQ(block["layers"].size(), 2u);
}

TEST(ArenaBlock, AddsUpByKindAndPlacesAllSections) {
  const auto block = Json::parse(arena_block(small()).dump());
  EXPECT_EQ(block["bytes"], 10240);
  EXPECT_EQ(block["budget"], 1 << 20);
  EXPECT_EQ(block["kinds"], Json::parse(R"([{"bytes": 1000, "count": 1, "kind": "parameters"},
      {"bytes": 768, "count": 2, "kind": "gradients"}, {"bytes": 8192, "count": 2, "kind": "activations"},
      {"bytes": 280, "count": 1, "kind": "alignment"}])"));
  EXPECT_EQ(block["sections"].size(), 6u);
  EXPECT_EQ(block["sections"][4], Json::parse(R"({"bytes": 4096, "kind": "activations",
      "lifetime": "pass", "name": "worker 1: activations", "offset": 6144, "worker": 1})"));
  EXPECT_TRUE(block["sections"][0]["worker"].is_null());
}

TEST(ArenaBlock, TellsWhenBuffersOfActivationsAreNeeded) {
  const auto block = Json::parse(arena_block(small())["activations"].dump());
  EXPECT_EQ(block["offset"], 2048);
  EXPECT_EQ(block["bytes"], 4096);
  EXPECT_EQ(block["first"], -1);
  EXPECT_EQ(block["last"], 5);
  EXPECT_EQ(block["buffers"][0], Json::parse(R"({"bytes": 64, "first": -1, "last": 4,
      "name": "value of input", "offset": 2304})"));
  EXPECT_EQ(block["buffers"][1]["offset"], 2048);
}

}  // namespace
}  // namespace medley
