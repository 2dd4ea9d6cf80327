#include "medley/export/network_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "medley/base/error.hpp"
#include "medley/run/prediction.hpp"

namespace medley {

namespace {

// A layer of the description, with what its operation is made of.
class Described {
 public:
  Described(const Description& d, const LayerInfo& layer, const float* arena)
      : d_(d), layer_(layer), arena_(arena) {}

  double option(std::string_view name) const {
    const auto found = std::ranges::find(layer_.options, name, &Option::name);
    if (found == layer_.options.end())
      throw data_error(
          fmt::format("the layer {} ({}) tells no {}", layer_.path, layer_.type, name));
    return found->value;
  }
  int whole(std::string_view name) const { return static_cast<int>(option(name)); }
  float number(std::string_view name) const { return static_cast<float>(option(name)); }

  // The parameter of this name, or an empty one.
  ViewedParameter parameter(std::string_view name) const {
    ViewedParameter parameter{layer_.path + "." + std::string(name), {}, {}};
    const auto found = std::ranges::find_if(d_.tensors, [&](const TensorInfo& t) {
      return t.is_parameter && t.name == parameter.name;
    });
    if (found == d_.tensors.end()) return {};
    parameter.dims = found->dims;
    parameter.values.resize(found->elements);
    found->unpack(arena_, parameter.values.data());
    return parameter;
  }

 private:
  const Description& d_;
  const LayerInfo& layer_;
  const float* arena_;
};

template <class Pool>
Operation pool(const Described& l) {
  return Pool{l.whole("kernel"), l.whole("stride"), l.whole("padding")};
}
template <class Plain>
Operation plain(const Described&) {
  return Plain{};
}

struct OperationType {
  std::string_view type;  // of the layer
  Operation (*make)(const Described&);
};

namespace op = operation;
constexpr auto operation_types = std::to_array<OperationType>({
    {"conv",
     [](const Described& l) -> Operation {
       return op::Conv{l.whole("kernel"), l.whole("stride"), l.whole("padding"),
                       l.parameter("weight"), l.parameter("bias")};
     }},
    {"dense",
     [](const Described& l) -> Operation {
       return op::Dense{l.parameter("weight"), l.parameter("bias")};
     }},
    {"max_pool", pool<op::MaxPool>},
    {"average_pool", pool<op::AveragePool>},
    {"global_average_pool", plain<op::GlobalAveragePool>},
    {"upsample_nearest",
     [](const Described& l) -> Operation { return op::UpsampleNearest{l.whole("factor")}; }},
    {"upsample_bilinear",
     [](const Described& l) -> Operation { return op::UpsampleBilinear{l.whole("factor")}; }},
    {"relu", plain<op::Relu>},
    {"leaky_relu",
     [](const Described& l) -> Operation { return op::LeakyRelu{l.number("slope")}; }},
    {"sigmoid", plain<op::Sigmoid>},
    {"tanh", plain<op::Tanh>},
    {"dropout", plain<op::Dropout>},
    {"ghost_batch_norm",
     [](const Described& l) -> Operation {
       return op::BatchNorm{l.number("epsilon"), l.parameter("weight"), l.parameter("bias"),
                            l.parameter("running_mean"), l.parameter("running_var")};
     }},
    {"group_norm",
     [](const Described& l) -> Operation {
       return op::GroupNorm{l.whole("groups"), l.number("epsilon"), l.parameter("weight"),
                            l.parameter("bias")};
     }},
    {"flatten", plain<op::Flatten>},
    {"add", plain<op::Add>},
    {"concat", plain<op::Concat>},
});

Operation operation_of(const Description& d, const LayerInfo& layer, const float* arena) {
  const auto found = std::ranges::find(operation_types, layer.type, &OperationType::type);
  if (found == operation_types.end())
    throw data_error(
        fmt::format("the layer {} is a '{}', which cannot be exported: src/export/network_view.cpp "
                    "lists what can",
                    layer.path, layer.type));
  return found->make(Described(d, layer, arena));
}

// The tensor that the layer of this path leaves.
int tensor_of(const Description& d, const std::string& path) {
  const auto found = std::ranges::find(d.layers, path, &LayerInfo::path);
  return found == d.layers.end() ? 0 : static_cast<int>(found - d.layers.begin()) + 1;
}

ViewedHead viewed_head(const Description& d, const HeadInfo& head) {
  ViewedHead view;
  view.name = head.name;
  view.tensor = tensor_of(d, head.output);
  view.shape = head.shape;
  return view;
}

}  // namespace

NetworkView view_network(const Description& d, const float* arena, const Source& source) {
  NetworkView view;
  view.experiment = d.name;
  view.fingerprint = hexadecimal(d.fingerprint);
  view.digest = hexadecimal(parameter_digest(d, arena));
  view.input = d.input;
  view.pixels = source.pixels();
  view.mean.assign(source.mean().begin(), source.mean().end());
  view.deviation.assign(source.deviation().begin(), source.deviation().end());
  for (std::size_t c = 0; c < view.mean.size(); ++c) {  // as the engine has them
    view.scale.push_back(1.0f / view.deviation[c]);
    view.shift.push_back(-view.mean[c] / view.deviation[c]);
  }
  for (const LayerInfo& layer : d.layers) {
    ViewedLayer seen{layer.path, {}, layer.output, operation_of(d, layer, arena)};
    for (const std::string& input : layer.inputs) seen.inputs.push_back(tensor_of(d, input));
    view.layers.push_back(std::move(seen));
  }
  for (const HeadInfo& head : d.heads) view.heads.push_back(viewed_head(d, head));
  std::vector<std::vector<std::string>> names;
  for (int t = 0; t < static_cast<int>(d.targets.size()); ++t) {
    const auto of_target = source.class_names(t);
    names.emplace_back(of_target.begin(), of_target.end());
  }
  for (const auto& [h, prediction] : head_predictions(d, names)) {
    ViewedHead& head = view.heads[static_cast<std::size_t>(h)];
    head.target = d.targets[static_cast<std::size_t>(prediction.target())].name;
    head.kind = prediction.kind();
    head.outputs = prediction.outputs();
    if (head.kind != TargetKind::values)
      head.class_names = names[static_cast<std::size_t>(prediction.target())];
  }
  return view;
}

}  // namespace medley
