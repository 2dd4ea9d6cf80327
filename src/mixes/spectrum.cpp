// Cyclic Jacobi rotations.
#include "medley/mixes/spectrum.hpp"

#include <cmath>
#include <utility>

namespace medley {
namespace {

constexpr int most_rounds = 30;
constexpr double rank_threshold = 1e-10;

double squares(const SmallMatrix& a, std::size_t count, bool diagonal) {
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      if (diagonal || i != j) sum += a(i, j) * a(i, j);
    }
  }
  return sum;
}

// The rotation that makes a_ij zero, on both sides of A, and on V's right.
void rotate(SmallMatrix& a, SmallMatrix& v, std::size_t count, std::size_t i, std::size_t j) {
  const double theta = (a(j, j) - a(i, i)) / (2.0 * a(i, j));
  const double size = 1.0 / (std::fabs(theta) + std::sqrt(theta * theta + 1.0));
  const double tangent = theta < 0.0 ? -size : size;
  const double c = 1.0 / std::sqrt(tangent * tangent + 1.0), s = tangent * c;
  for (std::size_t k = 0; k < count; ++k) {
    const double left = a(k, i), right = a(k, j);
    a(k, i) = c * left - s * right;
    a(k, j) = s * left + c * right;
  }
  for (std::size_t k = 0; k < count; ++k) {
    const double upper = a(i, k), lower = a(j, k);
    a(i, k) = c * upper - s * lower;
    a(j, k) = s * upper + c * lower;
  }
  a(i, j) = a(j, i) = 0.0;
  for (std::size_t k = 0; k < count; ++k) {
    const double left = v(k, i), right = v(k, j);
    v(k, i) = c * left - s * right;
    v(k, j) = s * left + c * right;
  }
}

void sort_descending(Spectrum& found) {
  for (std::size_t i = 0; i < found.count; ++i) {
    std::size_t largest = i;
    for (std::size_t j = i + 1; j < found.count; ++j) {
      if (found.values(j) > found.values(largest)) largest = j;
    }
    if (largest == i) continue;
    std::swap(found.values(i), found.values(largest));
    for (std::size_t k = 0; k < found.count; ++k) {
      std::swap(found.vectors(k, i), found.vectors(k, largest));
    }
  }
}

void fix_signs(Spectrum& found) {
  for (std::size_t i = 0; i < found.count; ++i) {
    std::size_t largest = 0;
    for (std::size_t k = 1; k < found.count; ++k) {
      if (std::fabs(found.vectors(k, i)) > std::fabs(found.vectors(largest, i))) largest = k;
    }
    if (found.vectors(largest, i) > 0.0) continue;
    for (std::size_t k = 0; k < found.count; ++k) found.vectors(k, i) = -found.vectors(k, i);
  }
}

}  // namespace

Spectrum spectrum_of(const SmallMatrix& symmetric, std::size_t count) {
  SmallMatrix a = symmetric;
  Spectrum found;
  found.count = count;
  for (std::size_t i = 0; i < count; ++i) found.vectors(i, i) = 1.0;
  const double enough = 1e-30 * squares(a, count, true);
  for (int round = 0; round < most_rounds && !found.ended; ++round) {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = i + 1; j < count; ++j) {
        if (a(i, j) != 0.0) rotate(a, found.vectors, count, i, j);
      }
    }
    found.ended = squares(a, count, false) <= enough;
  }
  for (std::size_t i = 0; i < count; ++i) found.values(i) = a(i, i);
  sort_descending(found);
  fix_signs(found);
  while (found.rank < count && found.values(found.rank) > rank_threshold * found.values(0)) {
    ++found.rank;
  }
  return found;
}

SmallVector pseudo_solve(const Spectrum& a, const SmallVector& q) {
  SmallVector x = small_vector(0.0);
  for (std::size_t r = 0; r < a.rank; ++r) {
    double along = 0.0;
    for (std::size_t k = 0; k < a.count; ++k) along += a.vectors(k, r) * q(k);
    for (std::size_t k = 0; k < a.count; ++k) x(k) += along / a.values(r) * a.vectors(k, r);
  }
  return x;
}

}  // namespace medley
