// What reports need to know of a loss: what it takes a head's outputs for, and over what it is taken.
#pragma once

#include <cstdint>
#include <string_view>

namespace medley {

// What a loss takes a head's outputs for. It decides the predicted class of a head with one output
// (see threshold), and what `predict` tells beside the class. Of several losses on one head and
// target, the last in this order decides; none may be `values` where another is not.
enum class Outputs : std::uint8_t {
  values,   // estimates of the target itself
  margins,  // the larger, the surer: no probabilities
  sigmoid,  // each is the logit of a probability
  softmax,  // together they are the logits of a distribution over the channels
};
// The class is 1 where the only output of a head is above this.
constexpr float threshold(Outputs outputs) { return outputs == Outputs::values ? 0.5f : 0.0f; }

// Over what a term on a mask is taken:
//   batch     all pixels of the batch as if they were of one picture; PyTorch: losses of N x C x H x W
//             with reduction="mean" and ignore_index=255, or of x[known]
//   pictures  each picture's own, then the mean over the pictures with a labelled pixel; PyTorch:
//             the same loss of each picture, torch.stack(...).mean()
// In an evaluation, the split takes the place of the batch.
enum class Over : std::uint8_t { batch, pictures };
inline constexpr std::string_view to_string(Over over) {
  return over == Over::batch ? "batch" : "pictures";
}

}  // namespace medley
