// Fixed weights that a probe finds: at the start of a training, losses keep their own weights a,
// and the lengths of their gradients over the trunk are measured; afterwards
//
//   w_k = a_k · K · (1 / d_k) / Σ_j (1 / d_j),   d_k: running mean of ‖∇l_k‖, β = 0.9
//
// over the K losses that take part, and stays as it is. The probe lasts for `share` of the steps. A
// loss whose gradient it did not meet is measured in its first step later, and has its own weight
// until then.
//
// To scale a loss changes nothing after the probe. Price: in the probe, a backward pass of the
// trunk and a gradient of the trunk for each loss; then one backward pass, as for a weighted sum.
//
// Sources: balanced gradient norms go with good fixed weights: "AutoScale", 2025, arXiv 2508.13979,
// and arXiv 2509.23915, 2025.
// PyTorch: d_k = torch.autograd.grad(l_k, trunk) as one vector's .norm(); (w * l).sum().backward()
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "medley/mixes/mix.hpp"

namespace medley {

struct Probe {
  static constexpr std::string_view type = "probe";
  static constexpr MixNeeds needs{.gramian = true};
  static constexpr bool weighs_heads = true;
  static constexpr bool depends_on_length = true;
  static constexpr auto state = std::to_array<MixState>({{"length"}, {"steps"}});
  static constexpr int least_losses = 2;

  double share = 0.02;  // of all steps

  static constexpr auto options =
      std::to_array<MixOption<Probe>>({{"share", &Probe::share, 0.0, 1.0}});

  // In the probe, and where a loss was not yet measured. (The first step always is of the probe.)
  bool wants_gramian(const MixStep& step) const;
  void weights(const MixStep& step, std::span<double> out) const;
  void update(const MixStep& step) const;

 private:
  bool probing(const MixStep& step) const {
    return step.number == 0 ||
           static_cast<double>(step.number) < share * static_cast<double>(step.total);
  }
};

static_assert(Mix<Probe>);

}  // namespace medley
