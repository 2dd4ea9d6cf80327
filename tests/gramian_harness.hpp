// Gramian mixes on gradients that are written out: steps, what a mix keeps between them, and random
// and degenerate gradients.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "medley/base/random.hpp"
#include "medley/mixes/active.hpp"
#include "medley/mixes/mix.hpp"

namespace medley::testing {

using Gradient = std::vector<double>;
using Gradients = std::vector<Gradient>;  // one a loss

inline double dot(const Gradient& a, const Gradient& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
inline double norm(const Gradient& a) { return std::sqrt(dot(a, a)); }

// Σ_k w_k g_k
inline Gradient combined(const Gradients& g, const std::vector<double>& w) {
  Gradient sum(g[0].size());
  for (std::size_t k = 0; k < g.size(); ++k) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += w[k] * g[k][i];
  }
  return sum;
}

inline std::vector<double> products_of(const Gradients& g) {
  std::vector<double> products;
  for (const Gradient& a : g) {
    for (const Gradient& b : g) products.push_back(dot(a, b));
  }
  return products;
}

// What a step of a mix is made of; present losses share the preference by their own weights.
struct GramianStep {
  std::vector<double> products, own, values, preference;
  std::array<bool, most_losses> present{};
  std::array<std::vector<double>, max_mix_states> kept;
  std::uint64_t number = 0;
  MixFlags flags = 0;

  explicit GramianStep(const Gradients& g) : GramianStep(products_of(g), g.size()) {}
  GramianStep(std::vector<double> gramian, std::size_t losses)
      : products(std::move(gramian)), own(losses, 1.0), values(losses, 1.0) {
    for (std::size_t k = 0; k < losses; ++k) present[k] = true;
  }

  MixStep step() {
    const std::size_t losses = own.size();
    preference.assign(losses, 0.0);
    double sum = 0.0;
    for (std::size_t k = 0; k < losses; ++k) sum += present[k] ? own[k] : 0.0;
    for (std::size_t k = 0; k < losses; ++k) preference[k] = present[k] ? own[k] / sum : 0.0;
    MixStep s;
    s.own = own;
    s.preference = preference;
    s.present = std::span<const bool>(present).first(losses);
    s.values = values;
    s.gramian = {products.data(), losses};
    for (std::size_t i = 0; i < kept.size(); ++i) s.state[i] = kept[i];
    s.number = number;
    s.random = RandomStream(7, Purpose::mix, 0, number);
    s.flags = &flags;
    return s;
  }
  template <class M>
  void make_state() {
    std::size_t at = 0;
    for (const MixState& s : mix_state<M>()) {
      std::vector<double>& numbers = kept[at++];
      if (numbers.empty()) numbers.assign(s.elements(static_cast<int>(own.size())), 0.0);
    }
  }
  template <class M>
  std::vector<double> weights(const M& mix) {
    make_state<M>();
    flags = 0;
    std::vector<double> out(own.size());
    mix.weights(step(), out);
    return out;
  }
  template <class M>
  void update(const M& mix) {
    make_state<M>();
    if constexpr (UpdatingMix<M>) mix.update(step());
    ++number;
  }
  bool has(MixFlag flag) const { return (flags >> static_cast<int>(flag) & 1u) != 0; }
};

class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint64_t seed) : stream_(seed, Purpose::generator, 0, 0) {}
  double uniform(double low, double high) {
    return low + (high - low) * unit_float(stream_.draw(count_++)[0]);
  }
  // Of a normal distribution, nearly.
  double normal() {
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) sum += uniform(0.0, 1.0);
    return sum;
  }
  std::size_t below(std::size_t bound) {
    return bounded(stream_.draw(count_++)[0], static_cast<std::uint32_t>(bound));
  }

 private:
  RandomStream stream_;
  std::uint32_t count_ = 0;
};

// Norms differ by up to 10^(2 spread).
inline Gradients random_gradients(RandomNumbers& random, std::size_t losses, std::size_t width,
                                  double spread = 0.0) {
  Gradients g(losses, Gradient(width));
  const double common = random.uniform(-0.6, 0.6);
  for (Gradient& row : g) {
    const double scale = std::pow(10.0, random.uniform(-spread, spread));
    for (std::size_t i = 0; i < width; ++i) row[i] = scale * (random.normal() + common);
  }
  return g;
}

// Gradients with duplicated, opposite, zero and nearly parallel rows among them.
inline Gradients degenerate_gradients(RandomNumbers& random, std::size_t losses,
                                      std::size_t width) {
  Gradients g = random_gradients(random, losses, width, 1.0);
  for (std::size_t k = 1; k < losses; ++k) {
    const std::size_t kind = random.below(6), from = random.below(k);
    const double scale = std::pow(10.0, random.uniform(-2.0, 2.0));
    for (std::size_t i = 0; i < width; ++i) {
      if (kind == 0) g[k][i] = g[from][i];
      if (kind == 1) g[k][i] = -scale * g[from][i];
      if (kind == 2) g[k][i] = 0.0;
      if (kind == 3) g[k][i] = scale * (g[from][i] * (1.0 + 1e-9 * random.normal()));
    }
  }
  return g;
}

inline double cosine(const Gradient& a, const Gradient& b) {
  const double product = norm(a) * norm(b);
  return product > 0.0 ? dot(a, b) / product : norm(a) == norm(b);
}

inline Gradients times(const Gradients& g, const std::vector<double>& scale) {
  Gradients out = g;
  for (std::size_t k = 0; k < g.size(); ++k) {
    for (double& x : out[k]) x *= scale[k];
  }
  return out;
}

inline std::vector<double> random_scales(RandomNumbers& random, std::size_t losses, double spread) {
  std::vector<double> scale(losses);
  for (double& s : scale) s = std::pow(10.0, random.uniform(-spread, spread));
  return scale;
}

inline double mean_norm(const Gradients& g) {
  double sum = 0.0;
  for (const Gradient& row : g) sum += norm(row);
  return sum / static_cast<double>(g.size());
}

// min_k (Gw)_k / d_k
inline double worst_gain(const Gradients& g, const Gradient& direction) {
  double worst = 1e300;
  for (const Gradient& row : g) {
    if (norm(row) > 0.0) worst = std::min(worst, dot(row, direction) / norm(row));
  }
  return worst;
}

// The same gradients as the solvers take them; zero rows must not be among them.
inline ScaledGramian scaled(const Gradients& g) {
  GramianStep step(g);
  return ActiveLosses(step.step()).gramian;
}

inline SmallVector small(const std::vector<double>& numbers) {
  SmallVector v = small_vector(0.0);
  for (std::size_t i = 0; i < numbers.size(); ++i) v(i) = numbers[i];
  return v;
}

}  // namespace medley::testing
