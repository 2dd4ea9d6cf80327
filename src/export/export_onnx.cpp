#include "medley/export/export_onnx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "medley/base/error.hpp"
#include "medley/files/atomic_file.hpp"
#include "medley/files/json.hpp"
#include "onnx.pb.h"

namespace medley {

namespace {

namespace op = operation;
using Dims = std::vector<std::int64_t>;

// All operators that are written are in this set or an older one, which every runtime since 2021 knows,
// with the version of the file format of that time.
constexpr int operator_set = 13, format_version = 7;

// Tensors are N x C x H x W, behind dense layers N x C: both are true of a tensor that has one pixel,
// and a layer asks for the one that it reads.
class OnnxGraph {
 public:
  OnnxGraph(const NetworkView& network, ::onnx::GraphProto& graph)
      : network_(network), graph_(graph) {}

  void fill(bool probabilities) {
    graph_.set_name(network_.experiment);
    add_input();
    for (std::size_t i = 0; i < network_.layers.size(); ++i) add_layer(static_cast<int>(i));
    for (const ViewedHead& head : network_.heads) add_head(head, probabilities);
  }

 private:
  struct Value {
    std::string name;
    bool flat = false;  // N x C
  };

  // --- what a graph is made of

  ::onnx::NodeProto& node(const char* type, const std::string& name,
                          const std::vector<std::string>& inputs, const std::string& output) {
    ::onnx::NodeProto& n = *graph_.add_node();
    n.set_op_type(type);
    n.set_name(name);
    for (const std::string& input : inputs) n.add_input(input);
    n.add_output(output);
    return n;
  }
  static ::onnx::AttributeProto& attribute(::onnx::NodeProto& n, const char* name,
                                           ::onnx::AttributeProto::AttributeType type) {
    ::onnx::AttributeProto& a = *n.add_attribute();
    a.set_name(name);
    a.set_type(type);
    return a;
  }
  static void set(::onnx::NodeProto& n, const char* name, int value) {
    attribute(n, name, ::onnx::AttributeProto::INT).set_i(value);
  }
  static void set(::onnx::NodeProto& n, const char* name, float value) {
    attribute(n, name, ::onnx::AttributeProto::FLOAT).set_f(value);
  }
  static void set(::onnx::NodeProto& n, const char* name, const char* value) {
    attribute(n, name, ::onnx::AttributeProto::STRING).set_s(value);
  }
  static void set(::onnx::NodeProto& n, const char* name, const Dims& values) {
    ::onnx::AttributeProto& a = attribute(n, name, ::onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) a.add_ints(value);
  }

  template <class T>
  std::string constant(const std::string& name, const Dims& dims, const std::vector<T>& values) {
    ::onnx::TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(std::is_same_v<T, float> ? ::onnx::TensorProto::FLOAT
                                                  : ::onnx::TensorProto::INT64);
    for (const std::int64_t d : dims) tensor.add_dims(d);
    tensor.set_raw_data(values.data(), values.size() * sizeof(T));  // little-endian, as we are
    return name;
  }
  std::string constant(const ViewedParameter& p) {
    return constant(p.name, Dims(p.dims.begin(), p.dims.end()), p.values);
  }
  // One number a channel, for N x C x H x W.
  std::string per_channel(const std::string& name, const std::vector<float>& values) {
    return constant(name, {1, static_cast<std::int64_t>(values.size()), 1, 1}, values);
  }

  static void declare(::onnx::ValueInfoProto& info, const std::string& name, const Dims& dims) {
    info.set_name(name);
    auto& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(::onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_param("N");
    for (const std::int64_t d : dims) type.mutable_shape()->add_dim()->set_dim_value(d);
  }
  // Without the batch.
  static Dims dims(const Shape& s, bool flat) {
    return flat ? Dims{s.elements()} : Dims{s.c, s.h, s.w};
  }

  // --- tensors

  bool answers_masks(const ViewedHead& head) const {
    return head.kind == TargetKind::mask || head.shape.pixels() > 1;
  }

  // A tensor that a head ends in has the head's name, if it has the rank of the head's output.
  std::string name_of(int tensor, bool flat) const {
    const auto head = std::ranges::find_if(network_.heads, [&](const ViewedHead& h) {
      return h.tensor == tensor && answers_masks(h) != flat;
    });
    if (head != network_.heads.end()) return head->name;
    return network_.layers[static_cast<std::size_t>(tensor - 1)].path;
  }

  // The tensor as N x C x H x W, or as N x (C H W).
  std::string spatial(int tensor) {
    const Value value = values_[static_cast<std::size_t>(tensor)];
    if (!value.flat) return value.name;
    const std::string name = value.name + ".spatial";
    if (!is_made(name)) {
      const Shape& s = network_.shape(tensor);
      const std::string to = constant(name + ".shape", {4}, Dims{0, s.c, s.h, s.w});
      node("Reshape", name, {value.name, to}, name);
    }
    return name;
  }
  std::string flat(int tensor) {
    const Value value = values_[static_cast<std::size_t>(tensor)];
    if (value.flat) return value.name;
    const std::string name = value.name + ".flat";
    if (!is_made(name)) set(node("Flatten", name, {value.name}, name), "axis", 1);
    return name;
  }
  // Whether a tensor of this name was made before; it is then.
  bool is_made(const std::string& name) {
    if (std::ranges::find(made_, name) != made_.end()) return true;
    made_.push_back(name);
    return false;
  }

  void add_input() {
    std::string name = "input";
    for (const ViewedHead& head : network_.heads) {
      if (head.name == name) name = "input.pixels";  // no head's name has a point
    }
    declare(*graph_.add_input(), name, dims(network_.input, false));
    node("Mul", "normalize.scale", {name, per_channel("input.scale", network_.scale)},
         "input.scaled");
    node("Add", "normalize.shift", {"input.scaled", per_channel("input.shift", network_.shift)},
         "input.normalized");
    values_.push_back({"input.normalized", false});
  }

  void add_layer(int i) {
    const ViewedLayer& layer = network_.layers[static_cast<std::size_t>(i)];
    const Layer l{layer.path, layer.inputs, i + 1};
    values_.emplace_back();
    std::visit([&](const auto& operation) { values_.back() = add(l, operation); }, layer.operation);
    // Heads' outputs are declared as such; what has another name was there before.
    const Value& value = values_.back();
    if (value.name == layer.path)
      declare(*graph_.add_value_info(), value.name, dims(layer.output, value.flat));
  }

  // --- layers

  struct Layer {
    std::string path;
    std::vector<int> inputs;
    int tensor = 0;  // that it leaves
  };

  // A node that reads pictures and leaves pictures; settings go to last().
  Value pictures(const char* type, const Layer& l, const std::vector<std::string>& more = {}) {
    const Value value{name_of(l.tensor, false), false};
    std::vector<std::string> inputs{spatial(l.inputs[0])};
    inputs.insert(inputs.end(), more.begin(), more.end());
    node(type, l.path, inputs, value.name);
    return value;
  }
  // One that takes element by element, of whatever rank.
  Value elements(const char* type, const Layer& l) {
    const Value& from = values_[static_cast<std::size_t>(l.inputs[0])];
    const Value value{name_of(l.tensor, from.flat), from.flat};
    node(type, l.path, {from.name}, value.name);
    return value;
  }
  // One that reads several tensors of pictures.
  Value joined(const char* type, const Layer& l) {
    const Value value{name_of(l.tensor, false), false};
    std::vector<std::string> inputs;
    for (const int input : l.inputs) inputs.push_back(spatial(input));
    node(type, l.path, inputs, value.name);
    return value;
  }
  ::onnx::NodeProto& last() { return *graph_.mutable_node(graph_.node_size() - 1); }
  Value windows(const char* type, const Layer& l, int kernel, int stride, int padding,
                const std::vector<std::string>& more = {}) {
    const Value value = pictures(type, l, more);
    set(last(), "kernel_shape", Dims{kernel, kernel});
    set(last(), "strides", Dims{stride, stride});
    set(last(), "pads", Dims{padding, padding, padding, padding});
    return value;
  }
  Value resized(const Layer& l, int factor, const char* mode, const char* coordinates) {
    const auto f = static_cast<float>(factor);
    const std::string scales = constant(l.path + ".scales", {4}, std::vector{1.0f, 1.0f, f, f});
    const Value value = pictures("Resize", l, {"", scales});
    set(last(), "mode", mode);
    set(last(), "coordinate_transformation_mode", coordinates);
    return value;
  }

  Value add(const Layer& l, const op::Conv& conv) {
    std::vector<std::string> parameters{constant(conv.weight)};
    if (!conv.bias.empty()) parameters.push_back(constant(conv.bias));
    return windows("Conv", l, conv.kernel, conv.stride, conv.padding, parameters);
  }
  Value add(const Layer& l, const op::Dense& dense) {
    const Value value{name_of(l.tensor, true), true};
    std::vector<std::string> inputs{flat(l.inputs[0]), constant(dense.weight)};
    if (!dense.bias.empty()) inputs.push_back(constant(dense.bias));
    set(node("Gemm", l.path, inputs, value.name), "transB", 1);
    return value;
  }
  Value add(const Layer& l, const op::MaxPool& pool) {
    return windows("MaxPool", l, pool.kernel, pool.stride, pool.padding);
  }
  Value add(const Layer& l, const op::AveragePool& pool) {
    const Value value = windows("AveragePool", l, pool.kernel, pool.stride, pool.padding);
    set(last(), "count_include_pad", 1);
    return value;
  }
  Value add(const Layer& l, const op::GlobalAveragePool&) {
    return pictures("GlobalAveragePool", l);
  }
  Value add(const Layer& l, const op::UpsampleNearest& upsample) {
    const Value value = resized(l, upsample.factor, "nearest", "asymmetric");
    set(last(), "nearest_mode", "floor");
    return value;
  }
  Value add(const Layer& l, const op::UpsampleBilinear& upsample) {
    return resized(l, upsample.factor, "linear", "half_pixel");
  }
  Value add(const Layer& l, const op::Relu&) { return elements("Relu", l); }
  Value add(const Layer& l, const op::LeakyRelu& relu) {
    const Value value = elements("LeakyRelu", l);
    set(last(), "alpha", relu.slope);
    return value;
  }
  Value add(const Layer& l, const op::Sigmoid&) { return elements("Sigmoid", l); }
  Value add(const Layer& l, const op::Tanh&) { return elements("Tanh", l); }
  // Nothing happens outside training.
  Value add(const Layer& l, const op::Dropout&) {
    return values_[static_cast<std::size_t>(l.inputs[0])];
  }
  Value add(const Layer& l, const op::BatchNorm& norm) {
    const Value value = pictures(
        "BatchNormalization", l,
        {constant(norm.weight), constant(norm.bias), constant(norm.mean), constant(norm.variance)});
    set(last(), "epsilon", norm.epsilon);
    return value;
  }
  // Groups become channels of an instance normalization, for there is no operator of its own yet.
  Value add(const Layer& l, const op::GroupNorm& norm) {
    const Shape& s = network_.shape(l.inputs[0]);
    const auto named = [&](const char* part) { return l.path + "." + part; };
    const auto groups = static_cast<std::size_t>(norm.groups);
    const std::string to = constant(named("groups"), {3}, Dims{0, norm.groups, -1});
    const std::string back = constant(named("shape"), {4}, Dims{0, s.c, s.h, s.w});
    const std::string ones = constant(named("ones"), {norm.groups}, std::vector(groups, 1.0f));
    const std::string zeros = constant(named("zeros"), {norm.groups}, std::vector(groups, 0.0f));
    node("Reshape", named("grouped"), {spatial(l.inputs[0]), to}, named("grouped"));
    node("InstanceNormalization", named("standard"), {named("grouped"), ones, zeros},
         named("standard"));
    set(last(), "epsilon", norm.epsilon);
    node("Reshape", named("ungrouped"), {named("standard"), back}, named("ungrouped"));
    node("Mul", named("scaled"),
         {named("ungrouped"), per_channel(norm.weight.name, norm.weight.values)}, named("scaled"));
    const Value value{name_of(l.tensor, false), false};
    node("Add", l.path, {named("scaled"), per_channel(norm.bias.name, norm.bias.values)},
         value.name);
    return value;
  }
  Value add(const Layer& l, const op::Flatten&) { return {flat(l.inputs[0]), true}; }
  Value add(const Layer& l, const op::Add&) { return joined("Add", l); }
  Value add(const Layer& l, const op::Concat&) {
    const Value value = joined("Concat", l);
    set(last(), "axis", 1);
    return value;
  }

  // --- heads

  void add_head(const ViewedHead& head, bool probabilities) {
    const bool is_flat = !answers_masks(head);
    const std::string from = is_flat ? flat(head.tensor) : spatial(head.tensor);
    if (from != head.name) node("Identity", head.name, {from}, head.name);
    declare(*graph_.add_output(), head.name, dims(head.shape, is_flat));
    if (!probabilities || head.outputs < Outputs::sigmoid) return;
    const std::string name = head.name + ".probabilities";
    const bool is_softmax = head.outputs == Outputs::softmax && head.shape.c > 1;
    node(is_softmax ? "Softmax" : "Sigmoid", name, {head.name}, name);
    if (is_softmax) set(last(), "axis", 1);
    declare(*graph_.add_output(), name, dims(head.shape, is_flat));
  }

  const NetworkView& network_;
  ::onnx::GraphProto& graph_;
  std::vector<Value> values_;  // of each tensor
  std::vector<std::string> made_;
};

void add_metadata(const NetworkView& network, ::onnx::ModelProto& model) {
  const auto add = [&](const std::string& key, const std::string& value) {
    ::onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  };
  constexpr std::array<const char*, 4> outputs{"values", "margins", "sigmoid", "softmax"};
  add("experiment", network.experiment);
  add("fingerprint", network.fingerprint);
  add("digest", network.digest);
  add("input.pixels", std::string(to_string(network.pixels.type)));
  add("input.range", fmt::format("{}..{}", network.pixels.low, network.pixels.high));
  for (const ViewedHead& head : network.heads) {
    if (head.target.empty()) continue;
    add("target." + head.name, head.target);
    add("kind." + head.name, std::string(target_kind_names[static_cast<std::size_t>(head.kind)]));
    add("outputs." + head.name, outputs[static_cast<std::size_t>(head.outputs)]);
    if (!head.class_names.empty())  // what is no UTF-8 in them is replaced
      add("classes." + head.name, print_json(nlohmann::json(head.class_names)));
  }
}

constexpr std::array<std::string_view, 2> onnx_takes{"probabilities", "data"};

ExportRows write_onnx(ExportInput& input, const std::string& to) {
  const NetworkView& network = input.network();
  const std::string bytes = onnx_model(network, input.has("probabilities"));
  write_file(to, bytes);
  return {{"bytes", std::to_string(bytes.size())}, {"digest", network.digest}};
}

}  // namespace

std::string onnx_model(const NetworkView& network, bool probabilities) {
  ::onnx::ModelProto model;
  model.set_ir_version(format_version);
  model.set_producer_name("medley");
  model.add_opset_import()->set_version(operator_set);
  add_metadata(network, model);
  OnnxGraph(network, *model.mutable_graph()).fill(probabilities);
  const std::size_t bytes = model.ByteSizeLong();
  if (bytes > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw data_error(fmt::format("{} bytes of parameters: an ONNX file has at most 2 GB", bytes));
  return model.SerializeAsString();
}

ExportFormat onnx_format() {
  return {
      .option = "onnx",
      .argument = "FILE",
      .does = "write an ONNX file: pixels of the data in, an output a head as its losses get it",
      .takes = onnx_takes,
      .describe = nullptr,
      .write = write_onnx};
}

}  // namespace medley
