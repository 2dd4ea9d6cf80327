// Residual addition and concatenation, with layers around them that have no weights, against plain
// loops in double precision: values, and gradients by differences.
#include <numeric>

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "tests/layer_harness.hpp"

namespace medley::testing {
namespace {

// Channels [First, First + Count) of the input.
template <int First, int Count>
struct Take : LayerDefaults {
  static constexpr std::string_view type = "take";
  static constexpr Shape output(Shape x) { return {Count, x.h, x.w}; }
  template <class Io>
  static void forward(const Io& io) {
    each<typename Io::Y>(io.samples, io.x(), io.y(), [](float* x, float* y) { *y = *x; });
  }
  template <class Io>
  static void backward(const Io& io) {
    using GX = typename Io::GX;
    if (!io.claim_x()) {
      for_each_pixel<GX>(io.samples, [&](int n, int b, int y, int x) {
        Vec::zero().store(io.gx().at(n, b, y, x));
      });
    }
    each<typename Io::GY>(io.samples, io.gx(), io.gy(), [](float* gx, float* gy) { *gx += *gy; });
  }

 private:
  template <class Y, class In, class Out, class F>
  static void each(int samples, In in, Out out, F&& f) {
    for (int n = 0; n < samples; ++n) {
      for (int c = 0; c < Count; ++c) {
        for (int y = 0; y < Y::shape.h; ++y) {
          for (int x = 0; x < Y::shape.w; ++x) {
            const int from = First + c;
            f(in.at(n, from / lanes, y, x) + from % lanes, out.at(n, c / lanes, y, x) + c % lanes);
          }
        }
      }
    }
  }
};

// y(c) = x(channels[c]), all pixels.
Reference chosen(std::vector<std::size_t> channels) {
  return [channels](const Array& x, const Weights&) {
    Array y = Array::from_shape({x.shape(0), channels.size(), x.shape(2), x.shape(3)});
    for (std::size_t n = 0; n < x.shape(0); ++n) {
      for (std::size_t c = 0; c < channels.size(); ++c) {
        for (std::size_t i = 0; i < x.shape(2); ++i) {
          for (std::size_t k = 0; k < x.shape(3); ++k) y(n, c, i, k) = x(n, channels[c], i, k);
        }
      }
    }
    return y;
  };
}

// Runs of channels, one after the other.
std::vector<std::size_t> runs(std::initializer_list<std::pair<std::size_t, std::size_t>> list) {
  std::vector<std::size_t> all;
  for (const auto& [first, count] : list) {
    for (std::size_t i = 0; i < count; ++i) all.push_back(first + i);
  }
  return all;
}

template <class F>
Reference pointwise(F f) {
  return [f](const Array& x, const Weights&) {
    Array y = x;
    for (double& v : y) v = f(v);
    return y;
  };
}

TEST(Concat, WholeBlocks) {
  LayerHarness<Concat<Take<0, 16>, Take<16, 16>>, Shape{32, 3, 2}>().check(chosen(runs({{0, 32}})));
  LayerHarness<Concat<Take<16, 32>, Take<0, 16>, Take<3, 16>>, Shape{48, 2, 3}>().check(
      chosen(runs({{16, 32}, {0, 16}, {3, 16}})));
  // The last input ends within a block.
  LayerHarness<Concat<Take<1, 16>, Take<0, 9>>, Shape{20, 3, 2}>().check(
      chosen(runs({{1, 16}, {0, 9}})));
}
TEST(Concat, LaneByLane) {
  LayerHarness<Concat<Take<0, 20>, Take<11, 9>>, Shape{20, 3, 2}>().check(
      chosen(runs({{0, 20}, {11, 9}})));
  LayerHarness<Concat<Take<2, 5>, Take<1, 3>, Take<12, 8>>, Shape{20, 3, 2}>().check(
      chosen(runs({{2, 5}, {1, 3}, {12, 8}})));
  LayerHarness<Concat<Take<0, 7>, Take<4, 16>, Take<0, 20>>, Shape{20, 2, 2}>().check(
      chosen(runs({{0, 7}, {4, 16}, {0, 20}})));
  LayerHarness<Concat<Take<6, 1>, Take<0, 33>>, Shape{33, 2, 2}>().check(
      chosen(runs({{6, 1}, {0, 33}})));
}
TEST(Concat, BranchesReadTheSameTensor) {
  LayerHarness<Concat<Identity, Tanh, Identity>, Shape{5, 3, 2}>().check(
      [](const Array& x, const Weights& w) {
        Array y = chosen(runs({{0, 5}, {0, 5}, {0, 5}}))(x, w);
        for (std::size_t n = 0; n < y.shape(0); ++n) {
          for (std::size_t c = 5; c < 10; ++c) {
            for (std::size_t i = 0; i < 6; ++i)
              y(n, c, i / 2, i % 2) = std::tanh(y(n, c, i / 2, i % 2));
          }
        }
        return y;
      });
  // A concatenation within one.
  LayerHarness<Concat<Concat<Take<0, 3>, Take<5, 4>>, Take<1, 2>>, Shape{9, 2, 3}>().check(
      chosen(runs({{0, 3}, {5, 4}, {1, 2}})));
}

TEST(Residual, AddsWhatItRead) {
  LayerHarness<Residual<Tanh>, Shape{20, 5, 3}>().check(
      pointwise([](double x) { return std::tanh(x) + x; }));
  LayerHarness<Residual<Identity, Tanh>, Shape{20, 5, 3}>().check(
      pointwise([](double x) { return x + std::tanh(x); }));
  LayerHarness<Residual<Identity>, Shape{4, 5, 3}>().check(
      pointwise([](double x) { return 2 * x; }));
}
TEST(Residual, AddsBothBranches) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  LayerHarness<Residual<Tanh, Sigmoid>, Shape{20, 5, 3}>().check(
      pointwise([=](double x) { return std::tanh(x) + sigmoid(x); }));
  LayerHarness<Residual<Sequence<Tanh, Residual<Sigmoid>>>, Shape{20, 2, 3}>().check(
      pointwise([=](double x) {
        const double inner = std::tanh(x);
        return inner + sigmoid(inner) + x;
      }));
}
// The activation is computed along with the sum.
TEST(Residual, AnActivationBehindItTakesTheSum) {
  LayerHarness<Sequence<Residual<Tanh>, LeakyRelu<4>>, Shape{20, 5, 3}>().check(
      pointwise([](double x) {
        const double y = std::tanh(x) + x;
        return y > 0 ? y : y / 4;
      }),
      2e-5, 0.01);
  LayerHarness<Sequence<Residual<Identity, Tanh>, Sigmoid>, Shape{20, 5, 3}>().check(
      pointwise([](double x) { return 1 / (1 + std::exp(-x - std::tanh(x))); }));
}
TEST(Residual, WeightsOfTheMainBranch) {
  // A 1 x 1 convolution of 5 channels, and its input.
  LayerHarness<Residual<Conv<5, 1>>, Shape{5, 3, 4}>().check([](const Array& x, const Weights& w) {
    Array y = x;
    for (std::size_t n = 0; n < x.shape(0); ++n) {
      for (std::size_t o = 0; o < 5; ++o) {
        for (std::size_t i = 0; i < 12; ++i) {
          double sum = w[1][o];
          for (std::size_t c = 0; c < 5; ++c) sum += w[0][o * 5 + c] * x(n, c, i / 4, i % 4);
          y(n, o, i / 4, i % 4) += sum;
        }
      }
    }
    return y;
  });
}

}  // namespace
}  // namespace medley::testing
