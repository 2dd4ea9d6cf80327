// The virtual vector: 16 floats, whatever the machine has. One AVX-512 register, two AVX2, four
// NEON, or 16 scalars. This is the only file that knows an instruction set.
//
// Narrower vectors of the same make do a part of its lanes: HalfVec where the other half would be
// padding, PartVec (one register) where a whole vector's intermediate results would not fit the
// registers. What a lane computes is the same in all of them.
//
// Promise: every operation here gives the same bits on every instruction set. Therefore
//   * fma and its negated form are single-rounding everywhere (xsimd 8.1 splits them on AVX-512);
//   * min, max and comparisons with NaN are defined by select, which x86's instructions are, not NEON's;
//   * the only horizontal operation, `sum`, is a fixed tree over the 16 lanes.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

// Without a vector unit that we know, such as in code for any x86-64 processor: the scalar form.
#if !defined(__FMA__) && !defined(__aarch64__) && !defined(MEDLEY_SCALAR)
#define MEDLEY_SCALAR
#endif
#if defined(MEDLEY_SCALAR)
#include "medley/base/scalar_batch.hpp"
#else  // which else is parsed in vain, for a second a file
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

// Calls f(0), f(1), ... f(N-1) with compile-time constants: loops over registers must vanish. One by
// one, as each lambda around a call is a function that is inlined, and compiled, again for each loop.
template <int N, int From = 0, class F>
MEDLEY_INLINE void unroll(F&& f) {
  if constexpr (N > From + 0) f(std::integral_constant<int, From + 0>{});
  if constexpr (N > From + 1) f(std::integral_constant<int, From + 1>{});
  if constexpr (N > From + 2) f(std::integral_constant<int, From + 2>{});
  if constexpr (N > From + 3) f(std::integral_constant<int, From + 3>{});
  if constexpr (N > From + 4) f(std::integral_constant<int, From + 4>{});
  if constexpr (N > From + 5) f(std::integral_constant<int, From + 5>{});
  if constexpr (N > From + 6) f(std::integral_constant<int, From + 6>{});
  if constexpr (N > From + 7) f(std::integral_constant<int, From + 7>{});
  if constexpr (N > From + 8) unroll<N, From + 8>(f);
}

// Tells the compiler to load again what lies in memory. Left alone, it keeps broadcasts for their
// next use, runs out of registers and spills sums, which costs more than the loads.
MEDLEY_INLINE void load_anew() { std::atomic_signal_fence(std::memory_order_acq_rel); }

namespace detail {

#if defined(MEDLEY_SCALAR)

template <int Lanes>
using BatchOf = ScalarBatch<Lanes>;
// Registers are for a float each, and a vector takes all of them.
inline constexpr int machine_registers = 1;
template <class B>
inline constexpr int register_lanes = 1;
template <class B>
using MaskOf = ScalarMask<B::size>;

#else

// The largest batch of at most so many lanes.
#if defined(__AVX512F__)
template <int Lanes>
using BatchOf =
    std::conditional_t<(Lanes >= 16), xsimd::batch<float>, xsimd::batch<float, xsimd::avx2>>;
inline constexpr int machine_registers = 32;
#else
template <int Lanes>
using BatchOf = xsimd::batch<float>;
#if defined(__aarch64__)
inline constexpr int machine_registers = 32;
#else
inline constexpr int machine_registers = 16;
#endif
#endif
template <class B>
inline constexpr int register_lanes = static_cast<int>(B::size);
template <class B>
using MaskOf = typename B::batch_bool_type;

template <class B>
MEDLEY_INLINE B broadcast(float x) {
  return B(x);
}
template <class B>
MEDLEY_INLINE B add(B a, B b) {
  return a + b;
}
template <class B>
MEDLEY_INLINE B sub(B a, B b) {
  return a - b;
}
template <class B>
MEDLEY_INLINE B mul(B a, B b) {
  return a * b;
}
#if defined(__FMA__)
MEDLEY_INLINE BatchOf<8> fma(BatchOf<8> a, BatchOf<8> b, BatchOf<8> c) {
  return _mm256_fmadd_ps(a, b, c);
}
MEDLEY_INLINE BatchOf<8> fnma(BatchOf<8> a, BatchOf<8> b, BatchOf<8> c) {
  return _mm256_fnmadd_ps(a, b, c);
}
#if defined(__AVX512F__)
// xsimd 8.1 has no fused form for AVX-512: its fma is a multiply and an add.
MEDLEY_INLINE BatchOf<16> fma(BatchOf<16> a, BatchOf<16> b, BatchOf<16> c) {
  return _mm512_fmadd_ps(a, b, c);
}
MEDLEY_INLINE BatchOf<16> fnma(BatchOf<16> a, BatchOf<16> b, BatchOf<16> c) {
  return _mm512_fnmadd_ps(a, b, c);
}
#endif
// The second where they are equal or one is NaN.
MEDLEY_INLINE BatchOf<8> max(BatchOf<8> a, BatchOf<8> b) { return _mm256_max_ps(b, a); }
MEDLEY_INLINE BatchOf<8> min(BatchOf<8> a, BatchOf<8> b) { return _mm256_min_ps(b, a); }
#if defined(__AVX512F__)
MEDLEY_INLINE BatchOf<16> max(BatchOf<16> a, BatchOf<16> b) { return _mm512_max_ps(b, a); }
MEDLEY_INLINE BatchOf<16> min(BatchOf<16> a, BatchOf<16> b) { return _mm512_min_ps(b, a); }
#endif
#else  // NEON
MEDLEY_INLINE BatchOf<4> fma(BatchOf<4> a, BatchOf<4> b, BatchOf<4> c) {
  return vfmaq_f32(c, a, b);
}
MEDLEY_INLINE BatchOf<4> fnma(BatchOf<4> a, BatchOf<4> b, BatchOf<4> c) {
  return vfmsq_f32(c, a, b);
}
#endif
#if defined(__aarch64__)
// xsimd 8.1 approximates these from estimates of the reciprocal.
MEDLEY_INLINE BatchOf<4> div(BatchOf<4> a, BatchOf<4> b) { return vdivq_f32(a, b); }
MEDLEY_INLINE BatchOf<4> sqrt(BatchOf<4> a) { return vsqrtq_f32(a); }
#else
template <class B>
MEDLEY_INLINE B div(B a, B b) {
  return a / b;
}
template <class B>
MEDLEY_INLINE B sqrt(B a) {
  return xsimd::sqrt(a);
}
#endif
template <class B>
MEDLEY_INLINE MaskOf<B> less(B a, B b) {
  return a < b;
}
template <class B>
MEDLEY_INLINE MaskOf<B> equal(B a, B b) {
  return a == b;
}
template <class B>
MEDLEY_INLINE B select(MaskOf<B> m, B a, B b) {
  return xsimd::select(m, a, b);
}
template <class M>
MEDLEY_INLINE bool any(M m) {
  return xsimd::any(m);
}
template <class M>
MEDLEY_INLINE bool all(M m) {
  return xsimd::all(m);
}
#if defined(__aarch64__)
// The compilers' own vectors: each of xsimd's operations on integers takes seconds to compile.
MEDLEY_INLINE int32x4_t bits(BatchOf<4> a) { return vreinterpretq_s32_f32(a); }
MEDLEY_INLINE BatchOf<4> from_bits(int32x4_t b) { return vreinterpretq_f32_s32(b); }
MEDLEY_INLINE BatchOf<4> to_float(BatchOf<4> a) { return vcvtq_f32_s32(bits(a)); }
template <class B>
MEDLEY_INLINE B load_integers(const std::int32_t* p) {
  return vcvtq_f32_s32(vld1q_s32(p));
}
#else
template <class B>
using IntegersOf = xsimd::batch<std::int32_t, typename B::arch_type>;
template <class B>
MEDLEY_INLINE IntegersOf<B> bits(B a) {
  return xsimd::bitwise_cast<IntegersOf<B>>(a);
}
template <class I>
MEDLEY_INLINE auto from_bits(I b) {
  return xsimd::bitwise_cast<xsimd::batch<float, typename I::arch_type>>(b);
}
template <class B>
MEDLEY_INLINE B to_float(B a) {
  return xsimd::to_float(bits(a));
}
template <class B>
MEDLEY_INLINE B load_integers(const std::int32_t* p) {
  return xsimd::to_float(IntegersOf<B>::load_unaligned(p));
}
#endif
template <class B, class F>
MEDLEY_INLINE B on_bits(B a, F f) {
  return from_bits(f(bits(a)));
}
template <class B, class F>
MEDLEY_INLINE B on_bits(B a, B b, F f) {
  return from_bits(f(bits(a), bits(b)));
}

#endif
#if !defined(__FMA__) || defined(MEDLEY_SCALAR)
template <class B>
MEDLEY_INLINE B max(const B& a, const B& b) {
  return select(less(a, b), b, a);
}
template <class B>
MEDLEY_INLINE B min(const B& a, const B& b) {
  return select(less(b, a), b, a);
}
#endif

}  // namespace detail

inline namespace MEDLEY_VARIANT {

template <int Lanes>
struct BasicMask;

// A vector. Trivial, so that arrays of it live in registers once loops are unrolled.
template <int Lanes>
struct BasicVec {
  using Batch = detail::BatchOf<Lanes>;
  using Mask = BasicMask<Lanes>;
  static constexpr int size = Lanes;
  static constexpr int part_size = static_cast<int>(Batch::size);
  static constexpr int parts = size / part_size;
  // Vectors that the register file holds.
  static constexpr int registers = detail::machine_registers / parts;
  // Registers that a machine loads or broadcasts a cycle beside multiply-adds, as measured.
  static constexpr double loads_a_cycle = part_size > 8 ? 1.2 : 1.4;

  Batch part[parts];

  MEDLEY_INLINE static BasicVec load(const float* p) {
    BasicVec v;
    unroll<parts>(
        [&](auto i) MEDLEY_INLINE_LAMBDA { v.part[i] = Batch::load_unaligned(p + i * part_size); });
    return v;
  }
  // Integers as floats: exact up to 2^24, so class labels compare with ==.
  MEDLEY_INLINE static BasicVec load_integers(const std::int32_t* p) {
    BasicVec v;
    unroll<parts>([&](auto i) MEDLEY_INLINE_LAMBDA {
      v.part[i] = detail::load_integers<Batch>(p + i * part_size);
    });
    return v;
  }
  MEDLEY_INLINE static BasicVec broadcast(float x) {
    const Batch b = detail::broadcast<Batch>(x);
    BasicVec v;
    unroll<parts>([&](auto i) MEDLEY_INLINE_LAMBDA { v.part[i] = b; });
    return v;
  }
  MEDLEY_INLINE static BasicVec zero() { return broadcast(0.0f); }

  MEDLEY_INLINE void store(float* p) const {
    unroll<parts>([&](auto i) MEDLEY_INLINE_LAMBDA { part[i].store_unaligned(p + i * part_size); });
  }
  std::array<float, size> lanes() const {
    std::array<float, size> out;
    store(out.data());
    return out;
  }

  template <class F, class... Vs>
  MEDLEY_INLINE static BasicVec map(F f, const Vs&... v) {
    BasicVec out;
    unroll<parts>([&](auto i) MEDLEY_INLINE_LAMBDA { out.part[i] = f(v.part[i]...); });
    return out;
  }
};

using Vec = BasicVec<16>;
using HalfVec = BasicVec<8>;
using PartVec = BasicVec<detail::register_lanes<Vec::Batch>>;

template <int Lanes>
struct BasicMask {
  detail::MaskOf<typename BasicVec<Lanes>::Batch> part[BasicVec<Lanes>::parts];
};

// Writes all 16 lanes of a vector, those that it does not have as zeros.
template <int Lanes>
MEDLEY_INLINE void store_padded(const BasicVec<Lanes>& v, float* p) {
  v.store(p);
  if constexpr (Lanes < Vec::size) BasicVec<Vec::size - Lanes>::zero().store(p + Lanes);
}

#define MEDLEY_VEC_BINARY(op, name)                                                    \
  template <int L>                                                                     \
  MEDLEY_INLINE BasicVec<L> operator op(const BasicVec<L>& a, const BasicVec<L>& b) {  \
    return BasicVec<L>::map(                                                           \
        [](auto x, auto y) MEDLEY_INLINE_LAMBDA { return detail::name(x, y); }, a, b); \
  }
MEDLEY_VEC_BINARY(+, add)
MEDLEY_VEC_BINARY(-, sub)
MEDLEY_VEC_BINARY(*, mul)
MEDLEY_VEC_BINARY(/, div)
#undef MEDLEY_VEC_BINARY

// a * b + c, rounded once.
template <int L>
MEDLEY_INLINE BasicVec<L> fma(const BasicVec<L>& a, const BasicVec<L>& b, const BasicVec<L>& c) {
  return BasicVec<L>::map(
      [](auto x, auto y, auto z) MEDLEY_INLINE_LAMBDA { return detail::fma(x, y, z); }, a, b, c);
}
// c - a * b, rounded once.
template <int L>
MEDLEY_INLINE BasicVec<L> fnma(const BasicVec<L>& a, const BasicVec<L>& b, const BasicVec<L>& c) {
  return BasicVec<L>::map(
      [](auto x, auto y, auto z) MEDLEY_INLINE_LAMBDA { return detail::fnma(x, y, z); }, a, b, c);
}
template <int L>
MEDLEY_INLINE BasicVec<L> sqrt(const BasicVec<L>& a) {
  return BasicVec<L>::map([](auto x) MEDLEY_INLINE_LAMBDA { return detail::sqrt(x); }, a);
}

template <int L>
MEDLEY_INLINE BasicMask<L> operator<(const BasicVec<L>& a, const BasicVec<L>& b) {
  BasicMask<L> m;
  unroll<BasicVec<L>::parts>(
      [&](auto i) MEDLEY_INLINE_LAMBDA { m.part[i] = detail::less(a.part[i], b.part[i]); });
  return m;
}
template <int L>
MEDLEY_INLINE BasicMask<L> operator==(const BasicVec<L>& a, const BasicVec<L>& b) {
  BasicMask<L> m;
  unroll<BasicVec<L>::parts>(
      [&](auto i) MEDLEY_INLINE_LAMBDA { m.part[i] = detail::equal(a.part[i], b.part[i]); });
  return m;
}
// m ? a : b, lane by lane.
template <int L>
MEDLEY_INLINE BasicVec<L> select(const BasicMask<L>& m, const BasicVec<L>& a,
                                 const BasicVec<L>& b) {
  BasicVec<L> v;
  unroll<BasicVec<L>::parts>([&](auto i) MEDLEY_INLINE_LAMBDA {
    v.part[i] = detail::select(m.part[i], a.part[i], b.part[i]);
  });
  return v;
}
template <int L>
MEDLEY_INLINE bool any(const BasicMask<L>& m) {
  bool found = false;
  unroll<BasicVec<L>::parts>([&](auto i)
                                 MEDLEY_INLINE_LAMBDA { found = found || detail::any(m.part[i]); });
  return found;
}

template <int L>
MEDLEY_INLINE bool all(const BasicMask<L>& m) {
  bool found = true;
  unroll<BasicVec<L>::parts>([&](auto i)
                                 MEDLEY_INLINE_LAMBDA { found = found && detail::all(m.part[i]); });
  return found;
}

// a < b ? b : a, and b < a ? b : a: NaN in `a` survives; NaN in `b` alone does not.
template <int L>
MEDLEY_INLINE BasicVec<L> max(const BasicVec<L>& a, const BasicVec<L>& b) {
  return BasicVec<L>::map([](auto x, auto y) MEDLEY_INLINE_LAMBDA { return detail::max(x, y); }, a,
                          b);
}
// The same, and NaN where `b` is, too.
template <int L>
MEDLEY_INLINE BasicVec<L> max_or_nan(const BasicVec<L>& a, const BasicVec<L>& b) {
  return select(b == b, max(a, b), b);
}
template <int L>
MEDLEY_INLINE BasicVec<L> min(const BasicVec<L>& a, const BasicVec<L>& b) {
  return BasicVec<L>::map([](auto x, auto y) MEDLEY_INLINE_LAMBDA { return detail::min(x, y); }, a,
                          b);
}
template <int L>
MEDLEY_INLINE BasicVec<L> negate(const BasicVec<L>& a) {
  return BasicVec<L>::zero() - a;
}
template <int L>
MEDLEY_INLINE BasicVec<L> abs(const BasicVec<L>& a) {
  return BasicVec<L>::map(
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
