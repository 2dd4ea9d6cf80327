// Normalization: y = γ (x - mean) / sqrt(variance + ε) + β, with γ and β for each channel.
//
//   GhostBatchNorm   mean and variance of each channel over the samples and pixels of its shard
//                    (Hoffer et al. 2017; Ioffe & Szegedy 2015). In evaluation, running averages.
//                    With one shard a batch it is torch.nn.BatchNorm2d.
//   GroupNorm        over the pixels of a group of channels, each sample for itself (Wu & He 2018).
//                    torch.nn.GroupNorm(Groups, C).
#pragma once

#include "medley/kernels/elementwise.hpp"
#include "medley/layers/layer.hpp"

namespace medley {

namespace detail {

inline constexpr float norm_epsilon = 1e-5f;

// y = scale · x + shift of one block, and the activation behind it, which is computed in the same
// pass over memory.
struct Scaling {
  Vec mean, inverse;  // 1 / σ
  Vec scale, shift;

  template <class Io>
  MEDLEY_INLINE Vec output(const Vec& x) const {
    return Io::Then::value(fma(x, scale, shift));
  }
  // The gradient of what the activation read: its output is computed again, to the same bits.
  template <class Io>
  MEDLEY_INLINE Vec gradient(const Vec& x, const float* gy) const {
    return Io::Then::slope(output<Io>(x), Vec::load(gy));
  }
};

// Parameter 0 is γ, 1 is β.
template <class Io>
MEDLEY_INLINE Scaling scaling(const Io& io, const Vec& mean, const Vec& inverse, int b) {
  const Vec scale = Vec::load(io.parameter(0) + b * lanes) * inverse;
  return {mean, inverse, scale, fnma(mean, scale, Vec::load(io.parameter(1) + b * lanes))};
}

// Two sums that are taken together. (In two chains each: four do not fit the registers of AVX2.)
struct TwoSums {
  Vec first, second;
  MEDLEY_INLINE static TwoSums zero() { return {Vec::zero(), Vec::zero()}; }
  MEDLEY_INLINE friend TwoSums operator+(const TwoSums& a, const TwoSums& b) {
    return {a.first + b.first, a.second + b.second};
  }
};

// Mean of some numbers and the sum of their squared distances from it, lane by lane.
struct Moments {
  Vec mean = Vec::zero(), squares = Vec::zero();
  float count = 0.0f;

  // Those of both sets of numbers. Chan, Golub & LeVeque, "Algorithms for Computing the Sample
  // Variance" (1983).
  MEDLEY_INLINE void join(const Moments& other) {
    const float both = count + other.count;
    const Vec distance = other.mean - mean;
    const Vec part = distance * Vec::broadcast(other.count / both);
    mean = mean + part;
    squares = fma(distance * Vec::broadcast(count), part, squares + other.squares);
    count = both;
  }
};

// Of a block of one sample. Some rows at a time, which stay in the first cache for the second look
// at them, so that memory is read once and no cancellation occurs.
template <class T>
MEDLEY_INLINE void add_moments(T t, int n, int b, Moments& moments) {
  constexpr int rows = std::max(1, 256 / T::shape.w);
  for (int first = 0; first < T::shape.h; first += rows) {
    const int last = std::min(first + rows, T::shape.h);
    Moments m;
    m.count = static_cast<float>((last - first) * T::shape.w);
    m.mean = kernels::sum_rows<T, Vec>(first, last,
                                       [&](const Vec& sum, int y, int x) MEDLEY_INLINE_LAMBDA {
                                         return sum + Vec::load(t.at(n, b, y, x));
                                       }) *
             Vec::broadcast(1.0f / m.count);
    m.squares = kernels::sum_rows<T, Vec>(first, last,
                                          [&](const Vec& sum, int y, int x) MEDLEY_INLINE_LAMBDA {
                                            const Vec d = Vec::load(t.at(n, b, y, x)) - m.mean;
                                            return fma(d, d, sum);
                                          });
    moments.join(m);
  }
}

}  // namespace detail

struct GhostBatchNorm : LayerDefaults {
  static constexpr std::string_view type = "ghost_batch_norm";
  static constexpr bool reads_input = true;
  static constexpr auto applies_activation = AppliesActivation::output_recomputed;

  static constexpr std::array<Parameter, 4> parameters(Shape x, Layout) {
    return {channel_parameter("weight", x.c, Initial::one),
            channel_parameter("bias", x.c, Initial::zero),
            channel_parameter("running_mean", x.c, Initial::zero, false),
            channel_parameter("running_var", x.c, Initial::one, false)};
  }
  // Mean and 1 / sqrt(variance + ε) of each channel.
  static constexpr int saved_floats(Shape x, int) { return 2 * block_count(x.c) * lanes; }
  static constexpr double flops(Shape x) { return 2.0 * x.elements(); }
  template <class F>
  static void options(F&& f) {
    f("epsilon", static_cast<double>(detail::norm_epsilon));
    f("momentum", static_cast<double>(statistics_momentum));
  }

  template <class Io>
  static void forward(const Io& io) {
    using X = typename Io::X;
    const auto x = io.x();
    const auto y = io.y();
    for (int b = 0; b < X::blocks; ++b) {
      if (io.training) {
        const Statistics of_shard = shard_statistics(io, x, b);
        of_shard.mean.store(io.saved() + 2 * b * lanes);
        inverse_root(of_shard.variance).store(io.saved() + (2 * b + 1) * lanes);
        if (io.updates_statistics) add_statistics(io, b, of_shard);
      }
      const detail::Scaling s = scaling_of(io, b);
      for_each_row<X>(io.samples, [&](int n, int r) MEDLEY_INLINE_LAMBDA {
        const float* from = x.at(n, b, r, 0);
        float* to = y.at(n, b, r, 0);
        for (int c = 0; c < X::shape.w; ++c) {
          s.template output<Io>(Vec::load(from + c * lanes)).store(to + c * lanes);
        }
      });
    }
  }

  template <class Io>
  static void backward(const Io& io) {
    using X = typename Io::X;
    const auto x = io.x();
    const auto gy = io.gy();
    const Vec count = Vec::broadcast(static_cast<float>(io.samples * X::shape.pixels()));
    bool accumulate = false;
    if constexpr (Io::wants_x) accumulate = io.asks_x() && io.claim_x();
    for (int b = 0; b < X::blocks; ++b) {
      const detail::Scaling s = scaling_of(io, b);
      detail::TwoSums sums = detail::TwoSums::zero();
      for (int n = 0; n < io.samples; ++n) {
        sums =
            sums +
            kernels::sum_rows<X, detail::TwoSums, 2>(
                0, X::shape.h, [&](const detail::TwoSums& sum, int r, int c) MEDLEY_INLINE_LAMBDA {
                  const Vec value = Vec::load(x.at(n, b, r, c));
                  const Vec g = s.template gradient<Io>(value, gy.at(n, b, r, c));
                  return detail::TwoSums{sum.first + g, fma(g, value - s.mean, sum.second)};
                });
      }
      const Vec sum = sums.first, product = s.inverse * sums.second;
      if (io.learns(0)) kernels::put(io.gradient(0) + b * lanes, product, io.accumulate);
      if (io.learns(1)) kernels::put(io.gradient(1) + b * lanes, sum, io.accumulate);
      if constexpr (Io::wants_x) {
        if (!io.asks_x()) continue;
        // gx = γ/σ (gy - Σgy / m - x̂ Σ(gy x̂) / m), as a·gy + b·x + c; by running statistics, which
        // do not depend on x, it is γ/σ gy
        const auto gx = io.gx();
        Vec slope = Vec::zero(), shift = Vec::zero();
        if (io.training) {
          slope = negate(s.scale * s.inverse * product / count);
          shift = fnma(slope, s.mean, negate(s.scale * sum / count));
        }
        for_each_row<X>(io.samples, [&](int n, int r) MEDLEY_INLINE_LAMBDA {
          const float* values = x.at(n, b, r, 0);
          const float* from = gy.at(n, b, r, 0);
          float* to = gx.at(n, b, r, 0);
          for (int c = 0; c < X::shape.w; ++c) {
            const Vec value = Vec::load(values + c * lanes);
            const Vec g = fma(s.template gradient<Io>(value, from + c * lanes), s.scale,
                              fma(value, slope, shift));
            kernels::put(to + c * lanes, g, accumulate);
          }
        });
      }
    }
  }

 private:
  struct Statistics {
    Vec mean, variance;  // of the population
  };

  static Vec inverse_root(const Vec& variance) {
    return Vec::broadcast(1.0f) / sqrt(variance + Vec::broadcast(detail::norm_epsilon));
  }
  // By what forward saved of the shard, or by the running statistics.
  template <class Io>
  static detail::Scaling scaling_of(const Io& io, int b) {
    if (!io.training) {
      return detail::scaling(io, Vec::load(io.parameter(2) + b * lanes),
                             inverse_root(Vec::load(io.parameter(3) + b * lanes)), b);
    }
    return detail::scaling(io, Vec::load(io.saved() + 2 * b * lanes),
                           Vec::load(io.saved() + (2 * b + 1) * lanes), b);
  }

  template <class X, class F>
  MEDLEY_INLINE static void for_each_row(int samples, F&& f) {
    for (int n = 0; n < samples; ++n) {
      for (int r = 0; r < X::shape.h; ++r) f(n, r);
    }
  }

  template <class Io, class X>
  static Statistics shard_statistics(const Io& io, X x, int b) {
    detail::Moments moments;
    for (int n = 0; n < io.samples; ++n) detail::add_moments(x, n, b, moments);
    return {moments.mean, moments.squares / Vec::broadcast(moments.count)};
  }

  // The shard's share of the batch's statistics, collected as gradients are; the variance is the
  // sample's (m - 1), as torch.nn.BatchNorm2d keeps it. A single number has none: in its place
  // stands the running one, which stays as the other shards leave it.
  template <class Io>
  static void add_statistics(const Io& io, int b, const Statistics& s) {
    const float count = static_cast<float>(io.samples * Io::X::shape.pixels());
    const float unbiased = count > 1.0f ? count / (count - 1.0f) : 1.0f;
    const Vec share = Vec::broadcast(io.share);
    kernels::put(io.gradient(2) + b * lanes, s.mean * share, io.accumulate);
    Vec variance = s.variance;
    if (Io::X::shape.pixels() == 1 && io.samples == 1) {
      variance = Vec::load(io.parameter(3) + b * lanes);
    }
    kernels::put(io.gradient(3) + b * lanes, variance * Vec::broadcast(unbiased) * share,
                 io.accumulate);
  }
};

template <int Groups>
struct GroupNorm : LayerDefaults {
  static constexpr std::string_view type = "group_norm";
  static constexpr bool reads_input = true;
  static constexpr auto applies_activation = AppliesActivation::output_recomputed;

  static constexpr std::string_view refuses(Shape x) {
    if (Groups < 1) return "it needs at least one group";
    return x.c % Groups == 0 ? "" : "the channels do not divide into the groups";
  }
  static constexpr std::array<Parameter, 2> parameters(Shape x, Layout) {
    return {channel_parameter("weight", x.c, Initial::one),
            channel_parameter("bias", x.c, Initial::zero)};
  }
  // For each sample: mean and 1 / sqrt(variance + ε), spread over the channels of each group.
  static constexpr int saved_floats(Shape x, int samples) {
    return samples * 2 * block_count(x.c) * lanes;
  }
  static constexpr double flops(Shape x) { return 2.0 * x.elements(); }
  template <class F>
  static void options(F&& f) {
    f("groups", Groups);
    f("epsilon", static_cast<double>(detail::norm_epsilon));
  }

  template <class Io>
  static void forward(const Io& io) {
    using X = typename Io::X;
    constexpr int channels = X::blocks * lanes;
    const auto x = io.x();
    const auto y = io.y();
    const float scale = 1.0f / group_size(X::shape);
    for (int n = 0; n < io.samples; ++n) {
      float* mean = io.saved() + n * 2 * channels;
      float* inverse = mean + channels;
      for (int b = 0; b < X::blocks; ++b) {
        sum_sample<X, Vec>([&](const Vec& sum, int r, int c) MEDLEY_INLINE_LAMBDA {
          return sum + Vec::load(x.at(n, b, r, c));
        }).store(mean + b * lanes);
      }
      for_each_group(X::shape, [&](int first, int last) {
        fill(mean, first, last, total(mean, first, last) * scale);
      });
      for (int b = 0; b < X::blocks; ++b) {
        const Vec m = Vec::load(mean + b * lanes);
        sum_sample<X, Vec>([&](const Vec& sum, int r, int c) MEDLEY_INLINE_LAMBDA {
          const Vec d = Vec::load(x.at(n, b, r, c)) - m;
          return fma(d, d, sum);
        }).store(inverse + b * lanes);
      }
      for_each_group(X::shape, [&](int first, int last) {
        const float variance = total(inverse, first, last) * scale;
        const Vec root = sqrt(Vec::broadcast(variance + detail::norm_epsilon));
        fill(inverse, first, last, (Vec::broadcast(1.0f) / root).lanes()[0]);
      });
      for (int b = 0; b < X::blocks; ++b) {
        const detail::Scaling s =
            detail::scaling(io, Vec::load(mean + b * lanes), Vec::load(inverse + b * lanes), b);
        for_each_pixel_of<X>([&](int r, int c) MEDLEY_INLINE_LAMBDA {
          s.template output<Io>(Vec::load(x.at(n, b, r, c))).store(y.at(n, b, r, c));
        });
      }
    }
  }

  template <class Io>
  static void backward(const Io& io) {
    using X = typename Io::X;
    constexpr int channels = X::blocks * lanes;
    const auto x = io.x();
    const auto gy = io.gy();
    const float scale = 1.0f / group_size(X::shape);
    bool accumulate = false;
    if constexpr (Io::wants_x) accumulate = io.asks_x() && io.claim_x();
    for (int n = 0; n < io.samples; ++n) {
      const float* mean = io.saved() + n * 2 * channels;
      const float* inverse = mean + channels;
      // Σgy and Σ gy x̂ of each channel, weighted by γ and then summed over each group.
      float sums[channels], products[channels];
      for (int b = 0; b < X::blocks; ++b) {
        const detail::Scaling s =
            detail::scaling(io, Vec::load(mean + b * lanes), Vec::load(inverse + b * lanes), b);
        const auto two = sum_sample<X, detail::TwoSums, 2>(
            [&](const detail::TwoSums& sum, int r, int c) MEDLEY_INLINE_LAMBDA {
              const Vec value = Vec::load(x.at(n, b, r, c));
              const Vec g = s.template gradient<Io>(value, gy.at(n, b, r, c));
              return detail::TwoSums{sum.first + g, fma(g, value - s.mean, sum.second)};
            });
        const Vec sum = two.first, product = s.inverse * two.second;
        const bool add = io.accumulate || n > 0;
        if (io.learns(0)) kernels::put(io.gradient(0) + b * lanes, product, add);
        if (io.learns(1)) kernels::put(io.gradient(1) + b * lanes, sum, add);
        const Vec gamma = Vec::load(io.parameter(0) + b * lanes);
        (sum * gamma).store(sums + b * lanes);
        (product * gamma).store(products + b * lanes);
      }
      if constexpr (Io::wants_x) {
        if (!io.asks_x()) continue;
        for_each_group(X::shape, [&](int first, int last) {
          fill(sums, first, last, total(sums, first, last) * scale);
          fill(products, first, last, total(products, first, last) * scale);
        });
        const auto gx = io.gx();
        for (int b = 0; b < X::blocks; ++b) {
          // gx = 1/σ (γ gy - mean(γ gy) - x̂ mean(γ gy x̂))
          const detail::Scaling s =
              detail::scaling(io, Vec::load(mean + b * lanes), Vec::load(inverse + b * lanes), b);
          const Vec slope = negate(s.inverse * s.inverse * Vec::load(products + b * lanes));
          const Vec shift = fnma(slope, s.mean, negate(s.inverse * Vec::load(sums + b * lanes)));
          for_each_pixel_of<X>([&](int r, int c) MEDLEY_INLINE_LAMBDA {
            const Vec value = Vec::load(x.at(n, b, r, c));
            const Vec g = fma(s.template gradient<Io>(value, gy.at(n, b, r, c)), s.scale,
                              fma(value, slope, shift));
            kernels::put(gx.at(n, b, r, c), g, accumulate);
          });
        }
      }
    }
  }

 private:
  static constexpr float group_size(Shape x) {
    return static_cast<float>(x.c / Groups * x.pixels());
  }
  template <class F>
  static void for_each_group(Shape x, F&& f) {
    for (int g = 0; g < Groups; ++g) f(g * (x.c / Groups), (g + 1) * (x.c / Groups));
  }
  template <class X, class Sum, int Chains = 4, class F>
  MEDLEY_INLINE static Sum sum_sample(F&& f) {
    return kernels::sum_rows<X, Sum, Chains>(0, X::shape.h, f);
  }
  template <class X, class F>
  MEDLEY_INLINE static void for_each_pixel_of(F&& f) {
    for (int r = 0; r < X::shape.h; ++r) {
      for (int c = 0; c < X::shape.w; ++c) f(r, c);
    }
  }
  static float total(const float* values, int first, int last) {
    float sum = 0.0f;
    for (int c = first; c < last; ++c) sum += values[c];
    return sum;
  }
  static void fill(float* values, int first, int last, float value) {
    for (int c = first; c < last; ++c) values[c] = value;
  }
};

}  // namespace medley
