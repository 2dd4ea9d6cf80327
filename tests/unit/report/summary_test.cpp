// A description as tables, CSV and JSON.
#include "medley/report/summary.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "description_helpers.hpp"
#include "medley/mixes/blend.hpp"
#include "medley/mixes/constrained.hpp"
#include "medley/mixes/uncertainty.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

Description small_summary() {
  Description d;
  d.name = "small";
  d.input = {3, 8, 8};
  d.targets = {{"kind", TargetKind::classes, 4}, {"where", TargetKind::mask, 2}};
  d.layers = {
      {"trunk.0", "conv", {{"outputs", 16}, {"slope", 0.25}}, {"input"}, {16, 8, 8}, 448, 55296},
      {"heads.kind.0", "dense", {{"outputs", 4}}, {"trunk.0"}, {4, 1, 1}, 4100, 8192},
      {"heads.where.0", "conv", {}, {"trunk.0"}, {1, 8, 8}, 17, 2048}};
  add_term(d, "kind", "kind", "hinge", {4, 1, 1});
  add_term(d, "where", "where", "soft_iou", {1, 8, 8});
  d.terms.emplace_back();
  d.terms.back().name = "decay";
  d.terms.back().type = "l2_penalty";
  d.terms.back().is_penalty = true;
  d.terms.back().weight = 1e-4;
  d.groups.emplace_back();
  d.groups[0].name = "all";
  d.groups[0].optimizer = "sgd";
  d.groups[0].terms = {"kind", "where", "decay"};
  d.groups[0].options = {{"learning_rate", 0.1}};
  d.mixes = {Blend{.a = 0.3}, Uncertainty{.form = Uncertainty::revised}};
  ModeInfo joint, in_turn;
  joint.groups = d.groups;
  in_turn.mode = StepMode::alternating;
  in_turn.groups = d.groups;
  in_turn.groups[0].own_mixes = {Blend{.a = 0.6}};
  in_turn.groups[0].times = 2;
  d.modes = {joint, in_turn};
  d.recipe = {.epochs = 3, .batch_size = 8, .schedule = Schedule::cosine().with_warm_up(0.1)};
  d.memory = {.shard = 4, .slots = 2, .budget_bytes = 1 << 20};
  d.arena = {{"parameters", "run", 0, 1024},
             {"gradients, direction 0, slot 0", "step", 1024, 1000},
             {"gradients, direction 0, slot 1", "step", 2048, 1000},
             {"worker 0: activations", "pass", 3072, 4096},
             {"worker 0: staging", "pass", 7168, 128},
             {"worker 1: activations", "pass", 7296, 4096},
             {"worker 1: staging", "pass", 11392, 128}};
  d.activations = {{"value of input", "-1..4", 256, 64}};
  d.arena_bytes = 11520;
  d.flops = 65536;
  d.parameters = 4565;
  TensorInfo t;
  t.name = "trunk.0.weight";
  t.dims = {16, 3, 3, 3};
  t.decays = true;
  t.initial = Initial::he_uniform.scaled(0.5);
  t.fan_in = 27;
  t.fan_out = 144;
  d.tensors = {t};
  t.name = "optimizer.all.momentum.trunk.0.weight";
  t.is_parameter = false;
  d.tensors.push_back(t);
  d.fingerprint = 0xABC;
  return d;
}

TEST(NetworkTable, HasALineALayerAndTheSums) {
  const std::string text = network_table(small_summary());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
  EXPECT_PRED2(
      holds, "x" + text,
      "x...parameters...MFLOP  reads\n...trunk.0 ...conv: outputs 16, slope 0.25 ...16x8x8 "
      "...448 ...0.055\n"
      "...heads.kind.0 ...dense: outputs 4 ... 4 ...4100 ...0.008\n"
      "...heads.where.0 ...conv ...1x8x8 ...17 ...0.002  trunk.0\n...total ...4565 ...0.066\n");
}

TEST(ArenaSummary, AddsUpToTheArena) {
  const std::string text = arena_summary(small_summary());
  EXPECT_PRED2(holds, "x" + text,
               "x...parameters ...1024...\n...gradients ...2 ...2000...\n...activations ...4.0 KiB "
               "...2 ...8192"
               "...\n...staging ...256...\n...alignment ...48...\n...total ...11520...");
  // Worker 1 is not touched with one thread: 11520 - 48 - 4096 - 128 and 11520 - 48.
  EXPECT_PRED2(holds, "x" + text, "x...1 thread: 7.1 KiB, 2 threads: 11.2 KiB; budget 1.0 MiB");
}

TEST(ArenaCsv, PlacesBuffersWithinTheActivations) {
  const std::string text = arena_csv(small_summary());
  EXPECT_EQ(text.substr(0, text.find('\n')), "name,offset,bytes,lifetime");
  EXPECT_PRED2(holds, "x" + text, "x...\"gradients, direction 0, slot 1\",2048,1000,step\n");
  EXPECT_PRED2(holds, "x" + text, "x...worker 0: activations: value of input,3328,64,-1..4\n");
}

TEST(DescriptionJson, HoldsEverything) {
  const auto json = nlohmann::json::parse(description_json(small_summary()));
  EXPECT_EQ(json["experiment"], "small");
  EXPECT_EQ(json["fingerprint"], "0000000000000abc");
  EXPECT_EQ(json["input"], nlohmann::json::parse(R"({"channels": 3, "height": 8, "width": 8})"));
  EXPECT_EQ(
      json["targets"][1],
      nlohmann::json::parse(R"({"name": "where", "kind": "mask", "size": 2, "ordered": false})"));
  EXPECT_EQ(json["layers"][0], nlohmann::json::parse(R"({"path": "trunk.0", "type": "conv",
      "options": {"outputs": 16, "slope": 0.25}, "inputs": ["input"], "output": [16, 8, 8],
      "parameters": 448, "flops": 55296})"));
  EXPECT_EQ(
      json["heads"][1],
      nlohmann::json::parse(R"({"name": "where", "output": "heads.where.0", "shape": [1, 8, 8]})"));
  EXPECT_EQ(json["terms"][0],
            nlohmann::json::parse(R"({"name": "kind", "type": "hinge", "head": "kind",
      "target": "kind", "penalty": false, "over": null, "weight": 1, "options": {}})"));
  EXPECT_EQ(json["terms"][2],
            nlohmann::json::parse(R"({"name": "decay", "type": "l2_penalty", "head": null,
      "target": null, "penalty": true, "over": null, "weight": 1e-4, "options": {}})"));
  EXPECT_EQ(json["schema"], 2);
  EXPECT_EQ(json["mixes"], nlohmann::json::parse(R"([{"type": "blend", "options": {"a": 0.3}},
      {"type": "uncertainty", "options": {"rate": 1, "form": "revised"},
       "state": ["log_variance", "first_moment", "second_moment", "updates"]}])"));
  EXPECT_EQ(json["with_any_mix"],
            nlohmann::json::parse(R"({"map": "none", "bound": 0, "smoothing": 0, "length": "paper",
      "refresh": 1, "values": "last", "gradients": "trunk"})"));
  EXPECT_EQ(json["steps"], nlohmann::json::parse(R"([{"mode": "joint", "groups": [{"name": "all",
      "terms": ["kind", "where", "decay"], "optimizer": "sgd", "options": {"learning_rate": 0.1},
      "times": 1, "next_batch": false}]}, {"mode": "alternating", "groups": [{"name": "all",
      "terms": ["kind", "where", "decay"], "optimizer": "sgd", "options": {"learning_rate": 0.1},
      "times": 2, "next_batch": false, "mixes": [{"type": "blend", "options": {"a": 0.6}}]}]}])"));
  EXPECT_EQ(json["recipe"],
            nlohmann::json::parse(R"({"epochs": 3, "batch_size": 8, "schedule": "cosine",
      "warm_up": 0.1, "clip_norm": 0, "augmentation": {"flip": false, "shift": 0, "least_crop": 1}})"));
  EXPECT_EQ(json["memory"],
            nlohmann::json::parse(R"({"shard": 4, "slots": 2, "budget_bytes": 1048576,
      "arena_bytes": 11520})"));
  EXPECT_EQ(json["parameters"],
            nlohmann::json::parse(R"([{"name": "trunk.0.weight", "dims": [16, 3, 3, 3],
      "decays": true, "trainable": true, "initial": "he_uniform", "scale": 0.5, "fan_in": 27,
      "fan_out": 144}])"));
}

TEST(DescriptionJson, KeepsTheOrderOfItsKeys) {
  const std::string text = description_json(small_summary());
  EXPECT_PRED2(
      holds, "x" + text,
      "x...\"schema\"...\"experiment\"...\"input\"...\"targets\"...\"layers\"...\"heads\"."
      "..\"terms\""
      "...\"mixes\"...\"with_any_mix\"...\"steps\"...\"recipe\"...\"memory\"...\"parameters\"");
}

TEST(DescriptionJson, WritesWholeNumbersWithoutAPoint) {
  EXPECT_PRED2(holds, "x" + description_json(small_summary()),
               "x...\"outputs\": 16,...\"slope\": 0.25");
}

TEST(Summary, NamesAllParts) {
  EXPECT_PRED2(
      holds, "x" + summary(small_summary()),
      "x...small: pictures 3x8x8...kind (4 classes)...where (2 classes a pixel)..."
      "initial ...parameters\n...he_uniform x 0.5 ...trunk.0.weight\n...terms\n...decay "
      "...(weights)...mix     blend:a=0.3, uncertainty:rate=1,form=revised\nsteps   joint...sgd..."
      "\nsteps   alternating...; mix blend:a=0.6...2 times on the round's batch\nrecipe  3 epochs, "
      "batch 8, schedule cosine, warm-up 0.1...arena   shards of 4, 2 slots");
}

TEST(Summary, ListsOfMixesAreWrapped) {
  Description d = small_summary();
  d.mixes.assign(9, Uncertainty{});
  EXPECT_PRED2(
      holds, "x" + summary(d),
      "x...mix     uncertainty:rate=1,form=kendall, uncertainty:rate=1,form=kendall,\n"
      "        uncertainty:rate=1,form=kendall, uncertainty:rate=1,form=kendall,\n...steps");
}

TEST(DescriptionJson, TellsWhatEachLossHasANumberFor) {
  Description d = small_summary();
  d.mixes = {Constrained{}};
  const auto json = nlohmann::json::parse(description_json(d));
  EXPECT_EQ(json["mixes"][0]["loss_options"], nlohmann::json::parse(R"(["limit"])"));
}

}  // namespace
}  // namespace medley
