// Optimizers as the training step walks them, over a problem that PyTorch's have been run on
// (tests/golden/optimizers.py), and what every optimizer must hold.
#pragma once

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "medley/optimizers/optimizer.hpp"

namespace medley::testing {

inline std::vector<float> all_of(float x) { return std::vector<float>(16, x); }

// Parameters and moments as the training step keeps them: padded to 16.
template <class O>
class Walker {
 public:
  Walker(const O& optimizer, std::vector<float> theta)
      : optimizer_(optimizer), theta_(std::move(theta)) {
    for (auto& moment : moments_) moment.assign(theta_.size(), 0.0f);
  }

  // One update; all parameters or none decay.
  void step(const std::vector<float>& gradient, bool decays) {
    const auto constants = optimizer_.at(++steps_, optimizer_.learning_rate);
    for (std::size_t i = 0; i < theta_.size(); i += 16) {
      std::array<Vec, O::moments.size()> state;
      for (std::size_t m = 0; m < state.size(); ++m) state[m] = Vec::load(&moments_[m][i]);
      const Vec theta = Vec::load(&theta_[i]);
      (theta + O::change(constants, theta, Vec::load(&gradient[i]), state, decays))
          .store(&theta_[i]);
      for (std::size_t m = 0; m < state.size(); ++m) state[m].store(&moments_[m][i]);
    }
  }
  // Zeros the moments that the optimizer does not keep with its numbers.
  void forget_moments() {
    for (std::size_t m = optimizer_.kept_moments(); m < moments_.size(); ++m) {
      std::fill(moments_[m].begin(), moments_[m].end(), 0.0f);
    }
  }
  const std::vector<float>& theta() const { return theta_; }
  const std::vector<float>& moment(int m) const { return moments_[static_cast<std::size_t>(m)]; }

 private:
  O optimizer_;
  std::uint64_t steps_ = 0;
  std::vector<float> theta_;
  std::array<std::vector<float>, O::moments.size()> moments_;
};

// --- PyTorch -------------------------------------------------------------------------------------

// A file that a script beside it wrote.
inline nlohmann::json golden(const std::string& name) {
  std::ifstream file("tests/golden/" + name);
  EXPECT_TRUE(file) << "tests run from the project's folder, where tests/golden/" << name << " is";
  return nlohmann::json::parse(file);
}

// Parameters [first, last) of the problem in optimizers.json, padded with parameters that stay at 0.
struct Problem {
  std::vector<float> start, goal, stiffness, push;

  Problem(const nlohmann::json& all, std::size_t first, std::size_t last)
      : start(part(all["start"], first, last)),
        goal(part(all["goal"], first, last)),
        stiffness(part(all["stiffness"], first, last)),
        push(part(all["push"], first, last)) {}

  std::vector<float> gradient(const std::vector<float>& theta, int step) const {
    std::vector<float> g(theta.size());
    for (std::size_t i = 0; i < g.size(); ++i) {
      g[i] = stiffness[i] * (theta[i] - goal[i]) + push[i] * static_cast<float>(step % 5 - 2);
    }
    return g;
  }

 private:
  static std::vector<float> part(const nlohmann::json& list, std::size_t first, std::size_t last) {
    const auto all = list.get<std::vector<float>>();
    std::vector<float> some(all.begin() + static_cast<std::ptrdiff_t>(first),
                            all.begin() + static_cast<std::ptrdiff_t>(last));
    some.resize((some.size() + 15) / 16 * 16, 0.0f);
    return some;
  }
};

template <class O>
void expect_part(const O& optimizer, const nlohmann::json& all, const nlohmann::json& expected,
                 std::size_t first, std::size_t last, bool decays) {
  const Problem problem(all, first, last);
  Walker<O> walker(optimizer, problem.start);
  std::size_t compared = 0;
  for (int step = 1; step <= 50; ++step) {
    walker.step(problem.gradient(walker.theta(), step), decays);
    const auto shown = expected.find(std::to_string(step));
    if (shown == expected.end()) continue;
    ++compared;
    for (std::size_t i = first; i < last; ++i) {
      const double theta = (*shown)[i];
      EXPECT_NEAR(walker.theta()[i - first], theta, 1e-5 * std::max(0.1, std::fabs(theta)))
          << "parameter " << i << " after step " << step;
    }
  }
  EXPECT_EQ(compared, 4u);
}

template <class O>
void expect_trajectory(const O& optimizer, const nlohmann::json& all, const nlohmann::json& test) {
  EXPECT_TRUE(optimizer.valid());
  const std::size_t decaying = all["decaying"], count = all["start"].size();
  expect_part(optimizer, all, test["parameters"], 0, decaying, true);
  expect_part(optimizer, all, test["parameters"], decaying, count, false);
}

// --- what holds for every optimizer --------------------------------------------------------------

template <class O>
void expect_nan_shows(const O& optimizer) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Walker walker(optimizer, all_of(1.0f));
  walker.step(all_of(nan), true);
  EXPECT_TRUE(std::isnan(walker.theta()[0])) << O::type;
}

// Digest of the bits of fifty steps, which are the same everywhere.
template <class... O>
std::uint64_t digest_of(const O&... optimizers) {
  const Problem problem(golden("optimizers.json"), 0, 20);
  std::vector<float> walked;
  const auto add = [&](const auto& optimizer) {
    Walker walker(optimizer, problem.start);
    for (int step = 1; step <= 50; ++step) {
      walker.step(problem.gradient(walker.theta(), step), true);
      walked.insert(walked.end(), walker.theta().begin(), walker.theta().end());
    }
  };
  (add(optimizers), ...);
  return XXH3_64bits(walked.data(), walked.size() * sizeof(float));
}

}  // namespace medley::testing
