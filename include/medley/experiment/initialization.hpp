// What an experiment's parameters begin with, and the drawing of them.
//
// An experiment may say
//
//   static constexpr Initialization initialization = Initialization::pytorch();
//   static constexpr Initialization initialization{.hidden = Initial::he_uniform,
//                                                  .output = Initial::he_uniform.scaled(0.1)};
//
// and a layer may say it for itself: layers/initialized.hpp.
#pragma once

#include <array>
#include <cstdint>

#include "medley/base/exact_math.hpp"
#include "medley/base/parameter.hpp"
#include "medley/base/random.hpp"

namespace medley {

// For layers that do not say it themselves. An output layer is one between which and the outputs of
// heads there are no further parameters. Of what was compared (include/medley/README.md) this
// default does well on all: larger outputs begin far above guessing and cost accuracy, much smaller
// ones cost time.
struct Initialization {
  Initial hidden = Initial::glorot_uniform;
  Initial output = Initial::glorot_uniform.scaled(0.5);
  Initial bias = Initial::zero;

  // All weights alike; all(Initial::glorot_uniform) is how Keras begins.
  static constexpr Initialization all(Initial weight, Initial bias = Initial::zero) {
    return {weight, weight, bias};
  }
  // As torch.nn.Conv2d and torch.nn.Linear begin.
  static constexpr Initialization pytorch() { return all(Initial::pytorch, Initial::pytorch); }

  // Zeros stay where the layers behind them are zero too.
  constexpr bool valid_hidden() const { return hidden.valid() && hidden.drawn(); }
  constexpr bool valid_output() const {
    return output.valid() && (output.drawn() || output == Initial::zero);
  }
  constexpr bool valid_bias() const {
    return bias.valid() && (bias == Initial::zero || bias.scheme == Initial::Scheme::pytorch);
  }
};

// The experiment's, or the default.
template <class Experiment>
constexpr Initialization initialization_of() {
  if constexpr (requires { Experiment::initialization; }) {
    return Experiment::initialization;
  } else {
    return {};
  }
}

// Which nodes of a network are output layers.
template <class Net>
constexpr std::array<bool, Net::node_count> output_layers() {
  // Whether all that reads a tensor leads to the outputs of heads, without parameters.
  std::array<bool, Net::tensor_count> ends{};
  ends.fill(true);
  std::array<bool, Net::node_count> output{};
  Net::Nodes::each_backward([&](auto i) {
    constexpr int node = decltype(i)::value;
    output[node] = ends[node + 1];
    const bool passes = ends[node + 1] && Net::Nodes::template parameter_count<node> == 0;
    for (const int t : Net::template NodeAt<node>::inputs) ends[t] = ends[t] && passes;
  });
  return output;
}

// What every parameter of the network begins with, none of them Initial::automatic.
template <class Net>
constexpr std::array<Initial, Net::parameter_count> initials(const Initialization& chosen) {
  constexpr std::array<bool, Net::node_count> output = output_layers<Net>();
  std::array<Initial, Net::parameter_count> list{};
  for (int k = 0; k < Net::parameter_count; ++k) {
    const Parameter& spec = Net::parameters[k].spec;
    list[k] = spec.initial;
    if (spec.initial.scheme != Initial::Scheme::automatic) continue;
    list[k] = !spec.decays                      ? chosen.bias
              : output[Net::parameters[k].node] ? chosen.output
                                                : chosen.hidden;
    list[k].scale *= spec.initial.scale;
  }
  return list;
}

// --- drawing -------------------------------------------------------------------------------------

// Draws one parameter. A number depends on the stream, which belongs to seed and parameter, and on
// its element's place in files alone; in orthogonal weights, on the numbers before it too.
class InitialNumbers {
 public:
  InitialNumbers(const Parameter& spec, const Initial& initial, const RandomStream& stream)
      : spec_(spec),
        initial_(initial),
        stream_(stream),
        deviation_(square_root(initial.variance(spec.fan_in, spec.fan_out))),
        bound_(square_root(3.0 * initial.variance(spec.fan_in, spec.fan_out))) {}

  // `memory` has spec.floats; where no element lies they stay as they are.
  void write(float* memory) {
    if (initial_.scheme == Initial::Scheme::orthogonal) {
      write_orthogonal(memory);
    } else {
      each([&](std::uint32_t element, std::ptrdiff_t at) {
        memory[at] = static_cast<float>(initial_.scale * number(element));
      });
    }
  }

 private:
  // Calls f(place in files, place in memory) for all elements.
  template <class F>
  void each(F&& f) const {
    std::uint32_t element = 0;
    for (int o = 0; o < spec_.extent[0]; ++o) {
      const std::ptrdiff_t row = row_at(o);
      each_column([&](std::ptrdiff_t column) { f(element++, row + column); });
    }
  }
  // An element lies at the sum of what its output and what its input and tap say.
  std::ptrdiff_t row_at(int o) const { return spec_.packing.index(o, 0, 0, 0); }
  template <class F>
  void each_column(F&& f) const {
    for (int i = 0; i < spec_.extent[1]; ++i) {
      for (int y = 0; y < spec_.extent[2]; ++y) {
        for (int x = 0; x < spec_.extent[3]; ++x) f(spec_.packing.index(0, i, y, x));
      }
    }
  }

  // Before the scale.
  double number(std::uint32_t element) {
    switch (initial_.scheme) {
      case Initial::Scheme::automatic:
      case Initial::Scheme::zero:
        return 0.0;
      case Initial::Scheme::one:
        return 1.0;
      case Initial::Scheme::prior:
        return spec_.prior[element];
      default:
        return initial_.normal() ? deviation_ * normal(element) : bound_ * symmetric(element);
    }
  }
  double symmetric(std::uint32_t element) {
    return 2.0 * static_cast<double>(unit_float(word(element))) - 1.0;
  }
  double normal(std::uint32_t element) { return normal_quantile((word(element) + 0.5) * 0x1p-32); }

  std::uint32_t word(std::uint32_t element) {
    if (element % 4 == 0) drawn_ = stream_.draw(element / 4);  // elements come in order
    return drawn_[element % 4];
  }

  // Rows of the weight, seen as a matrix of outputs x fan_in, or its columns where there are fewer
  // of them, begin as normal numbers; each is made orthogonal to those before it (Gram and Schmidt;
  // twice, as once leaves what rounding left of short remainders) and of length 1. They stay in
  // their place, so that no further memory is needed; sums are in double precision.
  void write_orthogonal(float* memory) {
    each([&](std::uint32_t element, std::ptrdiff_t at) {
      memory[at] = static_cast<float>(normal(element));
    });
    const int outputs = spec_.extent[0];
    if (outputs <= spec_.elements() / outputs) {
      const auto along = [&](auto&& f) { each_column(f); };
      for (int o = 0; o < outputs; ++o) {
        orthogonalize(memory + row_at(o), along, [&](auto&& f) {
          for (int other = 0; other < o; ++other) f(memory + row_at(other));
        });
      }
    } else {
      const auto along = [&](auto&& f) {
        for (int o = 0; o < outputs; ++o) f(row_at(o));
      };
      each_column([&](std::ptrdiff_t column) {
        orthogonalize(memory + column, along, [&](auto&& f) {
          bool before = true;
          each_column([&](std::ptrdiff_t other) {
            before = before && other != column;
            if (before) f(memory + other);
          });
        });
      });
    }
    each([&](std::uint32_t, std::ptrdiff_t at) {
      memory[at] = static_cast<float>(initial_.scale * static_cast<double>(memory[at]));
    });
  }

  // Takes from a vector its parts along the earlier ones, which have length 1, and makes its length
  // 1 too. along(f) calls f(offset) for the elements of a vector.
  template <class Along, class Earlier>
  static void orthogonalize(float* vector, const Along& along, const Earlier& each_earlier) {
    const auto product = [&](const float* a, const float* b) {
      double sum = 0.0;
      along(
          [&](std::ptrdiff_t i) { sum += static_cast<double>(a[i]) * static_cast<double>(b[i]); });
      return sum;
    };
    for (int pass = 0; pass < 2; ++pass) {
      each_earlier([&](const float* other) {
        const double part = product(vector, other);
        along([&](std::ptrdiff_t i) {
          vector[i] = static_cast<float>(static_cast<double>(vector[i]) -
                                         part * static_cast<double>(other[i]));
        });
      });
    }
    const double inverse = 1.0 / square_root(product(vector, vector));
    along([&](std::ptrdiff_t i) {
      vector[i] = static_cast<float>(static_cast<double>(vector[i]) * inverse);
    });
  }

  const Parameter& spec_;
  const Initial& initial_;
  const RandomStream& stream_;
  double deviation_, bound_;
  std::array<std::uint32_t, 4> drawn_{};
};

}  // namespace medley
