// Evaluation goes through a network by stages, a few samples at a time, with values closer together than
// in training: the outputs are those of all samples at once, bit for bit.
#include "medley/network/evaluation.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/join.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/layers/upsample.hpp"
#include "tests/layer_harness.hpp"

namespace medley::testing {
namespace {

// Large pictures, small ones between the ends of a skip connection, large ones again, of which the
// heads see the same tensor.
using Deep = Sequence<MaxPool<8>, Conv<32>, GroupNorm<4>, Relu, UpsampleBilinear<8>>;
using Trunk = Sequence<Conv<16>, GhostBatchNorm, Relu, Concat<Identity, Deep>, Conv<4, 1>>;
using Heads =
    std::tuple<Head<"mask", Relu, Conv<1, 3>>, Head<"kind", MaxPool<8>, Dense<40>, Relu, Dense<3>>>;
using Net = Network<Shape{3, 64, 64}, Trunk, Heads, 8, 1>;
using Plan = EvaluationPlan<Net>;

class Evaluated {
 public:
  Evaluated() {
    Numbers numbers(3);
    for (float& p : parameters_) p = 0.1f * static_cast<float>(numbers.next());
    for (const PlacedParameter& p : Net::parameters) {
      if (!p.name.view().ends_with("running_var")) continue;
      for (int i = 0; i < p.spec.floats; ++i)
        parameters_[p.offset + i] = 1.0f + 0.1f * static_cast<float>(i);
    }
  }

  // The outputs of both heads for so many samples.
  std::vector<float> outputs(int samples, bool by_stages) {
    std::vector<float> area(Net::activation_floats, 7.5f), prepacked(Net::prepacked_floats + 1);
    Pass<Net> pass{.area = area.data(),
                   .parameters = parameters_.data(),
                   .prepacked = prepacked.data(),
                   .samples = samples};
    prepack(pass);
    if (by_stages) prepare_evaluation(pass);
    const auto input = value_of<0>(pass);
    Numbers numbers(5);
    for (int n = 0; n < samples; ++n) {
      for (int c = 0; c < 3; ++c) {
        for (int y = 0; y < 64; ++y) {
          for (int x = 0; x < 64; ++x) *input.at(n, c, y, x) = static_cast<float>(numbers.next());
        }
      }
    }
    input.zero_halo(samples);
    if (by_stages) {
      evaluate(pass);
    } else {
      forward(pass, HeadSet{3});
    }
    EXPECT_EQ(pass.samples, samples);
    std::vector<float> values(static_cast<std::size_t>(samples) * (64 * 64 + 3));
    copy_value(pass, Net::head_output[0], values.data());
    copy_value(pass, Net::head_output[1], values.data() + samples * 64 * 64);
    return values;
  }

 private:
  std::vector<float> parameters_ = std::vector<float>(Net::parameter_floats);
};

TEST(Evaluation, StagesHaveAsManySamplesAsFitTheCache) {
  EXPECT_LT(Plan::together.front(), Net::samples);
  EXPECT_EQ(Plan::together.back(), Net::samples);
  int stages = 0;
  for (int first = 0; first < Net::node_count; first = Plan::stage_end(first)) {
    EXPECT_EQ(Plan::stage_first(Plan::stage_end(first) - 1), first);
    ++stages;
  }
  EXPECT_GE(stages, 4);
  EXPECT_LT(Plan::places.floats, Net::activation_floats);
}

TEST(Evaluation, OutputsDoNotDependOnWhatGoesTogether) {
  Evaluated network;
  for (const int samples : {1, 5, 8}) {
    const auto whole = network.outputs(samples, false), by_stages = network.outputs(samples, true);
    EXPECT_NE(whole.front(), whole[1]);
    EXPECT_NE(whole.back(), 0.0f);
    for (std::size_t i = 0; i < whole.size(); ++i) ASSERT_EQ(whole[i], by_stages[i]) << i;
  }
}

}  // namespace
}  // namespace medley::testing
