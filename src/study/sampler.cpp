#include "medley/study/sampler.hpp"

#include <algorithm>
#include <boost/random/sobol.hpp>

#include "medley/base/exact_math.hpp"
#include "medley/base/random.hpp"

namespace medley {

namespace {

// What random numbers of a study are for; the other purposes are those of a training.
constexpr Purpose scrambling{8}, proposing{9};
constexpr int bits = 32;

double unit(std::uint32_t number) { return static_cast<double>(number) * 0x1p-32; }

// Each bit is flipped by a coin that belongs to its dimension and to the bits before it.
std::uint32_t scramble(std::uint32_t x, std::uint64_t seed, std::uint32_t dimension) {
  std::uint32_t result = 0;
  for (int bit = 0; bit < bits; ++bit) {
    const std::uint64_t prefix = bit == 0 ? 0 : x >> (bits - bit);
    const RandomStream coins(seed, scrambling, dimension, std::uint64_t{1} << bit | prefix);
    result |= (x ^ coins.draw(0)[0]) & std::uint32_t{1} << (bits - 1 - bit);
  }
  return result;
}

// A density on [0, 1] around places: of ranges.
class Parzen {
 public:
  explicit Parzen(std::vector<double> centers) : centers_(std::move(centers)) {
    std::ranges::sort(centers_);
    const std::size_t n = centers_.size();
    const double least = 1.0 / static_cast<double>(std::min<std::size_t>(100, n + 1));
    for (std::size_t i = 0; i < n; ++i) {
      const double left = centers_[i] - (i == 0 ? 0.0 : centers_[i - 1]);
      const double right = (i + 1 == n ? 1.0 : centers_[i + 1]) - centers_[i];
      width_.push_back(std::clamp(std::max(left, right), least, 1.0));
    }
  }

  double density(double x) const {
    double sum = 1.0;  // the flat one
    for (std::size_t i = 0; i < centers_.size(); ++i) {
      const double c = centers_[i], w = width_[i];
      sum += (bell((x - c) / w) + bell((x + c) / w) + bell((2.0 - x - c) / w)) / w;
    }
    return sum / static_cast<double>(centers_.size() + 1);
  }

  double draw(const std::array<std::uint32_t, 4>& random) const {
    const std::uint32_t i = bounded(random[0], static_cast<std::uint32_t>(centers_.size() + 1));
    const double share = (static_cast<double>(random[1]) + 0.5) * 0x1p-32;
    if (i == centers_.size()) return share;
    double x = magnitude(centers_[i] + width_[i] * normal_quantile(share));
    x -= 2.0 * floor_of(x / 2.0);
    return std::min(x > 1.0 ? 2.0 - x : x, 1.0 - 0x1p-32);
  }

 private:
  static double bell(double z) {
    constexpr double root_of_two_pi = 2.5066282746310002;
    return z > 37.0 || z < -37.0 ? 0.0 : exponential(-0.5 * z * z) / root_of_two_pi;
  }

  std::vector<double> centers_, width_;
};

// The same of lists.
class Shares {
 public:
  Shares(const std::vector<double>& places, std::size_t values) : count_(values, 1.0) {
    for (const double place : places) count_[index(place)] += 1.0;
    total_ = static_cast<double>(values + places.size());
  }
  double density(double x) const { return count_[index(x)] / total_; }
  double draw(const std::array<std::uint32_t, 4>& random) const {
    double left = unit(random[0]) * total_;
    std::size_t i = 0;
    for (; i + 1 < count_.size() && left >= count_[i]; ++i) left -= count_[i];
    return (static_cast<double>(i) + 0.5) / static_cast<double>(count_.size());
  }

 private:
  std::size_t index(double place) const {
    const auto i = static_cast<std::size_t>(place * static_cast<double>(count_.size()));
    return std::min(i, count_.size() - 1);
  }
  std::vector<double> count_;
  double total_;
};

std::vector<double> column(std::span<const Place> places, std::size_t dimension) {
  std::vector<double> values;
  for (const Place& place : places) values.push_back(place[dimension]);
  return values;
}

constexpr std::uint32_t candidates = 24;

// Coordinates of all candidates in one dimension, and what they add to the logarithm of l / g.
template <class Density>
void draw_candidates(const Density& good, const Density& bad, std::size_t dimension,
                     const RandomStream& random, std::vector<Place>& places,
                     std::vector<double>& score) {
  for (std::uint32_t c = 0; c < candidates; ++c) {
    const auto index = static_cast<std::uint32_t>(dimension) * candidates + c;
    const double x = places[c][dimension] = good.draw(random.draw(index));
    score[c] += natural_log(good.density(x)) - natural_log(bad.density(x));
  }
}

}  // namespace

std::vector<Place> sobol_points(std::uint64_t seed, std::size_t dimensions, std::size_t first,
                                std::size_t count) {
  std::vector<Place> points;
  if (dimensions == 0) return std::vector<Place>(count);
  boost::random::sobol sequence(dimensions);
  // Boost leaves out the first point, whose coordinates are 0.
  if (first > 1) sequence.discard((first - 1) * dimensions);
  for (std::size_t i = 0; i < count; ++i) {
    Place point;
    for (std::size_t d = 0; d < dimensions; ++d) {
      const std::uint64_t x = first + i == 0 ? 0 : sequence();
      point.push_back(
          unit(scramble(static_cast<std::uint32_t>(x >> 32), seed, static_cast<std::uint32_t>(d))));
    }
    points.push_back(std::move(point));
  }
  return points;
}

Place propose_place(std::span<const Place> best_first, std::span<const std::size_t> cardinality,
                    std::uint64_t seed, std::uint32_t index) {
  const std::size_t dimensions = cardinality.size();
  const std::size_t good_count = (best_first.size() + 4) / 5;
  const auto good = best_first.first(good_count), bad = best_first.subspan(good_count);
  const RandomStream random(seed, proposing, 0, index);
  std::vector<Place> places(candidates, Place(dimensions));
  std::vector<double> score(candidates, 0.0);
  for (std::size_t d = 0; d < dimensions; ++d) {
    if (cardinality[d] > 0) {
      draw_candidates(Shares(column(good, d), cardinality[d]),
                      Shares(column(bad, d), cardinality[d]), d, random, places, score);
    } else {
      draw_candidates(Parzen(column(good, d)), Parzen(column(bad, d)), d, random, places, score);
    }
  }
  return places[static_cast<std::size_t>(std::ranges::max_element(score) - score.begin())];
}

}  // namespace medley
