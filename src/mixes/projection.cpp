// The dual active-set method, in gradients of length one.
#include "medley/mixes/projection.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "medley/mixes/cholesky.hpp"

namespace medley {
namespace {

constexpr double ridge = 1e-8;
constexpr double bound_tolerance = 1e-9;
constexpr double endless = std::numeric_limits<double>::infinity();

class ActiveSet {
 public:
  ActiveSet(const ScaledGramian& gramian, const SmallVector& u, const SmallVector& b)
      : count_(gramian.count), a_(gramian.cosine) {
    for (std::size_t k = 0; k < count_; ++k) {
      a_(k, k) += ridge;
      u_(k) = gramian.norm(k) * u(k);
      b_(k) = b(k) / gramian.norm(k);
    }
    double square = 0.0;
    for (std::size_t k = 0; k < count_; ++k) {
      square += u_(k) * product(k, u_);
      if (std::isfinite(b_(k))) scale_ = std::max(scale_, std::fabs(b_(k)));
    }
    has_bounds_ = scale_ > 0.0;
    scale_ = std::max(scale_, std::sqrt(std::max(square, 0.0)));
  }

  Projection run() {
    Projection found;
    const int most = static_cast<int>(20 * count_ * count_ + 50);
    found.end = ProjectionEnd::solved;
    for (;;) {
      const std::size_t m = most_violated();
      if (m == count_) break;
      if (!take_in(m, found.steps, most)) {
        found.end = ProjectionEnd::unsolved;
        break;
      }
    }
    if (has_bounds_ && found.end == ProjectionEnd::solved && is_zero()) {
      found.end = ProjectionEnd::infeasible;
    }
    found.z = z_;
    return found;
  }

 private:
  double product(std::size_t i, const SmallVector& x) const {
    double sum = 0.0;
    for (std::size_t k = 0; k < count_; ++k) sum += a_(i, k) * x(k);
    return sum;
  }
  double violation(std::size_t i) const { return b_(i) - product(i, u_) - product(i, z_); }

  bool is_active(std::size_t i) const {
    return std::find(active_.begin(), active_.begin() + size_, i) != active_.begin() + size_;
  }

  // The first of those violated most; count_ where none is.
  std::size_t most_violated() const {
    std::size_t found = count_;
    double most = bound_tolerance * scale_;
    for (std::size_t i = 0; i < count_; ++i) {
      if (is_active(i)) continue;
      const double s = violation(i);
      if (s > most) {
        most = s;
        found = i;
      }
    }
    return found;
  }

  // Takes bound m in, and drops what stands in the way.
  bool take_in(std::size_t m, int& steps, int most) {
    double s = violation(m);
    while (steps++ < most) {
      SmallVector y = small_vector(0.0);
      double slope = 0.0;
      if (!direction(m, y, slope)) return false;
      double blocked = endless;
      std::size_t blocker = size_;
      for (std::size_t i = 0; i < size_; ++i) {
        if (y(i) > 0.0 && z_(active_[i]) / y(i) < blocked) {
          blocked = z_(active_[i]) / y(i);
          blocker = i;
        }
      }
      const double full = slope > 0.0 ? s / slope : endless;
      const double t = std::min(full, blocked);
      if (!(t < endless)) return false;
      z_(m) += t;
      for (std::size_t i = 0; i < size_; ++i) z_(active_[i]) -= t * y(i);
      s -= t * slope;
      if (full <= blocked) {
        active_[size_++] = m;
        return true;
      }
      z_(active_[blocker]) = 0.0;
      std::copy(active_.begin() + blocker + 1, active_.begin() + size_, active_.begin() + blocker);
      --size_;
    }
    return false;
  }

  // How the multipliers of the active bounds fall as that of m rises, A_WW y = A_Wm, and how fast
  // the violation of m does, A_mm - A_mW y.
  bool direction(std::size_t m, SmallVector& y, double& slope) const {
    SmallMatrix l = small_matrix(0.0);
    for (std::size_t i = 0; i < size_; ++i) {
      y(i) = a_(active_[i], m);
      for (std::size_t j = 0; j <= i; ++j) l(i, j) = a_(active_[i], active_[j]);
    }
    if (!factor_cholesky(l, size_)) return false;
    solve_cholesky(l, size_, y);
    slope = a_(m, m);
    for (std::size_t i = 0; i < size_; ++i) slope -= a_(m, active_[i]) * y(i);
    return true;
  }

  // Whether what was added to the diagonal is more than half of zᵀAz.
  bool is_zero() const {
    double squares = 0.0, form = 0.0;
    for (std::size_t i = 0; i < count_; ++i) {
      squares += z_(i) * z_(i);
      form += z_(i) * product(i, z_);
    }
    return ridge * squares > 0.5 * form;
  }

  std::size_t count_, size_ = 0;
  SmallMatrix a_;
  SmallVector u_ = small_vector(0.0), b_ = small_vector(0.0), z_ = small_vector(0.0);
  std::array<std::size_t, most_losses> active_{};  // the first size_
  double scale_ = 0.0;
  bool has_bounds_ = false;
};

}  // namespace

Projection project(const ScaledGramian& gramian, const SmallVector& u, const SmallVector& b) {
  Projection found = ActiveSet(gramian, u, b).run();
  for (std::size_t k = 0; k < gramian.count; ++k) found.z(k) /= gramian.norm(k);
  return found;
}

LeastNorm least_norm(const ScaledGramian& gramian) {
  // The shortest d with Jd ≥ 1 is the wanted combination over its norm's square.
  const Projection found = project(gramian, small_vector(0.0), small_vector(1.0));
  LeastNorm least;
  double sum = 0.0;
  for (std::size_t k = 0; k < gramian.count; ++k) sum += found.z(k);
  if (found.end == ProjectionEnd::unsolved || !(sum > 0.0)) return least;
  for (std::size_t k = 0; k < gramian.count; ++k) least.w(k) = found.z(k) / sum;
  least.norm = std::sqrt(gramian.square(least.w));
  least.is_zero = found.end == ProjectionEnd::infeasible;
  least.solved = true;
  return least;
}

}  // namespace medley
