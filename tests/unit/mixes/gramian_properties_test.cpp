// What Gramian mixes promise, each tried with every mix that promises it: permutations, conflicts,
// scales, equal and degenerate gradients, absent losses, and the same bits again.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "medley/mixes/all.hpp"
#include "tests/gramian_harness.hpp"

namespace medley::testing {
namespace {

using Weights = std::vector<double>;

// What a mix is known to hold.
enum Promise : unsigned {
  no_conflict = 1,          // no loss rises along g
  no_conflict_full = 2,     // the same, where gradients are independent
  no_conflict_of_two = 4,   // the same, of two losses
  scale_free = 8,           // the direction does not change where losses are scaled
  ordered = 16,             // weights hang on the order of losses through random orders alone
  first_is_main = 32,       // the first loss is not one like the others
  preference_if_none = 64,  // w = p without conflicts
  sum_if_none = 128,        // w = K p without conflicts
  convex = 256,             // the shortest convex combination
  linear = 512,             // g is linear where losses are scaled
};

struct Subject {
  std::string name;
  unsigned promises;
  std::function<Weights(GramianStep&)> weights;
  std::function<void(GramianStep&)> update;
};

template <class M>
Subject subject(std::string name, unsigned promises, const M& mix) {
  return {std::move(name), promises, [mix](GramianStep& s) { return s.weights(mix); },
          [mix](GramianStep& s) { s.update(mix); }};
}

const std::vector<Subject>& subjects() {
  static const std::vector<Subject> all{
      subject("mgda", no_conflict | convex, Mgda{}),
      subject("mgda:l2", no_conflict | scale_free, Mgda{.normalize = 1}),
      subject("mgda:loss", no_conflict, Mgda{.normalize = 2}),
      subject("mgda:loss+", no_conflict, Mgda{.normalize = 3}),
      subject("sdmgrad", 0, SdmGrad{}),
      subject("equal_angles", no_conflict_full | scale_free, EqualAngles{}),
      subject("equal_angles:imtl", scale_free, EqualAngles{.form = 1}),
      subject("nash", no_conflict_full | scale_free, Nash{}),
      subject("fairgrad:2", no_conflict_full, FairGrad{.alpha = 2.0}),
      subject("fairgrad:0.5", no_conflict_full, FairGrad{.alpha = 0.5}),
      subject("cagrad", 0, CaGrad{}),
      subject("cagrad:c=1.2", no_conflict, CaGrad{.c = 1.2}),
      subject("upgrad", no_conflict | preference_if_none | linear, UpGrad{}),
      subject("dual_projection", no_conflict | preference_if_none, DualProjection{}),
      subject("pcd", first_is_main, Pcd{}),
      subject("pcgrad", no_conflict_of_two | ordered | sum_if_none, PcGrad{}),
      subject("gradvac", ordered, GradVac{}),
      subject("aligned_mtl", 0, AlignedMtl{}),
      subject("aligned_mtl:median", 0, AlignedMtl{.scale = 1}),
      subject("aligned_mtl:mean", 0, AlignedMtl{.scale = 2}),
      subject("db_mtl", scale_free, DbMtl{}),
  };
  return all;
}

// f(subject) for those that promise something of what is asked.
void for_each(unsigned promises, const std::function<void(const Subject&)>& f) {
  int count = 0;
  for (const Subject& s : subjects()) {
    if (promises != 0 && (s.promises & promises) == 0) continue;
    SCOPED_TRACE(s.name);
    f(s);
    ++count;
  }
  EXPECT_GT(count, 0);
}

bool has_given_up(const GramianStep& step) {
  return step.has(MixFlag::no_descent) || step.has(MixFlag::no_solution);
}

// What is listed for all experiments is tried here: a rule that weighs by the Gramian has its line in
// subjects().
TEST(GramianMixes, AreAllTried) {
  const auto is_tried = [](std::string_view type) {
    return std::any_of(subjects().begin(), subjects().end(), [&](const Subject& s) {
      return std::string_view(s.name).substr(0, s.name.find(':')) == type;
    });
  };
  const auto expect = [&]<class M>(const M&) {
    const bool is_gramian = mix_needs<M>().gramian && !weighs_heads<M>();
    EXPECT_TRUE(!is_gramian || is_tried(M::type)) << M::type;
  };
  std::apply([&](const auto&... mix) { (expect(mix), ...); }, every_mix.parts);
}

// --- P1 -----------------------------------------------------------------------------------------

TEST(GramianMixes, DoNotKnowTheOrderOfLosses) {
  for_each(0, [](const Subject& s) {
    RandomNumbers random(1);
    for (int i = 0; i < 20; ++i) {
      const std::size_t losses = (s.promises & ordered) != 0 ? 2 : 2 + random.below(5);
      const Gradients g = random_gradients(random, losses, 8, 0.5);
      GramianStep plain(g);
      std::vector<std::size_t> order(losses);
      std::iota(order.begin(), order.end(), std::size_t{0});
      for (std::size_t k = (s.promises & first_is_main) != 0 ? 1 : 0; k < losses; ++k) {
        std::swap(order[k], order[k + random.below(losses - k)]);
      }
      Gradients permuted;
      for (const std::size_t k : order) permuted.push_back(g[k]);
      GramianStep other(permuted);
      for (std::size_t k = 0; k < losses; ++k) {
        plain.own[k] = random.uniform(0.5, 2.0);
        plain.values[k] = random.uniform(0.5, 2.0);
      }
      for (std::size_t k = 0; k < losses; ++k) {
        other.own[k] = plain.own[order[k]];
        other.values[k] = plain.values[order[k]];
      }
      const Weights w = s.weights(plain), v = s.weights(other);
      for (std::size_t k = 0; k < losses; ++k) {
        EXPECT_NEAR(v[k], w[order[k]], 2e-6 * (1.0 + std::fabs(v[k])));
      }
    }
  });
}

// --- P2 -----------------------------------------------------------------------------------------

TEST(GramianMixes, NoLossRises) {
  for_each(no_conflict, [](const Subject& s) {
    RandomNumbers random(2);
    for (int i = 0; i < 60; ++i) {
      const std::size_t losses = 2 + random.below(15), width = 1 + random.below(24);
      const Gradients g = i % 2 == 0 ? random_gradients(random, losses, width, 1.0)
                                     : degenerate_gradients(random, losses, width);
      GramianStep step(g);
      const Gradient d = combined(g, s.weights(step));
      EXPECT_GE(worst_gain(g, d), -1e-4 * std::max(mean_norm(g), norm(d)));
      EXPECT_FALSE(step.has(MixFlag::no_solution));
    }
  });
}

TEST(GramianMixes, NoLossRisesWhereGradientsAreIndependent) {
  for_each(no_conflict | no_conflict_full, [](const Subject& s) {
    RandomNumbers random(3);
    for (int i = 0; i < 40; ++i) {
      const std::size_t losses = 2 + random.below(6);
      const Gradients g = random_gradients(random, losses, 24, 1.0);
      GramianStep step(g);
      const Weights w = s.weights(step);
      if (step.has(MixFlag::no_descent)) continue;
      EXPECT_FALSE(has_given_up(step));
      const Gradient d = combined(g, w);
      EXPECT_GE(worst_gain(g, d), -1e-7 * norm(d));
    }
  });
}

TEST(GramianMixes, NoLossOfTwoRises) {
  for_each(no_conflict | no_conflict_full | no_conflict_of_two, [](const Subject& s) {
    RandomNumbers random(4);
    for (int i = 0; i < 40; ++i) {
      const Gradients g = random_gradients(random, 2, 3, 1.0);
      GramianStep step(g);
      const Gradient d = combined(g, s.weights(step));
      EXPECT_GE(worst_gain(g, d), -1e-7 * norm(d));
    }
  });
}

// --- P3, P4, P6 -----------------------------------------------------------------------------------

TEST(GramianMixes, DirectionDoesNotKnowTheUnitsOfLosses) {
  for_each(scale_free, [](const Subject& s) {
    RandomNumbers random(5);
    for (int i = 0; i < 30; ++i) {
      const std::size_t losses = 2 + random.below(4);
      const Gradients g = random_gradients(random, losses, 12);
      const Gradients other = times(g, random_scales(random, losses, 3.0));
      GramianStep plain(g), step(other);
      const Gradient one = combined(g, s.weights(plain)), two = combined(other, s.weights(step));
      // Whether IMTL's length would turn it around hangs on units.
      if (has_given_up(plain) || has_given_up(step)) continue;
      EXPECT_NEAR(cosine(one, two), 1.0, 1e-9);
    }
  });
}

TEST(GramianMixes, DirectionDoesNotKnowTheUnitOfAll) {
  for_each(0, [](const Subject& s) {
    RandomNumbers random(6);
    for (const double unit : {1e-6, 1e-3, 1e3, 1e6}) {  // of the Gramian 1e-12 to 1e12
      for (int i = 0; i < 10; ++i) {
        const std::size_t losses = 2 + random.below(5);
        const Gradients g = random_gradients(random, losses, 8, 1.0);
        const Gradients other = times(g, std::vector<double>(losses, unit));
        GramianStep plain(g), step(other);
        const Gradient one = combined(g, s.weights(plain)), two = combined(other, s.weights(step));
        EXPECT_NEAR(cosine(one, two), 1.0, 1e-9);
        EXPECT_EQ(plain.flags, step.flags);
      }
    }
  });
}

TEST(GramianMixes, GradientIsLinearInScalesOfLosses) {
  for_each(linear, [](const Subject& s) {
    RandomNumbers random(7);
    for (int i = 0; i < 20; ++i) {
      const std::size_t losses = 2 + random.below(5);
      const Gradients g = random_gradients(random, losses, 12);
      const std::vector<double> a = random_scales(random, losses, 1.0),
                                b = random_scales(random, losses, 1.0);
      std::vector<double> both(losses);
      for (std::size_t k = 0; k < losses; ++k) both[k] = a[k] + b[k];
      const auto direction = [&](const std::vector<double>& scale) {
        const Gradients scaled_rows = times(g, scale);
        GramianStep step(scaled_rows);
        return combined(scaled_rows, s.weights(step));
      };
      const Gradient one = direction(a), two = direction(b), sum = direction(both);
      for (std::size_t e = 0; e < sum.size(); ++e) {
        EXPECT_NEAR(one[e] + two[e], sum[e], 1e-6 * norm(sum));
      }
    }
  });
}

// --- P5, P7, P8, P9 -------------------------------------------------------------------------------

TEST(GramianMixes, OfEqualGradientsGiveThatDirection) {
  for_each(0, [](const Subject& s) {
    RandomNumbers random(8);
    for (std::size_t losses = 2; losses <= most_losses; losses += 7) {
      const Gradients one = random_gradients(random, 1, 6, 3.0);
      const Gradients g(losses, one[0]);
      GramianStep step(g);
      const Gradient d = combined(g, s.weights(step));
      EXPECT_NEAR(cosine(d, one[0]), 1.0, 1e-9);
      EXPECT_GT(norm(d), 0.0);
      EXPECT_FALSE(has_given_up(step));
    }
  });
}

TEST(GramianMixes, OfTheShortestEveryLossGainsItsSquare) {
  for_each(convex, [](const Subject& s) {
    RandomNumbers random(9);
    for (int i = 0; i < 40; ++i) {
      const std::size_t losses = 2 + random.below(15);
      const Gradients g = random_gradients(random, losses, 24, 0.3);
      GramianStep step(g);
      const Weights w = s.weights(step);
      const Gradient d = combined(g, w);
      EXPECT_NEAR(std::accumulate(w.begin(), w.end(), 0.0), 1.0, 1e-12);
      for (std::size_t k = 0; k < losses; ++k) {
        const double gain = dot(g[k], d), room = 1e-6 * norm(g[k]) * norm(d);
        EXPECT_GE(gain, dot(d, d) - room);
        EXPECT_TRUE(w[k] == 0.0 || gain <= dot(d, d) + room);
      }
    }
  });
}

TEST(GramianMixes, OfDegenerateGradientsAreFinite) {
  for_each(0, [](const Subject& s) {
    RandomNumbers random(10);
    for (int i = 0; i < 200; ++i) {
      const std::size_t losses = 2 + random.below(15), width = 1 + random.below(20);
      Gradients g = degenerate_gradients(random, losses, width);
      if (i % 4 == 0) g = times(g, random_scales(random, losses, 12.0));
      if (i % 50 == 1) g.assign(losses, Gradient(width));
      GramianStep step(g);
      for (const double w : s.weights(step)) EXPECT_TRUE(std::isfinite(w));
      s.update(step);
      for (const std::vector<double>& state : step.kept) {
        for (const double x : state) EXPECT_TRUE(std::isfinite(x));
      }
    }
  });
}

// Gradients whose components are positive do not conflict.
TEST(GramianMixes, WithoutConflictKeepThePreference) {
  for_each(preference_if_none | sum_if_none, [](const Subject& s) {
    RandomNumbers random(11);
    for (int i = 0; i < 20; ++i) {
      const std::size_t losses = 2 + random.below(15);
      Gradients g = random_gradients(random, losses, 8, 1.0);
      for (Gradient& row : g) {
        for (double& x : row) x = std::fabs(x);
      }
      GramianStep step(g), plain(g);
      double sum = 0.0;
      for (double& own : step.own) sum += own = random.uniform(0.2, 3.0);
      const double count = static_cast<double>(losses);
      const double whole = (s.promises & sum_if_none) != 0 ? count : 1.0;
      const Weights w = s.weights(step), v = s.weights(plain);
      for (std::size_t k = 0; k < losses; ++k) {
        EXPECT_NEAR(w[k], whole * step.own[k] / sum, 1e-14);
        EXPECT_EQ(v[k], whole / count);
      }
    }
  });
}

// --- absent losses ----------------------------------------------------------------------------------

TEST(GramianMixes, AbsentLossesAreAsIfTheyWereNotThere) {
  for_each(0, [](const Subject& s) {
    RandomNumbers random(12);
    for (int i = 0; i < 30; ++i) {
      const bool is_ordered = (s.promises & ordered) != 0;
      const std::size_t losses = is_ordered ? 3 : 3 + random.below(5);
      const Gradients g = random_gradients(random, losses, 10, 0.5);
      const std::size_t absent = 1 + random.below(losses - 1);
      Gradients rest = g;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(absent));
      GramianStep all(g), others(rest);
      all.present[absent] = false;
      // Whatever stands in its place.
      for (std::size_t k = 0; k < losses; ++k) {
        all.products[k * losses + absent] = all.products[absent * losses + k] = std::nan("");
      }
      all.values[absent] = std::nan("");
      const Weights w = s.weights(all), v = s.weights(others);
      for (std::size_t k = 0, at = 0; k < losses; ++k) {
        if (k == absent) {
          EXPECT_EQ(w[k], 0.0);
        } else {
          EXPECT_EQ(w[k], v[at++]);
        }
      }
      EXPECT_EQ(all.flags, others.flags);
    }
  });
}

TEST(GramianMixes, StateOfAnAbsentLossRests) {
  int kept = 0;
  for_each(0, [&](const Subject& s) {
    RandomNumbers random(13);
    GramianStep step(random_gradients(random, 3, 6));
    s.weights(step);
    s.update(step);
    const auto before = step.kept;
    step.products = products_of(random_gradients(random, 3, 6));
    step.present[1] = false;
    s.weights(step);
    s.update(step);
    for (std::size_t i = 0; i < before.size(); ++i) {
      const bool of_pairs = before[i].size() == 9;
      for (std::size_t j = 0; j < before[i].size(); ++j) {
        const bool rests = of_pairs ? j / 3 == 1 || j % 3 == 1 || j / 3 == j % 3 : j == 1;
        EXPECT_EQ(step.kept[i][j] == before[i][j], rests) << i << ", " << j;
        ++kept;
      }
    }
  });
  EXPECT_EQ(kept, 3 + 3 + 9);
}

// --- P10 --------------------------------------------------------------------------------------------

TEST(GramianMixes, GiveTheSameBitsAgainAndAfterAPause) {
  for_each(0, [](const Subject& s) {
    RandomNumbers random(14);
    std::vector<std::vector<double>> products;
    for (int i = 0; i < 6; ++i)
      products.push_back(products_of(random_gradients(random, 5, 4, 1.0)));
    GramianStep through(products[0], 5), paused(products[0], 5);
    for (std::size_t i = 0; i < products.size(); ++i) {
      if (i == 3) {  // what a checkpoint has
        GramianStep resumed(products[i], 5);
        resumed.kept = paused.kept;
        resumed.number = paused.number;
        paused = resumed;
      }
      through.products = paused.products = products[i];
      const Weights w = s.weights(through);
      EXPECT_EQ(w, s.weights(through));  // asking changes nothing
      EXPECT_EQ(w, s.weights(paused));
      s.update(through);
      s.update(paused);
      EXPECT_EQ(through.kept, paused.kept);
    }
  });
}

// --- identities of two losses -------------------------------------------------------------------------

TEST(GramianMixes, OfTwoAreOftenTheSame) {
  RandomNumbers random(15);
  for (int i = 0; i < 40; ++i) {
    const Gradients g = random_gradients(random, 2, 5, 1.0);
    Gradient sum = g[0];
    for (std::size_t e = 0; e < 5; ++e) sum[e] = g[0][e] / norm(g[0]) + g[1][e] / norm(g[1]);
    for_each(scale_free, [&](const Subject& s) {
      GramianStep step(g);
      EXPECT_NEAR(cosine(combined(g, s.weights(step)), sum), 1.0, 1e-10);
    });
    GramianStep one(g), two(g);
    const Weights w = one.weights(PcGrad{}), v = two.weights(UpGrad{});
    for (int k = 0; k < 2; ++k) EXPECT_NEAR(w[k], 2.0 * v[k], 1e-6 * w[k]);
  }
}

}  // namespace
}  // namespace medley::testing
