// Gradient vaccine against its definition on vectors, and its means of cosines.
#include "medley/mixes/gradvac.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "medley/mixes/pcgrad.hpp"
#include "medley/mixes/surgery.hpp"
#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

// With the mix's own orders.
struct Twin {
  double beta;
  std::vector<double> goal;

  Gradient mixed(GramianStep& step, const Gradients& g, bool keep) {
    const std::size_t losses = g.size();
    const MixStep s = step.step();
    const ActiveLosses active(s);
    Gradient sum(g[0].size());
    for (std::size_t i = 0; i < losses; ++i) {
      Gradient own = g[i];
      for (const std::size_t j : RandomOrder(s, active, i)) {
        double& kept = goal[i * losses + j];
        const double phi = cosine(own, g[j]), wanted = kept;
        if (phi < wanted) {
          const double part =
              norm(own) *
              (wanted * std::sqrt(1 - phi * phi) - phi * std::sqrt(1 - wanted * wanted)) /
              (norm(g[j]) * std::sqrt(1 - wanted * wanted));
          for (std::size_t e = 0; e < own.size(); ++e) own[e] += part * g[j][e];
          EXPECT_NEAR(cosine(own, g[j]), wanted, 1e-12);
        }
        if (keep) kept = (1 - beta) * kept + beta * phi;
      }
      for (std::size_t e = 0; e < own.size(); ++e) sum[e] += s.own[i] * own[e];
    }
    return sum;
  }
};

TEST(GradVac, FollowsItsDefinition) {
  RandomNumbers random(1);
  const GradVac mix{.beta = 0.3};
  Twin twin{0.3, std::vector<double>(16)};
  GramianStep step(random_gradients(random, 4, 7));
  step.own = {1.0, 0.5, 2.0, 0.5};  // with sum four
  for (int t = 0; t < 20; ++t) {
    const Gradients g = random_gradients(random, 4, 7, 0.5);
    step.products = products_of(g);
    const Gradient found = combined(g, step.weights(mix)), wanted = twin.mixed(step, g, false);
    for (std::size_t e = 0; e < 7; ++e) EXPECT_NEAR(found[e], wanted[e], 1e-9 * norm(wanted));
    twin.mixed(step, g, true);
    step.update(mix);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_NEAR(step.kept[0][i], twin.goal[i], 1e-12);
  }
}

TEST(GradVac, BeginsAsGradientSurgery) {
  RandomNumbers random(2);
  for (int i = 0; i < 20; ++i) {
    const Gradients g = random_gradients(random, 4, 3, 0.5);
    GramianStep step(g), surgery(g);
    step.number = surgery.number = static_cast<std::uint64_t>(i);
    const std::vector<double> w = step.weights(GradVac{}), v = surgery.weights(PcGrad{});
    for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(w[k], v[k], 1e-9 * (1.0 + std::fabs(v[k])));
  }
}

TEST(GradVac, CosinesThatAreKeptEndBeforeOne) {
  GramianStep step({{1.0, 0.5}, {2.0, 1.0}});
  for (int i = 0; i < 20; ++i) {
    step.weights(GradVac{});
    step.update(GradVac{});
  }
  EXPECT_EQ(step.kept[0], (std::vector{0.0, 0.99, 0.99, 0.0}));
  EXPECT_TRUE(step.has(MixFlag::clamped));
  // From there on, gradients across are drawn near.
  const Gradients across{{1.0, 0.0}, {0.0, 1.0}};
  step.products = products_of(across);
  for (const double w : step.weights(GradVac{}))
    EXPECT_NEAR(w, 1.0 + 0.99 / std::sqrt(1 - 0.9801), 1e-9);
}

TEST(GradVac, OptionsHaveBounds) {
  EXPECT_TRUE(has_valid_options(GradVac{.beta = 0.0}) && has_valid_options(GradVac{.beta = 1.0}));
  EXPECT_FALSE(has_valid_options(GradVac{.beta = -0.1}) || has_valid_options(GradVac{.beta = 1.1}));
}

}  // namespace
}  // namespace medley::testing
