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

// Σ f(vector) over the pixels of one block of samples [first, last): a chain for every fourth pixel
// of a row, then the four together.
template <class T, class F>
MEDLEY_INLINE Vec sum_pixels(int first, int last, F&& f) {
  Vec sum[4] = {Vec::zero(), Vec::zero(), Vec::zero(), Vec::zero()};
  for (int n = first; n < last; ++n) {
    for (int y = 0; y < T::shape.h; ++y) {
      int x = 0;
      for (; x + 4 <= T::shape.w; x += 4) {
        unroll<4>([&](auto i) MEDLEY_INLINE_LAMBDA { sum[i] = sum[i] + f(n, y, x + i); });
      }
      unroll<T::shape.w % 4>([&](auto i)
                                 MEDLEY_INLINE_LAMBDA { sum[i] = sum[i] + f(n, y, x + i); });
    }
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

}  // namespace detail

struct GhostBatchNorm : LayerDefaults {
  static constexpr std::string_view type = "ghost_batch_norm";
  static constexpr bool reads_input = true;

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
    const Vec one = Vec::broadcast(1.0f), epsilon = Vec::broadcast(detail::norm_epsilon);
    for (int b = 0; b < X::blocks; ++b) {
      Vec mean, inverse;
      if (io.training) {
        const Statistics s = shard_statistics(io, x, b);
        mean = s.mean;
        inverse = one / sqrt(s.variance + epsilon);
        mean.store(io.saved() + 2 * b * lanes);
        inverse.store(io.saved() + (2 * b + 1) * lanes);
        if (io.updates_statistics) add_statistics(io, b, s);
      } else {
        mean = Vec::load(io.parameter(2) + b * lanes);
        inverse = one / sqrt(Vec::load(io.parameter(3) + b * lanes) + epsilon);
      }
      const Vec scale = Vec::load(io.parameter(0) + b * lanes) * inverse;
      const Vec shift = fnma(mean, scale, Vec::load(io.parameter(1) + b * lanes));
      for_each_row<X>(io.samples, [&](int n, int r) MEDLEY_INLINE_LAMBDA {
        const float* from = x.at(n, b, r, 0);
        float* to = y.at(n, b, r, 0);
        for (int c = 0; c < X::shape.w; ++c) {
          fma(Vec::load(from + c * lanes), scale, shift).store(to + c * lanes);
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
    if constexpr (Io::wants_x) accumulate = io.claim_x();
    for (int b = 0; b < X::blocks; ++b) {
      const Vec mean = Vec::load(io.saved() + 2 * b * lanes);
      const Vec inverse = Vec::load(io.saved() + (2 * b + 1) * lanes);
      const Vec sum = detail::sum_pixels<X>(
          0, io.samples,
          [&](int n, int r, int c) MEDLEY_INLINE_LAMBDA { return Vec::load(gy.at(n, b, r, c)); });
      const Vec product =
          inverse *
          detail::sum_pixels<X>(0, io.samples, [&](int n, int r, int c) MEDLEY_INLINE_LAMBDA {
            return Vec::load(gy.at(n, b, r, c)) * (Vec::load(x.at(n, b, r, c)) - mean);
          });
      kernels::put(io.gradient(0) + b * lanes, product, io.accumulate);
      kernels::put(io.gradient(1) + b * lanes, sum, io.accumulate);
      if constexpr (Io::wants_x) {
        // gx = γ/σ (gy - Σgy / m - x̂ Σ(gy x̂) / m), as a·gy + b·x + c
        const auto gx = io.gx();
        const Vec scale = Vec::load(io.parameter(0) + b * lanes) * inverse;
        const Vec slope = negate(scale * inverse * product / count);
        const Vec shift = fnma(slope, mean, negate(scale * sum / count));
        for_each_row<X>(io.samples, [&](int n, int r) MEDLEY_INLINE_LAMBDA {
          const float* value = x.at(n, b, r, 0);
          const float* from = gy.at(n, b, r, 0);
          float* to = gx.at(n, b, r, 0);
          for (int c = 0; c < X::shape.w; ++c) {
            const Vec g = fma(Vec::load(from + c * lanes), scale,
                              fma(Vec::load(value + c * lanes), slope, shift));
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

  template <class X, class F>
  MEDLEY_INLINE static void for_each_row(int samples, F&& f) {
    for (int n = 0; n < samples; ++n) {
      for (int r = 0; r < X::shape.h; ++r) f(n, r);
    }
  }

  template <class Io, class X>
  static Statistics shard_statistics(const Io& io, X x, int b) {
    const Vec count = Vec::broadcast(static_cast<float>(io.samples * X::shape.pixels()));
    const Vec mean = detail::sum_pixels<X>(0, io.samples,
                                           [&](int n, int r, int c) MEDLEY_INLINE_LAMBDA {
                                             return Vec::load(x.at(n, b, r, c));
                                           }) /
                     count;
    const Vec variance = detail::sum_pixels<X>(0, io.samples,
                                               [&](int n, int r, int c) MEDLEY_INLINE_LAMBDA {
                                                 const Vec d = Vec::load(x.at(n, b, r, c)) - mean;
                                                 return d * d;
                                               }) /
                         count;
    return {mean, variance};
  }

  // The shard's share of the batch's statistics, collected as gradients are; the variance is the
  // sample's (m - 1), as torch.nn.BatchNorm2d keeps it.
  template <class Io>
  static void add_statistics(const Io& io, int b, const Statistics& s) {
    const float count = static_cast<float>(io.samples * Io::X::shape.pixels());
    const float unbiased = count > 1.0f ? count / (count - 1.0f) : 1.0f;
    const Vec share = Vec::broadcast(io.share);
    kernels::put(io.gradient(2) + b * lanes, s.mean * share, io.accumulate);
    kernels::put(io.gradient(3) + b * lanes, s.variance * Vec::broadcast(unbiased) * share,
                 io.accumulate);
  }
};

template <int Groups>
struct GroupNorm : LayerDefaults {
  static_assert(Groups >= 1, "group norm: at least one group");
  static constexpr std::string_view type = "group_norm";
  static constexpr bool reads_input = true;

  static constexpr bool accepts(Shape x) { return x.c % Groups == 0; }
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
        detail::sum_pixels<X>(n, n + 1, [&](int, int r, int c) MEDLEY_INLINE_LAMBDA {
          return Vec::load(x.at(n, b, r, c));
        }).store(mean + b * lanes);
      }
      for_each_group(X::shape, [&](int first, int last) {
        fill(mean, first, last, total(mean, first, last) * scale);
      });
      for (int b = 0; b < X::blocks; ++b) {
        const Vec m = Vec::load(mean + b * lanes);
        detail::sum_pixels<X>(n, n + 1, [&](int, int r, int c) MEDLEY_INLINE_LAMBDA {
          const Vec d = Vec::load(x.at(n, b, r, c)) - m;
          return d * d;
        }).store(inverse + b * lanes);
      }
      for_each_group(X::shape, [&](int first, int last) {
        const float variance = total(inverse, first, last) * scale;
        const Vec root = sqrt(Vec::broadcast(variance + detail::norm_epsilon));
        fill(inverse, first, last, (Vec::broadcast(1.0f) / root).lanes()[0]);
      });
      for (int b = 0; b < X::blocks; ++b) {
        const Vec a = Vec::load(io.parameter(0) + b * lanes) * Vec::load(inverse + b * lanes);
        const Vec shift =
            fnma(Vec::load(mean + b * lanes), a, Vec::load(io.parameter(1) + b * lanes));
        for_each_pixel_of<X>([&](int r, int c) MEDLEY_INLINE_LAMBDA {
          fma(Vec::load(x.at(n, b, r, c)), a, shift).store(y.at(n, b, r, c));
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
    if constexpr (Io::wants_x) accumulate = io.claim_x();
    for (int n = 0; n < io.samples; ++n) {
      const float* mean = io.saved() + n * 2 * channels;
      const float* inverse = mean + channels;
      // Σgy and Σ gy x̂ of each channel, weighted by γ and then summed over each group.
      float sums[channels], products[channels];
      for (int b = 0; b < X::blocks; ++b) {
        const Vec m = Vec::load(mean + b * lanes), inv = Vec::load(inverse + b * lanes);
        const Vec sum = detail::sum_pixels<X>(
            n, n + 1,
            [&](int, int r, int c) MEDLEY_INLINE_LAMBDA { return Vec::load(gy.at(n, b, r, c)); });
        const Vec product =
            inv * detail::sum_pixels<X>(n, n + 1, [&](int, int r, int c) MEDLEY_INLINE_LAMBDA {
              return Vec::load(gy.at(n, b, r, c)) * (Vec::load(x.at(n, b, r, c)) - m);
            });
        const bool add = io.accumulate || n > 0;
        kernels::put(io.gradient(0) + b * lanes, product, add);
        kernels::put(io.gradient(1) + b * lanes, sum, add);
        const Vec gamma = Vec::load(io.parameter(0) + b * lanes);
        (sum * gamma).store(sums + b * lanes);
        (product * gamma).store(products + b * lanes);
      }
      if constexpr (Io::wants_x) {
        for_each_group(X::shape, [&](int first, int last) {
          fill(sums, first, last, total(sums, first, last) * scale);
          fill(products, first, last, total(products, first, last) * scale);
        });
        const auto gx = io.gx();
        for (int b = 0; b < X::blocks; ++b) {
          // gx = 1/σ (γ gy - mean(γ gy) - x̂ mean(γ gy x̂))
          const Vec m = Vec::load(mean + b * lanes), inv = Vec::load(inverse + b * lanes);
          const Vec a = Vec::load(io.parameter(0) + b * lanes) * inv;
          const Vec slope = negate(inv * inv * Vec::load(products + b * lanes));
          const Vec shift = fnma(slope, m, negate(inv * Vec::load(sums + b * lanes)));
          for_each_pixel_of<X>([&](int r, int c) MEDLEY_INLINE_LAMBDA {
            const Vec g = fma(Vec::load(gy.at(n, b, r, c)), a,
                              fma(Vec::load(x.at(n, b, r, c)), slope, shift));
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
