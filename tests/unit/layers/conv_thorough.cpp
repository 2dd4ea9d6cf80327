// More shapes of convolutions for the code that conv_test.cpp and conv_algorithms_test.cpp go through: THOROUGH=1.
#include "tests/conv_reference.hpp"

namespace medley::testing {
namespace {

constexpr ConvAlgorithm direct = ConvAlgorithm::direct, winograd = ConvAlgorithm::winograd;

TEST(ConvThorough, Direct) {
  check_conv<16, 3, 1, 1, Shape{16, 8, 8}, false, true, direct>();
  check_conv<32, 3, 1, 1, Shape{32, 5, 9}, false, true, direct>();
  check_conv<8, 5, 1, 2, Shape{6, 9, 11}>();
  check_conv<4, 2, 1, 0, Shape{16, 5, 5}>();
  check_conv<32, 3, 1, 1, Shape{3, 8, 9}, true>();
  check_conv<16, 7, 2, 3, Shape{4, 14, 13}, true>();
}
TEST(ConvThorough, Strides) {
  check_conv<16, 3, 2, 1, Shape{16, 8, 8}>();
  check_conv<12, 5, 2, 2, Shape{4, 11, 10}>();
  check_conv<16, 2, 2, 0, Shape{16, 6, 5}>();
}
TEST(ConvThorough, ByWinograd) {
  check_conv<16, 3, 1, 2, Shape{17, 2, 3}, false, true, winograd>();
  check_conv<33, 5, 1, 0, Shape{17, 7, 9}, false, false>();
}
TEST(ConvThorough, LargePictures) {
  check_conv<18, 3, 2, 1, Shape{17, 40, 22}>();
  check_conv<16, 3, 1, 1, Shape{2, 33, 35}>();
}

}  // namespace
}  // namespace medley::testing
