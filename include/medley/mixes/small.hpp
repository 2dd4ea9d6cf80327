// Vectors and matrices of one number a loss, or a pair of losses: of fixed shape, on the stack. A
// group of fewer losses uses the first rows and columns.
#pragma once

#include <array>
#include <cstddef>

#include "medley/mixes/mix.hpp"

namespace medley {

// (Not xtensor's: each of its arrays holds a shared pointer, for which a program must have a heap.)
class SmallVector {
 public:
  double operator()(std::size_t i) const { return numbers_[i]; }
  double& operator()(std::size_t i) { return numbers_[i]; }
  void fill(double value) { numbers_.fill(value); }
  double* begin() { return numbers_.data(); }
  double* end() { return numbers_.data() + most_losses; }
  const double* begin() const { return numbers_.data(); }
  const double* end() const { return numbers_.data() + most_losses; }

 private:
  std::array<double, most_losses> numbers_;
};

class SmallMatrix {
 public:
  double operator()(std::size_t row, std::size_t column) const {
    return numbers_[row * most_losses + column];
  }
  double& operator()(std::size_t row, std::size_t column) {
    return numbers_[row * most_losses + column];
  }
  void fill(double value) { numbers_.fill(value); }

 private:
  std::array<double, most_losses * most_losses> numbers_;
};

// All of one number.
inline SmallVector small_vector(double value) {
  SmallVector v;
  v.fill(value);
  return v;
}
inline SmallMatrix small_matrix(double value) {
  SmallMatrix m;
  m.fill(value);
  return m;
}

}  // namespace medley
