// Uncertainty weighting: every loss has a trained number s_k, the logarithm of the variance of its
// noise, and
//
//   w_k = a_k · h_k · e^-s_k,   s_k minimizes  h_k · e^-s_k · l_k + r(s_k)
//
//   form      r(s)            h_k
//   kendall   s / 2           1 for losses on logits of classes (cross-entropies and soft IoU), 1/2
//                             for others
//   revised   log(1 + e^s)    1/2: the objective stays above 0, and the weight of a loss that
//                             vanishes grows as (2 l)^(-1/2)
//
// where a_k is the loss's own weight. s begins with 0, has an Adam of its own at the group's
// learning rate times `rate`, without weight decay, and stays between -10 and 10. For a loss that
// stands still s_k = log(2 h_k l_k) in Kendall's form, so that the weights follow a_k / (2 l_k): a
// log-sum that lags. To scale a loss then changes nothing but how long s takes; the revised form
// has no such invariance. What it minimizes can be negative. A loss that has no label in a batch
// keeps its s and moments. IMTL-L is Kendall's form with -s in the place of s, and twice its
// weights.
//
// Price: four numbers a loss; one backward pass, as for a weighted sum.
//
// Sources: Kendall, Gal and Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses for
// Scene Geometry and Semantics", CVPR 2018, arXiv 1705.07115; Liebel and Körner, "Auxiliary Tasks
// in Multi-task Learning", 2018, arXiv 1805.06334.
// PyTorch: s = torch.nn.Parameter(torch.zeros(K)) in torch.optim.Adam beside the network's;
// (a * h * torch.exp(-s) * l + s / 2).sum().backward() where a = 1; revised: F.softplus(s)
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct Uncertainty {
  static constexpr std::string_view type = "uncertainty";
  static constexpr auto state =
      std::to_array<MixState>({{"log_variance"}, {"first_moment"}, {"second_moment"}, {"updates"}});
  enum Form : int { kendall, revised };
  static constexpr std::array<std::string_view, 2> forms{"kendall", "revised"};

  double rate = 1.0;  // learning rate of s over the group's
  int form = kendall;

  static constexpr auto options = std::to_array<MixOption<Uncertainty>>(
      {{.name = "rate", .number = &Uncertainty::rate, .least = 0.0, .most = 1000.0},
       {.name = "form", .choice = &Uncertainty::form, .names = forms}});

  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;

 private:
  double precision(const MixStep& step, std::size_t k) const;
};

static_assert(Mix<Uncertainty>);

}  // namespace medley
