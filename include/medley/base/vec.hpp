// The virtual vector: 16 floats, whatever the machine has. One AVX-512 register, two AVX2, four
// NEON, or 16 scalars. This is the only file that knows an instruction set.
//
// Promise: every operation here gives the same bits on every instruction set. Therefore
//   * fma and its negated form are single-rounding everywhere (xsimd 8.1 splits them on AVX-512);
//   * min, max and comparisons with NaN are defined by select, not by the instruction;
//   * the only horizontal operation, `sum`, is a fixed tree over the 16 lanes.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>

// Code for any x86-64 processor (the shell) has no fused multiply-add and takes the scalar form.
#if !defined(__FMA__) && !defined(__aarch64__) && !defined(MEDLEY_SCALAR)
#define MEDLEY_SCALAR
#endif
#if !defined(MEDLEY_SCALAR)  // which else is parsed in vain, for a second a file
#include <xsimd/xsimd.hpp>
#endif

// Vectors of different builds are different types, so that objects for several instruction sets can
// be linked together.
#if defined(MEDLEY_SCALAR)
#define MEDLEY_VARIANT scalar
#elif defined(__AVX512F__)
#define MEDLEY_VARIANT avx512
#elif defined(__FMA__)
#define MEDLEY_VARIANT avx2
#else
#define MEDLEY_VARIANT neon
#endif

#define MEDLEY_INLINE [[gnu::always_inline]] inline
// For lambdas, which take the attribute after their parameters.
#define MEDLEY_INLINE_LAMBDA __attribute__((always_inline))

namespace medley {

// Calls f(0), f(1), ... f(N-1) with compile-time constants: loops over registers must vanish.
template <int N, class F>
MEDLEY_INLINE void unroll(F&& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) MEDLEY_INLINE_LAMBDA {
    (f(std::integral_constant<int, I>{}), ...);
  }
  (std::make_integer_sequence<int, N>{});
}

// Tells the compiler to load again what lies in memory. Left alone, it keeps broadcasts for their
// next use, runs out of registers and spills sums, which costs more than the loads.
MEDLEY_INLINE void load_anew() { std::atomic_signal_fence(std::memory_order_acq_rel); }

namespace detail {

#if defined(MEDLEY_SCALAR)

// One float in the clothes of an xsimd batch, for machines without a vector unit that we know.
struct ScalarMask {
  bool value;
};
struct ScalarBatch {
  static constexpr int size = 1;
  float value;
  static ScalarBatch load(const float* p) { return {*p}; }
  void store(float* p) const { *p = value; }
};
using Batch = ScalarBatch;
using BatchMask = ScalarMask;
inline Batch broadcast(float x) { return {x}; }
inline Batch add(Batch a, Batch b) { return {a.value + b.value}; }
inline Batch sub(Batch a, Batch b) { return {a.value - b.value}; }
inline Batch mul(Batch a, Batch b) { return {a.value * b.value}; }
inline Batch div(Batch a, Batch b) { return {a.value / b.value}; }
inline Batch fma(Batch a, Batch b, Batch c) { return {std::fma(a.value, b.value, c.value)}; }
inline Batch fnma(Batch a, Batch b, Batch c) { return {std::fma(-a.value, b.value, c.value)}; }
inline Batch sqrt(Batch a) { return {std::sqrt(a.value)}; }
inline BatchMask less(Batch a, Batch b) { return {a.value < b.value}; }
inline BatchMask equal(Batch a, Batch b) { return {a.value == b.value}; }
inline Batch select(BatchMask m, Batch a, Batch b) { return m.value ? a : b; }
inline bool any(BatchMask m) { return m.value; }
inline std::int32_t bits(Batch a) { return std::bit_cast<std::int32_t>(a.value); }
template <class F>
inline Batch on_bits(Batch a, F f) {
  return {std::bit_cast<float>(static_cast<std::int32_t>(f(bits(a))))};
}
template <class F>
inline Batch on_bits(Batch a, Batch b, F f) {
  return {std::bit_cast<float>(static_cast<std::int32_t>(f(bits(a), bits(b))))};
}
inline Batch to_float(Batch a) { return {static_cast<float>(bits(a))}; }
inline Batch load_integers(const std::int32_t* p) { return {static_cast<float>(*p)}; }

#else

using Batch = xsimd::batch<float>;
using BatchMask = xsimd::batch_bool<float>;
using BatchInt = xsimd::batch<std::int32_t>;
MEDLEY_INLINE Batch broadcast(float x) { return Batch(x); }
MEDLEY_INLINE Batch add(Batch a, Batch b) { return a + b; }
MEDLEY_INLINE Batch sub(Batch a, Batch b) { return a - b; }
MEDLEY_INLINE Batch mul(Batch a, Batch b) { return a * b; }
#if defined(__AVX512F__)
// xsimd 8.1 has no fused form for AVX-512: its fma is a multiply and an add.
MEDLEY_INLINE Batch fma(Batch a, Batch b, Batch c) { return _mm512_fmadd_ps(a, b, c); }
MEDLEY_INLINE Batch fnma(Batch a, Batch b, Batch c) { return _mm512_fnmadd_ps(a, b, c); }
#elif defined(__FMA__)  // AVX2
MEDLEY_INLINE Batch fma(Batch a, Batch b, Batch c) { return _mm256_fmadd_ps(a, b, c); }
MEDLEY_INLINE Batch fnma(Batch a, Batch b, Batch c) { return _mm256_fnmadd_ps(a, b, c); }
#else                   // NEON
MEDLEY_INLINE Batch fma(Batch a, Batch b, Batch c) { return vfmaq_f32(c, a, b); }
MEDLEY_INLINE Batch fnma(Batch a, Batch b, Batch c) { return vfmsq_f32(c, a, b); }
#endif
#if defined(__aarch64__)
// xsimd 8.1 approximates these from estimates of the reciprocal.
MEDLEY_INLINE Batch div(Batch a, Batch b) { return vdivq_f32(a, b); }
MEDLEY_INLINE Batch sqrt(Batch a) { return vsqrtq_f32(a); }
#else
MEDLEY_INLINE Batch div(Batch a, Batch b) { return a / b; }
MEDLEY_INLINE Batch sqrt(Batch a) { return xsimd::sqrt(a); }
#endif
MEDLEY_INLINE BatchMask less(Batch a, Batch b) { return a < b; }
MEDLEY_INLINE BatchMask equal(Batch a, Batch b) { return a == b; }
MEDLEY_INLINE Batch select(BatchMask m, Batch a, Batch b) { return xsimd::select(m, a, b); }
MEDLEY_INLINE bool any(BatchMask m) { return xsimd::any(m); }
MEDLEY_INLINE BatchInt bits(Batch a) { return xsimd::bitwise_cast<BatchInt>(a); }
template <class F>
MEDLEY_INLINE Batch on_bits(Batch a, F f) {
  return xsimd::bitwise_cast<Batch>(BatchInt(f(bits(a))));
}
template <class F>
MEDLEY_INLINE Batch on_bits(Batch a, Batch b, F f) {
  return xsimd::bitwise_cast<Batch>(BatchInt(f(bits(a), bits(b))));
}
MEDLEY_INLINE Batch to_float(Batch a) { return xsimd::to_float(bits(a)); }
MEDLEY_INLINE Batch load_integers(const std::int32_t* p) {
  return xsimd::to_float(BatchInt::load_unaligned(p));
}

#endif

}  // namespace detail

inline namespace MEDLEY_VARIANT {

// One virtual vector. Trivial, so that arrays of it live in registers once loops are unrolled.
struct Vec {
  static constexpr int size = 16;
  static constexpr int parts = size / static_cast<int>(detail::Batch::size);

  detail::Batch part[parts];

  struct Mask {
    detail::BatchMask part[parts];
  };

  MEDLEY_INLINE static Vec load(const float* p) {
    Vec v;
    unroll<parts>([&](auto i) MEDLEY_INLINE_LAMBDA {
#if defined(MEDLEY_SCALAR)
      v.part[i] = detail::Batch::load(p + i);
#else
      v.part[i] = detail::Batch::load_unaligned(p + i * static_cast<int>(detail::Batch::size));
#endif
    });
    return v;
  }
  // 16 integers as floats: exact up to 2^24, so class labels compare with ==.
  MEDLEY_INLINE static Vec load_integers(const std::int32_t* p) {
    Vec v;
    unroll<parts>([&](auto i) MEDLEY_INLINE_LAMBDA {
      v.part[i] = detail::load_integers(p + i * (size / parts));
    });
    return v;
  }
  MEDLEY_INLINE static Vec broadcast(float x) {
    const detail::Batch b = detail::broadcast(x);
    Vec v;
    unroll<parts>([&](auto i) MEDLEY_INLINE_LAMBDA { v.part[i] = b; });
    return v;
  }
  MEDLEY_INLINE static Vec zero() { return broadcast(0.0f); }

  MEDLEY_INLINE void store(float* p) const {
    unroll<parts>([&](auto i) MEDLEY_INLINE_LAMBDA {
#if defined(MEDLEY_SCALAR)
      part[i].store(p + i);
#else
      part[i].store_unaligned(p + i * static_cast<int>(detail::Batch::size));
#endif
    });
  }
  std::array<float, size> lanes() const {
    std::array<float, size> out;
    store(out.data());
    return out;
  }

  template <class F, class... Vs>
  MEDLEY_INLINE static Vec map(F f, const Vs&... v) {
    Vec out;
    unroll<parts>([&](auto i) MEDLEY_INLINE_LAMBDA { out.part[i] = f(v.part[i]...); });
    return out;
  }
};

#define MEDLEY_VEC_BINARY(op, name)                                                                \
  MEDLEY_INLINE Vec operator op(const Vec& a, const Vec& b) {                                      \
    return Vec::map([](auto x, auto y) MEDLEY_INLINE_LAMBDA { return detail::name(x, y); }, a, b); \
  }
MEDLEY_VEC_BINARY(+, add)
MEDLEY_VEC_BINARY(-, sub)
MEDLEY_VEC_BINARY(*, mul)
MEDLEY_VEC_BINARY(/, div)
#undef MEDLEY_VEC_BINARY

// a * b + c, rounded once.
MEDLEY_INLINE Vec fma(const Vec& a, const Vec& b, const Vec& c) {
  return Vec::map([](auto x, auto y, auto z) MEDLEY_INLINE_LAMBDA { return detail::fma(x, y, z); },
                  a, b, c);
}
// c - a * b, rounded once.
MEDLEY_INLINE Vec fnma(const Vec& a, const Vec& b, const Vec& c) {
  return Vec::map([](auto x, auto y, auto z) MEDLEY_INLINE_LAMBDA { return detail::fnma(x, y, z); },
                  a, b, c);
}
MEDLEY_INLINE Vec sqrt(const Vec& a) {
  return Vec::map([](auto x) MEDLEY_INLINE_LAMBDA { return detail::sqrt(x); }, a);
}

MEDLEY_INLINE Vec::Mask operator<(const Vec& a, const Vec& b) {
  Vec::Mask m;
  unroll<Vec::parts>([&](auto i)
                         MEDLEY_INLINE_LAMBDA { m.part[i] = detail::less(a.part[i], b.part[i]); });
  return m;
}
MEDLEY_INLINE Vec::Mask operator==(const Vec& a, const Vec& b) {
  Vec::Mask m;
  unroll<Vec::parts>([&](auto i)
                         MEDLEY_INLINE_LAMBDA { m.part[i] = detail::equal(a.part[i], b.part[i]); });
  return m;
}
// m ? a : b, lane by lane.
MEDLEY_INLINE Vec select(const Vec::Mask& m, const Vec& a, const Vec& b) {
  Vec v;
  unroll<Vec::parts>([&](auto i) MEDLEY_INLINE_LAMBDA {
    v.part[i] = detail::select(m.part[i], a.part[i], b.part[i]);
  });
  return v;
}
MEDLEY_INLINE bool any(const Vec::Mask& m) {
  bool found = false;
  unroll<Vec::parts>([&](auto i) MEDLEY_INLINE_LAMBDA { found = found || detail::any(m.part[i]); });
  return found;
}

// NaN in `a` survives; NaN in `b` alone does not.
MEDLEY_INLINE Vec max(const Vec& a, const Vec& b) { return select(a < b, b, a); }
MEDLEY_INLINE Vec min(const Vec& a, const Vec& b) { return select(b < a, b, a); }
MEDLEY_INLINE Vec negate(const Vec& a) { return Vec::zero() - a; }
MEDLEY_INLINE Vec abs(const Vec& a) {
  return Vec::map(
      [](auto x) MEDLEY_INLINE_LAMBDA {
        return detail::on_bits(x, [](auto b) MEDLEY_INLINE_LAMBDA { return b & 0x7FFFFFFF; });
      },
      a);
}

// Sum of the 16 lanes as a fixed tree: 8 pairs at distance 8, then 4, 2, 1.
MEDLEY_INLINE float sum(const Vec& v) {
  std::array<float, Vec::size> lane = v.lanes();
  for (int half = Vec::size / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
  }
  return lane[0];
}

}  // namespace MEDLEY_VARIANT

}  // namespace medley
