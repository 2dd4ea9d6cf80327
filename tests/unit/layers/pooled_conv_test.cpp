// In evaluation a convolution computes the MaxPool<2> behind it along with itself, and the Relu between
// them: the same bits as one after the other, as training has them.
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/join.hpp"
#include "medley/layers/pool.hpp"
#include "medley/layers/upsample.hpp"
#include "medley/network/evaluation.hpp"
#include "tests/layer_harness.hpp"

namespace medley::testing {
namespace {

constexpr int most_samples = 3;

// Its last head's output, in evaluation and as training has it.
template <class Network>
struct Evaluated {
  using Net = Network;
  using Plan = EvaluationPlan<Net>;
  static constexpr int head_output = Net::head_output[Net::head_count - 1];
  static constexpr Shape in = Net::shapes[0], out = Net::shapes[head_output];

  static constexpr bool is_fused() {
    for (int i = 0; i < Net::node_count; ++i) {
      if (Plan::computes[i] > i) return true;
    }
    return false;
  }

  // The output for samples of random numbers, of which `change` may make others.
  template <class Change>
  static std::vector<float> output(int samples, bool evaluates, Change&& change) {
    std::vector<float> area(Net::activation_floats, 7.5f), prepacked(Net::prepacked_floats + 1);
    std::vector<float> parameters(Net::parameter_floats);
    Numbers numbers(11);
    for (const PlacedParameter& p : Net::parameters) {
      const auto [outputs, inputs, height, width] = p.spec.extent;
      for (int o = 0; o < outputs; ++o) {
        for (int i = 0; i < inputs * height * width; ++i) {
          const int y = i / width % height, x = i % width, c = i / (height * width);
          parameters[p.offset + p.spec.packing.index(o, c, y, x)] =
              static_cast<float>(numbers.next());
        }
      }
    }
    Pass<Net> pass{.area = area.data(),
                   .parameters = parameters.data(),
                   .prepacked = prepacked.data(),
                   .samples = samples};
    prepack(pass);
    if (evaluates) prepare_evaluation(pass);
    const auto x = value_of<0>(pass);
    if constexpr (Net::layouts[0] == Layout::blocked) {
      for_each_pixel<decltype(x)>(
          samples, [&](int n, int b, int r, int c) { Vec::zero().store(x.at(n, b, r, c)); });
    }
    for (int i = 0; i < samples * in.elements(); ++i) {
      const int n = i / in.elements(), c = i / in.pixels() % in.c;
      const int row = i / in.w % in.h, column = i % in.w;
      float* at = Net::layouts[0] == Layout::planar ? x.at(n, c, row, column)
                                                    : x.at(n, c / lanes, row, column) + c % lanes;
      *at = change(i, static_cast<float>(numbers.next()));
    }
    x.zero_halo(samples);
    if (evaluates) {
      evaluate(pass);
    } else {
      forward(pass, (HeadSet{1} << Net::head_count) - 1);
    }
    std::vector<float> values(static_cast<std::size_t>(samples) * out.elements());
    copy_value(pass, head_output, values.data());
    return values;
  }
  static std::vector<float> output(int samples, bool evaluates) {
    return output(samples, evaluates, [](int, float x) { return x; });
  }

  static void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(a[i]), std::bit_cast<std::uint32_t>(b[i])) << i;
  }
  static void check(bool fused = true) {
    EXPECT_EQ(is_fused(), fused);
    EXPECT_LE(Plan::places.floats, Net::activation_floats);  // or it is not evaluated by the plan
    for (int samples = 1; samples <= most_samples; ++samples) {
      SCOPED_TRACE(samples);
      const std::vector<float> values = output(samples, true);
      EXPECT_NE(values.front(), values.back());
      expect_same_bits(values, output(samples, false));
    }
  }
};
template <Shape In, class... Layers>
using Pooled =
    Evaluated<Network<In, Sequence<Layers...>, std::tuple<Head<"y", Flatten>>, most_samples, 1>>;

TEST(PooledConv, Directly) {
  Pooled<Shape{1, 12, 28}, Conv<6, 5>, Relu, MaxPool<2>>::check();
  Pooled<Shape{5, 6, 10}, Conv<40, 3>, MaxPool<2>>::check();
  Pooled<Shape{3, 16, 12}, ConvNoBias<8, 3, 2, 1>, MaxPool<2>>::check();
  Pooled<Shape{20, 4, 6}, Conv<24, 1>, Relu, MaxPool<2>>::check();
  Pooled<Shape{3, 4, 4}, Conv<8, 3, 1, 0>, MaxPool<2>>::check();
  Pooled<Shape{2, 8, 34}, Conv<16>, Relu, MaxPool<2>, Conv<7>, MaxPool<2>, Dense<5>>::check();
}
TEST(PooledConv, ByWinograd) {
  Pooled<Shape{6, 14, 14}, Conv<16, 5, 1, 0>, Relu, MaxPool<2>>::check();
  Pooled<Shape{16, 8, 4}, Conv<33>, MaxPool<2>>::check();
  // Tiles are clipped, and a border is read that has to stay zero.
  Pooled<Shape{16, 6, 10}, ConvNoBias<32>, Relu, MaxPool<2>, ByWinograd<Conv<3>>>::check();
}
TEST(PooledConv, OtherWindowsAndReadersLeaveItAlone) {
  Pooled<Shape{3, 7, 8}, Conv<8>, Relu, MaxPool<2>>::check(false);
  Pooled<Shape{3, 8, 9}, Conv<8>, MaxPool<2>>::check(false);
  Pooled<Shape{3, 6, 6}, Conv<8>, MaxPool<3>>::check(false);
  Pooled<Shape{3, 6, 6}, Conv<8>, MaxPool<2, 1>>::check(false);
  Pooled<Shape{3, 6, 6}, Conv<8>, MaxPool<2, 2, 1>>::check(false);
  Pooled<Shape{3, 6, 6}, Conv<8>, AveragePool<2>>::check(false);
  Pooled<Shape{3, 6, 6}, Conv<8>, LeakyRelu<>, MaxPool<2>>::check(false);
  using Down = Sequence<MaxPool<2>, UpsampleNearest<2>>;
  Pooled<Shape{3, 6, 6}, Conv<8>, Concat<Identity, Down>>::check(false);
  Pooled<Shape{3, 6, 6}, Conv<8>, Relu, Concat<Identity, Down>>::check(false);
  Pooled<Shape{3, 6, 6}, Conv<8>, Concat<Relu, Down>>::check(false);
}
TEST(PooledConv, IsNoneOfTheTrunkForAHead) {
  using Net =
      Network<Shape{3, 8, 8}, Sequence<Conv<8>>, std::tuple<Head<"y", MaxPool<2>, Flatten>>, 2, 1>;
  EXPECT_EQ(EvaluationPlan<Net>::computes[0], 0);
}

TEST(PooledConv, InABranchAndInAHeadBehindAnother) {
  using Branch = Sequence<Conv<8>, Relu, MaxPool<2>>;
  Pooled<Shape{3, 6, 8}, Conv<5>, Concat<MaxPool<2>, Branch>, Conv<4>>::check();
  using Heads =
      std::tuple<Head<"first", Dense<3>>, Head<"second", Conv<16>, Relu, MaxPool<2>, Dense<2>>>;
  Evaluated<Network<Shape{3, 8, 8}, Sequence<Conv<20>, Relu>, Heads, most_samples, 1>>::check();
}

// Wherever it stands in a window, and in none of the others; a window's infinities are no NaN.
TEST(PooledConv, NotANumber) {
  using Net = Pooled<Shape{1, 4, 6}, Direct<Conv<1, 1>>, Relu, MaxPool<2>>;
  constexpr float infinite = std::numeric_limits<float>::infinity();
  for (int pixel = 0; pixel < 24; ++pixel) {
    const auto change = [&](int i, float x) {
      return i == pixel ? std::nanf("") : i == 0 ? infinite : i == 7 ? -infinite : x;
    };
    const std::vector<float> values = Net::output(1, true, change);
    for (int i = 0; i < 6; ++i)
      EXPECT_EQ(std::isnan(values[i]), i == pixel / 12 * 3 + pixel % 6 / 2) << pixel << ' ' << i;
    Net::expect_same_bits(values, Net::output(1, false, change));
  }
  using Tiles = Pooled<Shape{16, 4, 8}, Conv<16>, MaxPool<2>>;
  const auto change = [](int i, float x) { return i == 3 ? std::nanf("") : x; };
  const std::vector<float> values = Tiles::output(1, true, change);
  EXPECT_TRUE(std::isnan(values[0]) && std::isnan(values[1]));
  Tiles::expect_same_bits(values, Tiles::output(1, false, change));
}

// What a layer pools is nowhere, and takes no memory.
TEST(PooledConv, ItsInputTakesNoMemory) {
  using Net = Pooled<Shape{1, 28, 28}, Conv<6, 5>, Relu, MaxPool<2>>::Net;
  EXPECT_LT(EvaluationPlan<Net>::places.floats, 3 * (32 * 32 + 14 * 14 * 16) + 3 * 16);
}

}  // namespace
}  // namespace medley::testing
