// Convolution against plain loops in double precision: by strides, by Winograd's filtering, which
// algorithm a shape takes, and pictures that outgrow a cache or have one pixel.
#include "medley/layers/pool.hpp"
#include "tests/conv_reference.hpp"

namespace medley::testing {
namespace {

TEST(Conv, Strides) {
  check_conv<16, 3, 2, 1, Shape{16, 7, 9}>();
  check_conv<32, 1, 2, 0, Shape{16, 4, 5}>();
  check_conv<16, 2, 3, 0, Shape{5, 7, 8}>();
  check_conv<12, 5, 3, 1, Shape{4, 13, 12}>();
}
TEST(Conv, ByWinograd) {
  constexpr ConvAlgorithm winograd = ConvAlgorithm::winograd;
  check_conv<20, 3, 1, 1, Shape{18, 6, 5}, false, true, winograd>();
  check_conv<64, 3, 1, 1, Shape{33, 4, 13}>();
  check_conv<20, 3, 1, 0, Shape{16, 9, 7}, false, false, winograd>();
  check_conv<16, 3, 1, 1, Shape{3, 4, 8}, true, true, winograd>();
  check_conv<20, 5, 1, 2, Shape{18, 6, 5}>();
  check_conv<8, 5, 1, 4, Shape{5, 3, 2}, false, true, winograd>();
}
// Few input channels: backward to the data directly, from weights that are prepacked besides.
TEST(Conv, ByWinogradOfFewInputsAndBackDirectly) {
  check_conv<16, 5, 1, 0, Shape{6, 14, 13}>();
  check_conv<40, 5, 1, 2, Shape{9, 7, 6}>();
  check_conv<16, 5, 1, 2, Shape{8, 5, 4}, true, false>();
}
// Its gradient is read with a border, which the layer behind it has to clear.
TEST(Conv, ByWinogradInFrontOfALayerThatOverwritesItsGradient) {
  LayerHarness<Sequence<ByWinograd<Conv<16>>, AveragePool<2>>, Shape{16, 6, 4}>().check(
      [](const Array& x, const Weights& w) {
        const Array full = conv_reference<16, 3, 1, 1, true>(x, w);
        Array y = Array::from_shape({full.shape(0), 16, 3, 2});
        for (std::size_t i = 0; i < y.size(); ++i) {
          const std::size_t plane = i / 6, r = i / 2 % 3, c = i % 2;
          const auto at = [&](std::size_t dr, std::size_t dc) {
            return full.flat(plane * 24 + (2 * r + dr) * 4 + 2 * c + dc);
          };
          y.flat(i) = (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4;
        }
        return y;
      });
}
TEST(Conv, AlgorithmFollowsFromTheShape) {
  static_assert(Conv<32>::winograd({32, 4, 4}));
  static_assert(ConvNoBias<100>::winograd({33, 64, 17}));
  static_assert(Conv<16>::winograd({16, 7, 7}));
  static_assert(!Conv<32>::winograd({15, 16, 16}), "few input channels");
  static_assert(!Conv<15>::winograd({64, 16, 16}), "few output channels");
  static_assert(Conv<16, 5>::winograd({6, 3, 3}) && !Conv<16, 5>::winograd({5, 16, 16}));
  static_assert(!Conv<15, 5>::winograd({64, 16, 16}));
  static_assert(!Conv<16, 5>::winograd_back({15, 8, 8}) && Conv<16, 5>::winograd_back({16, 8, 8}));
  static_assert(!Conv<64, 7>::winograd({64, 16, 16}) && !Conv<64, 3, 2>::winograd({64, 16, 16}));
  static_assert(!Conv<64>::winograd({64, 2, 2}), "tiles would be mostly empty");
  static_assert(!Direct<Conv<64>>::winograd({64, 16, 16}));
  static_assert(ByWinograd<Conv<4>>::winograd({3, 2, 2}));
}
// The sums of their weights' gradients wait in memory between blocks of lines.
TEST(Conv, TakesPicturesThatOutgrowTheNearestCache) {
  check_conv<16, 3, 1, 1, Shape{20, 20, 30}, false, true, ConvAlgorithm::direct>();
  check_conv<6, 5, 1, 2, Shape{2, 40, 37}, true>();
}

TEST(Conv, SinglePixels) { check_conv<16, 3, 1, 1, Shape{16, 1, 1}>(); }

}  // namespace
}  // namespace medley::testing
