// The transforms of Winograd's minimal filtering F(4x4, 3x3) and F(2x2, 5x5), see winograd.hpp. The
// rows of A, B, G belong to the six points 0, p, -p, q, -q, ∞ at which the polynomials of the lines
// are multiplied. p = 3/4, q = 3/2 leave half the error of the customary 1, 2: about 1e-6 of an
// output's root mean square.
//
//   A   1  a  ...                (a power for each output)
//   G   (1  a  a²  ...) / Π (a - other points)           (a power for each tap)
//   Bᵀ  coefficients of Π (x - other points), rising powers
//
// (∞: the highest power alone, Π over all points.)
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "medley/base/tensor.hpp"
#include "medley/base/vec.hpp"

namespace medley::kernels::detail::winograd {

inline constexpr int points = 36;
inline constexpr float p = 0.75f, q = 1.5f;  // every product below is exact in a float but 1 / ...
inline constexpr float p2 = p * p, q2 = q * q, p3 = p2 * p, q3 = q2 * q;
inline constexpr float p4 = p2 * p2, q4 = q2 * q2;
inline constexpr float at_zero = 1.0f / (p2 * q2);
inline constexpr float at_p = 1.0f / (2 * p2 * (p2 - q2)), at_q = 1.0f / (2 * q2 * (q2 - p2));

template <class V>
MEDLEY_INLINE V times(float a, const V& v) {
  return V::broadcast(a) * v;
}
// a · v + w
template <class V>
MEDLEY_INLINE V axpy(float a, const V& v, const V& w) {
  return fma(V::broadcast(a), v, w);
}

// --- the matrices, applied to one line -----------------------------------------------------------

// One or two rows of a result.
struct Rows {
  int first, second;
};

// Bᵀ d: six pixels to six points.
struct FromInput {
  static constexpr int from = 6, to = 6;
  static constexpr std::array<Rows, 4> rows{{{0, 0}, {1, 2}, {3, 4}, {5, 5}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&d)[6], V (&t)[6]) {
    const V even_p = axpy(-q2, d[2], d[4]), odd_p = axpy(-q2, d[1], d[3]);
    const V even_q = axpy(-p2, d[2], d[4]), odd_q = axpy(-p2, d[1], d[3]);
    t[0] = axpy(p2 * q2, d[0], axpy(-(p2 + q2), d[2], d[4]));
    t[1] = axpy(p, odd_p, even_p);
    t[2] = axpy(-p, odd_p, even_p);
    t[3] = axpy(q, odd_q, even_q);
    t[4] = axpy(-q, odd_q, even_q);
    t[5] = axpy(p2 * q2, d[1], axpy(-(p2 + q2), d[3], d[5]));
  }
};

// G w: taps to six points.
template <int Taps>
struct FromWeights;
template <>
struct FromWeights<3> {
  static constexpr int from = 3, to = 6;
  static constexpr std::array<Rows, 4> rows{{{0, 0}, {1, 2}, {3, 4}, {5, 5}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&w)[3], V (&t)[6]) {
    const V even_p = axpy(at_p * p2, w[2], times(at_p, w[0]));
    const V even_q = axpy(at_q * q2, w[2], times(at_q, w[0]));
    t[0] = times(at_zero, w[0]);
    t[1] = axpy(at_p * p, w[1], even_p);
    t[2] = axpy(-at_p * p, w[1], even_p);
    t[3] = axpy(at_q * q, w[1], even_q);
    t[4] = axpy(-at_q * q, w[1], even_q);
    t[5] = w[2];
  }
};
template <>
struct FromWeights<5> {
  static constexpr int from = 5, to = 6;
  static constexpr std::array<Rows, 4> rows{{{0, 0}, {1, 2}, {3, 4}, {5, 5}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&w)[5], V (&t)[6]) {
    const V even_p = axpy(at_p * p4, w[4], axpy(at_p * p2, w[2], times(at_p, w[0])));
    const V even_q = axpy(at_q * q4, w[4], axpy(at_q * q2, w[2], times(at_q, w[0])));
    const V odd_p = axpy(p2, w[3], w[1]), odd_q = axpy(q2, w[3], w[1]);
    t[0] = times(at_zero, w[0]);
    t[1] = axpy(at_p * p, odd_p, even_p);
    t[2] = axpy(-at_p * p, odd_p, even_p);
    t[3] = axpy(at_q * q, odd_q, even_q);
    t[4] = axpy(-at_q * q, odd_q, even_q);
    t[5] = w[4];
  }
};

// Aᵀ m: six points to the outputs of a tile.
template <int Outputs>
struct ToOutput;
template <>
struct ToOutput<4> {
  static constexpr int from = 6, to = 4;
  static constexpr std::array<Rows, 2> rows{{{0, 2}, {1, 3}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&m)[6], V (&y)[4]) {
    const V even_p = m[1] + m[2], odd_p = m[1] - m[2];
    const V even_q = m[3] + m[4], odd_q = m[3] - m[4];
    y[0] = m[0] + (even_p + even_q);
    y[1] = axpy(p, odd_p, times(q, odd_q));
    y[2] = axpy(p2, even_p, times(q2, even_q));
    y[3] = axpy(p3, odd_p, axpy(q3, odd_q, m[5]));
  }
};
template <>
struct ToOutput<2> {
  static constexpr int from = 6, to = 2;
  static constexpr std::array<Rows, 1> rows{{{0, 1}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&m)[6], V (&y)[2]) {
    y[0] = m[0] + ((m[1] + m[2]) + (m[3] + m[4]));
    y[1] = axpy(p, m[1] - m[2], axpy(q, m[3] - m[4], m[5]));
  }
};

// A g: gradients of a tile's outputs to six points.
template <int Outputs>
struct FromGradient;
template <>
struct FromGradient<4> {
  static constexpr int from = 4, to = 6;
  static constexpr std::array<Rows, 4> rows{{{0, 0}, {1, 2}, {3, 4}, {5, 5}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&g)[4], V (&t)[6]) {
    const V even_p = axpy(p2, g[2], g[0]), odd_p = axpy(p2, g[3], g[1]);
    const V even_q = axpy(q2, g[2], g[0]), odd_q = axpy(q2, g[3], g[1]);
    t[0] = g[0];
    t[1] = axpy(p, odd_p, even_p);
    t[2] = axpy(-p, odd_p, even_p);
    t[3] = axpy(q, odd_q, even_q);
    t[4] = axpy(-q, odd_q, even_q);
    t[5] = g[3];
  }
};
template <>
struct FromGradient<2> {
  static constexpr int from = 2, to = 6;
  static constexpr std::array<Rows, 4> rows{{{0, 0}, {1, 2}, {3, 4}, {5, 5}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&g)[2], V (&t)[6]) {
    t[0] = g[0];
    t[1] = axpy(p, g[1], g[0]);
    t[2] = axpy(-p, g[1], g[0]);
    t[3] = axpy(q, g[1], g[0]);
    t[4] = axpy(-q, g[1], g[0]);
    t[5] = g[1];
  }
};

// Gᵀ s: six points to gradients of the taps.
template <int Taps>
struct ToWeights;
template <>
struct ToWeights<3> {
  static constexpr int from = 6, to = 3;
  static constexpr std::array<Rows, 2> rows{{{0, 2}, {1, 1}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&s)[6], V (&g)[3]) {
    const V even_p = s[1] + s[2], odd_p = s[1] - s[2];
    const V even_q = s[3] + s[4], odd_q = s[3] - s[4];
    g[0] = axpy(at_zero, s[0], axpy(at_p, even_p, times(at_q, even_q)));
    g[1] = axpy(at_p * p, odd_p, times(at_q * q, odd_q));
    g[2] = axpy(at_p * p2, even_p, axpy(at_q * q2, even_q, s[5]));
  }
};
template <>
struct ToWeights<5> {
  static constexpr int from = 6, to = 5;
  static constexpr std::array<Rows, 3> rows{{{0, 2}, {1, 3}, {4, 4}}};
  template <class V>
  MEDLEY_INLINE static void line(const V (&s)[6], V (&g)[5]) {
    const V even_p = s[1] + s[2], odd_p = s[1] - s[2];
    const V even_q = s[3] + s[4], odd_q = s[3] - s[4];
    g[0] = axpy(at_zero, s[0], axpy(at_p, even_p, times(at_q, even_q)));
    g[1] = axpy(at_p * p, odd_p, times(at_q * q, odd_q));
    g[2] = axpy(at_p * p2, even_p, times(at_q * q2, even_q));
    g[3] = axpy(at_p * p3, odd_p, times(at_q * q3, odd_q));
    g[4] = axpy(at_p * p4, even_p, axpy(at_q * q4, even_q, s[5]));
  }
};

// Pixels or taps side by side in rows that lie `row` floats apart.
template <class Float>
struct Square {
  Float* data;
  std::ptrdiff_t row;
  MEDLEY_INLINE Float* at(int y, int x) const { return data + y * row + x * lanes; }
};

// The first so many lanes of a vector, by a register.
template <int Lanes>
using RegisterOf = BasicVec<std::min(Lanes, PartVec::size)>;

// M s Mᵀ for the matrix M and the first Lanes channels, by registers of channels, as a whole vector's
// rows would not fit them. s is read by get(row, column, first channel), the result goes to put(row,
// column, first channel, vector). One row of M s, or two that share what they are computed from, is
// made at a time and stays in registers.
template <class Matrix, int Lanes, class Get, class Put>
MEDLEY_INLINE void transform(Get&& get, Put&& put) {
  using V = RegisterOf<Lanes>;
  constexpr int n = Matrix::from, m = Matrix::to;
  for (int channel = 0; channel < Lanes; channel += V::size) {
    unroll<Matrix::rows.size()>([&](auto pass) MEDLEY_INLINE_LAMBDA {
      constexpr Rows rows = Matrix::rows[decltype(pass)::value];
      V half[2][n], line[n], result[m];
      unroll<n>([&](auto x) MEDLEY_INLINE_LAMBDA {
        unroll<n>([&](auto y) MEDLEY_INLINE_LAMBDA { line[y] = get(y, x, channel); });
        Matrix::line(line, result);  // what no row below takes is never computed
        half[0][x] = result[rows.first];
        half[1][x] = result[rows.second];
      });
      const auto finish = [&](const V(&row)[n], int y) MEDLEY_INLINE_LAMBDA {
        Matrix::line(row, result);
        unroll<m>([&](auto x) MEDLEY_INLINE_LAMBDA { put(y, x, channel, result[x]); });
      };
      finish(half[0], rows.first);
      if constexpr (rows.second != rows.first) finish(half[1], rows.second);
    });
  }
}

// To the 36 points, `stride` floats apart; of the first Lanes channels.
template <class Matrix, int Lanes = lanes>
[[gnu::noinline]] void to_points(Square<const float> from, float* to, std::ptrdiff_t stride) {
  using V = RegisterOf<Lanes>;
  transform<Matrix, Lanes>([&](int y, int x, int c)
                               MEDLEY_INLINE_LAMBDA { return V::load(from.at(y, x) + c); },
                           [&](int y, int x, int c, const V& v)
                               MEDLEY_INLINE_LAMBDA { v.store(to + (y * 6 + x) * stride + c); });
}

// The same of a tile that reaches beyond the picture: only `rows` by `columns` pixels are there,
// the others count as zero.
template <class Matrix, int Lanes>
void to_points_clipped(Square<const float> from, int rows, int columns, float* to,
                       std::ptrdiff_t stride) {
  constexpr int n = Matrix::from;
  if (rows >= n && columns >= n) return to_points<Matrix, Lanes>(from, to, stride);
  alignas(64) float pixels[n * n * lanes] = {};
  const Square<float> patch{pixels, n * lanes};
  for (int y = 0; y < std::min(rows, n); ++y) {
    for (int x = 0; x < std::min(columns, n); ++x) Vec::load(from.at(y, x)).store(patch.at(y, x));
  }
  to_points<Matrix, Lanes>({patch.data, patch.row}, to, stride);
}

// From the 36 points: overwrites `to` with the result plus `start`, or adds the result to it.
template <class Matrix>
[[gnu::noinline]] void from_points(const float* from, std::ptrdiff_t stride, Square<float> to,
                                   const float* start, bool accumulate) {
  transform<Matrix, lanes>(
      [&](int y, int x, int c)
          MEDLEY_INLINE_LAMBDA { return PartVec::load(from + (y * 6 + x) * stride + c); },
      [&](int y, int x, int c, const PartVec& v) MEDLEY_INLINE_LAMBDA {
        float* at = to.at(y, x) + c;
        const PartVec first = accumulate ? PartVec::load(at)
                              : start    ? PartVec::load(start + c)
                                         : PartVec::zero();
        (v + first).store(at);
      });
}

// The same where only `rows` by `columns` pixels of the result may be written.
template <class Matrix>
void from_points_clipped(const float* from, std::ptrdiff_t stride, Square<float> to, int rows,
                         int columns, const float* start, bool accumulate) {
  constexpr int m = Matrix::to;
  if (rows >= m && columns >= m) return from_points<Matrix>(from, stride, to, start, accumulate);
  alignas(64) float pixels[m * m * lanes];
  const Square<float> patch{pixels, m * lanes};
  from_points<Matrix>(from, stride, patch, start, false);
  for (int y = 0; y < std::min(rows, m); ++y) {
    for (int x = 0; x < std::min(columns, m); ++x) {
      const Vec v = Vec::load(patch.at(y, x));
      (accumulate ? v + Vec::load(to.at(y, x)) : v).store(to.at(y, x));
    }
  }
}

// From the 36 points: the maxima of 2 x 2 results plus `start` each, NaN where one of them is; Then is
// applied to them.
template <class Matrix, class Then>
[[gnu::noinline]] void pooled_from_points(const float* from, std::ptrdiff_t stride,
                                          Square<float> to, const float* start) {
  PartVec maximum[Matrix::to / 2][Matrix::to / 2];
  transform<Matrix, lanes>(
      [&](int y, int x, int c)
          MEDLEY_INLINE_LAMBDA { return PartVec::load(from + (y * 6 + x) * stride + c); },
      [&](int y, int x, int c, const PartVec& v) MEDLEY_INLINE_LAMBDA {
        PartVec& m = maximum[y / 2][x / 2];
        const PartVec result = v + (start ? PartVec::load(start + c) : PartVec::zero());
        m = y % 2 == 0 && x % 2 == 0 ? result : max_or_nan(result, m);
        if (y % 2 == 1 && x % 2 == 1) Then::value(m).store(to.at(y / 2, x / 2) + c);
      });
}

// The same where only `rows` by `columns` of the results, even numbers, are there.
template <class Matrix, class Then>
void pooled_from_points_clipped(const float* from, std::ptrdiff_t stride, Square<float> to,
                                int rows, int columns, const float* start) {
  constexpr int m = Matrix::to;
  if (rows >= m && columns >= m) return pooled_from_points<Matrix, Then>(from, stride, to, start);
  alignas(64) float pixels[m * m / 4 * lanes];
  const Square<float> patch{pixels, m / 2 * lanes};
  pooled_from_points<Matrix, Then>(from, stride, patch, start);
  for (int y = 0; y < std::min(rows, m) / 2; ++y) {
    for (int x = 0; x < std::min(columns, m) / 2; ++x) Vec::load(patch.at(y, x)).store(to.at(y, x));
  }
}

}  // namespace medley::kernels::detail::winograd
