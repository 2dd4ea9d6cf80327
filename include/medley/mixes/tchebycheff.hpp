// Smooth Tchebycheff scalarization: a smooth form of the largest loss, so that the worst one is
// what is worked on,
//
//   μ · log Σ_k e^(q_k f_k / μ),   w_k = q_k · f'_k · e^(q_k f_k / μ) / Σ_j e^(q_j f_j / μ)
//
// over the K losses that take part, with q_k = K p_k from their preference p, 1 where it is equal.
// With μ near 0 it is the largest q_k f_k alone; it reaches trade-offs in concave parts of a front,
// where no weighted sum ends.
//
//   map      f_k                    f'_k
//   log      log(l_k / n_k)         1 / l_k
//   values   l_k                    1
//
// n_k is the loss's mean over the last of `warm_up` epochs, in which log_sum is trained with; of a
// loss that was absent then, its first value after; without a warm-up 1. A training of no more
// epochs than the warm-up is one of log_sum. With `log` and μ = 1, the weights are in the
// proportion 1 / n: fixed.
//
// With `log`, to scale a loss changes nothing after a warm-up. Price: three numbers a loss; one
// backward pass, for which the losses' values are needed first.
//
// Source: Lin et al., "Smooth Tchebycheff Scalarization for Multi-Objective Optimization", ICML
// 2024, arXiv 2402.19078.
// PyTorch: (mu * torch.logsumexp(q * torch.log(l / n) / mu, 0)).backward()
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct Tchebycheff {
  static constexpr std::string_view type = "tchebycheff";
  static constexpr MixNeeds needs{.values = true};
  // `epoch` counts from 1 and is that of `sum` and `steps`.
  static constexpr auto state = std::to_array<MixState>({{"epoch"}, {"sum"}, {"steps"}});
  static constexpr int least_losses = 2;
  enum Scale : int { logarithm, values };
  static constexpr std::array<std::string_view, 2> scales{"log", "none"};

  double mu = 0.1;
  double warm_up = 4.0;  // epochs
  int scale = logarithm;

  static constexpr auto options = std::to_array<MixOption<Tchebycheff>>(
      {{.name = "mu", .number = &Tchebycheff::mu, .least = 1e-6, .most = 1e6},
       {.name = "warm_up", .number = &Tchebycheff::warm_up, .least = 0.0, .most = 1e6},
       {.name = "scale", .choice = &Tchebycheff::scale, .names = scales}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;

 private:
  bool warming(const MixStep& step) const { return scale == logarithm && step.epoch < warm_up; }
  double nadir(const MixStep& step, std::size_t k) const;
};

static_assert(Mix<Tchebycheff>);

}  // namespace medley
