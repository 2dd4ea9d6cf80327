// A tensor that several layers read: its gradient is the sum of what each of them leaves alone,
// whoever writes first. And parameters: what a second shard leaves is added to the first one's.
//
// What a layer leaves alone is compared with references elsewhere (layers_test.cpp and its like).
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/dropout.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/layers/upsample.hpp"
#include "tests/layer_harness.hpp"

namespace medley::testing {
namespace {

// y = x, by itself.
struct Copy : LayerDefaults {
  static constexpr std::string_view type = "copy";
  template <class Io>
  static void forward(const Io& io) {
    kernels::transform(io.samples, io.x(), io.y(), [](const Vec& v) { return v; });
  }
  template <class Io>
  static void backward(const Io& io) {
    const bool accumulate = io.claim_x();
    for_each_pixel<typename Io::GX>(io.samples, [&](int n, int b, int y, int x) {
      kernels::put(io.gx().at(n, b, y, x), Vec::load(io.gy().at(n, b, y, x)), accumulate);
    });
  }
};

// Two heads that read one tensor: `Layers`, whose backward pass comes second, and a copy.
template <Shape In, class... Layers>
class TwoReaders {
  static constexpr int samples = 3;
  using Net =
      Network<In, Sequence<Passage>,
              std::tuple<Head<"layer", Layers..., Flatten>, Head<"beside", Copy>>, samples, 1>;
  static constexpr HeadSet layer = 1, beside = 2;

 public:
  TwoReaders() {
    area_.assign(Net::activation_floats, 7.5f);  // old contents must not matter
    prepacked_.assign(Net::prepacked_floats + 1, 0.0f);
    factors_.assign(Net::factor_floats + 1, 7.5f);
    gradients_.assign(Net::factored_floats + Net::slot_floats, 7.5f);
    parameters_.assign(Net::parameter_floats, 0.0f);
    for (const PlacedParameter& p : Net::parameters) {
      for (int i = 0; i < p.spec.elements(); ++i) {
        parameters_[p.offset + place(p, i)] = static_cast<float>(numbers_.next());
      }
    }
    pass_ = {.area = area_.data(),
             .parameters = parameters_.data(),
             .prepacked = prepacked_.data(),
             .gradients = gradients_.data(),
             .factors = factors_.data(),
             .samples = samples,
             .training = true,
             .updates_statistics = true,
             .share = 0.5f,
             .seed = 1,
             .records = records_.data()};
    prepack(pass_);
  }

  void check() {
    const std::vector<float> of_layer = gradient(layer), of_copy = gradient(beside),
                             of_both = gradient(layer | beside);
    float largest = 0;
    for (const float g : of_layer) largest = std::max(largest, std::fabs(g));
    ASSERT_GT(largest, 1e-3f) << "the layer gives no gradient";
    for (std::size_t i = 0; i < of_both.size(); ++i) {
      ASSERT_NEAR(of_layer[i] + of_copy[i], of_both[i], 3e-6f * (1 + largest)) << "element " << i;
    }
  }

  // Gradients of the parameters, when the same shard comes twice.
  void check_parameters() {
    gradient(layer);
    const std::vector<float> once = gradients_;
    pass_.accumulate = true;
    gradient(layer);
    int compared = 0;
    for (const PlacedParameter& p : Net::parameters) {
      if (p.node == 0 || p.spec.factored) continue;
      for (int i = 0; i < p.spec.elements(); ++i, ++compared) {
        const float one = once[p.gradient + place(p, i)];
        ASSERT_NEAR(2 * one, gradients_[p.gradient + place(p, i)], 1e-5f * (1 + std::fabs(one)))
            << p.name.view() << ", element " << i;
      }
    }
    ASSERT_GT(compared, 0);
  }

 private:
  // Of element i in the order of files.
  static std::ptrdiff_t place(const PlacedParameter& p, int i) {
    const auto [outputs, inputs, height, width] = p.spec.extent;
    const int taps = height * width;
    return p.spec.packing.index(i / (inputs * taps), i / taps % inputs, i % taps / width,
                                i % width);
  }

  template <class T>
  void fill(T t) {
    for_each_pixel<T>(samples, [&](int n, int b, int y, int x) {
      for (int lane = 0; lane < lanes; ++lane) {
        const bool padding = b * lanes + lane >= T::shape.c;
        t.at(n, b, y, x)[lane] = padding ? 0.0f : static_cast<float>(numbers_.next());
      }
    });
  }

  // Of the tensor that both read, after a pass over the same input from the same gradients of the
  // outputs each time.
  std::vector<float> gradient(HeadSet heads) {
    numbers_ = Numbers(9);
    const auto input = Net::template value<0>(area_.data());
    fill(input);
    input.zero_halo(samples);
    forward(pass_, layer | beside);
    pass_.written = {};
    unroll<2>([&](auto head) {
      constexpr int output = Net::head_output[decltype(head)::value];
      const auto gy = Net::template gradient<output>(area_.data());
      fill(gy);
      gy.zero_halo(samples);
      pass_.written[output] = true;
    });
    backward(pass_, heads);
    std::vector<float> values;
    const auto gx = Net::template gradient<1>(area_.data());
    for (int n = 0; n < samples; ++n) {
      for (int c = 0; c < In.c; ++c) {
        for (int y = 0; y < In.h; ++y) {
          for (int x = 0; x < In.w; ++x) values.push_back(gx.at(n, c / lanes, y, x)[c % lanes]);
        }
      }
    }
    return values;
  }

  Numbers numbers_{4};
  std::vector<float> area_, parameters_, prepacked_, gradients_, factors_;
  std::array<std::uint64_t, samples> records_{3, 8, 5};
  Pass<Net> pass_;
};

template <Shape In, class... Layers>
void check() {
  SCOPED_TRACE(::testing::Message() << In.c << "x" << In.h << "x" << In.w);
  TwoReaders<In, Layers...>().check();
}

TEST(Readers, ActivationsAdd) {
  check<Shape{20, 3, 2}, Relu>();
  check<Shape{20, 3, 2}, Sigmoid>();
}

TEST(Readers, ConvolutionsAdd) {
  check<Shape{16, 6, 6}, Direct<Conv<20>>>();
  check<Shape{5, 7, 5}, Conv<9, 3, 2>>();
  check<Shape{18, 5, 7}, Conv<6, 2, 3, 0>>();  // pixels that no tap reaches
  check<Shape{18, 6, 5}, ByWinograd<Conv<20>>>();
}

TEST(Readers, DenseLayersAdd) {
  check<Shape{20, 3, 2}, Dense<5>>();
  check<Shape{64, 4, 4}, Dense<20>>();  // its weights' gradient is left as factors
}

TEST(Readers, NormalizationsAdd) {
  check<Shape{20, 3, 4}, GhostBatchNorm, Relu>();
  check<Shape{20, 3, 4}, GroupNorm<4>>();
}

TEST(Readers, PoolsAdd) {
  check<Shape{20, 4, 6}, MaxPool<2>>();  // no pixel in two windows
  check<Shape{5, 5, 5}, MaxPool<2>>();   // pixels of no window
  check<Shape{20, 4, 6}, AveragePool<2>>();
  check<Shape{5, 5, 5}, AveragePool<2>>();
  check<Shape{20, 4, 6}, GlobalAveragePool>();
}

TEST(Readers, UpsamplingsAdd) {
  check<Shape{20, 3, 2}, UpsampleNearest<2>>();
  check<Shape{20, 3, 2}, UpsampleBilinear<2>>();
}

TEST(Readers, DropoutAndFlattenAdd) {
  check<Shape{20, 3, 2}, Dropout<40>>();
  check<Shape{20, 3, 2}>();  // Flatten alone
}

TEST(Readers, SumsAdd) {
  check<Shape{20, 3, 2}, Residual<Tanh>>();
  check<Shape{20, 3, 2}, Residual<Sequence<Conv<20, 1>, Tanh>>, Relu>();
  check<Shape{20, 3, 2}, Residual<Identity, Conv<20, 1>>, Sigmoid>();
}

TEST(Readers, PartsOfAConcatenationAdd) {
  check<Shape{16, 3, 2}, Concat<Identity, Identity>>();          // whole blocks
  check<Shape{20, 3, 2}, Concat<Identity, Tanh>>();              // lane by lane
  check<Shape{5, 3, 2}, Concat<Tanh, Identity, Identity>>();     // several in one block
  check<Shape{32, 3, 2}, Concat<Conv<4, 1>, Identity, Tanh>>();  // from the fifth lane on
}

TEST(Readers, ParametersOfASecondShardAdd) {
  TwoReaders<Shape{16, 6, 6}, Direct<Conv<20>>>().check_parameters();
  TwoReaders<Shape{5, 7, 5}, Conv<9, 3, 2>>().check_parameters();
  TwoReaders<Shape{18, 6, 5}, ByWinograd<Conv<20>>>().check_parameters();
  TwoReaders<Shape{20, 3, 2}, Dense<5>>().check_parameters();
  TwoReaders<Shape{20, 3, 4}, GhostBatchNorm, Relu>().check_parameters();
  TwoReaders<Shape{20, 3, 4}, GroupNorm<4>>().check_parameters();
}

}  // namespace
}  // namespace medley::testing
