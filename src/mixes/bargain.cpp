// Newton's method for the weights of a bargain.
#include "medley/mixes/bargain.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "medley/base/exact_math.hpp"
#include "medley/mixes/cholesky.hpp"

namespace medley {

double real_power(double x, double exponent) {
  if (exponent == 0.0) return 1.0;
  if (exponent == 1.0) return x;
  if (exponent == -1.0) return 1.0 / x;
  if (exponent == 0.5) return std::sqrt(x);
  return exponential(std::clamp(exponent * natural_log(x), -700.0, 700.0));
}

namespace {

constexpr int most_newton_steps = 100, most_halvings = 60;
constexpr double residual_tolerance = 1e-10, rounded_tolerance = 1e-6;

class Newton {
 public:
  Newton(const ScaledGramian& gramian, const SmallVector& q, double alpha)
      : gramian_(gramian), count_(gramian.count), inverse_(1.0 / alpha) {
    for (std::size_t k = 0; k < count_; ++k) {
      a_(k) = q(k) * real_power(gramian.norm(k), inverse_ - 1.0);
      y_(k) = real_power(a_(k), alpha / (1.0 + alpha));
    }
  }

  Bargain run() {
    Bargain found;
    for (;;) {
      const SmallVector r = residual(y_);
      found.solved = is_small(r);
      if (found.solved || found.steps == most_newton_steps) break;
      ++found.steps;
      if (!step(r)) break;
    }
    for (std::size_t k = 0; k < count_; ++k) found.w(k) = y_(k) / gramian_.norm(k);
    return found;
  }

 private:
  double wanted(std::size_t k, double y) const { return a_(k) * real_power(y, -inverse_); }

  SmallVector residual(const SmallVector& y) const {
    SmallVector r = small_vector(0.0);
    for (std::size_t k = 0; k < count_; ++k) {
      double sum = 0.0;
      for (std::size_t j = 0; j < count_; ++j) sum += gramian_.cosine(k, j) * y(j);
      r(k) = sum - wanted(k, y(k));
    }
    return r;
  }

  // Component by component, beside what is wanted, with some room for the rounding of sums.
  bool is_small(const SmallVector& r) const {
    for (std::size_t k = 0; k < count_; ++k) {
      double size = 0.0;
      for (std::size_t j = 0; j < count_; ++j) size += std::fabs(gramian_.cosine(k, j)) * y_(j);
      const double rounding = 4.0 * std::numeric_limits<double>::epsilon() * size;
      const double w = wanted(k, y_(k));
      const double most = std::min(residual_tolerance * w + rounding, rounded_tolerance * w);
      if (!(std::fabs(r(k)) <= most)) return false;
    }
    return true;
  }

  bool step(const SmallVector& r) {
    SmallMatrix h = gramian_.cosine;
    SmallVector move = small_vector(0.0);
    for (std::size_t k = 0; k < count_; ++k) {
      h(k, k) += inverse_ * wanted(k, y_(k)) / y_(k);
      move(k) = -r(k);
    }
    if (!factor_cholesky(h, count_)) return false;
    solve_cholesky(h, count_, move);
    double t = 1.0;
    for (std::size_t k = 0; k < count_; ++k) {
      if (move(k) < 0.0) t = std::min(t, -0.9 * y_(k) / move(k));
    }
    const double slope = std::fabs(dot(r, move));
    SmallVector next = small_vector(0.0);
    for (int halving = 0; halving < most_halvings; ++halving, t *= 0.5) {
      for (std::size_t k = 0; k < count_; ++k) next(k) = y_(k) + t * move(k);
      if (dot(residual(next), move) <= 0.5 * slope) break;
    }
    y_ = next;
    return true;
  }

  double dot(const SmallVector& a, const SmallVector& b) const {
    double sum = 0.0;
    for (std::size_t k = 0; k < count_; ++k) sum += a(k) * b(k);
    return sum;
  }

  const ScaledGramian& gramian_;
  std::size_t count_;
  double inverse_;
  SmallVector a_ = small_vector(0.0), y_ = small_vector(0.0);
};

}  // namespace

Bargain bargain(const ScaledGramian& gramian, const SmallVector& q, double alpha) {
  return Newton(gramian, q, alpha).run();
}

}  // namespace medley
