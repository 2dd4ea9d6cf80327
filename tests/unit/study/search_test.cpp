// What a study searches over, and where it looks.
#include "medley/study/search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <set>

#include "medley/study/sampler.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

using Texts = std::vector<std::string>;

TEST(Search, ARangeIsCutEvenlyOrInItsLogarithm) {
  EXPECT_EQ(parse_search("lr=1e-4..1e-2,log").grid(3), (Texts{"1e-4", "0.001", "1e-2"}));
  EXPECT_EQ(parse_search("clip=0..10").grid(5), (Texts{"0", "2.5", "5", "7.5", "10"}));
  EXPECT_EQ(parse_search("warm-up=-0.2..0.7,linear").at(0.5), "0.25");
  EXPECT_EQ(parse_search("clip=0..3").at(1.0 / 3), "1");
  EXPECT_EQ(parse_search("clip=1000..90000").at(0.123456), "11988");
  EXPECT_EQ(parse_search("lr=0.00012..0.3,log").at(0.4), "0.00274");
  EXPECT_EQ(parse_search("lr=1..2").grid(2), (Texts{"1", "2"}));
}

TEST(Search, WholeNumbersHaveEqualShares) {
  const Dimension epochs = parse_search("epochs=5..7");
  EXPECT_EQ(epochs.name, "epochs.planned");
  EXPECT_EQ(epochs.at(0.0), "5");
  EXPECT_EQ(epochs.at(0.33), "5");
  EXPECT_EQ(epochs.at(0.34), "6");
  EXPECT_EQ(epochs.at(0.999), "7");
  EXPECT_EQ(epochs.grid(9), (Texts{"5", "6", "7"}));
  EXPECT_EQ(parse_search("batch-size=16..64,log").grid(3), (Texts{"16", "32", "64"}));
  EXPECT_EQ(parse_search("weight.a=1..3").at(0.5), "2");  // not whole: a weight is any number
  EXPECT_EQ(parse_search("weight.a=1..3").at(0.3), "1.6");
}

TEST(Search, ListsHoldTextsWithCommas) {
  EXPECT_EQ(parse_search("batch-size=16,32,64").values, (Texts{"16", "32", "64"}));
  EXPECT_EQ(parse_search("mix=weighted_sum,\"cagrad:c=0.2,length=match\"").values,
            (Texts{"weighted_sum", "cagrad:c=0.2,length=match"}));
  EXPECT_EQ(parse_search("mix=weighted_sum|cagrad:c=0.2,length=match|blend").values,
            (Texts{"weighted_sum", "cagrad:c=0.2,length=match", "blend"}));
  EXPECT_EQ(parse_search("schedule=one-cycle").values, (Texts{"one-cycle"}));
  const Dimension list = parse_search("shuffle=on,off");
  EXPECT_EQ(list.at(0.49), "on");
  EXPECT_EQ(list.at(0.5), "off");
  EXPECT_EQ(list.at(1.0), "off");
}

TEST(Search, OptionsMayHaveKeys) {
  EXPECT_EQ(parse_search("lr=1,2").arguments("1"), (Arguments{"--lr", "1"}));
  EXPECT_EQ(parse_search("weight.size=0.1..10,log").arguments("0.3"),
            (Arguments{"--weight", "size=0.3"}));
  EXPECT_EQ(parse_search("lr-scale.trunk.0=0.1,1").arguments("1"),
            (Arguments{"--lr-scale", "trunk.0=1"}));
  EXPECT_EQ(parse_search("mix.first=blend,mgda").arguments("mgda"),
            (Arguments{"--mix", "first=mgda"}));
  EXPECT_EQ(parse_search("mode=joint,alternating").name, "steps-mode");
  EXPECT_EQ(parse_search("mode=joint,alternating").arguments("joint"),
            (Arguments{"--steps-mode", "joint"}));
}

TEST(Search, WhatCannotBeSearchedIsRefused) {
  EXPECT_ERROR(parse_search("lr"), "2: --search lr: it is not of the form");
  EXPECT_ERROR(parse_search("=1,2"), "2: --search =1,2: it is not of the form");
  EXPECT_ERROR(parse_search("lr=1..1"), "2: --search lr=1..1: the range ends where it begins");
  EXPECT_ERROR(parse_search("lr=2..1"), "2: ...the range ends where it begins");
  EXPECT_ERROR(parse_search("lr=0..1,log"), "2: ...a range with log begins above 0");
  EXPECT_ERROR(parse_search("lr=1..2,lg"), "2: ...,log or ,linear or its end, not in 'lg'");
  EXPECT_ERROR(parse_search("lr=1..x"), "2: ...the end 'x' of the range is not a finite number");
  EXPECT_ERROR(parse_search("lr=nan..1"), "2: ...the end 'nan'");
  EXPECT_ERROR(parse_search("epochs=1..2.5"), "2: ...--epochs takes whole numbers, not 2.5");
  EXPECT_ERROR(parse_search("mix=a,,b"), "2: ...a value of the list is empty");
  EXPECT_ERROR(parse_search("mix=a|b|a"), "2: ...the list has 'a' twice");
  EXPECT_ERROR(parse_search("mix=a,\"b"), "2: ...quotes out of place");
  EXPECT_ERROR(parse_search("weight.=1,2"), "2: ...ends in its point");
  EXPECT_ERROR(parse_search("seed=1..5"), "2: ...--seed cannot be searched: ...--seeds N");
  EXPECT_ERROR(parse_search("fold=1/3,2/3"), "2: ...--folds K");
}

TEST(Sampler, SobolPointsAreEvenInEverySlice) {
  for (const std::uint64_t seed : {1u, 2u, 77u}) {
    const std::vector<Place> points = sobol_points(seed, 5, 0, 64);
    for (std::size_t d = 0; d < 5; ++d) {
      std::set<int> slices;
      for (const Place& point : points) {
        EXPECT_GE(point[d], 0.0);
        EXPECT_LT(point[d], 1.0);
        slices.insert(static_cast<int>(point[d] * 64));
      }
      EXPECT_EQ(slices.size(), 64u) << "dimension " << d;
    }
    std::set<std::pair<int, int>> squares;  // the first two: a (0, 6, 2) net
    for (const Place& point : points)
      squares.emplace(static_cast<int>(point[0] * 8), static_cast<int>(point[1] * 8));
    EXPECT_EQ(squares.size(), 64u);
  }
}

// Centred discrepancy (Hickernell 1998), squared: how far the points are from an even spread.
double discrepancy(const std::vector<Place>& points) {
  const auto n = static_cast<double>(points.size());
  double single = 0.0, pairs = 0.0;
  for (const Place& x : points) {
    double product = 1.0;
    for (const double u : x) product *= 1 + 0.5 * std::abs(u - 0.5) - 0.5 * (u - 0.5) * (u - 0.5);
    single += product;
    for (const Place& y : points) {
      double both = 1.0;
      for (std::size_t d = 0; d < x.size(); ++d)
        both *= 1 + 0.5 * std::abs(x[d] - 0.5) + 0.5 * std::abs(y[d] - 0.5) -
                0.5 * std::abs(x[d] - y[d]);
      pairs += both;
    }
  }
  return std::pow(13.0 / 12, static_cast<double>(points[0].size())) - 2 / n * single +
         pairs / n / n;
}

TEST(Sampler, SobolPointsHaveNoClumps) {
  std::srand(5);
  for (const std::size_t count : {20u, 50u}) {
    double sobol = 0.0, random = 0.0;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      sobol += discrepancy(sobol_points(seed, 3, 0, count));
      std::vector<Place> places(count, Place(3));
      for (Place& place : places) {
        for (double& x : place) x = std::rand() / (RAND_MAX + 1.0);
      }
      random += discrepancy(places);
    }
    EXPECT_LT(sobol, random / 3);
  }
}

TEST(Sampler, PointsDependOnTheSeedAndTheirNumberAlone) {
  const std::vector<Place> all = sobol_points(3, 4, 0, 20);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(sobol_points(3, 4, i, 1)[0], all[i]);
  EXPECT_NE(sobol_points(4, 4, 0, 20), all);
  EXPECT_EQ(sobol_points(3, 0, 0, 2), std::vector<Place>(2));
  EXPECT_DOUBLE_EQ(sobol_points(1, 1, 0, 1)[0][0], sobol_points(1, 2, 0, 1)[0][0]);
}

TEST(Sampler, ProposalsGatherWhereItWasGood) {
  // Good places are near 0.2 in the first dimension and have the third of four values in the second.
  std::vector<Place> best_first = sobol_points(9, 2, 0, 40);
  const auto badness = [](const Place& x) {
    return std::abs(x[0] - 0.2) + (static_cast<int>(x[1] * 4) == 2 ? 0.0 : 1.0);
  };
  std::ranges::sort(best_first, {}, badness);
  const std::vector<std::size_t> cardinality{0, 4};
  int near = 0, right = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    const Place place = propose_place(best_first, cardinality, 1, i);
    ASSERT_GE(place[0], 0.0);
    ASSERT_LT(place[0], 1.0);
    near += std::abs(place[0] - 0.2) < 0.2;
    right += static_cast<int>(place[1] * 4) == 2;
    EXPECT_EQ(place, propose_place(best_first, cardinality, 1, i));
  }
  EXPECT_GT(near, 70);
  EXPECT_GT(right, 90);
  EXPECT_NE(propose_place(best_first, cardinality, 1, 0),
            propose_place(best_first, cardinality, 2, 0));
}

TEST(Sampler, ProposalsDoNotPileUpAtAnEnd) {
  std::vector<Place> best_first = sobol_points(4, 1, 0, 40);
  std::sort(best_first.begin(), best_first.end(), std::greater());
  const std::vector<std::size_t> cardinality{0};
  int at_the_end = 0;
  for (std::uint32_t i = 0; i < 100; ++i)
    at_the_end += propose_place(best_first, cardinality, 1, i)[0] > 0.9999;
  EXPECT_LT(at_the_end, 10);
}

// A search that learns comes nearer to the optimum than one that does not.
TEST(Sampler, ProposalsBeatPointsThatKnowNothing) {
  const auto loss = [](const Place& x) {
    return (x[0] - 0.71) * (x[0] - 0.71) + (x[1] - 0.13) * (x[1] - 0.13);
  };
  int wins = 0;
  const std::vector<std::size_t> cardinality{0, 0};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::vector<Place> tried = sobol_points(seed, 2, 0, 8);
    for (std::uint32_t i = 8; i < 40; ++i) {
      std::ranges::sort(tried, {}, loss);
      tried.push_back(propose_place(tried, cardinality, seed, i));
    }
    const auto best = [&](const std::vector<Place>& places) {
      return loss(*std::ranges::min_element(places, {}, loss));
    };
    wins += best(tried) < best(sobol_points(seed, 2, 0, 40));
  }
  EXPECT_GE(wins, 15);
}

}  // namespace
}  // namespace medley
