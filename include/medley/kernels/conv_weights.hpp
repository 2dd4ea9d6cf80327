// Gradient of a convolution's weights: for each pair of a block of 16 output channels and an input
// channel, a sum over pixels.
//
//   gw(o, c, ky, kx) = Σ_sample Σ_y Σ_x gy(o, y, x) · x(c, y·stride + ky, x·stride + kx)
//
// A tile is the taps of some kernel rows by some input channels, in registers, while the pixels
// stream by P at a time. Tiles take turns on a block of lines (rows of output pixels) small enough
// to stay in the nearest cache; between their turns sums wait in memory. The chain of an element
// runs over the pixels of one sample (of several, where pictures are small); the chains of a shard
// are then added in the order of the samples, which keeps rounding errors small on large pictures.
// Lines of the input that are halo are left out.
#pragma once

#include "medley/kernels/correlate.hpp"

namespace medley::kernels {

// Strides in floats; `kernel` taps along both axes.
struct WeightGradient {
  int in_sample, out_sample;  // strides from sample to sample
  int in_blocks, in_block_channels, in_last_channels;
  int in_block, in_channel, in_row, in_pixel;
  int in_top, in_height;  // lines that are not halo, from `x` on
  int kernel, stride;
  int out_blocks, out_channels, out_block, out_row;
  int height, width;  // output pixels
  int weight_out, weight_in, weight_row, weight_channel, weight_column;
};

namespace detail {

struct WeightTile {
  int rows = 1, channels = 1, pixels = 1;
};

// Cycles in which a tile takes `pixels` pixels: multiply-adds, two a cycle, and loads next to each
// other, or the chain of a sum, where there are too few sums to hide its four cycles an element.
template <class Vector>
constexpr double tile_cycles(const WeightGradient& g, const WeightTile& tile, int pixels) {
  const int lines = tile.rows * tile.channels;
  const int places = std::min((pixels - 1) * g.stride + g.kernel, pixels * g.kernel);
  const double multiply_adds = 0.5 * lines * g.kernel * pixels * Vector::parts;
  const int vectors = pixels * Vector::parts;  // of the gradient: they may come from further away
  const double loads = lines * places + vectors;
  return std::max({multiply_adds, loads / Vector::loads_a_cycle, 4.0 * pixels}) +
         0.1 * (loads + 2 * vectors);
}

// The tile that fits the registers and takes the fewest cycles for a line of pixels, what is left
// over of kernel rows, channels and pixels included.
template <class Vector>
constexpr WeightTile best_weight_tile(const WeightGradient& g) {
  WeightTile best;
  double best_cycles = 1e9;
  const int all_channels = g.in_blocks > 1 ? g.in_block_channels : g.in_last_channels;
  for (int rows = 1; rows <= (g.in_blocks > 1 ? 1 : g.kernel); ++rows) {
    for (int channels = 1; channels <= all_channels; ++channels) {
      for (int pixels = 1; pixels <= std::min(8, g.width); ++pixels) {
        if (rows * channels * g.kernel + pixels + 1 > Vector::registers) continue;
        double cycles = 0;
        for (int r = 0; r < g.kernel; r += rows) {
          for (int c = 0; c < all_channels; c += channels) {
            const WeightTile part{std::min(rows, g.kernel - r),
                                  std::min(channels, all_channels - c), pixels};
            cycles += g.width / pixels * tile_cycles<Vector>(g, part, pixels);
            if (g.width % pixels > 0) cycles += tile_cycles<Vector>(g, part, g.width % pixels);
          }
        }
        if (cycles < best_cycles - 1e-9) {
          best_cycles = cycles;
          best = {rows, channels, pixels};
        }
      }
    }
  }
  return best;
}

// P pixels of one row into the sums of Rows x Channels x kernel weights, from kernel row First on.
template <class Vector, WeightGradient G, int First, int Rows, int Channels, int P, class Sums>
MEDLEY_INLINE void add_pixels(const float* x, const float* gy, Sums& sum) {
  load_anew();
  Vector g[P];
  unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA { g[p] = Vector::load(gy + p * lanes); });
  unroll<Rows * Channels>([&](auto i) MEDLEY_INLINE_LAMBDA {
    constexpr int rc = First * Channels + decltype(i)::value;
    const float* line = x + rc / Channels * G.in_row + rc % Channels * G.in_channel;
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

// The same of a whole line of pixels.
template <class Vector, WeightGradient G, int First, int Rows, int Channels, int P, class Sums>
MEDLEY_INLINE void add_line(const float* x, const float* gy, Sums& sum) {
  int p = 0;
  for (; p + P <= G.width; p += P) {
    add_pixels<Vector, G, First, Rows, Channels, P>(x + p * G.stride * G.in_pixel, gy + p * lanes,
                                                    sum);
  }
  if constexpr (G.width % P != 0) {
    add_pixels<Vector, G, First, Rows, Channels, G.width % P>(x + p * G.stride * G.in_pixel,
                                                              gy + p * lanes, sum);
  }
}

// Samples that share a chain.
constexpr int chain_samples(const WeightGradient& g) {
  return std::max(1, 256 / (g.height * g.width));
}

// Lines in a block: they and the input under them fill three quarters of 32 KiB, or half of 48.
constexpr int block_lines(const WeightGradient& g) {
  const bool planar = g.in_pixel == 1;
  const int in_row = g.in_row * (planar ? g.in_last_channels : 1);
  return std::max(1, (24 * 256 - g.kernel * in_row) / (g.stride * in_row + g.out_row));
}

// A block of the lines of a chain: [first, last).
struct Lines {
  int first, last;
  bool begins, ends;  // the chain
  bool accumulate;    // the whole chain to what the gradient holds
};

// `x`, `gy`: at the first line of the chain, x under kernel row `ky`. `waiting`: the sums of chains
// that have not ended.
template <class Vector, WeightGradient G, int Rows, int Channels, int P>
MEDLEY_INLINE void weight_tile(const Lines& lines, int ky, const float* x, const float* gy,
                               float* gw, float* waiting) {
  Vector sum[Rows * Channels][G.kernel];
  const auto each_sum = [&](auto&& f) MEDLEY_INLINE_LAMBDA {
    unroll<Rows * Channels>([&](auto rc) MEDLEY_INLINE_LAMBDA {
      unroll<G.kernel>([&](auto t) MEDLEY_INLINE_LAMBDA {
        f(sum[rc][t], (rc * G.kernel + t) * Vector::size,
          rc / Channels * G.weight_row + rc % Channels * G.weight_channel + t * G.weight_column);
      });
    });
  };
  if (lines.begins) {
    each_sum([&](Vector& v, auto, auto) MEDLEY_INLINE_LAMBDA { v = Vector::zero(); });
  } else {
    each_sum([&](Vector& v, int i, auto) MEDLEY_INLINE_LAMBDA { v = Vector::load(waiting + i); });
  }
  int y = lines.first % G.height;
  const int n = lines.first / G.height;
  x += static_cast<std::ptrdiff_t>(n) * G.in_sample + y * G.stride * G.in_row;
  gy += static_cast<std::ptrdiff_t>(n) * G.out_sample + y * G.out_row;
  for (int l = lines.first; l < lines.last; ++l) {
    const int above = G.in_top - (y * G.stride + ky);  // rows of the tile that are halo
    const int seen = above + G.in_height;              // rows before the halo below
    if (above <= 0 && seen >= Rows) {
      add_line<Vector, G, 0, Rows, Channels, P>(x, gy, sum);
    } else if constexpr (Rows > 1) {
      unroll<Rows>([&](auto r) MEDLEY_INLINE_LAMBDA {
        if (r >= above && r < seen) add_line<Vector, G, r, 1, Channels, P>(x, gy, sum);
      });
    }
    const bool next_sample = ++y == G.height;
    x += next_sample ? G.in_sample - (G.height - 1) * G.stride * G.in_row : G.stride * G.in_row;
    gy += next_sample ? G.out_sample - (G.height - 1) * G.out_row : G.out_row;
    if (next_sample) y = 0;
  }
  if (!lines.ends) {
    each_sum([&](const Vector& v, int i, auto) MEDLEY_INLINE_LAMBDA { v.store(waiting + i); });
  } else {
    each_sum([&](const Vector& v, auto, int i) MEDLEY_INLINE_LAMBDA {
      store_padded(lines.accumulate ? Vector::load(gw + i) + v : v, gw + i);
    });
  }
}

// All channels of a block, by Rows rows of the kernel.
template <class Vector, WeightGradient G, int Rows, int Count>
MEDLEY_INLINE void weight_tiles(const Lines& lines, int ky, const float* x, const float* gy,
                                float* gw, float* waiting) {
  constexpr WeightTile tile = best_weight_tile<Vector>(G);
  constexpr int tail = Count % tile.channels, sums = Rows * G.kernel * Vector::size;
  int c = 0;
  for (; c + tile.channels <= Count; c += tile.channels) {
    weight_tile<Vector, G, Rows, tile.channels, tile.pixels>(
        lines, ky, x + c * G.in_channel, gy, gw + c * G.weight_channel, waiting + c * sums);
  }
  if constexpr (tail > 0) {
    weight_tile<Vector, G, Rows, tail, tile.pixels>(lines, ky, x + c * G.in_channel, gy,
                                                    gw + c * G.weight_channel, waiting + c * sums);
  }
}

// A block of 16 output channels by a block of input channels.
template <class Vector, WeightGradient G, int Count>
void weight_block(int samples, const float* x, const float* gy, float* gw, bool accumulate,
                  float* scratch) {
  constexpr WeightTile tile = best_weight_tile<Vector>(G);
  constexpr int chain = chain_samples(G), block = block_lines(G), tail = G.kernel % tile.rows;
  for (int n = 0; n < samples; n += chain) {
    const int height = std::min(chain, samples - n) * G.height;
    const float* first = x + static_cast<std::ptrdiff_t>(n) * G.in_sample;
    const float* g = gy + static_cast<std::ptrdiff_t>(n) * G.out_sample;
    for (int l = 0; l < height; l += block) {
      const int last = std::min(height, l + block);
      const Lines lines{l, last, l == 0, last == height, accumulate || n > 0};
      float* waiting = scratch;
      int ky = 0;
      for (; ky + tile.rows <= G.kernel; ky += tile.rows) {
        weight_tiles<Vector, G, tile.rows, Count>(lines, ky, first + ky * G.in_row, g,
                                                  gw + ky * G.weight_row, waiting);
        waiting += tile.rows * Count * G.kernel * Vector::size;
      }
      if constexpr (tail > 0) {
        weight_tiles<Vector, G, tail, Count>(lines, ky, first + ky * G.in_row, g,
                                             gw + ky * G.weight_row, waiting);
      }
    }
  }
}

}  // namespace detail

// Floats of scratch: the sums of a block of input channels.
constexpr int conv_weight_scratch_floats(int kernel) { return kernel * kernel * lanes * lanes; }

// `x` points at the first pixel under the kernel's first tap (in the halo), `gy` at pixel (0, 0).
template <WeightGradient G>
[[gnu::noinline]] void conv_weight_gradient(int samples, const float* x, const float* gy, float* gw,
                                            bool accumulate, float* scratch) {
  using Vector = PixelVec<G.out_blocks, G.out_channels>;
  for (int o = 0; o < G.out_blocks; ++o) {
    const float* g = gy + o * G.out_block;
    float* to = gw + static_cast<std::ptrdiff_t>(o) * G.weight_out;
    for (int b = 0; b + 1 < G.in_blocks; ++b) {
      detail::weight_block<Vector, G, G.in_block_channels>(
          samples, x + b * G.in_block, g, to + b * G.weight_in, accumulate, scratch);
    }
    const int b = G.in_blocks - 1;
    detail::weight_block<Vector, G, G.in_last_channels>(samples, x + b * G.in_block, g,
                                                        to + b * G.weight_in, accumulate, scratch);
  }
}

}  // namespace medley::kernels
