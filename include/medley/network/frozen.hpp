// Parameters of a network that stay as they are, and what backward then leaves out: the counterpart
// at run time of Network::wants_gradient.
//
// A layer whose running statistics are frozen neither moves them nor takes its shard's: it
// normalizes with them, in training too, as Keras does under `trainable = False` and PyTorch after
// eval(). Else what is trained behind it would see other values than an evaluation does.
#pragma once

#include <array>
#include <cstddef>

namespace medley {

template <class Net>
struct Frozen {
  std::array<bool, static_cast<std::size_t>(Net::parameter_count)> parameter{};
  // What follows from it, by resolve(). Whether the gradient of tensor t is needed: something before
  // it learns; and whether node i has frozen statistics.
  std::array<bool, static_cast<std::size_t>(Net::tensor_count)> wants = Net::wants_gradient;
  std::array<bool, static_cast<std::size_t>(Net::node_count)> statistics{};

  // A layer's statistics are frozen together.
  void resolve() {
    Net::Nodes::each([&](auto i) {
      constexpr int first = Net::first_parameter[i], last = Net::first_parameter[i + 1];
      bool learns = false;
      statistics[i] = false;
      for (int k = first; k < last; ++k) {
        if (Net::parameters[k].spec.trainable) {
          learns |= !parameter[k];
        } else {
          statistics[i] |= parameter[k];
        }
      }
      for (int k = first; k < last; ++k) {
        if (!Net::parameters[k].spec.trainable) parameter[k] = statistics[i];
      }
      wants[i + 1] = learns;
      for (const int t : Net::template NodeAt<i>::inputs) wants[i + 1] |= wants[t];
    });
  }

  // Whether the trunk could learn and nothing of it does.
  bool trunk() const { return Net::wants_gradient[Net::trunk_output] && !wants[Net::trunk_output]; }
};

}  // namespace medley
