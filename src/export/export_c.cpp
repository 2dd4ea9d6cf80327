#include "medley/export/export_c.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "medley/base/error.hpp"
#include "medley/export/c_functions.hpp"
#include "medley/export/c_memory.hpp"
#include "medley/export/c_model.hpp"
#include "medley/files/atomic_file.hpp"

namespace medley {

namespace {

namespace op = operation;

class Writer {
 public:
  Writer(const NetworkView& network, const std::string& file)
      : n_(network), model_(network, file), memory_(plan_c_memory(network)) {}

  CSource write(const std::string& prefix) {
    write_predict();
    for (const CHead& head : model_.heads) write_functions_of(head);
    model_.memory_bytes = memory_.floats * sizeof(float);
    const std::string macros = c_macro(prefix);
    CSource source{.memory_bytes = model_.memory_bytes,
                   .constant_bytes = model_.constant_bytes,
                   .multiply_adds = model_.multiply_adds};
    source.header = with_prefix(c_declarations(model_), prefix, macros);
    source.code = source.header + with_prefix(implementation(), prefix, macros);
    return source;
  }

 private:
  std::string implementation() const {
    return R"(
#ifndef @@_DECLARATIONS

#include <stddef.h>
#include <stdint.h>

#ifndef @@_CONSTANT
#define @@_CONSTANT static const
#endif
/* Where in a picture a channel of a pixel is. */
#ifdef @@_INTERLEAVED
#define @@_PLACE(pixels, channels, channel, pixel) ((pixel) * (channels) + (channel))
#else
#define @@_PLACE(pixels, channels, channel, pixel) ((channel) * (pixels) + (pixel))
#endif
)" + (used_.contains("conv") || used_.contains("dense") ? block_macros() : std::string{}) +
           c_functions(used_) +
           "\n/* Weights lie in blocks of 8 outputs, the last ones of 4, 2 and 1; in a block: row, "
           "column, channel, output. */\n\n" +
           constants_ + functions_ + "\n#endif /* @@_DECLARATIONS */\n";
  }

  static std::string block_macros() {
    return R"(
/* Sums that are computed together, as many as the registers hold. Where there are vectors, the loop over
   outputs becomes some of them, if it is not unrolled before; where there are none, it is unrolled. */
#if defined(__SSE2__) || defined(__ARM_NEON) || defined(__ALTIVEC__) || defined(__wasm_simd128__)
#define @@_PIXELS_AT_ONCE 4
#if defined(__GNUC__) && !defined(__clang__)
#define @@_EACH_OUTPUT _Pragma("GCC unroll 1")
#endif
#else
#define @@_PIXELS_AT_ONCE 2
#if defined(__GNUC__) && !defined(__clang__)
#define @@_EACH_OUTPUT _Pragma("GCC unroll 8")
#endif
#endif
#ifndef @@_EACH_OUTPUT
#define @@_EACH_OUTPUT
#endif
#ifdef __GNUC__
#define @@_INLINE static inline __attribute__((always_inline))
#else
#define @@_INLINE static inline
#endif
)";
  }

  // Adds a table of constants, and gives its name.
  std::string constant(const std::string& what, const std::vector<float>& values) {
    const std::string name = names_.unique(what);
    std::string line = " ";
    constants_ += fmt::format("@@_CONSTANT float @_{}[{}] = {{\n", name, values.size());
    for (const float value : values) {
      if (!std::isfinite(value))
        throw data_error(fmt::format("{} has a number that is not finite", what));
      const std::string number = " " + c_number(value) + ",";
      if (line.size() + number.size() > 110) {
        constants_ += line + "\n";
        line = " ";
      }
      line += number;
    }
    constants_ += line + "\n};\n\n";
    model_.constant_bytes += values.size() * sizeof(float);
    return "@_" + name;
  }

  std::string at(int tensor) const { return fmt::format("m + {}", memory_.offset(tensor)); }

  void line(const std::string& text) {
    functions_ += std::string(condition_ != 0 ? 4 : 2, ' ') + text + "\n";
  }

  void write_predict() {
    functions_ += model_.predict_prototype() + " {\n";
    functions_ += R"(  float *m;
#ifdef @@_STATIC_MEMORY
  static float own[@@_MEMORY_BYTES / sizeof(float)];
  if (!memory) memory = own;
#endif
  if (!picture || !memory || (uintptr_t)memory % sizeof(float) != 0) return -1;
  m = memory;

)";
    used_.insert("normalize");
    const std::string scale = constant("input_scale", n_.scale);
    const std::string shift = constant("input_shift", n_.shift);
    line(fmt::format("/* input: {} */", c_dims(n_.input)));
    line(fmt::format("@_normalize(picture, {}, {}, {}, {}, {});", n_.input.pixels(), n_.input.c,
                     scale, shift, at(0)));
    write_outputs(0);
    for (std::size_t i = 0; i < n_.layers.size(); ++i) write_layer(i);
    set_condition(0);
    functions_ += "  return 0;\n}\n";
  }

  std::uint64_t all_heads() const {
    return (std::uint64_t{1} << (model_.heads.size() - 1) << 1) - 1;
  }

  // What follows is for these heads, and left out where none of their outputs is wanted.
  void set_condition(std::uint64_t heads) {
    if (heads == all_heads()) heads = 0;
    if (heads == condition_) return;
    if (condition_ != 0) functions_ += "  }\n";
    condition_ = heads;
    if (condition_ == 0) return;
    std::string text;
    for (std::size_t h = 0; h < model_.heads.size(); ++h) {
      if ((heads >> h & 1u) != 0)
        text += (text.empty() ? "" : " || ") + model_.heads[h].name + "_out";
    }
    functions_ += "  if (" + text + ") {\n";
  }

  // Gives the heads that end in this tensor what is in it now.
  void write_outputs(int tensor) {
    for (std::size_t h = 0; h < model_.heads.size(); ++h) {
      const CHead& head = model_.heads[h];
      if (memory_.origin[static_cast<std::size_t>(head.head.tensor)] != tensor) continue;
      used_.insert("planes");
      const Shape& s = head.head.shape;
      // (Inside a condition that asks for this head alone there is nothing more to ask.)
      const bool is_alone = condition_ == std::uint64_t{1} << h;
      line(fmt::format("{0}@_planes({1}, {2}, {3}, {4}_out);",
                       is_alone ? "" : fmt::format("if ({}_out) ", head.name), at(tensor),
                       s.pixels(), s.c, head.name));
    }
  }

  void write_layer(std::size_t i) {
    const ViewedLayer& layer = n_.layers[i];
    const CStep& step = memory_.steps[i];
    if (step.way == CStep::Way::unused || step.way == CStep::Way::nothing) return;
    set_condition(step.heads);
    const int tensor = static_cast<int>(i) + 1;
    line(fmt::format("/* {}: {} */", layer.path, c_dims(layer.output)));
    if (step.way == CStep::Way::copied) {
      used_.insert("copy");
      line(fmt::format("@_copy({}, {}, {});", at(step.inputs[0]), layer.output.elements(),
                       at(tensor)));
    }
    const Layer l{layer.path, step.inputs, n_.shape(step.inputs[0]), layer.output, at(tensor)};
    std::visit([&](const auto& operation) { add(l, operation); }, layer.operation);
    write_outputs(tensor);
  }

  struct Layer {
    std::string path;
    std::vector<int> inputs;
    Shape x, y;
    std::string to;
  };

  void call(std::string_view function, const std::string& arguments) {
    used_.insert(function);
    line(fmt::format("@_{}({});", function, arguments));
  }

  std::string parameter(const Layer& l, const char* name, const std::vector<float>& values) {
    return constant(l.path + "." + name, values);
  }

  void add(const Layer& l, const op::Conv& conv) {
    const std::string weight = parameter(
        l, "weight", c_weights(conv.weight.values, l.y.c, l.x.c, conv.kernel, conv.kernel));
    const std::string bias = conv.bias.empty() ? "NULL" : parameter(l, "bias", conv.bias.values);
    model_.multiply_adds += static_cast<double>(l.y.elements()) * l.x.c * conv.kernel * conv.kernel;
    used_.insert("conv");
    line(fmt::format("@_conv((@_convolution){{{}, {}, {}, {}, {}, {}, {}}}, {}, {},", l.x.h, l.x.w,
                     l.x.c, conv.kernel, conv.stride, conv.padding, l.y.c, at(l.inputs[0]),
                     weight));
    line(fmt::format("      {}, {});", bias, l.to));
  }
  void add(const Layer& l, const op::Dense& dense) {
    const std::string weight =
        parameter(l, "weight", c_weights(dense.weight.values, l.y.c, l.x.c, l.x.h, l.x.w));
    const std::string bias = parameter(l, "bias", dense.bias.values);
    model_.multiply_adds += static_cast<double>(l.x.elements()) * l.y.c;
    call("dense", fmt::format("{}, {}, {}, {}, {}, {}", at(l.inputs[0]), l.x.elements(), weight,
                              bias, l.to, l.y.c));
  }
  template <class Pool>
  void add_window(const Layer& l, const Pool& pool, std::string_view function) {
    call(function, fmt::format("(@_window){{{}, {}, {}, {}, {}, {}}}, {}, {}", l.x.h, l.x.w, l.x.c,
                               pool.kernel, pool.stride, pool.padding, at(l.inputs[0]), l.to));
  }
  void add(const Layer& l, const op::MaxPool& pool) { add_window(l, pool, "max_pool"); }
  void add(const Layer& l, const op::AveragePool& pool) { add_window(l, pool, "average_pool"); }
  void add(const Layer& l, const op::GlobalAveragePool&) {
    call("global_average_pool",
         fmt::format("{}, {}, {}, {}, {}", at(l.inputs[0]), l.x.h, l.x.w, l.x.c, l.to));
  }
  void add_upsample(const Layer& l, int factor, std::string_view function) {
    call(function,
         fmt::format("{}, {}, {}, {}, {}, {}", at(l.inputs[0]), l.x.h, l.x.w, l.x.c, factor, l.to));
  }
  void add(const Layer& l, const op::UpsampleNearest& u) {
    add_upsample(l, u.factor, "upsample_nearest");
  }
  void add(const Layer& l, const op::UpsampleBilinear& u) {
    add_upsample(l, u.factor, "upsample_bilinear");
  }
  void add_elements(const Layer& l, std::string_view function, const std::string& more = "") {
    call(function, fmt::format("{}, {}{}", l.to, l.y.elements(), more));
  }
  void add(const Layer& l, const op::Relu&) { add_elements(l, "relu"); }
  void add(const Layer& l, const op::LeakyRelu& relu) {
    add_elements(l, "leaky_relu", ", " + c_number(relu.slope));
  }
  void add(const Layer& l, const op::Sigmoid&) { add_elements(l, "sigmoid"); }
  void add(const Layer& l, const op::Tanh&) { add_elements(l, "tanh"); }
  void add(const Layer& l, const op::BatchNorm& norm) {
    std::vector<float> factors, shifts;
    for (std::size_t c = 0; c < norm.weight.values.size(); ++c) {
      const double factor = norm.weight.values[c] /
                            std::sqrt(static_cast<double>(norm.variance.values[c]) + norm.epsilon);
      factors.push_back(static_cast<float>(factor));
      shifts.push_back(static_cast<float>(norm.bias.values[c] - norm.mean.values[c] * factor));
    }
    const std::string factor = parameter(l, "factor", factors);
    const std::string shift = parameter(l, "shift", shifts);
    call("batch_norm", fmt::format("{}, {}, {}, {}, {}", l.to, l.y.pixels(), l.y.c, factor, shift));
  }
  void add(const Layer& l, const op::GroupNorm& norm) {
    const std::string weight = parameter(l, "weight", norm.weight.values);
    const std::string bias = parameter(l, "bias", norm.bias.values);
    call("group_norm", fmt::format("{}, {}, {}, {}, {}, {}, {}, {}", l.to, l.y.h, l.y.w, l.y.c,
                                   norm.groups, c_number(norm.epsilon), weight, bias));
  }
  void add(const Layer& l, const op::Add&) { add_elements(l, "add", ", " + at(l.inputs[1])); }
  void add(const Layer& l, const op::Concat&) {
    int first = 0;
    for (const int input : l.inputs) {
      const int channels = n_.shape(input).c;
      call("join", fmt::format("{}, {}, {}, {} + {}, {}", at(input), l.y.pixels(), channels, l.to,
                               first, l.y.c));
      first += channels;
    }
  }
  void add(const Layer&, const op::Dropout&) {}
  void add(const Layer&, const op::Flatten&) {}

  void write_functions_of(const CHead& head) {
    const Shape& s = head.head.shape;
    if (head.has_names()) {
      constants_ +=
          fmt::format("const char *const @_{}_names[{}] = {{\n", head.name, head.classes());
      for (const std::string& name : head.head.class_names)
        constants_ += "  " + c_string(name) + ",\n";
      constants_ += "};\n\n";
    }
    const std::string threshold = c_number(medley::threshold(head.head.outputs));
    if (head.has_classes()) used_.insert("largest");
    if (head.is_mask()) {
      functions_ += fmt::format(
          "\n{} {{\n  for (int i = 0; i < {}; ++i) mask[i] = (unsigned char)@_largest(outputs + i, "
          "{}, {}, {});\n}}\n",
          head.mask_prototype(), s.pixels(), s.pixels(), s.c, threshold);
    } else if (head.has_classes()) {
      functions_ += fmt::format("\n{} {{ return @_largest(outputs, 1, {}, {}); }}\n",
                                head.class_prototype(), s.c, threshold);
    }
    if (!head.has_probabilities()) return;
    const std::string_view function = head.is_softmax() ? "softmax" : "sigmoid";
    used_.insert(function);
    functions_ +=
        fmt::format("\n{} {{ @_{}(outputs, {}); }}\n", head.probabilities_prototype(), function,
                    head.is_softmax() ? fmt::format("{}, {}", s.pixels(), s.c)
                                      : fmt::format("{}", s.elements()));
  }

  const NetworkView& n_;
  CModel model_;
  CMemory memory_;
  CNames names_;
  std::set<std::string_view> used_;
  std::string constants_, functions_;
  std::uint64_t condition_ = 0;  // heads that what is written is for; 0: all
};

constexpr std::array<std::string_view, 1> c_takes{"data"};

void describe_c(po::options_description& options) {
  auto add = options.add_options();
  add("c-header", po::value<std::string>()->value_name("FILE"),
      "besides, the declarations of --c as a header");
  add("c-name", po::value<std::string>()->value_name("NAME"),
      "what identifiers of --c begin with (default: the experiment's name)");
}

ExportRows write_c(ExportInput& input, const std::string& to) {
  const std::string header = input.text("c-header");
  if (header == to)
    throw usage_error(fmt::format("--c-header: {} is what --c writes; give it another name", to));
  const std::string include = std::filesystem::path(to).filename().string();
  const CSource source = c_source(input.network(), input.text("c-name"), include);
  if (!header.empty()) write_file(header, source.header);
  write_file(to, source.code);
  return {{"memory_bytes", std::to_string(source.memory_bytes)},
          {"constant_bytes", std::to_string(source.constant_bytes)},
          {"multiply_adds", fmt::format("{:.0f}", source.multiply_adds)},
          {"digest", input.network().digest}};
}

}  // namespace

CSource c_source(const NetworkView& network, const std::string& name, const std::string& file) {
  return Writer(network, file).write(c_identifier(name.empty() ? network.experiment : name));
}

ExportFormat c_format() {
  return {.option = "c",
          .argument = "FILE",
          .does =
              "write a file of C99 that computes the outputs of one picture, for programs without "
              "a system, too",
          .takes = c_takes,
          .describe = describe_c,
          .write = write_c};
}

}  // namespace medley
