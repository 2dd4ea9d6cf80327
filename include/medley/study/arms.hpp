// The arms of a comparison: ways to train the same experiment, each with the same learning rates to
// choose from, seeds and folds.
//
//   each loss alone        weights of the others 0; penalties stay
//   the plain sum          all losses times 1, joint steps
//   as written             the experiment's own weights, mix and step mode, where they are others
//   fixed weights          a front of them, with the sum of the weights kept: for two losses the ratios
//                          1/16, 1/4, 4, 16; for more each loss times 4 and times 1/4
//   random                 weights drawn anew in each step: the control
//   each mix, each step mode that is asked for
//
// Arms whose steps cost more than the plain sum's come a second time with as many steps as fit into
// its time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "medley/base/arguments.hpp"
#include "medley/experiment/description.hpp"

namespace medley::comparison {

enum class ArmKind { single, sum, written, fixed, random, mix, mode };

struct Arm {
  ArmKind kind = ArmKind::sum;
  std::string name;
  std::vector<double> weights{};  // of the losses, penalties not counted; empty: the experiment's
  std::size_t loss = 0;           // of `single`: which
  std::string mix{};              // as --mix takes it; empty: fixed weights
  std::string mode{};             // a step mode's name; empty: the experiment's
  // Fixed weights in joint steps for all losses, as the plain sum: what the others are held against.
  bool fixed_weights = false;
  double cost = 1.0;           // of a step, in steps of the plain sum
  bool at_equal_time = false;  // with fewer steps, by that cost
};

struct ArmChoice {
  std::vector<std::string> mixes;  // as --mix takes them
  std::vector<std::string> modes;  // names
};

// Indices of the terms that are losses; the others are penalties.
std::vector<std::size_t> losses_of(const Description& description);

// "first=1.6 second=0.4"
std::string weights_text(const std::vector<double>& weights,
                         const std::vector<std::string>& losses);

// In the order above. Throws usage_error where the experiment has a single loss, or does not list a
// weighted sum in joint steps.
std::vector<Arm> comparison_arms(const Description& description, const ArmChoice& choice);

// The arms that come again with fewer steps: those that cost more than `threshold` times the sum.
std::vector<Arm> equal_time_arms(const std::vector<Arm>& arms, double threshold = 1.1);

// Options of `train` that make an arm of a training, but for its rates and the number of steps.
Arguments arm_options(const Arm& arm, const Description& description);

// The mixes that are compared unless others are asked for: of those that are listed, one of each idea.
std::vector<std::string> usual_mixes(const Description& description);

}  // namespace medley::comparison
