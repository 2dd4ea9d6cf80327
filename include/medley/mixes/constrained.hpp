// Losses held below limits by multipliers:
//
//   minimize Σ_k a_k l_k over the losses without a limit, where l_j <= ε_j for those with one
//
//   w_k = a_k                                    without a limit
//   w_j = a_j · max(0, λ_j + c e_j) / ε_j        with one
//   λ_j ← max(0, λ_j + η e_j) after the step,    e_j = L_j / ε_j - 1
//
// with the losses' own weights a and L_j a running mean of l_j (β = 0.9, from its first value on).
// λ begins with 0 and ascends plainly: an adaptive rate would move it as fast for a small violation
// as for a large one. The damping c keeps l_j from swinging about its limit. A λ that reaches 1000
// stays there and says that its limit cannot be had. A limit that is a little above what the loss
// reaches when it is trained alone, such as 1.1 times that, is one that can.
//
// The limit of a loss is an option of its own, limit.<loss>. It has the unit of its loss, which no
// other rule asks for: to scale both changes nothing. Price: three numbers a loss; one
// backward pass.
//
// Source: Platt and Barr, "Constrained Differential Optimization", NIPS 1987.
// PyTorch: (a * l)[free].sum() + (torch.relu(lam + c * e) / eps * l)[held].sum(), e detached;
// lam = torch.relu(lam + eta * e)
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct Constrained {
  static constexpr std::string_view type = "constrained";
  static constexpr auto state = std::to_array<MixState>({{"multiplier"}, {"average"}, {"steps"}});
  static constexpr double no_limit = std::numeric_limits<double>::infinity();
  static constexpr double largest_multiplier = 1e3;

  double rate = 0.01;    // η
  double damping = 1.0;  // c
  std::array<double, most_losses> limit = unlimited();

  static constexpr auto options = std::to_array<MixOption<Constrained>>(
      {{"rate", &Constrained::rate, 0.0, 1e3}, {"damping", &Constrained::damping, 0.0, 1e3}});
  static constexpr auto loss_options = std::to_array<MixLossOption<Constrained>>(
      {{"limit", &Constrained::limit, 1e-12, 1e30, no_limit}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;

 private:
  static constexpr std::array<double, most_losses> unlimited() {
    std::array<double, most_losses> limits{};
    limits.fill(no_limit);
    return limits;
  }
  double excess(const MixStep& step, std::size_t k) const;
};

static_assert(Mix<Constrained>);

}  // namespace medley
