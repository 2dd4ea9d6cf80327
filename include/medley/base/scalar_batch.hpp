// Floats in the clothes of an xsimd batch, for processors without a vector unit that we know. All are
// loops, which compile in a fraction of the time that sixteen single floats take.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace medley::detail {

template <int Lanes>
struct ScalarMask {
  bool value[Lanes];
};

template <int Lanes>
struct ScalarBatch {
  static constexpr int size = Lanes;
  float value[Lanes];

  // f(0), f(1), ...
  template <class F>
  static ScalarBatch each(F f) {
    ScalarBatch out;
    for (int i = 0; i < Lanes; ++i) out.value[i] = f(i);
    return out;
  }
  static ScalarBatch load_unaligned(const float* p) {
    return each([&](int i) { return p[i]; });
  }
  void store_unaligned(float* p) const {
    for (int i = 0; i < Lanes; ++i) p[i] = value[i];
  }
};

template <class B>
B broadcast(float x) {
  return B::each([&](int) { return x; });
}
template <class B>
B add(const B& a, const B& b) {
  return B::each([&](int i) { return a.value[i] + b.value[i]; });
}
template <class B>
B sub(const B& a, const B& b) {
  return B::each([&](int i) { return a.value[i] - b.value[i]; });
}
template <class B>
B mul(const B& a, const B& b) {
  return B::each([&](int i) { return a.value[i] * b.value[i]; });
}
template <class B>
B div(const B& a, const B& b) {
  return B::each([&](int i) { return a.value[i] / b.value[i]; });
}
template <class B>
B sqrt(const B& a) {
  return B::each([&](int i) { return std::sqrt(a.value[i]); });
}

// Through double precision, where a product of floats is exact. A sum that is rounded to a double and
// then to a float is another than one that is rounded once only if the double lies in the middle of
// two floats, or where floats have fewer digits; for those there is the library's, which is slow.
template <class B>
[[gnu::noinline]] B fma_by_doubles(const B& a, const B& b, const B& c) {
  constexpr std::uint64_t rest = 0x1FFFFFFF, middle = 0x10000000;
  bool all_rounded_once = true;
  const B quick = B::each([&](int i) {
    const double sum = static_cast<double>(a.value[i]) * b.value[i] + c.value[i];
    all_rounded_once &= (std::bit_cast<std::uint64_t>(sum) & rest) != middle;
    all_rounded_once &= sum == 0.0 || std::fabs(sum) >= 0x1p-126;
    return static_cast<float>(sum);
  });
  if (all_rounded_once) return quick;
  return B::each([&](int i) { return std::fma(a.value[i], b.value[i], c.value[i]); });
}
template <class B>
B fma(const B& a, const B& b, const B& c) {
#if defined(__FMA__) || defined(__aarch64__) || defined(__ARM_FEATURE_FMA)
  B sum;  // (A plain loop is quick where nothing is inlined, too.)
  for (int i = 0; i < B::size; ++i) {
    sum.value[i] = __builtin_fmaf(a.value[i], b.value[i], c.value[i]);
  }
  return sum;
#else
  return fma_by_doubles(a, b, c);
#endif
}
template <class B>
B fnma(const B& a, const B& b, const B& c) {
  return fma(B::each([&](int i) { return -a.value[i]; }), b, c);
}

template <int Lanes>
ScalarMask<Lanes> less(const ScalarBatch<Lanes>& a, const ScalarBatch<Lanes>& b) {
  ScalarMask<Lanes> m;
  for (int i = 0; i < Lanes; ++i) m.value[i] = a.value[i] < b.value[i];
  return m;
}
template <int Lanes>
ScalarMask<Lanes> equal(const ScalarBatch<Lanes>& a, const ScalarBatch<Lanes>& b) {
  ScalarMask<Lanes> m;
  for (int i = 0; i < Lanes; ++i) m.value[i] = a.value[i] == b.value[i];
  return m;
}
template <int Lanes>
ScalarBatch<Lanes> select(const ScalarMask<Lanes>& m, const ScalarBatch<Lanes>& a,
                          const ScalarBatch<Lanes>& b) {
  return ScalarBatch<Lanes>::each([&](int i) { return m.value[i] ? a.value[i] : b.value[i]; });
}
template <int Lanes>
bool any(const ScalarMask<Lanes>& m) {
  bool found = false;
  for (const bool value : m.value) found |= value;
  return found;
}
template <int Lanes>
bool all(const ScalarMask<Lanes>& m) {
  bool found = true;
  for (const bool value : m.value) found &= value;
  return found;
}

inline std::int32_t bits(float x) { return std::bit_cast<std::int32_t>(x); }
inline float from_bits(std::int32_t b) { return std::bit_cast<float>(b); }
template <class B, class F>
B on_bits(const B& a, F f) {
  return B::each([&](int i) { return from_bits(f(bits(a.value[i]))); });
}
template <class B, class F>
B on_bits(const B& a, const B& b, F f) {
  return B::each([&](int i) { return from_bits(f(bits(a.value[i]), bits(b.value[i]))); });
}
template <class B>
B to_float(const B& a) {
  return B::each([&](int i) { return static_cast<float>(bits(a.value[i])); });
}
template <class B>
B load_integers(const std::int32_t* p) {
  return B::each([&](int i) { return static_cast<float>(p[i]); });
}

}  // namespace medley::detail
