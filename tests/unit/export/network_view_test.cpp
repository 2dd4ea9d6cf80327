// What is told of a network to all formats, from a description made by hand.
#include "medley/export/network_view.hpp"

#include <gtest/gtest.h>

#include "medley/base/error.hpp"
#include "tests/description_helpers.hpp"

namespace medley {
namespace {

namespace op = operation;

class Records final : public Source {
 public:
  std::vector<float> means{10, 0}, deviations{4, 0.3f};
  std::vector<std::string> names{"shirt", "shoe", "hat"};

  std::uint64_t size(Split) const override { return 0; }
  std::uint64_t record(Split, std::uint64_t) const override { return 0; }
  void read(std::uint64_t, std::span<std::byte>, Record&) const override {}
  std::int32_t label(std::uint64_t, int) const override { return -1; }
  bool labelled(std::uint64_t, int) const override { return false; }
  std::span<const float> mean() const override { return means; }
  std::span<const float> deviation() const override { return deviations; }
  std::span<const std::string> class_names(int target) const override {
    return target == 0 ? std::span<const std::string>(names) : std::span<const std::string>{};
  }
};

TensorInfo tensor(const std::string& name, const Parameter& parameter, std::size_t offset,
                  std::vector<std::uint64_t> dims) {
  TensorInfo t;
  t.name = name;
  t.dims = std::move(dims);
  t.extent = parameter.extent;
  t.packing = parameter.packing;
  t.offset = offset;
  t.floats = static_cast<std::size_t>(parameter.floats);
  t.elements = static_cast<std::size_t>(parameter.elements());
  return t;
}

struct Small {
  Description d;
  std::vector<float> arena;
  Records records;

  Small() {
    d.name = "small";
    d.input = {2, 4, 4};
    d.targets = {{"kind", TargetKind::classes, 3}, {"size", TargetKind::values, 1}};
    d.layers = {
        {"trunk.0", "conv", {{"kernel", 3}, {"stride", 2}, {"padding", 1}}, {"input"}, {17, 2, 2}},
        {"trunk.1", "leaky_relu", {{"slope", 0.25}}, {"trunk.0"}, {17, 2, 2}},
        {"trunk.2", "add", {}, {"trunk.1", "trunk.0"}, {17, 2, 2}}};
    d.heads = {{"kind", "trunk.2", {17, 2, 2}}, {"free", "trunk.1", {17, 2, 2}}};
    add_term(d, "kind", "kind", "softmax_cross_entropy", {17, 2, 2});
    add_term(d, "size", "size", "mean_squared_error", {1, 1, 1});
    const Parameter weight = conv_weight("weight", {17, 2, 3, 3}, 4, Layout::planar);
    const auto offset = static_cast<std::size_t>(weight.floats);
    d.tensors = {tensor("trunk.0.weight", weight, 0, {17, 2, 3, 3}),
                 tensor("trunk.0.bias", channel_parameter("bias", 17, Initial::zero), offset, {17}),
                 tensor("optimizer.all.m.trunk.0.bias",
                        channel_parameter("bias", 17, Initial::zero), offset + 32, {17})};
    d.tensors[2].is_parameter = false;
    arena.resize(offset + 64);
    std::vector<float> values(17 * 2 * 9);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    d.tensors[0].pack(values.data(), arena.data());
  }
  NetworkView view() const { return view_network(d, arena.data(), records); }
};

TEST(NetworkView, HasLayersInOrderWithTheirInputsAsTensors) {
  const NetworkView view = Small().view();
  ASSERT_EQ(view.layers.size(), 3u);
  EXPECT_EQ(view.layers[0].inputs, std::vector{0});
  EXPECT_EQ(view.layers[2].inputs, (std::vector{2, 1}));
  EXPECT_EQ(view.shape(0), (Shape{2, 4, 4}));
  EXPECT_EQ(view.shape(1), (Shape{17, 2, 2}));
  EXPECT_EQ(std::get<op::LeakyRelu>(view.layers[1].operation).slope, 0.25f);
  EXPECT_TRUE(std::holds_alternative<op::Add>(view.layers[2].operation));
}

TEST(NetworkView, ParametersAreInTheOrderOfFiles) {
  const NetworkView view = Small().view();
  const op::Conv& conv = std::get<op::Conv>(view.layers[0].operation);
  EXPECT_EQ(conv.kernel, 3);
  EXPECT_EQ(conv.stride, 2);
  EXPECT_EQ(conv.padding, 1);
  EXPECT_EQ(conv.weight.name, "trunk.0.weight");
  EXPECT_EQ(conv.weight.dims, (std::vector<std::uint64_t>{17, 2, 3, 3}));
  ASSERT_EQ(conv.weight.values.size(), 17u * 18u);
  for (std::size_t i = 0; i < conv.weight.values.size(); ++i)
    ASSERT_EQ(conv.weight.values[i], static_cast<float>(i));
  EXPECT_EQ(conv.bias.values.size(), 17u);
}

TEST(NetworkView, ALayerWithoutBiasHasNone) {
  Small small;
  small.d.tensors.erase(small.d.tensors.begin() + 1);
  const NetworkView view = small.view();
  EXPECT_TRUE(std::get<op::Conv>(view.layers[0].operation).bias.empty());
}

TEST(NetworkView, NormalizationIsTheEngines) {
  const NetworkView view = Small().view();
  EXPECT_EQ(view.scale[0], 0.25f);
  EXPECT_EQ(view.shift[0], -2.5f);
  EXPECT_EQ(view.scale[1], 1.0f / 0.3f);
  EXPECT_EQ(view.mean[0], 10.0f);
}

TEST(NetworkView, HeadsKnowWhatTheirLossesTakeThemFor) {
  const NetworkView view = Small().view();
  ASSERT_EQ(view.heads.size(), 3u);
  EXPECT_EQ(view.heads[0].tensor, 3);
  EXPECT_EQ(view.heads[0].outputs, Outputs::softmax);
  EXPECT_EQ(view.heads[0].class_names, (std::vector<std::string>{"shirt", "shoe", "hat"}));
  EXPECT_EQ(view.heads[1].tensor, 2);
  EXPECT_EQ(view.heads[1].target, "");
  EXPECT_EQ(view.heads[2].outputs, Outputs::values);
  EXPECT_EQ(view.heads[2].target, "size");
}

TEST(NetworkView, ALayerThatItDoesNotKnowIsNamed) {
  Small small;
  small.d.layers[1].type = "swish";
  try {
    small.view();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::data);
    EXPECT_NE(std::string(error.what()).find("trunk.1 is a 'swish'"), std::string::npos);
  }
}

}  // namespace
}  // namespace medley
