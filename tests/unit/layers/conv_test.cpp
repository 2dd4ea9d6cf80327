// Convolution against plain loops in double precision, over kernels, strides, padding,
// odd sizes and channel counts that leave lanes empty. (conv_algorithms_test.cpp has more; conv_thorough.cpp more shapes.)
#include "medley/layers/conv.hpp"

#include "tests/conv_reference.hpp"

namespace medley::testing {
namespace {

TEST(Conv, ThreeByThree) {
  constexpr ConvAlgorithm direct = ConvAlgorithm::direct;
  check_conv<20, 3, 1, 1, Shape{5, 7, 6}>();
  check_conv<64, 3, 1, 1, Shape{33, 4, 13}, false, true, direct>();
}
TEST(Conv, HalfVectorsEndAtEightChannels) {
  check_conv<8, 5, 1, 2, Shape{9, 6, 5}>();
  check_conv<9, 2, 2, 1, Shape{8, 5, 6}>();
}
TEST(Conv, WithoutBiasOrPadding) {
  check_conv<16, 3, 1, 0, Shape{16, 6, 7}, false, false, ConvAlgorithm::direct>();
  check_conv<7, 3, 1, 2, Shape{3, 5, 5}>();
}
TEST(Conv, OtherKernels) {
  check_conv<24, 1, 1, 0, Shape{40, 3, 5}>();
  check_conv<17, 7, 1, 3, Shape{2, 9, 8}>();
}
TEST(Conv, ReadsPicturesDirectly) {
  check_conv<6, 5, 1, 2, Shape{1, 12, 12}, true>();
  check_conv<16, 3, 2, 1, Shape{3, 9, 8}, true>();
  check_conv<16, 5, 1, 2, Shape{1, 3, 4}, true>();
  check_conv<16, 3, 1, 1, Shape{17, 6, 6}, true>();
}

}  // namespace
}  // namespace medley::testing
