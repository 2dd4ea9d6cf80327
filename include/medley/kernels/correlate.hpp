// The one micro-kernel of convolutions forward and backward to the data: a correlation of rows of
// pixels with weights, 16 output channels a vector.
//
//   out(o, y, x) = start + Σ_block Σ_row Σ_channel Σ_tap in(channel, y', x') · weight(o, ...)
//
// in exactly this order, one chain of fused multiply-adds an output element, whatever the tile and
// the instruction set. A tile is V vectors of output channels by P pixels of a row, all in
// registers, where a row is short of two samples at once; of at most 8 output channels, half
// vectors. Taps that see halo are left out.
//
// Where it pools, out(o, y, x) is the maximum of the 2 x 2 results there instead, NaN where one of
// them is: what maximum pooling makes of them, bit for bit.
#pragma once

#include <algorithm>
#include <cstddef>

#include "medley/base/tensor.hpp"
#include "medley/base/vec.hpp"

namespace medley::kernels {

// Taps along one axis, which read neighbouring pixels of the input: tap t the one `offset(t)` from
// the output's place, with the weight of index `weight(t)`.
struct Taps {
  int count = 0;
  int first_offset = 0, first_weight = 0, weight_step = 1;
  constexpr int offset(int t) const { return first_offset + t; }
  constexpr int weight(int t) const { return first_weight + t * weight_step; }
  friend constexpr bool operator==(const Taps&, const Taps&) = default;
};

// Everything about a correlation that is known at compile time. Strides in floats.
struct Correlation {
  int samples;                              // at most
  int in_blocks;                            // channel blocks of the input; planar: one
  int in_block_channels, in_last_channels;  // channels of a block, and of the last one
  int in_sample;                            // strides of the input
  int in_block, in_channel, in_row, in_pixel;
  int in_top, in_left, in_height, in_width;  // pixels that are not halo, from `in` on
  int step;                                  // input pixels per output pixel, along both axes
  int weight_out, weight_in, weight_row, weight_channel, weight_column;  // strides of the weights
  Taps rows, columns;
  int out_blocks, out_channels;                   // blocks of 16 output channels, and these
  int out_sample, out_block, out_row, out_pixel;  // strides of the output
  int height, width;                              // results; even numbers where it pools
  bool pools = false;

  // Results of a row that belong together.
  constexpr int window() const { return pools ? 2 : 1; }
  // Where the result of a row or column goes, in output pixels.
  constexpr int out_place(int result) const { return result / window(); }

  constexpr bool in_picture(int column) const {
    return column >= in_left && column < in_left + in_width;
  }
  // Whether any of so many pixels of a row does, from column x on.
  constexpr bool see_halo(int x, int pixels) const {
    return columns.count > 0 &&
           (!in_picture(x * step + columns.offset(0)) ||
            !in_picture((x + pixels - 1) * step + columns.offset(columns.count - 1)));
  }
};

// A tile of V output vectors by P pixels of each sample.
struct Tile {
  int samples = 1, vectors = 1, pixels = 1;
  bool weights_in_registers = false;
};

// Column of a tile that sees no halo and need not be known at compile time.
inline constexpr int anywhere = -1;

// Cycles that a channel's taps take in one tile of a row: multiply-adds, two a cycle, and loads
// next to each other, or the chain of a pixel's taps, four cycles each, where there are too few
// chains to hide it. Column x of the tile tells which taps see halo.
template <class Vector>
constexpr double tile_cycles(const Correlation& c, const Tile& tile, int pixels, int x) {
  int products = 0, broadcasts = 0, longest = 0;
  const auto counts = [&](int place) { return c.in_picture(x * c.step + place); };
  for (int p = 0; p < pixels; ++p) {
    int chain = 0;
    for (int t = 0; t < c.columns.count; ++t) chain += counts(p * c.step + c.columns.offset(t));
    products += chain;
    longest = std::max(longest, chain);
  }
  if (tile.weights_in_registers) {
    for (int q = 0; q < (pixels - 1) * c.step + c.columns.count; ++q) {
      broadcasts += counts(c.columns.offset(q));
    }
  } else {
    broadcasts = products;
  }
  const double loads = static_cast<double>(tile.samples) * broadcasts +
                       static_cast<double>(tile.vectors) * c.columns.count * Vector::parts;
  const double multiply_adds = 0.5 * products * tile.samples * tile.vectors * Vector::parts;
  return std::max({multiply_adds, loads / Vector::loads_a_cycle, 4.0 * longest}) + 0.1 * loads;
}

// The same for a row, by a vector and a sample.
template <class Vector>
constexpr double row_cycles(const Correlation& c, const Tile& tile) {
  double cycles = 0;
  for (int x = 0; x < c.width; x += tile.pixels) {
    cycles += tile_cycles<Vector>(c, tile, std::min(tile.pixels, c.width - x), x);
  }
  return cycles / (tile.samples * tile.vectors);
}

// As many pixels as the registers hold beside weights and a broadcast, or a little fewer, so that
// the tiles of a row are alike; none where not even one fits.
template <class Vector>
constexpr Tile largest_tile(const Correlation& c, int samples, int vectors, bool held) {
  const int weights = vectors * (held ? c.columns.count : 1);
  const int windows = c.width / c.window();
  const int most = (Vector::registers - 1 - weights) / (samples * vectors * c.window());
  if (most < 1) return {samples, vectors, 0, held};
  const int tiles = (windows + most - 1) / most;
  return {samples, vectors, (windows + tiles - 1) / tiles * c.window(), held};
}

// The tile with which a row takes the fewest cycles. With all weights of a row of taps in registers
// each pixel is broadcast once for all its taps; where they do not fit (AVX2 and 5 taps), each tap
// broadcasts anew. Two samples share weights and hide each other's chains, but must be worth the
// code that a single one needs besides.
template <class Vector>
constexpr Tile best_tile(const Correlation& c, int samples) {
  Tile best{.pixels = c.window()};
  double best_cycles = 1e9;
  for (int s = 1; s <= std::min(samples, 2); ++s) {
    if (s > 1) best_cycles *= 0.9;
    for (int v = 1; v <= 4; ++v) {
      if (c.out_blocks % v != 0) continue;
      for (const bool held : {true, false}) {
        const Tile tile = largest_tile<Vector>(c, s, v, held);
        if (tile.pixels < 1) continue;
        const double cycles = row_cycles<Vector>(c, tile);
        if (cycles < best_cycles - 1e-9) {
          best_cycles = cycles;
          best = tile;
        }
      }
    }
  }
  return best;
}

namespace detail {

// The rows of taps, [first, last), that see the picture from an output row; the others see halo.
struct TapRows {
  int first, last;
};
template <Correlation C>
TapRows tap_rows(int y) {
  TapRows rows{0, C.rows.count};
  const auto row = [&](int r) { return y * C.step + C.rows.offset(r); };
  while (rows.first < rows.last && row(rows.first) < C.in_top) ++rows.first;
  while (rows.first < rows.last && row(rows.last - 1) >= C.in_top + C.in_height) --rows.last;
  return rows;
}

// The results of a row to the maxima of their windows. That of an upper row waits in `out` for the
// lower one, behind which `Then` is applied.
template <class Then, class Vector, int P>
MEDLEY_INLINE void pool_row(const Vector (&row)[P], float* out, int out_pixel, bool lower) {
  unroll<P / 2>([&](auto window) MEDLEY_INLINE_LAMBDA {
    const Vector &left = row[2 * window], &right = row[2 * window + 1];
    float* at = out + window * out_pixel;
    if (lower) {
      const Vector maximum = max_or_nan(right, max_or_nan(left, Vector::load(at)));
      store_padded(Then::value(maximum), at);
    } else {
      max_or_nan(right, left).store(at);
    }
  });
}

// One tile: P pixels from `in`, blocks of weights from `weights`, into `out`. Where its column X is
// known, taps that see halo are left out.
template <class Vector, Correlation C, class Then, Tile T, int P, int X>
MEDLEY_INLINE void correlate_tile(const float* in, const float* weights, const float* bias,
                                  float* out, TapRows rows, bool accumulate, bool lower) {
  constexpr auto counts = [](int place) {
    return X == anywhere || C.in_picture(X * C.step + place);
  };
  constexpr int S = T.samples, V = T.vectors;
  Vector sum[S][V][P];
  const auto each_sum = [&](auto&& f) MEDLEY_INLINE_LAMBDA {
    unroll<S>([&](auto s) MEDLEY_INLINE_LAMBDA {
      unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA {
        unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA {
          f(sum[s][v][p], out + s * C.out_sample + v * C.out_block + p * C.out_pixel, v);
        });
      });
    });
  };
  if (accumulate) {
    each_sum([&](Vector& v, const float* at, auto) MEDLEY_INLINE_LAMBDA { v = Vector::load(at); });
  } else {
    Vector start[V];
    unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA {
      start[v] = bias ? Vector::load(bias + v * lanes) : Vector::zero();
    });
    each_sum([&](Vector& v, auto, auto o) MEDLEY_INLINE_LAMBDA { v = start[o]; });
  }

  const auto channel = [&](const float* pixel, const float* w) MEDLEY_INLINE_LAMBDA {
    constexpr Taps taps = C.columns;
    if constexpr (T.weights_in_registers) {
      Vector weight[V][taps.count];
      unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA {
        unroll<taps.count>([&](auto t) MEDLEY_INLINE_LAMBDA {
          weight[v][t] = Vector::load(w + v * C.weight_out + taps.weight(t) * C.weight_column);
        });
      });
      unroll<(P - 1) * C.step + taps.count>([&](auto q) MEDLEY_INLINE_LAMBDA {
        constexpr int place = taps.offset(q);
        if constexpr (counts(place)) {
          unroll<S>([&](auto s) MEDLEY_INLINE_LAMBDA {
            const Vector x = Vector::broadcast(pixel[s * C.in_sample + place * C.in_pixel]);
            unroll<taps.count>([&](auto t) MEDLEY_INLINE_LAMBDA {
              constexpr int from_first = place - taps.offset(t);
              constexpr int p = from_first / C.step;
              if constexpr (from_first >= 0 && from_first % C.step == 0 && p < P) {
                unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA {
                  sum[s][v][p] = fma(x, weight[v][t], sum[s][v][p]);
                });
              }
            });
          });
        }
      });
    } else {
      unroll<taps.count>([&](auto t) MEDLEY_INLINE_LAMBDA {
        load_anew();
        Vector weight[V];
        unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA {
          weight[v] = Vector::load(w + v * C.weight_out + taps.weight(t) * C.weight_column);
        });
        unroll<P>([&](auto p) MEDLEY_INLINE_LAMBDA {
          constexpr int place = p * C.step + taps.offset(t);
          if constexpr (counts(place)) {
            unroll<S>([&](auto s) MEDLEY_INLINE_LAMBDA {
              const Vector x = Vector::broadcast(pixel[s * C.in_sample + place * C.in_pixel]);
              unroll<V>([&](auto v) MEDLEY_INLINE_LAMBDA {
                sum[s][v][p] = fma(x, weight[v], sum[s][v][p]);
              });
            });
          }
        });
      });
    }
  };

  for (int b = 0; b < C.in_blocks; ++b) {
    const int channels = b + 1 < C.in_blocks ? C.in_block_channels : C.in_last_channels;
    for (int r = rows.first; r < rows.last; ++r) {
      const float* row = in + b * C.in_block + C.rows.offset(r) * C.in_row;
      const float* w = weights + b * C.weight_in + C.rows.weight(r) * C.weight_row;
      for (int c = 0; c < channels; ++c) {
        channel(row + c * C.in_channel, w + c * C.weight_channel);
      }
    }
  }

  if constexpr (C.pools) {
    unroll<S * V>([&](auto i) MEDLEY_INLINE_LAMBDA {
      constexpr int s = i / V, v = i % V;
      pool_row<Then>(sum[s][v], out + s * C.out_sample + v * C.out_block, C.out_pixel, lower);
    });
  } else {
    each_sum([&](const Vector& v, float* at, auto) MEDLEY_INLINE_LAMBDA { store_padded(v, at); });
  }
}

// As many samples as the tile has.
template <class Vector, Correlation C, class Then, Tile tile>
[[gnu::noinline]] void correlate_samples(const float* in, const float* weights, const float* bias,
                                         float* out, bool accumulate) {
  constexpr int width = tile.pixels, tiles = C.width / width, tail = C.width % width;
  // Tiles that see halo, on the left and from `right` on, are compiled for their place each.
  constexpr int left = [] {
    int t = 0;
    while (t < tiles && C.see_halo(t * width, width)) ++t;
    return t;
  }();
  constexpr int right = [] {
    int t = tiles;
    while (t > left && C.see_halo((t - 1) * width, width)) --t;
    return t;
  }();
  for (int o = 0; o < C.out_blocks; o += tile.vectors) {
    const float* w = weights + static_cast<std::ptrdiff_t>(o) * C.weight_out;
    const float* start = bias ? bias + o * lanes : nullptr;
    for (int y = 0; y < C.height; ++y) {
      const float* from = in + y * C.step * C.in_row;
      float* to = out + o * C.out_block + C.out_place(y) * C.out_row;
      const TapRows rows = tap_rows<C>(y);
      const auto tile_at = [&]<int P, int X>(int x) MEDLEY_INLINE_LAMBDA {
        correlate_tile<Vector, C, Then, tile, P, X>(from + x * C.step * C.in_pixel, w, start,
                                                    to + C.out_place(x) * C.out_pixel, rows,
                                                    accumulate, y % 2 == 1);
      };
      const auto edge = [&]<int P, int X>() MEDLEY_INLINE_LAMBDA {
        constexpr int place = C.see_halo(X, P) ? X : anywhere;
        tile_at.template operator()<P, place>(X);
      };
      unroll<left>([&](auto t)
                       MEDLEY_INLINE_LAMBDA { edge.template operator()<width, t * width>(); });
      for (int t = left; t < right; ++t) tile_at.template operator()<width, anywhere>(t * width);
      unroll<tiles - right>([&](auto t) MEDLEY_INLINE_LAMBDA {
        edge.template operator()<width, (right + t) * width>();
      });
      if constexpr (tail > 0) edge.template operator()<tail, tiles * width>();
    }
  }
}

}  // namespace detail

// `in` and `out` point at the pixel (0, 0) of the first block of the first sample; `bias` (one float
// a padded output channel) may be null. With `accumulate` the result is added to what `out` holds,
// which is for those that do not pool; to what is pooled, Then::value is applied.
template <Correlation C, class Then = void>
void correlate(int samples, const float* in, const float* weights, const float* bias, float* out,
               bool accumulate) {
  using Vector = PixelVec<C.out_blocks, C.out_channels>;
  constexpr Tile tile = best_tile<Vector>(C, C.samples), single = best_tile<Vector>(C, 1);
  int n = 0;
  const auto run = [&]<Tile T>() {
    for (; n + T.samples <= samples; n += T.samples) {
      detail::correlate_samples<Vector, C, Then, T>(
          in + static_cast<std::ptrdiff_t>(n) * C.in_sample, weights, bias,
          out + static_cast<std::ptrdiff_t>(n) * C.out_sample, accumulate);
    }
  };
  run.template operator()<tile>();
  if constexpr (tile.samples > 1) run.template operator()<single>();
}

}  // namespace medley::kernels
