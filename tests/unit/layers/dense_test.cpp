// Dense layers against plain loops in double precision, behind vectors and behind pictures.
#include "medley/layers/dense.hpp"

#include <vector>

#include "medley/kernels/transpose.hpp"
#include "tests/layer_harness.hpp"

namespace medley::testing {
namespace {

template <int Outputs>
Array dense_reference(const Array& x, const Weights& w) {
  const std::size_t inputs = x.shape(1) * x.shape(2) * x.shape(3);
  Array y = Array::from_shape({x.shape(0), Outputs, 1, 1});
  for (std::size_t n = 0; n < x.shape(0); ++n) {
    for (std::size_t o = 0; o < Outputs; ++o) {
      double sum = w[1][o];
      for (std::size_t k = 0; k < inputs; ++k) {
        sum += w[0][o * inputs + k] * x.flat(n * inputs + k);
      }
      y(n, o, 0, 0) = sum;
    }
  }
  return y;
}

template <int O, Shape In, bool Direct = false, int Samples = 3>
void check_dense() {
  SCOPED_TRACE(::testing::Message() << In.c << "x" << In.h << "x" << In.w << " -> " << O);
  LayerHarness<Dense<O>, In, Direct, Samples> harness;
  harness.check(dense_reference<O>);
}

TEST(Dense, Vectors) {
  check_dense<10, Shape{84}>();
  check_dense<32, Shape{16}>();
  check_dense<1, Shape{7}>();
  check_dense<64, Shape{300}, false, 1>();
  check_dense<33, Shape{20}, false, 17>();
}
TEST(Dense, Pictures) {
  check_dense<5, Shape{16, 3, 4}>();
  check_dense<20, Shape{18, 2, 3}>();
  check_dense<8, Shape{3, 4, 5}, true>();
  check_dense<8, Shape{20, 2, 2}, true>();
}

// Weights so large that shards leave factors of their gradients.
TEST(Dense, FactoredGradients) {
  check_dense<64, Shape{512}, false, 1>();
  check_dense<40, Shape{20, 5, 5}, false, 9>();
  check_dense<24, Shape{3, 20, 20}, true, 5>();
}

TEST(Transpose, MovesEveryElementAndNothingElse) {
  constexpr int from_row = 21, to_row = 19;
  std::vector<float> from(17 * from_row);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i + 1);
  for (const int rows : {1, 3, 4, 6, 16}) {
    for (const int columns : {1, 3, 4, 7, 12, 16}) {
      SCOPED_TRACE(::testing::Message() << rows << " x " << columns);
      std::vector<float> to(17 * to_row, -1.0f);
      kernels::transpose(rows, columns, from.data(), from_row, to.data(), to_row);
      for (int c = 0; c < 17; ++c) {
        for (int r = 0; r < to_row; ++r) {
          const bool inside = r < rows && c < columns;
          EXPECT_EQ(to[c * to_row + r], inside ? from[r * from_row + c] : -1.0f);
        }
      }
    }
  }
}

}  // namespace
}  // namespace medley::testing
