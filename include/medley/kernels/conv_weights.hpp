// Gradient of a convolution's weights: for each pair of a block of 16 output channels and an input
// channel, a sum over pixels.
//
//   gw(o, c, ky, kx) = Σ_sample Σ_y Σ_x gy(o, y, x) · x(c, y·stride + ky, x·stride + kx)
//
// A tile is the taps of a kernel row by some input channels, in registers, while the pixels stream
// by P at a time; of a few channels all taps, so that the pixels stream by once. The chain of an
// element runs over the pixels of one sample (of several, where pictures are small); the chains of
// a shard are then added in the order of the samples, which keeps rounding errors small on large
// pictures.
#pragma once

#include "medley/kernels/correlate.hpp"

namespace medley::kernels {

// Strides in floats; `kernel` taps along both axes.
struct WeightGradient {
  int in_sample, out_sample;  // strides from sample to sample
  int in_blocks, in_block_channels, in_last_channels;
  int in_block, in_channel, in_row, in_pixel;
  int kernel, stride;
  int out_blocks, out_channels, out_block, out_row;
  int height, width;  // output pixels
  int weight_out, weight_in, weight_row, weight_channel, weight_column;
};

namespace detail {

struct WeightTile {
  int rows = 1;  // of the kernel: one or all
  int channels = 1, pixels = 1;
};

template <class Vector>
constexpr WeightTile best_weight_tile(const WeightGradient& g) {
  WeightTile best;
  double best_cost = 1e9;
  const int most_channels = g.in_blocks > 1 ? g.in_block_channels : g.in_last_channels;
  for (const int rows : {1, g.kernel}) {
    if (rows > 1 && g.in_blocks > 1) continue;
    for (int c = 1; c <= most_channels; ++c) {
      for (int p = 1; p <= 8; ++p) {
        const int sums = rows * c * g.kernel;
        if (sums + p + 1 > Vector::registers || p > g.width) continue;
        const int tail = most_channels % c;
        const double broadcasts = ((p - 1) * g.stride + g.kernel) * static_cast<double>(c) * rows;
        const double products = static_cast<double>(sums) * p;
        const double latency = std::max(1.0, 8.0 / (sums * Vector::parts));
        const double waste = tail == 0 ? 1.0 : 1.0 + 0.3 * (c - tail) / most_channels;
        // The gradient's vectors count twice: they may come from further away.
        const double loads = broadcasts + 2.0 * p * Vector::parts;
        const double cost = (loads / (products * Vector::parts) + 0.5) * latency * waste;
        if (cost < best_cost - 1e-9) {
          best_cost = cost;
          best = {rows, c, p};
        }
      }
    }
  }
  return best;
}

// P pixels of one row into the sums of Rows x Channels x kernel weights.
template <class Vector, WeightGradient G, int Rows, int Channels, int P, class Sums>
MEDLEY_INLINE void add_pixels(const float* x, const float* gy, Sums& sum) {
  load_anew();
  Vector g[P];
  unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA { g[p] = Vector::load(gy + p * lanes); });
  unroll<Rows * Channels>([&](auto rc) MEDLEY_INLINE_LAMBDA {
    constexpr int r = decltype(rc)::value / Channels, c = decltype(rc)::value % Channels;
    const float* line = x + r * G.in_row + c * G.in_channel;
    unroll<(P - 1) * G.stride + G.kernel>([&](auto q) MEDLEY_INLINE_LAMBDA {
      const Vector value = Vector::broadcast(line[q * G.in_pixel]);
      unroll<G.kernel>([&](auto t) MEDLEY_INLINE_LAMBDA {
        constexpr int from = decltype(q)::value - decltype(t)::value;
        constexpr int p = from / G.stride;
        if constexpr (from >= 0 && from % G.stride == 0 && p < P) {
          sum[rc][t] = fma(value, g[p], sum[rc][t]);
        }
      });
    });
  });
}

// Samples that share a chain.
constexpr int chain_samples(const WeightGradient& g) {
  return std::max(1, 256 / (g.height * g.width));
}

template <class Vector, WeightGradient G, int Rows, int Channels, int P>
MEDLEY_INLINE void weight_tile(int samples, const float* x, const float* gy, float* gw,
                               bool accumulate) {
  for (int first = 0; first < samples; first += chain_samples(G)) {
    Vector sum[Rows * Channels][G.kernel];
    unroll<Rows * Channels>([&](auto rc) MEDLEY_INLINE_LAMBDA {
      unroll<G.kernel>([&](auto t) MEDLEY_INLINE_LAMBDA { sum[rc][t] = Vector::zero(); });
    });
    const int last = std::min(samples, first + chain_samples(G));
    for (int n = first; n < last; ++n) {
      for (int y = 0; y < G.height; ++y) {
        const float* line =
            x + static_cast<std::ptrdiff_t>(n) * G.in_sample + y * G.stride * G.in_row;
        const float* g = gy + static_cast<std::ptrdiff_t>(n) * G.out_sample + y * G.out_row;
        int p = 0;
        for (; p + P <= G.width; p += P) {
          add_pixels<Vector, G, Rows, Channels, P>(line + p * G.stride * G.in_pixel, g + p * lanes,
                                                   sum);
        }
        if constexpr (G.width % P != 0) {
          add_pixels<Vector, G, Rows, Channels, G.width % P>(line + p * G.stride * G.in_pixel,
                                                             g + p * lanes, sum);
        }
      }
    }
    const bool add = accumulate || first > 0;
    unroll<Rows * Channels>([&](auto rc) MEDLEY_INLINE_LAMBDA {
      unroll<G.kernel>([&](auto t) MEDLEY_INLINE_LAMBDA {
        float* at = gw + rc / Channels * G.weight_row + rc % Channels * G.weight_channel +
                    t * G.weight_column;
        store_padded(add ? Vector::load(at) + sum[rc][t] : sum[rc][t], at);
      });
    });
  }
}

}  // namespace detail

// `x` points at the first pixel under the kernel's first tap (in the halo), `gy` at pixel (0, 0).
template <WeightGradient G>
[[gnu::noinline]] void conv_weight_gradient(int samples, const float* x, const float* gy, float* gw,
                                            bool accumulate) {
  using Vector = PixelVec<G.out_blocks, G.out_channels>;
  constexpr detail::WeightTile tile = detail::best_weight_tile<Vector>(G);
  const auto channels_of_block = [&]<int Count>(std::integral_constant<int, Count>,
                                                const float* from, const float* g, float* to) {
    constexpr int tail = Count % tile.channels;
    for (int ky = 0; ky < G.kernel; ky += tile.rows) {
      int c = 0;
      for (; c + tile.channels <= Count; c += tile.channels) {
        detail::weight_tile<Vector, G, tile.rows, tile.channels, tile.pixels>(
            samples, from + ky * G.in_row + c * G.in_channel, g,
            to + ky * G.weight_row + c * G.weight_channel, accumulate);
      }
      if constexpr (tail > 0) {
        detail::weight_tile<Vector, G, tile.rows, tail, tile.pixels>(
            samples, from + ky * G.in_row + c * G.in_channel, g,
            to + ky * G.weight_row + c * G.weight_channel, accumulate);
      }
    }
  };
  for (int o = 0; o < G.out_blocks; ++o) {
    const float* g = gy + o * G.out_block;
    float* to = gw + static_cast<std::ptrdiff_t>(o) * G.weight_out;
    for (int b = 0; b + 1 < G.in_blocks; ++b) {
      channels_of_block(std::integral_constant<int, G.in_block_channels>{}, x + b * G.in_block, g,
                        to + b * G.weight_in);
    }
    channels_of_block(std::integral_constant<int, G.in_last_channels>{},
                      x + (G.in_blocks - 1) * G.in_block, g, to + (G.in_blocks - 1) * G.weight_in);
  }
}

}  // namespace medley::kernels
