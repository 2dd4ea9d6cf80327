// Layers without weights of their own kind, and normalization, against plain loops in double
// precision.
#include <numeric>

#include "medley/layers/activation.hpp"
#include "medley/layers/dropout.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/layers/upsample.hpp"
#include "tests/layer_harness.hpp"

namespace medley::testing {
namespace {

// y(n, c, r, k) = f(x, n, c, r, k) for an output of the given height and width.
template <class F>
Array each_pixel(const Array& x, std::size_t height, std::size_t width, F f) {
  Array y = Array::from_shape({x.shape(0), x.shape(1), height, width});
  for (std::size_t n = 0; n < x.shape(0); ++n) {
    for (std::size_t c = 0; c < x.shape(1); ++c) {
      for (std::size_t r = 0; r < height; ++r) {
        for (std::size_t k = 0; k < width; ++k) y(n, c, r, k) = f(n, c, r, k);
      }
    }
  }
  return y;
}

Reference pointwise(double (*f)(double)) {
  return [f](const Array& x, const Weights&) {
    Array y = x;
    for (double& v : y) v = f(v);
    return y;
  };
}

TEST(Activation, MatchesTheirFormulas) {
  LayerHarness<Relu, Shape{20, 5, 3}>().check(pointwise([](double x) { return x > 0 ? x : 0.0; }),
                                              2e-5, 0.01);
  LayerHarness<LeakyRelu<>, Shape{20, 5, 3}>().check(
      pointwise([](double x) { return x > 0 ? x : x * static_cast<double>(0.01f); }), 2e-5, 0.01);
  LayerHarness<LeakyRelu<4>, Shape{3, 5, 3}>().check(
      pointwise([](double x) { return x > 0 ? x : x / 4; }), 2e-5, 0.01);
  LayerHarness<Sigmoid, Shape{20, 5, 3}>().check(
      pointwise([](double x) { return 1 / (1 + std::exp(-x)); }));
  LayerHarness<Tanh, Shape{20, 5, 3}>().check(pointwise([](double x) { return std::tanh(x); }));
}

TEST(Activation, KeepsNotANumber) {
  const Vec nan = Vec::broadcast(std::nanf(""));
  EXPECT_TRUE(std::isnan(Relu::value(nan).lanes()[3]));
  EXPECT_TRUE(std::isnan(LeakyRelu<>::value(nan).lanes()[3]));
  EXPECT_TRUE(std::isnan(Sigmoid::value(nan).lanes()[3]));
  EXPECT_TRUE(std::isnan(Tanh::value(nan).lanes()[3]));
}

// f over the pixels of each window: f(sum or maximum so far, value), then g(result).
Reference window(int kernel, int stride, int padding, bool maximum) {
  return [=](const Array& x, const Weights&) {
    const int h = static_cast<int>(x.shape(2)), w = static_cast<int>(x.shape(3));
    return each_pixel(x, (h + 2 * padding - kernel) / stride + 1,
                      (w + 2 * padding - kernel) / stride + 1,
                      [&](std::size_t n, std::size_t c, std::size_t r, std::size_t k) {
                        double best = -1e300, sum = 0;
                        for (int i = 0; i < kernel * kernel; ++i) {
                          const int sy = static_cast<int>(r) * stride + i / kernel - padding;
                          const int sx = static_cast<int>(k) * stride + i % kernel - padding;
                          if (sy < 0 || sx < 0 || sy >= h || sx >= w) continue;
                          best = std::max(best, x(n, c, sy, sx));
                          sum += x(n, c, sy, sx);
                        }
                        return maximum ? best : sum / (kernel * kernel);
                      });
  };
}

TEST(Pool, Maximum) {
  LayerHarness<MaxPool<2>, Shape{20, 6, 8}>().check(window(2, 2, 0, true));
  LayerHarness<MaxPool<2>, Shape{16, 7, 5}>().check(window(2, 2, 0, true));
  LayerHarness<MaxPool<3, 2, 1>, Shape{5, 7, 8}>().check(window(3, 2, 1, true));
  LayerHarness<MaxPool<3, 1>, Shape{17, 5, 5}>().check(window(3, 1, 0, true));
}
TEST(Pool, MaximumIsNotANumberWhereOneOfTheWindowIsNone) {
  using Net = Network<Shape{16, 2, 2}, Sequence<MaxPool<2>>, std::tuple<Head<"y", Flatten>>, 1, 1>;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (int place = 0; place < 4; ++place) {
    std::vector<float> area(Net::activation_floats);
    const Pass<Net> pass{.area = area.data(), .samples = 1};
    const auto x = Net::value<0>(area.data());
    for (int i = 0; i < 4; ++i) {
      float* pixel = x.at(0, 0, i / 2, i % 2);
      std::fill_n(pixel, lanes, static_cast<float>(i));
      if (i == place) pixel[5] = std::nanf("");
      pixel[6] = i == place ? -infinity : infinity;
      pixel[7] = i == place ? -0.0f : -infinity;
    }
    forward(pass, HeadSet{1});
    const float* y = Net::value<2>(area.data()).at(0, 0, 0, 0);
    EXPECT_EQ(y[4], 3.0f) << place;
    EXPECT_TRUE(std::isnan(y[5])) << place;
    EXPECT_EQ(y[6], infinity) << place;
    EXPECT_TRUE(y[7] == 0.0f && std::signbit(y[7])) << place;
  }
}
TEST(Pool, Average) {
  LayerHarness<AveragePool<2>, Shape{20, 6, 8}>().check(window(2, 2, 0, false));
  LayerHarness<AveragePool<3, 2, 1>, Shape{5, 7, 8}>().check(window(3, 2, 1, false));
  LayerHarness<AveragePool<3>, Shape{16, 7, 8}>().check(window(3, 3, 0, false));
}
TEST(Pool, GlobalAverage) {
  LayerHarness<GlobalAveragePool, Shape{20, 5, 7}>().check([](const Array& x, const Weights&) {
    return each_pixel(x, 1, 1, [&](std::size_t n, std::size_t c, std::size_t, std::size_t) {
      double sum = 0;
      for (std::size_t i = 0; i < 35; ++i) sum += x(n, c, i / 7, i % 7);
      return sum / 35;
    });
  });
}
TEST(Pool, GradientOfEqualMaximaGoesToTheFirst) {
  using Net =
      Network<Shape{16, 2, 2}, Sequence<Passage, MaxPool<2>>, std::tuple<Head<"y", Flatten>>, 1, 1>;
  std::vector<float> area(Net::activation_floats), parameters(Net::parameter_floats),
      gradients(Net::parameter_floats), prepacked(Net::prepacked_floats + 1);
  Pass<Net> pass{.area = area.data(),
                 .parameters = parameters.data(),
                 .prepacked = prepacked.data(),
                 .gradients = gradients.data(),
                 .samples = 1,
                 .training = true};
  forward(pass, HeadSet{1});  // all zero: four equal maxima
  pass.written[3] = true;
  std::fill_n(Net::gradient<3>(area.data()).data, 16, 1.0f);
  backward(pass, HeadSet{1});
  const auto gx = Net::gradient<1>(area.data());
  EXPECT_EQ(gx.at(0, 0, 0, 0)[5], 1.0f);
  EXPECT_EQ(gx.at(0, 0, 0, 1)[5], 0.0f);
  EXPECT_EQ(gx.at(0, 0, 1, 1)[5], 0.0f);
}

TEST(Upsample, Nearest) {
  LayerHarness<UpsampleNearest<3>, Shape{18, 3, 4}>().check([](const Array& x, const Weights&) {
    return each_pixel(x, 9, 12, [&](std::size_t n, std::size_t c, std::size_t r, std::size_t k) {
      return x(n, c, r / 3, k / 3);
    });
  });
}
template <int Factor>
Array bilinear(const Array& x, const Weights&) {
  const std::size_t h = x.shape(2), w = x.shape(3);
  const auto place = [](std::size_t i, std::size_t size) {
    const double at = std::clamp((static_cast<double>(i) + 0.5) / Factor - 0.5, 0.0,
                                 static_cast<double>(size - 1));
    const std::size_t low = std::min(static_cast<std::size_t>(at), size - 1);
    return std::tuple{low, std::min(low + 1, size - 1), at - static_cast<double>(low)};
  };
  return each_pixel(x, h * Factor, w * Factor,
                    [&](std::size_t n, std::size_t c, std::size_t r, std::size_t k) {
                      const auto [y0, y1, v] = place(r, h);
                      const auto [x0, x1, u] = place(k, w);
                      return (1 - v) * ((1 - u) * x(n, c, y0, x0) + u * x(n, c, y0, x1)) +
                             v * ((1 - u) * x(n, c, y1, x0) + u * x(n, c, y1, x1));
                    });
}
TEST(Upsample, Bilinear) {
  LayerHarness<UpsampleBilinear<2>, Shape{18, 3, 4}>().check(bilinear<2>);
  LayerHarness<UpsampleBilinear<3>, Shape{4, 4, 2}>().check(bilinear<3>);
  LayerHarness<UpsampleBilinear<4>, Shape{4, 1, 1}>().check(bilinear<4>);
}

// Normalization over the elements for which `same` holds.
template <class Same>
Array normalize(const Array& x, const Weights& w, Same same) {
  Array y = x;
  const std::size_t area = x.shape(2) * x.shape(3), channels = x.shape(1);
  for (std::size_t n = 0; n < x.shape(0); ++n) {
    for (std::size_t c = 0; c < channels; ++c) {
      double count = 0, sum = 0, squares = 0;
      for (std::size_t m = 0; m < x.shape(0); ++m) {
        for (std::size_t d = 0; d < channels; ++d) {
          if (!same(n, c, m, d)) continue;
          for (std::size_t i = 0; i < area; ++i) {
            const double v = x.flat((m * channels + d) * area + i);
            ++count;
            sum += v;
            squares += v * v;
          }
        }
      }
      const double mean = sum / count, variance = squares / count - mean * mean;
      for (std::size_t i = 0; i < area; ++i) {
        const std::size_t at = (n * channels + c) * area + i;
        y.flat(at) = w[0][c] * (x.flat(at) - mean) / std::sqrt(variance + 1e-5) + w[1][c];
      }
    }
  }
  return y;
}
TEST(Norm, GhostBatch) {
  LayerHarness<GhostBatchNorm, Shape{20, 5, 7}>().check([](const Array& x, const Weights& w) {
    return normalize(x, w, [](auto, auto c, auto, auto d) { return c == d; });
  });
}
// Statistics are taken some rows at a time, and must not suffer where values are far from zero.
TEST(Norm, GhostBatchOfLargePicturesFarFromZero) {
  LayerHarness<GhostBatchNorm, Shape{5, 20, 33}> harness;
  for (double& v : harness.x()) v = static_cast<double>(static_cast<float>(64.0 + v));
  harness.check(
      [](const Array& x, const Weights& w) {
        return normalize(x, w, [](auto, auto c, auto, auto d) { return c == d; });
      },
      5e-5);
}
TEST(Norm, GhostBatchInEvaluationUsesRunningStatistics) {
  LayerHarness<GhostBatchNorm, Shape{20, 5, 7}> harness;
  harness.check(
      [](const Array& x, const Weights& w) {
        return each_pixel(x, 5, 7, [&](std::size_t n, std::size_t c, std::size_t r, std::size_t k) {
          return w[0][c] * (x(n, c, r, k) - w[2][c]) / std::sqrt(w[3][c] + 1e-5) + w[1][c];
        });
      },
      2e-5, 0.0, false);
}
TEST(Norm, Group) {
  const auto groups = [](std::size_t size) {
    return [size](const Array& x, const Weights& w) {
      return normalize(
          x, w, [size](auto n, auto c, auto m, auto d) { return n == m && c / size == d / size; });
    };
  };
  LayerHarness<GroupNorm<4>, Shape{20, 5, 7}>().check(groups(5));
  LayerHarness<GroupNorm<1>, Shape{33, 4, 4}>().check(groups(33));
  LayerHarness<GroupNorm<32>, Shape{32, 4, 4}>().check(groups(1));
}

}  // namespace
}  // namespace medley::testing
