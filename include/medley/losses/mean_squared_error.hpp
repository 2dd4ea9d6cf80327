// Squared error, mean over the head's channels:
//
//   l = (x - t)²,   dl/dx = 2 (x - t)
//
// PyTorch: torch.nn.MSELoss()
// TensorFlow: tf.keras.losses.MeanSquaredError()
#pragma once

#include <string_view>

#include "medley/losses/loss.hpp"

namespace medley {

struct MeanSquaredError {
  static constexpr std::string_view type = "mean_squared_error";
  static constexpr Compares compares = Compares::values;
  static constexpr Outputs outputs = Outputs::values;

  constexpr bool valid(int channels) const { return channels >= 1; }

  template <class F>
  constexpr void options(F&&) const {}

  template <int C>
  float evaluate(const LossBlock<C>& block) const {
    const Vec mean = Vec::broadcast(1.0f / C);
    Vec total = Vec::zero();
    for (int p = 0; p < block.positions; p += Vec::size) {
      const Vec share = block.share(p) * mean;
      for (int c = 0; c < C; ++c) {
        const Vec error = block.logit(c, p) - block.value(c, p), shared = share * error;
        total = fma(shared, error, total);
        if (block.gradient != nullptr) block.add_gradient(c, p, shared + shared);
      }
    }
    return sum(total);
  }
};

}  // namespace medley
