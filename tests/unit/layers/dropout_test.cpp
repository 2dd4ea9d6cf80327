// Dropout: what share it takes away, what becomes of the rest, and what its choice depends on.
#include "medley/layers/dropout.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "tests/layer_harness.hpp"

namespace medley::testing {
namespace {

// Two dropouts of the same pixels, one behind the other; the first one is also read by the head "a".
template <int Percent, Shape In = Shape{40, 8, 8}>
class Dropped {
  static constexpr int samples = 4;
  using Net =
      Network<In, Sequence<Passage, Dropout<Percent>>,
              std::tuple<Head<"a", Flatten>, Head<"b", Dropout<Percent>, Flatten>>, samples, 1>;

 public:
  using Values = std::vector<float>;  // [sample][channel][pixel]

  std::array<std::uint64_t, samples> records{0, 1, 2, 3};
  std::uint64_t seed = 1;
  std::uint32_t epoch = 0;
  bool training = true;
  Values x = Values(samples * In.elements(), 1.0f);
  Values first, second, gradient;  // outputs, and what a gradient of ones of the first comes to

  void run() {
    std::vector<float> area(Net::activation_floats, 7.5f), parameters(Net::parameter_floats),
        prepacked(Net::prepacked_floats + 1), gradients(Net::slot_floats);
    Pass<Net> pass{.area = area.data(),
                   .parameters = parameters.data(),
                   .prepacked = prepacked.data(),
                   .gradients = gradients.data(),
                   .samples = samples,
                   .training = training,
                   .seed = seed,
                   .epoch = epoch,
                   .records = records.data()};
    each(Net::template value<0>(area.data()), [&](float& at, std::size_t i) { at = x[i]; });
    forward(pass, HeadSet{3});
    const auto copy = [](Values& to) {
      to.assign(samples * In.elements(), 0.0f);
      return [&](float& at, std::size_t i) { to[i] = at; };
    };
    each(Net::template value<2>(area.data()), copy(first));
    each(Net::template value<Net::head_output[1]>(area.data()), copy(second));
    if (!training) return;
    const auto gy = Net::template gradient<Net::head_output[0]>(area.data());
    each(gy, [](float& at, std::size_t) { at = 1.0f; });
    pass.written[Net::head_output[0]] = true;
    backward(pass, HeadSet{1});
    each(Net::template gradient<1>(area.data()), copy(gradient));
  }

  Values of_sample(const Values& all, int n) const {
    return {all.begin() + n * In.elements(), all.begin() + (n + 1) * In.elements()};
  }

 private:
  template <class T, class F>
  static void each(T t, F&& f) {
    std::size_t i = 0;
    for (int n = 0; n < samples; ++n) {
      for (int c = 0; c < In.c; ++c) {
        for (int y = 0; y < In.h; ++y) {
          for (int k = 0; k < In.w; ++k) f(t.at(n, c / lanes, y, k)[c % lanes], i++);
        }
      }
    }
  }
};

template <int Percent>
void check_share() {
  SCOPED_TRACE(Percent);
  const double p = Percent / 100.0;
  double zeros = 0, count = 0;
  for (std::uint64_t r = 0; r < 64; r += 4) {
    Dropped<Percent> run;
    run.records = {r, r + 1, r + 2, r + 3};
    run.run();
    for (const float v : run.first) {
      zeros += v == 0.0f;
      ++count;
      if (v == 0.0f) continue;
      // torch.nn.Dropout: x / (1 - p), so that the mean stays.
      ASSERT_NEAR(v, 1.0 / (1.0 - p), 1e-6);
    }
  }
  EXPECT_NEAR(zeros / count, p, 4 * std::sqrt(p * (1 - p) / count)) << "of " << count;
}

TEST(Dropout, TakesItsShareAndScalesTheRest) {
  check_share<20>();
  check_share<50>();
  check_share<90>();
}

TEST(Dropout, ScalesWhatItIsGiven) {
  Dropped<20> run;
  Numbers numbers(5);
  for (float& v : run.x) v = static_cast<float>(numbers.next());
  run.run();
  for (std::size_t i = 0; i < run.x.size(); ++i) {
    if (run.first[i] == 0.0f) continue;
    ASSERT_NEAR(run.first[i], run.x[i] / 0.8, 1e-6);
  }
}

TEST(Dropout, EveryElementHasAChanceOfItsOwn) {
  // Over 256 records, each element is zero about as often as any other, and no two elements of a
  // sample agree more often than two coins do.
  constexpr int rounds = 64, elements = 40 * 64;
  std::vector<int> zeros(elements, 0);
  std::vector<std::vector<bool>> masks(elements);
  for (int i = 0; i < rounds; ++i) {
    Dropped<50> run;
    for (std::uint64_t n = 0; n < 4; ++n) run.records[n] = static_cast<std::uint64_t>(i) * 4 + n;
    run.run();
    for (int n = 0; n < 4; ++n) {
      for (int e = 0; e < elements; ++e) {
        const bool zero = run.first[n * elements + e] == 0.0f;
        zeros[e] += zero;
        masks[e].push_back(zero);
      }
    }
  }
  for (int e = 0; e < elements; ++e) ASSERT_NEAR(zeros[e], 128, 48) << "element " << e;  // 6 sigma
  const std::set<std::vector<bool>> different(masks.begin(), masks.end());
  EXPECT_EQ(different.size(), masks.size()) << "elements share their chance";
}

TEST(Dropout, BackwardTakesTheSameElements) {
  Dropped<30> run;
  run.run();
  // Of ones, so output and gradient are the same numbers.
  EXPECT_EQ(run.first, run.gradient);
}

TEST(Dropout, DoesNothingOutsideTraining) {
  Dropped<30> run;
  Numbers numbers(5);
  for (float& v : run.x) v = static_cast<float>(numbers.next());
  run.training = false;
  run.run();
  EXPECT_EQ(run.first, run.x);
  EXPECT_EQ(run.second, run.x);
}

TEST(Dropout, FollowsTheRecordNotItsPlace) {
  Dropped<30> here, there;
  here.records = {10, 20, 30, 40};
  there.records = {40, 10, 20, 50};
  here.run();
  there.run();
  EXPECT_EQ(here.of_sample(here.first, 0), there.of_sample(there.first, 1));
  EXPECT_EQ(here.of_sample(here.first, 1), there.of_sample(there.first, 2));
  EXPECT_EQ(here.of_sample(here.first, 3), there.of_sample(there.first, 0));
  EXPECT_NE(here.of_sample(here.first, 0), here.of_sample(here.first, 1));
}

TEST(Dropout, DependsOnSeedEpochAndLayer) {
  Dropped<30> first, same, seed, epoch;
  seed.seed = 2;
  epoch.epoch = 1;
  for (auto* run : {&first, &same, &seed, &epoch}) run->run();
  EXPECT_EQ(first.first, same.first);
  EXPECT_NE(first.first, seed.first);
  EXPECT_NE(first.first, epoch.first);
  // Were the second layer's choice that of the first, it would take nothing more away.
  double zeros = 0;
  for (const float v : first.second) zeros += v == 0.0f;
  EXPECT_NEAR(zeros / static_cast<double>(first.second.size()), 1 - 0.7 * 0.7, 0.02);
}

}  // namespace
}  // namespace medley::testing
