// A small training, the same for a program without a system under it (bare.cpp) and for one with
// threads (threads.cpp): an experiment, its records, and what the training says of itself.
#pragma once

#include "medley/core.hpp"
#include "medley/experiment/definition.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/dropout.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/pcgrad.hpp"
#include "medley/optimizers/adam.hpp"

namespace medley::testing {

struct CoreExperiment {
  static constexpr std::string_view name = "core";
  static constexpr Shape input{1, 8, 8};
  static constexpr auto targets = std::to_array<TargetSpec>({
      {"bright", TargetKind::classes, 2},
      {"place", TargetKind::values, 2},
  });

  using Trunk = Sequence<Conv<8>, GroupNorm<2>, Relu, MaxPool<2>, Dropout<10>>;
  using Heads = std::tuple<Head<"bright", GlobalAveragePool, Flatten, Dense<2>>,
                           Head<"place", Flatten, Dense<2>>>;

  static constexpr auto terms = std::tuple{
      term<"bright">(SoftmaxCrossEntropy{}, 1.0),
      term<"place">(MeanSquaredError{}, 2.0),
      penalty<"decay">(L2Penalty{}, 1e-3),
  };
  static constexpr PcGrad mix{};
  static constexpr auto steps = joint(Adam{.learning_rate = 1e-2});
  static constexpr Recipe recipe{
      .batch_size = 6,
      .schedule = Schedule::one_cycle().with_warm_up(0.1),
      .clip_norm = 2.0,
      .augmentation = {.flip = true, .shift = 1, .least_crop = 0.8},
  };
  static constexpr Memory memory{.shard = 2, .slots = 4};
};

// Noise with a bright spot. Every fifth place is not known, nor every seventh class.
class CoreRecords final : public RecordSource {
 public:
  std::uint64_t size(Split split) const override { return split == Split::train ? 64 : 16; }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    return static_cast<std::uint64_t>(split) * 64 + rank;
  }
  void read(std::uint64_t record, std::span<std::byte> scratch, Record& out) const override {
    const auto bits = RandomStream(7, Purpose::generator, 0, record).draw(0);
    const int x = static_cast<int>(bounded(bits[0], 7)), y = static_cast<int>(bounded(bits[1], 7));
    auto* picture = reinterpret_cast<std::uint8_t*>(scratch.data());
    for (std::uint32_t p = 0; p < 64; ++p) {
      const auto noise = RandomStream(7, Purpose::generator, 1, record).draw(p)[0];
      picture[p] = static_cast<std::uint8_t>(noise >> 26);
    }
    const auto light = static_cast<std::uint8_t>(label_of(record) == 1 ? 180 : 90);
    for (const int p : {0, 1, 8, 9}) picture[y * 8 + x + p] += light;
    auto* place = reinterpret_cast<float*>(scratch.data() + 64);
    place[0] = static_cast<float>(x) / 6.0f;
    place[1] = static_cast<float>(y) / 6.0f;
    out.image = picture;
    out.targets[0].label = label(record, 0);
    out.targets[1].values = place;
  }
  std::int32_t label(std::uint64_t record, int) const override {
    return record % 7 == 3 ? -1 : label_of(record);
  }
  bool labelled(std::uint64_t record, int target) const override {
    return target == 0 ? label(record, 0) >= 0 : record % 5 != 2;
  }
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }

 private:
  static std::int32_t label_of(std::uint64_t record) {
    return static_cast<std::int32_t>(record >> 1 & 1);
  }
  std::array<float, 1> mean_{40.0f}, deviation_{35.0f};
};

// Sums of bits, in order: enough to tell two trainings apart.
struct Outcome {
  bool complete = false;
  std::uint64_t digest = 0, steps = 0, gradients = 0, scores = 0, predictions = 0;
  double last_total = 0, validation_total = 0;
};

// Adds a number's bits to a sum that depends on their order.
template <class Number>
void note(Number value, std::uint64_t& sum) {
  static_assert(sizeof(Number) == 4 || sizeof(Number) == 8);
  if constexpr (sizeof(Number) == 4) {
    sum = sum * 0x9E3779B97F4A7C15 + std::bit_cast<std::uint32_t>(value);
  } else {
    sum = sum * 0x9E3779B97F4A7C15 + std::bit_cast<std::uint64_t>(value);
  }
}

class CoreWatcher {
 public:
  explicit CoreWatcher(Outcome& outcome) : outcome_(outcome) {}
  bool wants_gradients(const Position& position) const { return position.step % 10 == 4; }
  bool after(const StepDone& done) {
    outcome_.last_total = done.report.total;
    note(done.report.total, outcome_.steps);
    if (done.gradients) note(done.gradients->cosine[0][1], outcome_.gradients);
    return true;
  }

 private:
  Outcome& outcome_;
};

// Everything that an engine can do, and what came of it. The engine has been started.
template <class AnyEngine>
Outcome train(AnyEngine& engine, const CoreRecords& records, const float* arena) {
  Outcome outcome;
  engine.initialize();
  Position position;
  CoreWatcher watcher(outcome);
  outcome.complete =
      run_steps(engine, position, 40, CoreExperiment::recipe.schedule, watcher) == Ending::complete;
  std::array<std::uint64_t, 3> next{};
  engine.batch_records(position, next);
  for (const std::uint64_t record : next) note(record, outcome.steps);

  static Evaluation evaluation;
  engine.evaluate(Split::validation, evaluation);
  outcome.validation_total = evaluation.total;
  for (const std::uint64_t count : evaluation.metrics[0].confusion) note(count, outcome.steps);
  for (const Score& score : evaluation.metrics[0].scores) note(score.value, outcome.scores);
  note(evaluation.metrics[1].absolute_error, outcome.steps);

  std::array<std::byte, 128> scratch;
  Record record;
  records.read(records.record(Split::test, 5), scratch, record);
  std::array<float, 2> bright{}, place{};
  const std::array<float*, 2> outputs{bright.data(), place.data()};
  engine.predict({&record, 1}, outputs);
  for (const float x : bright) note(x, outcome.predictions);
  for (const float x : place) note(x, outcome.predictions);
  outcome.digest = parameter_digest<CoreExperiment>(arena);
  return outcome;
}

// Calls write(text, size) for lines such as "digest 0123456789abcdef".
template <class Write>
void print(const Outcome& outcome, Write&& write) {
  const auto line = [&](std::string_view name, std::uint64_t value) {
    std::array<char, 64> text;
    std::copy_n(name.data(), name.size(), text.data());
    std::size_t size = name.size();
    text[size++] = ' ';
    for (int digit = 15; digit >= 0; --digit) {
      text[size++] = "0123456789abcdef"[value >> (4 * digit) & 15u];
    }
    text[size++] = '\n';
    write(text.data(), size);
  };
  line("complete", outcome.complete);
  line("digest", outcome.digest);
  line("last total", std::bit_cast<std::uint64_t>(outcome.last_total));
  line("validation total", std::bit_cast<std::uint64_t>(outcome.validation_total));
  line("steps", outcome.steps);
  line("gradients", outcome.gradients);
  line("scores", outcome.scores);
  line("predictions", outcome.predictions);
}

alignas(128) inline float arena[Definition<CoreExperiment>::map.floats];

}  // namespace medley::testing
