#include "medley/export/export_c.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <limits>

#include "medley/base/error.hpp"
#include "medley/export/c_functions.hpp"
#include "medley/export/c_names.hpp"

namespace medley {
namespace {

namespace op = operation;

TEST(CNames, IdentifiersAreThoseOfC) {
  EXPECT_EQ(c_identifier("three-losses"), "three_losses");
  EXPECT_EQ(c_identifier("trunk.0.weight"), "trunk_0_weight");
  EXPECT_EQ(c_identifier("2d"), "m_2d");
  EXPECT_EQ(c_identifier("_x"), "m__x");
  EXPECT_EQ(c_identifier("gr\xC3\xB6\xC3\x9F"
                         "e"),
            "gr____e");
  EXPECT_EQ(c_macro("three_losses2"), "THREE_LOSSES2");
}

TEST(CNames, NamesThatMeetGetNumbers) {
  CNames names;
  EXPECT_EQ(names.unique("a-b"), "a_b");
  EXPECT_EQ(names.unique("a.b"), "a_b_2");
  EXPECT_EQ(names.unique("A_B"), "A_B_3");  // its macros would be those of a_b
  EXPECT_EQ(names.unique("c"), "c");
}

TEST(CNames, NumbersReadBackToTheSameBits) {
  EXPECT_EQ(c_number(1.0f), "1.0f");
  EXPECT_EQ(c_number(0.1f), "0.1f");
  EXPECT_EQ(c_number(-0.0f), "-0.0f");
  std::uint32_t bits = 1;
  for (int i = 0; i < 20000; ++i) {
    bits = bits * 1664525u + 1013904223u;
    const float value = std::bit_cast<float>(bits);
    if (!std::isfinite(value)) continue;
    const std::string text = c_number(value);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(std::strtof(text.c_str(), nullptr)), bits) << text;
    EXPECT_NE(text.find_first_of(".e"), std::string::npos) << text;  // else it were an integer
    EXPECT_EQ(text.back(), 'f');
  }
}

TEST(CNames, StringsHoldWhateverClassesAreCalled) {
  EXPECT_EQ(c_string("T-Shirt"), "\"T-Shirt\"");
  EXPECT_EQ(c_string("a\"b\\c?\n"), "\"a\\042b\\134c\\077\\012\"");
  EXPECT_EQ(c_string("\xC3\xA4"
                     "9"),
            "\"\\303\\2449\"");
}

TEST(CFunctions, BlocksAreAsWideAsTheyCanBe) {
  EXPECT_EQ(c_blocks(23), (std::vector<int>{8, 8, 4, 2, 1}));
  EXPECT_EQ(c_blocks(1), (std::vector<int>{1}));
  EXPECT_EQ(c_blocks(16), (std::vector<int>{8, 8}));
}

TEST(CFunctions, WeightsAreOrderedByBlocksAndPixels) {
  // 3 outputs, 2 channels, 1 x 2 taps; each weight tells its place.
  std::vector<float> values;
  for (int o = 0; o < 3; ++o) {
    for (int c = 0; c < 2; ++c) {
      for (int x = 0; x < 2; ++x) values.push_back(static_cast<float>(100 * o + 10 * c + x));
    }
  }
  EXPECT_EQ(c_weights(values, 3, 2, 1, 2),
            (std::vector<float>{0, 100, 10, 110, 1, 101, 11, 111, 200, 210, 201, 211}));
}

TEST(CFunctions, WhatIsCalledComesAlong) {
  const std::string text = c_functions({"tanh"});
  EXPECT_NE(text.find("float @_exp(float x)"), std::string::npos);
  EXPECT_LT(text.find("@_exp(float x)"), text.find("void @_tanh("));
  EXPECT_EQ(text.find("@_relu"), std::string::npos);
  EXPECT_EQ(with_prefix("@@_X @_x(1 @ 2)", "a", "A"), "A_X a_x(1 @ 2)");
}

NetworkView small_network() {
  NetworkView n;
  n.experiment = "small-one";
  n.digest = "0123456789abcdef";
  n.input = {1, 2, 2};
  n.mean = {100.0f};
  n.deviation = {50.0f};
  n.scale = {0.02f};
  n.shift = {-2.0f};
  n.layers.push_back({"trunk.0", {0}, {1, 2, 2}, op::Relu{}});
  op::Dense dense;
  dense.weight = {"heads.kind.0.weight", {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8.5f}};
  dense.bias = {"heads.kind.0.bias", {2}, {0.25f, -0.25f}};
  n.layers.push_back({"heads.kind.0", {1}, {2, 1, 1}, dense});
  ViewedHead kind;
  kind.name = "kind";
  kind.tensor = 2;
  kind.shape = {2, 1, 1};
  kind.target = "kind";
  kind.kind = TargetKind::classes;
  kind.outputs = Outputs::softmax;
  kind.class_names = {"shirt \"M\"", "*/"};
  n.heads.push_back(kind);
  return n;
}

TEST(CSourceText, SaysWhatItNeedsAndGives) {
  const NetworkView network = small_network();
  const CSource source = c_source(network, "", "model.c");
  EXPECT_EQ(source.memory_bytes, 32u);    // the picture, then four more floats
  EXPECT_EQ(source.constant_bytes, 48u);  // 8 weights, 2 biases, scale and shift
  EXPECT_EQ(source.multiply_adds, 8.0);
  for (const std::string_view text :
       {"#define SMALL_ONE_MEMORY_BYTES 32\n", "#define SMALL_ONE_KIND_CLASSES 2\n",
        "#define SMALL_ONE_KIND_FLOATS 2\n", "#define SMALL_ONE_DIGEST \"0123456789abcdef\"",
        "int small_one_predict(const SMALL_ONE_PIXEL *picture, void *memory, float *kind_out);",
        "extern const char *const small_one_kind_names[2];", "#include \"model.c\""}) {
    EXPECT_NE(source.header.find(text), std::string::npos) << text;
  }
  EXPECT_TRUE(source.code.starts_with(source.header));
  EXPECT_NE(source.code.find("\"shirt \\042M\\042\""), std::string::npos);
  EXPECT_NE(source.code.find("1.0f, 5.0f, 2.0f, 6.0f, 3.0f, 7.0f, 4.0f, 8.5f,"), std::string::npos);
  EXPECT_EQ(source.code.find('@'), std::string::npos);
  EXPECT_EQ(source.code.find("small_one_conv"), std::string::npos);
}

TEST(CSourceText, PixelsAreOfTheTypeOfTheData) {
  NetworkView network = small_network();
  EXPECT_NE(c_source(network, "", "m.c").header.find("#define SMALL_ONE_PIXEL unsigned char\n"),
            std::string::npos);
  network.pixels = PixelFormat::of(PixelType::u16);
  const std::string deep = c_source(network, "", "m.c").header;
  EXPECT_NE(deep.find("#define SMALL_ONE_PIXEL unsigned short\n"), std::string::npos);
  EXPECT_NE(deep.find("unsigned short from 0 to 65535"), std::string::npos);
  network.pixels = PixelFormat::floats(-1.5f, 2.0f);
  const std::string floats = c_source(network, "", "m.c").header;
  EXPECT_NE(floats.find("#define SMALL_ONE_PIXEL float\n"), std::string::npos);
  EXPECT_NE(floats.find("float from -1.5 to 2,"), std::string::npos);
}

TEST(CSourceText, NamesAreChosenByTheCaller) {
  const CSource source = c_source(small_network(), "front door", "m.c");
  EXPECT_NE(source.code.find("int front_door_predict("), std::string::npos);
  EXPECT_EQ(source.code.find("small_one"), std::string::npos);
}

TEST(CSourceText, NumbersThatAreNoneAreRefused) {
  NetworkView network = small_network();
  std::get<op::Dense>(network.layers[1].operation).weight.values[3] =
      std::numeric_limits<float>::quiet_NaN();
  try {
    (void)c_source(network, "", "model.c");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::data);
    EXPECT_EQ(std::string(error.what()), "heads.kind.0.weight has a number that is not finite");
  }
}

}  // namespace
}  // namespace medley
