// Inputs of any number of channels, from pixels to gradients, beside what plain loops in double
// precision give; and running statistics of shards that have nothing to take them from.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/experiment/describe.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "tests/threaded_trainer.hpp"

namespace medley::testing {
namespace {

constexpr int height = 3, width = 5, plane = height * width;

// Noise, with a mean, a deviation and two values of its own for each channel and record.
class Noise final : public Source {
 public:
  Noise(int channels, int records) : channels_(channels), records_(records) {
    const RandomStream random(9, Purpose::generator, 0, 0);
    std::uint32_t drawn = 0;
    for (int i = 0; i < records * channels * plane; ++i)
      pixels_.push_back(static_cast<std::uint8_t>(random.draw(drawn++)[0] >> 24));
    for (int c = 0; c < channels; ++c) {
      mean_.push_back(100.0f + static_cast<float>(c));
      deviation_.push_back(50.0f + 3.0f * static_cast<float>(c));
    }
    for (int i = 0; i < 2 * records; ++i) values_.push_back(static_cast<float>(i % 5) - 2.0f);
  }
  double input(int record, int c, int p) const {
    return (static_cast<double>(
                pixels_[static_cast<std::size_t>((record * channels_ + c) * plane + p)]) -
            static_cast<double>(mean_[static_cast<std::size_t>(c)])) /
           static_cast<double>(deviation_[static_cast<std::size_t>(c)]);
  }
  double value(int record, int k) const {
    return static_cast<double>(values_[static_cast<std::size_t>(2 * record + k)]);
  }
  const std::uint8_t* picture(int record) const {
    return pixels_.data() + record * channels_ * plane;
  }

  std::uint64_t size(Split split) const override {
    return split == Split::train ? static_cast<std::uint64_t>(records_) : 0;
  }
  std::uint64_t record(Split, std::uint64_t rank) const override { return rank; }
  void read(std::uint64_t record, std::span<std::byte>, Record& out) const override {
    out.image = picture(static_cast<int>(record));
    out.targets[0].values = values_.data() + 2 * record;
  }
  std::int32_t label(std::uint64_t, int) const override { return -1; }
  bool labelled(std::uint64_t, int) const override { return true; }
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }
  std::span<const std::string> class_names(int) const override { return {}; }

 private:
  int channels_, records_;
  std::vector<std::uint8_t> pixels_;
  std::vector<float> mean_, deviation_, values_;
};

// A trainer with an arena of its own.
template <class Experiment>
class Training {
 public:
  Training(const Source& source, std::uint32_t batch_size)
      : arena_(Definition<Experiment>::map.floats + 32), trainer_(start_of_arena()) {
    Settings settings;
    settings.source = &source;
    settings.batch_size = batch_size;
    settings.shuffle = false;
    settings.learning_rate[0] = learning_rate;
    settings.weight[0] = 1.0;
    trainer_.start(settings);
    trainer_.initialize();
  }
  static constexpr double learning_rate = 0.5;

  void step() { trainer_.step(position_, 1.0, report); }
  std::vector<float> tensor(std::string_view name) const {
    for (const TensorInfo& t : describe<Experiment>().tensors) {
      if (t.name != name) continue;
      std::vector<float> values(t.elements);
      t.unpack(start_of_arena(), values.data());
      return values;
    }
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
  ThreadedTrainer<Experiment>& engine() { return trainer_; }
  StepReport report;

 private:
  float* start_of_arena() const {
    const auto address = reinterpret_cast<std::uintptr_t>(arena_.data());
    return const_cast<float*>(arena_.data()) + (128 - address % 128) % 128 / sizeof(float);
  }
  std::vector<float> arena_;
  ThreadedTrainer<Experiment> trainer_;
  Position position_;
};

// --- staging -------------------------------------------------------------------------------------

template <int C, Layout L>
void stages_each_channel() {
  SCOPED_TRACE(C);
  using Input = Tensor<Shape{C, height, width}, 1, L>;
  const Noise source(C, 2);
  std::vector<float> memory(2 * Input::sample, 77.0f);
  const Input input{memory.data()};
  const auto normalization = Normalization<C>::of(source.mean(), source.deviation());
  for (int n = 0; n < 2; ++n) stage_picture(source.picture(n), {}, normalization, input, n);
  for (int n = 0; n < 2; ++n)
    for (int p = 0; p < plane; ++p) {
      for (int c = 0; c < C; ++c) {
        const float found = L == Layout::planar
                                ? *input.at(n, c, p / width, p % width)
                                : input.at(n, c / lanes, p / width, p % width)[c % lanes];
        ASSERT_NEAR(found, source.input(n, c, p), 1e-5) << "channel " << c;
      }
      for (int c = C; L == Layout::blocked && c < block_count(C) * lanes; ++c)
        ASSERT_EQ(input.at(n, c / lanes, p / width, p % width)[c % lanes], 0.0f);
    }
}
TEST(Channels, AreStagedWithTheirOwnMeanAndDeviation) {
  [&]<int... C>(std::integer_sequence<int, C...>) {
    (stages_each_channel<C, Layout::blocked>(), ...);
    (stages_each_channel<C, Layout::planar>(), ...);
  }
  (std::integer_sequence<int, 1, 2, 3, 4, 5, 15, 16, 17, 20, 31, 32, 33, 48>{});
}

// --- training ------------------------------------------------------------------------------------

template <int C>
struct Linear2 {
  static constexpr std::string_view name = "linear";
  static constexpr Shape input{C, height, width};
  static constexpr auto targets = std::to_array<TargetSpec>({{"v", TargetKind::values, 2}});
  using Trunk = Sequence<Conv<2, 1>>;
  using Heads = std::tuple<Head<"v", GlobalAveragePool>>;
  static constexpr auto terms = std::tuple{term<"v">(MeanSquaredError{}, 1.0)};
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.5});
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 2, .slots = 2};
};

// y_k = b_k + Σ_c W_kc x̄_c, whose gradients are known.
template <int C>
void trains_as_written_out() {
  SCOPED_TRACE(C);
  constexpr int records = 5;
  const Noise source(C, records);
  Training<Linear2<C>> training(source, records);
  const auto w = training.tensor("trunk.0.weight"), b = training.tensor("trunk.0.bias");
  ASSERT_EQ(w.size(), static_cast<std::size_t>(2 * C));
  std::array<Record, records> pictures{};
  for (int n = 0; n < records; ++n) pictures[n].image = source.picture(n);
  std::vector<float> predicted(2 * records);
  for (std::size_t n = 0; n < records; n += 4) {
    std::array<float*, 1> to{predicted.data() + 2 * n};
    training.engine().predict(std::span(pictures).subspan(n, std::min<std::size_t>(4, records - n)),
                              to);
  }
  std::vector<double> slope(2 * C), offset(2);
  double loss = 0;
  for (int n = 0; n < records; ++n)
    for (int k = 0; k < 2; ++k) {
      std::vector<double> mean(C);
      double y = static_cast<double>(b[k]);
      for (int c = 0; c < C; ++c) {
        for (int p = 0; p < plane; ++p) mean[c] += source.input(n, c, p) / plane;
        y += static_cast<double>(w[k * C + c]) * mean[c];
      }
      ASSERT_NEAR(predicted[2 * n + k], y, 1e-5);
      const double error = y - source.value(n, k);
      loss += error * error / (2 * records);
      for (int c = 0; c < C; ++c) slope[k * C + c] += 2 * error * mean[c] / (2 * records);
      offset[k] += 2 * error / (2 * records);
    }
  training.step();
  EXPECT_NEAR(training.report.value[0], loss, 1e-5 * loss);
  const auto after = training.tensor("trunk.0.weight");
  for (int i = 0; i < 2 * C; ++i)
    ASSERT_NEAR(after[i], w[i] - 0.5 * slope[i], 1e-6) << "weight " << i;
  const auto bias = training.tensor("trunk.0.bias");
  for (int k = 0; k < 2; ++k) ASSERT_NEAR(bias[k], b[k] - 0.5 * offset[k], 1e-6);
}
TEST(Channels, FewTrainAsWrittenOut) {
  trains_as_written_out<2>();
  trains_as_written_out<4>();
}
TEST(Channels, MoreThanAVectorTrainAsWrittenOut) {
  trains_as_written_out<16>();
  trains_as_written_out<17>();
  trains_as_written_out<33>();
}

// --- running statistics --------------------------------------------------------------------------

struct Averaged {
  static constexpr std::string_view name = "averaged";
  static constexpr Shape input{2, height, width};
  static constexpr auto targets = std::to_array<TargetSpec>({{"v", TargetKind::values, 2}});
  using Trunk = Sequence<GlobalAveragePool, GhostBatchNorm>;
  using Heads = std::tuple<Head<"v", Dense<2>>>;
  static constexpr auto terms = std::tuple{term<"v">(MeanSquaredError{}, 1.0)};
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.5});
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 4, .slots = 2};
};

double mean_input(const Noise& source, int record, int c) {
  double mean = 0;
  for (int p = 0; p < plane; ++p) mean += source.input(record, c, p) / plane;
  return mean;
}

// What one step makes of the running variance, which begins with 1.
TEST(RunningStatistics, AShardOfOneNumberLeavesTheVariance) {
  const Noise source(2, 9);
  for (const std::uint32_t batch : {1u, 4u, 5u, 9u}) {
    SCOPED_TRACE(batch);
    Training<Averaged> training(source, batch);
    training.step();
    const auto variance = training.tensor("trunk.1.running_var"),
               mean = training.tensor("trunk.1.running_mean");
    for (int c = 0; c < 2; ++c) {
      double expected = 0, expected_mean = 0;
      for (int first = 0; first < static_cast<int>(batch); first += 4) {
        const int count = std::min(4, static_cast<int>(batch) - first);
        double m = 0, squares = 0;
        for (int i = 0; i < count; ++i) m += mean_input(source, first + i, c) / count;
        for (int i = 0; i < count; ++i)
          squares += std::pow(mean_input(source, first + i, c) - m, 2);
        const double share = static_cast<double>(count) / batch;
        expected += share * (count > 1 ? squares / (count - 1) : 1.0);
        expected_mean += share * m;
      }
      EXPECT_NEAR(variance[c], 0.9 + 0.1 * expected, 1e-6);
      EXPECT_NEAR(mean[c], 0.1 * expected_mean, 1e-6);
    }
  }
}

TEST(RunningStatistics, DoNotVanishInBatchesOfOne) {
  const Noise source(2, 9);
  Training<Averaged> training(source, 1);
  for (int i = 0; i < 50; ++i) training.step();
  for (const float variance : training.tensor("trunk.1.running_var")) EXPECT_EQ(variance, 1.0f);
}

}  // namespace
}  // namespace medley::testing
