// Runs one layer as a network of its own and compares it with a reference in double precision:
// values, and every gradient with central differences of the reference.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <vector>
#include <xtensor/xtensor.hpp>

#include "medley/kernels/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/network/pass.hpp"

namespace medley::testing {

using Array = xt::xtensor<double, 4>;              // samples, channels, height, width
using Weights = std::vector<std::vector<double>>;  // of each parameter, in the order of files
// y = reference(x, parameters)
using Reference = std::function<Array(const Array&, const Weights&)>;

// Numbers in [-1, 1) without a pattern; exact in a float.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : seed_(seed) {}
  double next() {
    const RandomStream stream(seed_, Purpose::generator, 0, count_++);
    return 2.0 * static_cast<double>(unit_float(stream.draw(0)[0])) - 1.0;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

// y = x, with a parameter that serves nothing but to have the gradient of y asked for.
struct Passage : LayerDefaults {
  static constexpr std::string_view type = "passage";
  static constexpr std::array<Parameter, 1> parameters(Shape, Layout) {
    return {channel_parameter("unused", 1, Initial::zero)};
  }
  template <class Io>
  static void forward(const Io& io) {
    for_each_pixel<typename Io::X>(io.samples, [&](int n, int b, int y, int x) {
      Vec::load(io.x().at(n, b, y, x)).store(io.y().at(n, b, y, x));
    });
  }
  template <class Io>
  static void backward(const Io&) {}
};

// A layer behind a Passage, so that the gradient of its input is asked for; with Direct, it reads
// the network's input itself.
template <class Layer, Shape In, bool Direct = false, int Samples = 3>
class LayerHarness {
  using Trunk = std::conditional_t<Direct, Sequence<Layer>, Sequence<Passage, Layer>>;
  using Net = Network<In, Trunk, std::tuple<Head<"y", Flatten>>, Samples, 1>;
  static constexpr int node = Direct ? 0 : 1;

 public:
  explicit LayerHarness(std::uint64_t seed = 1) : numbers_(seed) {
    area_.assign(Net::activation_floats, 7.5f);  // old contents must not matter
    parameters_.assign(Net::parameter_floats, 0.0f);
    prepacked_.assign(Net::prepacked_floats + 1, 0.0f);
    gradients_.assign(Net::factored_floats + Net::slot_floats, 0.0f);
    factors_.assign(Net::factor_floats + 1, 7.5f);
    x_ = Array::from_shape({static_cast<std::size_t>(Samples), In.c, In.h, In.w});
    for (double& v : x_) v = numbers_.next();
    for (int k = 0; k < Net::parameter_count; ++k) fill(k);
  }

  // Whether outputs and gradients of `reference` agree. `step` is that of the differences, `kink`
  // the distance from points where the layer has no derivative: inputs closer to zero are moved
  // away.
  void check(const Reference& reference, double tolerance = 2e-5, double kink = 0.0,
             bool training = true) {
    for (double& v : x_) {
      if (std::fabs(v) < kink)
        v = static_cast<double>(static_cast<float>(v + std::copysign(2 * kink, v)));
    }
    const Array y = reference(x_, weights_);
    const Array r = directions(y);
    run(r, training);
    compare_values(y, tolerance);
    if (training) compare_gradients(reference, r, tolerance);
  }

  Weights& weights() { return weights_; }
  Array& x() { return x_; }

 private:
  void fill(int k) {
    const PlacedParameter& p = Net::parameters[k];
    if (p.node != node) return;
    std::vector<double> values;
    const auto [outputs, inputs, height, width] = p.spec.extent;
    for (int o = 0; o < outputs; ++o) {
      for (int i = 0; i < inputs; ++i) {
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width; ++x) {
            double value = numbers_.next();
            if (p.spec.name == "running_var") value = std::fabs(value) + 0.5;
            parameters_[p.offset + p.spec.packing.index(o, i, y, x)] = static_cast<float>(value);
            values.push_back(value);
          }
        }
      }
    }
    weights_.push_back(std::move(values));
  }

  Array directions(const Array& y) {
    Array r = y;
    for (double& v : r) v = numbers_.next();
    return r;
  }

  void run(const Array& r, bool training) {
    pass_.area = area_.data();
    pass_.parameters = parameters_.data();
    pass_.prepacked = prepacked_.data();
    pass_.gradients = gradients_.data();
    pass_.factors = factors_.data();
    pass_.samples = Samples;
    pass_.training = training;
    pass_.seed = 1;
    pass_.share = 1.0f;
    pass_.records = records_.data();
    prepack(pass_);
    store(x_, Net::template value<0>(area_.data()));
    Net::template value<0>(area_.data()).zero_halo(Samples);
    forward(pass_, HeadSet{1});
    values_ = load(Net::template value<Net::trunk_output>(area_.data()));
    if (!training) return;
    const auto gy = Net::template gradient<Net::trunk_output + 1>(area_.data());
    gy.zero_halo(Samples);
    pass_.written = {};
    pass_.written[Net::trunk_output + 1] = true;
    store(r, gy);
    backward(pass_, HeadSet{1});
    multiply_factors();
    if constexpr (!Direct) gx_ = load(Net::template gradient<1>(area_.data()));
  }

  // As a step does once shards have left their factors.
  void multiply_factors() {
    for (const PlacedParameter& p : Net::parameters) {
      if (!p.spec.factored) continue;
      const float* inputs = factors_.data() + p.factors;
      for (int b = 0; b < p.spec.blocks(); ++b) {
        const kernels::Factors shard{inputs, inputs + (p.spec.rows() + b * lanes) * Samples,
                                     Samples};
        kernels::multiply_factors(p.spec.rows(), Samples, &shard, 1,
                                  gradients_.data() + p.gradient + b * p.spec.packing.out, false);
      }
    }
  }

  template <class T>
  static float* element(T t, int n, int c, int y, int x) {
    return T::layout == Layout::planar ? t.at(n, c, y, x) : t.at(n, c / lanes, y, x) + c % lanes;
  }
  template <class T>
  static void store(const Array& a, T t) {
    if constexpr (T::layout == Layout::blocked) {
      for_each_pixel<T>(Samples,
                        [&](int n, int b, int y, int x) { Vec::zero().store(t.at(n, b, y, x)); });
    }
    each(T::shape, [&](int n, int c, int y, int x) {
      *element(t, n, c, y, x) = static_cast<float>(a(n, c, y, x));
    });
  }
  template <class T>
  static Array load(T t) {
    constexpr Shape s = T::shape;
    Array a = Array::from_shape({static_cast<std::size_t>(Samples), s.c, s.h, s.w});
    each(s, [&](int n, int c, int y, int x) {
      a(n, c, y, x) = static_cast<double>(*element(t, n, c, y, x));
    });
    return a;
  }
  template <class F>
  static void each(Shape s, F&& f) {
    for (int n = 0; n < Samples; ++n) {
      for (int c = 0; c < s.c; ++c) {
        for (int y = 0; y < s.h; ++y) {
          for (int x = 0; x < s.w; ++x) f(n, c, y, x);
        }
      }
    }
  }

  void compare_values(const Array& y, double tolerance) const {
    ASSERT_EQ(y.size(), values_.size());
    double largest = 1e-3;
    for (const double v : y) largest = std::max(largest, std::fabs(v));
    for (std::size_t i = 0; i < y.size(); ++i) {
      ASSERT_NEAR(y.flat(i), values_.flat(i), tolerance * largest) << "output element " << i;
    }
  }

  // d/dt of Σ r·reference where move(t) moves what the reference reads.
  template <class F>
  double difference(const Reference& reference, const Array& r, F&& move) const {
    constexpr double step = 1e-5;
    const auto at = [&](double t) {
      move(t);
      const Array y = reference(x_, weights_);
      double sum = 0;
      for (std::size_t i = 0; i < y.size(); ++i) sum += r.flat(i) * y.flat(i);
      return sum;
    };
    const double slope = (at(step) - at(-step)) / (2 * step);
    move(0.0);
    return slope;
  }

  void compare_gradients(const Reference& reference, const Array& r, double tolerance) {
    // About sixty elements of each, spread over all of it, as the reference is slow; then all at once
    // along a random direction, which sees what those miss.
    const auto compare = [&](std::size_t size, auto&& value, auto&& ours, const std::string& what) {
      const std::size_t stride = std::max<std::size_t>(1, size / 61 | 1u);
      std::vector<std::pair<std::size_t, double>> expected;
      std::vector<double> before(size), direction(size);
      double largest = 1e-3, together = 0;
      for (std::size_t i = 0; i < size; ++i) {
        before[i] = value(i);
        direction[i] = numbers_.next();
        together += direction[i] * ours(i);
      }
      for (std::size_t i = 0; i < size; i += stride) {
        const double slope = difference(reference, r, [&](double t) { value(i) = before[i] + t; });
        expected.emplace_back(i, slope);
        largest = std::max(largest, std::fabs(slope));
      }
      for (const auto& [i, slope] : expected) {
        ASSERT_NEAR(slope, ours(i), 4 * tolerance * largest) << what << ", element " << i;
      }
      const double slope = difference(reference, r, [&](double t) {
        for (std::size_t i = 0; i < size; ++i) value(i) = before[i] + t * direction[i];
      });
      ASSERT_NEAR(slope, together, 4 * tolerance * largest * std::sqrt(static_cast<double>(size)))
          << what << ", all elements along a direction";
    };
    if constexpr (!Direct) {
      compare(
          x_.size(), [&](std::size_t i) -> double& { return x_.flat(i); },
          [&](std::size_t i) { return gx_.flat(i); }, "gradient of the input");
    }
    for (int k = 0, own = 0; k < Net::parameter_count; ++k) {
      const PlacedParameter& p = Net::parameters[k];
      if (p.node != node) continue;
      if (p.spec.trainable) {
        const auto [outputs, inputs, height, width] = p.spec.extent;
        compare(
            weights_[own].size(), [&, own](std::size_t i) -> double& { return weights_[own][i]; },
            [&, i1 = inputs, h1 = height, w1 = width](std::size_t i) {
              const int e = static_cast<int>(i);
              return static_cast<double>(
                  gradients_[p.gradient + p.spec.packing.index(e / (i1 * h1 * w1),
                                                               e / (h1 * w1) % i1, e / w1 % h1,
                                                               e % w1)]);
            },
            "gradient of " + std::string(p.spec.name));
      }
      ++own;
    }
    check_padding();
  }

  // Padding lanes of parameter gradients must stay zero, or updates would fill those of the
  // weights.
  void check_padding() const {
    for (int k = 0; k < Net::parameter_count; ++k) {
      const PlacedParameter& p = Net::parameters[k];
      if (!p.spec.trainable) continue;
      std::vector<bool> used(static_cast<std::size_t>(p.spec.floats), false);
      const auto [outputs, inputs, height, width] = p.spec.extent;
      for (int o = 0; o < outputs; ++o) {
        for (int i = 0; i < inputs; ++i) {
          for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) used[p.spec.packing.index(o, i, y, x)] = true;
          }
        }
      }
      for (std::size_t i = 0; i < used.size(); ++i) {
        if (!used[i]) {
          ASSERT_EQ(gradients_[p.gradient + i], 0.0f) << p.name.view() << " padding " << i;
        }
      }
    }
  }

  Numbers numbers_;
  std::vector<float> area_, parameters_, prepacked_, gradients_, factors_;
  Array x_, values_, gx_;
  Weights weights_;
  Pass<Net> pass_;
  std::array<std::uint64_t, Samples> records_{};
};

}  // namespace medley::testing
