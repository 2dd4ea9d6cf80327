// What a parameter's numbers are before the first step.
//
//   Initial            deviation σ of a weight          PyTorch, torch.nn.init
//   lecun_uniform      sqrt(1 / fan_in)                 kaiming_uniform_(nonlinearity='linear')
//   lecun_normal       the same                         kaiming_normal_(nonlinearity='linear')
//   glorot_uniform     sqrt(2 / (fan_in + fan_out))     xavier_uniform_
//   glorot_normal      the same                         xavier_normal_
//   he_uniform         sqrt(2 / fan_in)                 kaiming_uniform_(nonlinearity='relu')
//   he_normal          the same                         kaiming_normal_(nonlinearity='relu')
//   pytorch            sqrt(1 / (3 fan_in)), uniform    kaiming_uniform_(a=sqrt(5)), what Conv2d and
//                                                       Linear begin with, biases too
//   orthogonal         rows or columns of length 1, at  orthogonal_
//                      right angles to each other
//   zero, one                                           zeros_, ones_
//
// Uniform numbers lie in ±sqrt(3) σ. Normal ones are not truncated, as in PyTorch (TensorFlow's
// initializers cut at 2 σ); the farthest that is drawn is 6.34 σ. fan_in is the number of products
// in an output, input channels times taps; fan_out is output channels times taps. A bias has those
// of its weight. `scaled(x)` multiplies all by x: PyTorch's `gain`.
//
// Sources: LeCun et al., "Efficient BackProp", 1998; Glorot and Bengio, "Understanding the
// difficulty of training deep feedforward neural networks", AISTATS 2010; He et al., "Delving Deep
// into Rectifiers", ICCV 2015; Saxe et al., "Exact solutions to the nonlinear dynamics of learning
// in deep linear neural networks", ICLR 2014.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "medley/base/exact_math.hpp"

namespace medley {

struct Initial {
  enum class Scheme : std::uint8_t {
    automatic,  // what the experiment says: see Initialization
    zero,
    one,
    lecun_uniform,
    lecun_normal,
    glorot_uniform,
    glorot_normal,
    he_uniform,
    he_normal,
    pytorch,
    orthogonal,
    prior,  // numbers that a Prior gives
  };

  Scheme scheme = Scheme::automatic;
  double scale = 1.0;

  static const Initial automatic, zero, one, lecun_uniform, lecun_normal, glorot_uniform,
      glorot_normal, he_uniform, he_normal, pytorch, orthogonal, prior;

  constexpr Initial scaled(double factor) const { return {scheme, scale * factor}; }

  constexpr bool valid() const {
    return scale > 0.0 && scale <= std::numeric_limits<double>::max();
  }
  constexpr bool drawn() const { return scheme >= Scheme::lecun_uniform && scheme < Scheme::prior; }
  constexpr bool normal() const {
    return scheme == Scheme::lecun_normal || scheme == Scheme::glorot_normal ||
           scheme == Scheme::he_normal;
  }
  constexpr std::string_view name() const {
    constexpr std::array<std::string_view, 12> names{
        "automatic",    "zero",           "one",           "lecun_uniform",
        "lecun_normal", "glorot_uniform", "glorot_normal", "he_uniform",
        "he_normal",    "pytorch",        "orthogonal",    "prior"};
    return names[static_cast<std::size_t>(scheme)];
  }
  // σ² of uniform and normal numbers before `scale`.
  constexpr double variance(int fan_in, int fan_out) const {
    switch (scheme) {
      case Scheme::lecun_uniform:
      case Scheme::lecun_normal:
        return 1.0 / fan_in;
      case Scheme::glorot_uniform:
      case Scheme::glorot_normal:
        return 2.0 / (static_cast<double>(fan_in) + fan_out);
      case Scheme::he_uniform:
      case Scheme::he_normal:
        return 2.0 / fan_in;
      case Scheme::pytorch:
        return 1.0 / (3.0 * fan_in);
      default:
        return 0.0;
    }
  }

  friend constexpr bool operator==(const Initial&, const Initial&) = default;
};

inline constexpr Initial Initial::automatic{Scheme::automatic};
inline constexpr Initial Initial::zero{Scheme::zero};
inline constexpr Initial Initial::one{Scheme::one};
inline constexpr Initial Initial::lecun_uniform{Scheme::lecun_uniform};
inline constexpr Initial Initial::lecun_normal{Scheme::lecun_normal};
inline constexpr Initial Initial::glorot_uniform{Scheme::glorot_uniform};
inline constexpr Initial Initial::glorot_normal{Scheme::glorot_normal};
inline constexpr Initial Initial::he_uniform{Scheme::he_uniform};
inline constexpr Initial Initial::he_normal{Scheme::he_normal};
inline constexpr Initial Initial::pytorch{Scheme::pytorch};
inline constexpr Initial Initial::orthogonal{Scheme::orthogonal};
inline constexpr Initial Initial::prior{Scheme::prior};

// Biases, one an output, with which the first predictions are what is known of the targets before
// any picture was seen.
template <std::size_t Size>
struct Prior {
  std::array<double, Size> bias{};
  bool valid = true;
};

namespace prior {

// Of a softmax: how frequent each class is, or how often it occurs; b_c = log(f_c / Σ f).
template <class... Numbers>
constexpr Prior<sizeof...(Numbers)> frequencies(Numbers... number) {
  Prior<sizeof...(Numbers)> p{{static_cast<double>(number)...}};
  double sum = 0.0;
  for (const double f : p.bias) {
    p.valid = p.valid && f > 0.0 && is_finite(f);
    sum += f;
  }
  if (!p.valid || !is_finite(sum)) return {{}, false};
  for (double& f : p.bias) f = natural_log(f / sum);
  return p;
}

// Of sigmoids: the probability of each output's answer; b = log(p / (1 - p)).
template <class... Numbers>
constexpr Prior<sizeof...(Numbers)> probabilities(Numbers... number) {
  Prior<sizeof...(Numbers)> p{{static_cast<double>(number)...}};
  for (double& x : p.bias) {
    if (!(x > 0.0 && x < 1.0)) return {{}, false};
    x = natural_log(x) - natural_log(1.0 - x);
  }
  return p;
}
constexpr Prior<1> probability(double p) { return probabilities(p); }

// Of outputs that are values themselves: b = value.
template <class... Numbers>
constexpr Prior<sizeof...(Numbers)> values(Numbers... number) {
  Prior<sizeof...(Numbers)> p{{static_cast<double>(number)...}};
  for (const double x : p.bias) p.valid = p.valid && is_finite(x);
  return p;
}

}  // namespace prior

}  // namespace medley
