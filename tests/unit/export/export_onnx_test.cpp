// Graphs of ONNX files, read back by protobuf.
#include "medley/export/export_onnx.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>

#include "onnx.pb.h"

namespace medley {
namespace {

namespace op = operation;
using Strings = std::vector<std::string>;

// A graph as its reader sees it, after the rules that hold for every graph: a tensor is made once,
// before it is read.
class Read {
 public:
  explicit Read(const NetworkView& network, bool probabilities = false) {
    EXPECT_TRUE(model.ParseFromString(onnx_model(network, probabilities)));
    std::set<std::string> made{""};
    const auto make = [&](const std::string& name) {
      EXPECT_TRUE(made.insert(name).second) << name << " is made twice";
    };
    for (const auto& input : graph().input()) make(input.name());
    for (const auto& constant : graph().initializer()) {
      make(constant.name());
      constants[constant.name()] = &constant;
    }
    for (const auto& n : graph().node()) {
      for (const auto& input : n.input())
        EXPECT_TRUE(made.count(input)) << n.name() << " reads " << input;
      for (const auto& output : n.output()) make(output);
      nodes[n.output(0)] = &n;
    }
    for (const auto& output : graph().output()) {
      EXPECT_TRUE(nodes.count(output.name())) << output.name();
      outputs[output.name()] = dims(output);
    }
    for (const auto& value : graph().value_info()) {
      EXPECT_TRUE(nodes.count(value.name())) << value.name();
      EXPECT_TRUE(values.emplace(value.name(), dims(value)).second) << value.name();
    }
  }

  const ::onnx::GraphProto& graph() const { return model.graph(); }
  // The node that makes a tensor.
  const ::onnx::NodeProto& node(const std::string& output) const {
    if (!nodes.count(output)) ADD_FAILURE() << "nothing makes " << output;
    static const ::onnx::NodeProto none;
    return nodes.count(output) ? *nodes.at(output) : none;
  }
  std::string type(const std::string& output) const { return node(output).op_type(); }
  Strings inputs(const std::string& output) const {
    return {node(output).input().begin(), node(output).input().end()};
  }
  // An attribute as text.
  std::string attribute(const std::string& output, std::string_view name) const {
    for (const auto& a : node(output).attribute()) {
      if (a.name() != name) continue;
      std::string text = a.s();
      if (a.type() == ::onnx::AttributeProto::INT) text = std::to_string(a.i());
      if (a.type() == ::onnx::AttributeProto::FLOAT) text = std::to_string(a.f());
      for (const auto i : a.ints()) text += std::to_string(i) + " ";
      return text;
    }
    return "none";
  }
  template <class T>
  std::vector<T> constant(const std::string& name) const {
    const std::string& bytes = constants.at(name)->raw_data();
    std::vector<T> all(bytes.size() / sizeof(T));
    std::memcpy(all.data(), bytes.data(), bytes.size());
    return all;
  }
  std::string metadata(std::string_view key) const {
    for (const auto& entry : model.metadata_props()) {
      if (entry.key() == key) return entry.value();
    }
    return "none";
  }

  ::onnx::ModelProto model;
  std::map<std::string, const ::onnx::NodeProto*> nodes;  // by what they make
  std::map<std::string, const ::onnx::TensorProto*> constants;
  std::map<std::string, Strings> outputs, values;

 private:
  static Strings dims(const ::onnx::ValueInfoProto& value) {
    Strings all;
    for (const auto& d : value.type().tensor_type().shape().dim())
      all.push_back(d.has_dim_param() ? d.dim_param() : std::to_string(d.dim_value()));
    return all;
  }
};

ViewedParameter parameter(const std::string& name, std::vector<std::uint64_t> dims) {
  std::size_t elements = 1;
  for (const auto d : dims) elements *= d;
  ViewedParameter p{name, std::move(dims), {}};
  for (std::size_t i = 0; i < elements; ++i) p.values.push_back(static_cast<float>(i) + 0.5f);
  return p;
}

NetworkView network(Shape input = {2, 4, 6}) {
  NetworkView view;
  view.experiment = "small";
  view.fingerprint = "00000000000000aa";
  view.digest = "00000000000000bb";
  view.input = input;
  for (int c = 0; c < input.c; ++c) {
    view.mean.push_back(10.0f);
    view.deviation.push_back(4.0f);
    view.scale.push_back(0.25f);
    view.shift.push_back(-2.5f);
  }
  return view;
}

// Adds a layer that reads the tensor before it, or these.
int add(NetworkView& view, const std::string& path, Shape output, Operation operation,
        std::vector<int> inputs = {}) {
  if (inputs.empty()) inputs = {static_cast<int>(view.layers.size())};
  view.layers.push_back({path, std::move(inputs), output, std::move(operation)});
  return static_cast<int>(view.layers.size());
}

void add_head(NetworkView& view, const std::string& name, int tensor,
              Outputs outputs = Outputs::softmax, TargetKind kind = TargetKind::classes) {
  view.heads.push_back({name, tensor, view.shape(tensor), name, kind, outputs, {}});
}

TEST(Onnx, NormalizesPixelsInside) {
  NetworkView view = network();
  add_head(view, "all", 0, Outputs::values, TargetKind::values);
  const Read onnx(view);
  ASSERT_EQ(onnx.graph().input_size(), 1);
  EXPECT_EQ(onnx.graph().input(0).name(), "input");
  EXPECT_EQ(onnx.inputs("input.scaled"), (Strings{"input", "input.scale"}));
  EXPECT_EQ(onnx.type("input.scaled"), "Mul");
  EXPECT_EQ(onnx.type("input.normalized"), "Add");
  EXPECT_EQ(onnx.constant<float>("input.scale"), (std::vector{0.25f, 0.25f}));
  EXPECT_EQ(onnx.constant<float>("input.shift"), (std::vector{-2.5f, -2.5f}));
  EXPECT_EQ(onnx.inputs("all"), Strings{"input.normalized"});
  EXPECT_EQ(onnx.outputs.at("all"), (Strings{"N", "2", "4", "6"}));
}

TEST(Onnx, EachOperationHasItsNode) {
  NetworkView view = network();
  add(view, "trunk.0", {3, 4, 6}, op::Conv{5, 1, 2, parameter("trunk.0.weight", {3, 2, 5, 5}), {}});
  add(view, "trunk.1", {3, 2, 3}, op::MaxPool{3, 2, 1});
  add(view, "trunk.2", {3, 3, 4}, op::AveragePool{2, 1, 1});
  add(view, "trunk.3", {3, 6, 8}, op::UpsampleNearest{2});
  add(view, "trunk.4", {3, 18, 24}, op::UpsampleBilinear{3});
  add(view, "trunk.5", {3, 18, 24}, op::LeakyRelu{0.25f});
  add(view, "trunk.6", {3, 18, 24},
      op::BatchNorm{1e-3f, parameter("w", {3}), parameter("b", {3}), parameter("m", {3}),
                    parameter("v", {3})});
  add(view, "trunk.7", {3, 18, 24}, op::Dropout{});
  add(view, "trunk.8", {3, 18, 24}, op::Add{}, {7, 8});
  add(view, "trunk.9", {9, 18, 24}, op::Concat{}, {9, 5, 6});
  add(view, "trunk.10", {9, 1, 1}, op::GlobalAveragePool{});
  add(view, "trunk.11", {9, 1, 1}, op::Tanh{});
  add(view, "trunk.12", {4, 1, 1},
      op::Dense{parameter("dense.weight", {4, 9}), parameter("dense.bias", {4})});
  add(view, "trunk.13", {4, 1, 1}, op::Sigmoid{});
  add_head(view, "kind", add(view, "heads.kind.0", {4, 1, 1}, op::Relu{}));
  const Read onnx(view);
  EXPECT_EQ(onnx.type("trunk.0"), "Conv");
  EXPECT_EQ(onnx.inputs("trunk.0"), (Strings{"input.normalized", "trunk.0.weight"}));
  EXPECT_EQ(onnx.attribute("trunk.0", "pads"), "2 2 2 2 ");
  EXPECT_EQ(onnx.attribute("trunk.1", "kernel_shape"), "3 3 ");
  EXPECT_EQ(onnx.attribute("trunk.1", "strides"), "2 2 ");
  EXPECT_EQ(onnx.attribute("trunk.1", "pads"), "1 1 1 1 ");
  EXPECT_EQ(onnx.attribute("trunk.2", "count_include_pad"), "1");
  EXPECT_EQ(onnx.attribute("trunk.3", "mode"), "nearest");
  EXPECT_EQ(onnx.attribute("trunk.3", "nearest_mode"), "floor");
  EXPECT_EQ(onnx.attribute("trunk.4", "coordinate_transformation_mode"), "half_pixel");
  EXPECT_EQ(onnx.constant<float>(onnx.inputs("trunk.4")[2]), (std::vector{1.0f, 1.0f, 3.0f, 3.0f}));
  EXPECT_EQ(onnx.attribute("trunk.5", "alpha"), "0.250000");
  EXPECT_EQ(onnx.inputs("trunk.6"), (Strings{"trunk.5", "w", "b", "m", "v"}));
  EXPECT_EQ(onnx.attribute("trunk.6", "epsilon"), "0.001000");
  EXPECT_EQ(onnx.inputs("trunk.8"), (Strings{"trunk.6", "trunk.6"}));  // dropout is nothing
  EXPECT_EQ(onnx.inputs("trunk.9"), (Strings{"trunk.8", "trunk.4", "trunk.5"}));
  EXPECT_EQ(onnx.attribute("trunk.9", "axis"), "1");
  EXPECT_EQ(onnx.inputs("trunk.12"), (Strings{"trunk.11.flat", "dense.weight", "dense.bias"}));
  EXPECT_EQ(onnx.attribute("trunk.12", "transB"), "1");
  EXPECT_EQ(onnx.constant<float>("dense.bias"), (std::vector{0.5f, 1.5f, 2.5f, 3.5f}));
  EXPECT_EQ(onnx.type("kind"), "Relu");
  EXPECT_EQ(onnx.values.at("trunk.9"), (Strings{"N", "9", "18", "24"}));
  EXPECT_EQ(onnx.values.at("trunk.13"), (Strings{"N", "4"}));
  EXPECT_FALSE(onnx.values.count("kind"));
}

TEST(Onnx, GroupsAreStandardizedAsChannelsAndScaledAsTheyWere) {
  NetworkView view = network({6, 2, 2});
  add(view, "trunk.0", {6, 2, 2},
      op::GroupNorm{3, 1e-5f, parameter("w", {6}), parameter("b", {6})});
  add_head(view, "mask", 1, Outputs::softmax, TargetKind::mask);
  const Read onnx(view);
  EXPECT_EQ(onnx.constant<std::int64_t>("trunk.0.groups"), (std::vector<std::int64_t>{0, 3, -1}));
  EXPECT_EQ(onnx.constant<std::int64_t>("trunk.0.shape"), (std::vector<std::int64_t>{0, 6, 2, 2}));
  EXPECT_EQ(onnx.type("trunk.0.standard"), "InstanceNormalization");
  EXPECT_EQ(onnx.constant<float>("trunk.0.ones"), std::vector(3, 1.0f));
  EXPECT_EQ(onnx.inputs("mask"), (Strings{"trunk.0.scaled", "b"}));
  EXPECT_EQ(onnx.constants.at("b")->dims_size(), 4);
}

TEST(Onnx, HeadsMayShareTensorsAndEndInWhatOthersRead) {
  NetworkView view = network();
  const int shared = add(view, "trunk.0", {2, 4, 6}, op::Relu{});
  add(view, "heads.a.0", {2, 4, 6}, op::Flatten{}, {shared});
  add_head(view, "a",
           add(view, "heads.a.1", {3, 1, 1}, op::Dense{parameter("a.weight", {3, 48}), {}}));
  add_head(view, "b", add(view, "heads.b.0", {2, 4, 6}, op::Flatten{}, {shared}));
  add_head(view, "c", shared, Outputs::softmax, TargetKind::mask);
  add_head(view, "d", add(view, "heads.d.0", {2, 4, 6}, op::Dropout{}, {shared}), Outputs::softmax,
           TargetKind::mask);
  const Read onnx(view);
  EXPECT_EQ(onnx.type("c"), "Relu");  // the trunk's output itself
  EXPECT_EQ(onnx.inputs("a"), (Strings{"c.flat", "a.weight"}));
  EXPECT_EQ(onnx.inputs("d"), Strings{"c"});
  EXPECT_EQ(onnx.type("d"), "Identity");
  EXPECT_EQ(onnx.outputs.at("d"), (Strings{"N", "2", "4", "6"}));
}

TEST(Onnx, PicturesAgainBehindADenseLayer) {
  NetworkView view = network();
  add(view, "trunk.0", {4, 1, 1}, op::Dense{parameter("w", {4, 48}), {}});
  add(view, "trunk.1", {4, 2, 2}, op::UpsampleNearest{2});
  add(view, "trunk.2", {4, 1, 1}, op::GroupNorm{2, 1e-5f, parameter("g", {4}), parameter("b", {4})},
      {1});
  add(view, "trunk.3", {4, 1, 1}, op::Add{}, {1, 3});
  add_head(view, "a", 4);
  const Read onnx(view);
  EXPECT_EQ(onnx.inputs("trunk.1")[0], "trunk.0.spatial");
  EXPECT_EQ(onnx.constant<std::int64_t>("trunk.0.spatial.shape"),
            (std::vector<std::int64_t>{0, 4, 1, 1}));
  EXPECT_EQ(onnx.inputs("trunk.3"), (Strings{"trunk.0.spatial", "trunk.2"}));
  EXPECT_EQ(onnx.inputs("a"), Strings{"trunk.3.flat"});
  EXPECT_EQ(onnx.outputs.at("a"), (Strings{"N", "4"}));
}

TEST(Onnx, ProbabilitiesAreOfLogitsAlone) {
  NetworkView view = network({3, 1, 1});
  add_head(view, "softmax", add(view, "trunk.0", {3, 1, 1}, op::Relu{}));
  const int one = add(view, "heads.one.0", {1, 1, 1}, op::Dense{parameter("w", {1, 3}), {}});
  add_head(view, "one", one, Outputs::sigmoid);
  add_head(view, "single", one, Outputs::softmax);  // of one channel it would be 1
  add_head(view, "margin", one, Outputs::margins);
  add_head(view, "value", one, Outputs::values, TargetKind::values);
  EXPECT_EQ(Read(view).outputs.size(), 5u);
  const Read onnx(view, true);
  EXPECT_EQ(onnx.outputs.size(), 8u);
  EXPECT_EQ(onnx.type("softmax.probabilities"), "Softmax");
  EXPECT_EQ(onnx.attribute("softmax.probabilities", "axis"), "1");
  EXPECT_EQ(onnx.inputs("softmax.probabilities"), Strings{"softmax"});
  EXPECT_EQ(onnx.type("one.probabilities"), "Sigmoid");
  EXPECT_EQ(onnx.type("single.probabilities"), "Sigmoid");
}

TEST(Onnx, TellsWhatItIs) {
  NetworkView view = network();
  add_head(view, "input", 0, Outputs::sigmoid, TargetKind::mask);
  view.heads[0].class_names = {"a \"b\"", "\xff", "c,d"};
  const Read onnx(view);
  EXPECT_EQ(onnx.graph().input(0).name(), "input.pixels");
  EXPECT_EQ(onnx.outputs.count("input"), 1u);
  EXPECT_EQ(onnx.metadata("experiment"), "small");
  EXPECT_EQ(onnx.metadata("digest"), "00000000000000bb");
  EXPECT_EQ(onnx.metadata("input.pixels"), "uint8");
  EXPECT_EQ(onnx.metadata("input.range"), "0..255");
  EXPECT_EQ(onnx.metadata("kind.input"), "mask");
  EXPECT_EQ(onnx.metadata("outputs.input"), "sigmoid");
  EXPECT_EQ(onnx.metadata("classes.input"), "[\"a \\\"b\\\"\",\"\xEF\xBF\xBD\",\"c,d\"]");
  EXPECT_EQ(onnx.model.opset_import(0).version(), 13);
  EXPECT_EQ(onnx_model(view, false), onnx_model(view, false));
  view.pixels = PixelFormat::floats(-1.0f, 0.5f);
  EXPECT_EQ(Read(view).metadata("input.pixels"), "float32");
  EXPECT_EQ(Read(view).metadata("input.range"), "-1..0.5");
}

}  // namespace
}  // namespace medley
