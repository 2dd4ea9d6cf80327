// Steps with everything switched on at once against a twin in double precision: two groups,
// clipping, masks of which parts are known, augmentation, shuffling, dropout, targets that are
// missing, class weights, decay under a schedule, repeated updates, statistics of shards that are
// not full, a batch of one record, parts that are frozen at first or have a learning rate of their
// own; resumed in the middle.
#include <gtest/gtest.h>

#include "medley/experiment/describe.hpp"
#include "medley/run/checkpoint.hpp"
#include "tests/files_helpers.hpp"
#include "tests/threaded_trainer.hpp"
#include "tests/whole_step_twin.hpp"

namespace medley::testing {
namespace {

// Learning rates as a schedule would have them.
constexpr std::array<double, 8> factors{0.3, 0.7, 1.0, 0.9, 0.6, 0.4, 0.2, 0.1};

template <class Experiment>
class WholeRun {
 public:
  explicit WholeRun(const WholeSource& source, int threads = 2, const WholeParts& parts = {})
      : source_(source), arena_(Definition<Experiment>::map.floats + 32), trainer_(arena()) {
    settings.source = &source;
    settings.seed = 3;
    settings.batch_size = 5;
    settings.augmentation = {.flip = true, .shift = 1, .least_crop = 0.7};
    settings.clip_norm = 0.4;
    settings.learning_rate = {Whole::adamw.learning_rate, Whole::sgd.learning_rate};
    settings.weight = {1.5, 0.7, 0.5, 1e-2};
    settings.threads = threads;
    for (const TensorInfo& t : description.tensors) {
      if (!t.is_parameter || parts.empty()) continue;
      const auto found = parts.find(t.name);
      const WholePart part = found == parts.end() ? WholePart{} : found->second;
      frozen_epochs_.push_back(part.frozen_epochs);
      rate_scale_.push_back(part.rate_scale);
    }
    settings.frozen_epochs = frozen_epochs_;
    settings.rate_scale = rate_scale_;
    trainer_.start(settings);
    trainer_.initialize();
    // What workers find in their memory must not matter.
    using D = Definition<Experiment>;
    std::fill_n(arena() + D::map.workers, D::slots * D::worker_floats, 7.5f);
  }

  void step(double factor) { trainer_.step(state.position, factor, report); }

  Parameters parameters() const {
    Parameters all;
    for (const TensorInfo& t : description.tensors) {
      if (!t.is_parameter) continue;
      std::vector<float> values(t.elements);
      t.unpack(arena(), values.data());
      all[t.name].assign(values.begin(), values.end());
    }
    return all;
  }
  // All that the arena knows of the training.
  std::vector<float> tensors() const {
    std::vector<float> all;
    for (const TensorInfo& t : description.tensors) {
      all.resize(all.size() + t.elements);
      t.unpack(arena(), all.data() + all.size() - t.elements);
    }
    return all;
  }

  void save(const std::filesystem::path& folder) {
    CheckpointWriter(description, arena(), source_, settings.seed, {}, folder)
        .write("middle.safetensors", state)
        .or_throw();
  }
  void resume(const std::filesystem::path& folder) {
    state = load_checkpoint(folder / "middle.safetensors", description, arena(), true).state;
    trainer_.parameters_changed();
  }

  ThreadedTrainer<Experiment>& engine() { return trainer_; }
  Description description = describe<Experiment>();
  Settings settings;
  RunState state;
  StepReport report;

 private:
  float* arena() const {
    const auto address = reinterpret_cast<std::uintptr_t>(arena_.data());
    return const_cast<float*>(arena_.data()) + (128 - address % 128) % 128 / sizeof(float);
  }
  const Source& source_;
  std::vector<std::uint32_t> frozen_epochs_;
  std::vector<double> rate_scale_;
  std::vector<float> arena_;
  ThreadedTrainer<Experiment> trainer_;
};

void expect_near(const Parameters& expected, const Parameters& found, double tolerance) {
  ASSERT_EQ(expected.size(), found.size());
  for (const auto& [name, values] : expected) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_NEAR(values[i], found.at(name)[i], tolerance) << name << ", element " << i;
    }
  }
}

template <class Run>
void expect_values(const TermValues& expected, const Run& report, double tolerance) {
  double total = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    SCOPED_TRACE((std::array{"kind", "place", "outline", "decay"}[k]));
    EXPECT_EQ(report.measured[k], !std::isnan(expected[k]));
    if (std::isnan(expected[k])) continue;
    EXPECT_NEAR(report.value[k], expected[k], tolerance);
    total += report.weight[k] * expected[k];
  }
  EXPECT_NEAR(report.total, total, 4 * tolerance);
}

// The trunk for an epoch; a head with its statistics for two, so that the trunk's gradient passes
// through it for one; weights without their bias for all; and rates of their own.
const WholeParts parts{
    {"trunk.0.weight", {1, 0.5}},           {"trunk.0.bias", {1, 1.0}},
    {"heads.kind.0.weight", {2, 1.0}},      {"heads.kind.1.weight", {2, 1.0}},
    {"heads.kind.1.bias", {2, 1.0}},        {"heads.kind.1.running_mean", {2, 1.0}},
    {"heads.kind.1.running_var", {2, 1.0}}, {"heads.kind.4.weight", {2, 2.0}},
    {"heads.kind.4.bias", {2, 2.0}},        {"heads.place.1.weight", {0, 3.0}},
    {"heads.place.1.bias", {0, 0.0}},       {"heads.outline.0.weight", {all_epochs, 1.0}}};

template <class Experiment>
void check_steps(const WholeParts& treated = {}) {
  const WholeSource source;
  WholeRun<Experiment> run(source, 2, treated);
  constexpr bool simultaneous = std::is_same_v<Experiment, WholeSimultaneous>;
  WholeTwin twin(source, run.settings, run.parameters(), simultaneous, treated);
  bool some_clipped = false, some_free = false;
  for (std::size_t s = 0; s < factors.size(); ++s) {
    SCOPED_TRACE(::testing::Message() << "step " << s + 1);
    run.step(factors[s]);
    twin.step(factors[s]);
    ASSERT_FALSE(run.report.diverged);
    expect_values(twin.values, run.report, 2e-5);
    for (int g = 0; g < 2; ++g) {
      EXPECT_NEAR(run.report.gradient_norm[g], twin.groups[g].norm, 2e-5) << "group " << g;
      EXPECT_EQ(run.state.position.updates[g], twin.groups[g].updates) << "group " << g;
      const bool clipped = twin.groups[g].norm > run.settings.clip_norm;
      some_clipped = some_clipped || clipped;
      some_free = some_free || !clipped;
    }
    EXPECT_EQ(run.state.position.epoch, twin.epoch);
    EXPECT_EQ(run.state.position.batch, twin.batch);
    expect_near(twin.parameters, run.parameters(), 5e-5);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_TRUE(some_clipped && some_free) << "the norm is to cut some gradients only";
  EXPECT_GT(twin.epoch, 1u);

  Evaluation evaluation;
  run.engine().evaluate(Split::validation, evaluation);
  EXPECT_EQ(evaluation.records, 5u);
  expect_values(twin.evaluate(Split::validation), evaluation, 2e-5);
}

TEST(WholeStep, SimultaneousGroupsAgreeWithTheTwin) { check_steps<WholeSimultaneous>(); }
TEST(WholeStep, AlternatingGroupsAgreeWithTheTwin) { check_steps<WholeAlternating>(); }
TEST(WholeStep, PartsOfSimultaneousGroupsAgreeWithTheTwin) {
  check_steps<WholeSimultaneous>(parts);
}
TEST(WholeStep, PartsOfAlternatingGroupsAgreeWithTheTwin) { check_steps<WholeAlternating>(parts); }

template <class Experiment>
void check_resuming(const WholeParts& treated = {}) {
  const WholeSource source;
  const TemporaryFolder temporary;
  WholeRun<Experiment> whole(source, 2, treated), first(source, 2, treated);
  for (std::size_t s = 0; s < 6; ++s) whole.step(factors[s]);
  for (std::size_t s = 0; s < 4; ++s) first.step(factors[s]);
  first.state.best.step = 3;
  first.state.best.value[0] = 0.1;
  first.state.losses_bytes = 17;
  first.state.metrics_bytes = 23;
  first.save(temporary.path());

  WholeRun<Experiment> second(source, 1, treated);
  second.resume(temporary.path());
  EXPECT_EQ(second.state.position, first.state.position);
  EXPECT_EQ(second.state.best.step, 3u);
  EXPECT_EQ(second.state.best.value[0], 0.1);
  EXPECT_EQ(second.state.losses_bytes, 17u);
  EXPECT_EQ(second.state.metrics_bytes, 23u);
  EXPECT_EQ(second.tensors(), first.tensors());
  for (std::size_t s = 4; s < 6; ++s) second.step(factors[s]);
  EXPECT_EQ(second.state.position, whole.state.position);
  EXPECT_EQ(second.tensors(), whole.tensors());
}

TEST(WholeStep, ResumedInTheMiddleItGoesOn) {
  check_resuming<WholeSimultaneous>();
  check_resuming<WholeAlternating>();
  check_resuming<WholeSimultaneous>(parts);
}

// Norms and cosines of the terms' gradients over the trunk, before weights.
TEST(WholeStep, MeasuredGradientsAgreeWithTheTwin) {
  const WholeSource source;
  WholeRun<WholeSimultaneous> run(source);
  WholeTwin twin(source, run.settings, run.parameters(), true);
  GradientReport report;
  run.engine().measure_gradients(run.state.position, report);
  std::array<std::vector<double>, 4> gradient;
  for (int k = 0; k < 4; ++k) gradient[k] = twin.trunk_gradient(k);
  const auto dot = [&](int a, int b) {
    return std::inner_product(gradient[a].begin(), gradient[a].end(), gradient[b].begin(), 0.0);
  };
  for (int a = 0; a < 4; ++a) {
    EXPECT_NEAR(report.norm[a], std::sqrt(dot(a, a)), 2e-5) << a;
    for (int b = 0; b < 4; ++b) {
      EXPECT_NEAR(report.cosine[a][b], dot(a, b) / std::sqrt(dot(a, a) * dot(b, b)), 1e-4)
          << a << " and " << b;
    }
  }
}

// Evaluation and prediction see pictures as they are: whatever training draws changes nothing.
TEST(WholeStep, OnlyTrainingIsAugmentedAndDropped) {
  const WholeSource source;
  WholeRun<WholeSimultaneous> run(source);
  for (std::size_t s = 0; s < 3; ++s) run.step(factors[s]);
  const auto look = [&] {
    Evaluation evaluation;
    run.engine().evaluate(Split::train, evaluation);
    std::vector<double> all(evaluation.value.begin(), evaluation.value.end());
    std::vector<Record> records(WholeSource::all);
    for (std::uint64_t r = 0; r < records.size(); ++r) source.read(r, {}, records[r]);
    // predict_batch() of them at a time, as they come.
    std::vector<float> kind(12), place(8), outline(64);
    const std::array<float*, 3> outputs{kind.data(), place.data(), outline.data()};
    for (std::size_t r = 0; r + 4 <= records.size(); r += 4) {
      run.engine().predict({records.data() + r, 4}, outputs);
      for (const auto* part : {&kind, &place, &outline})
        all.insert(all.end(), part->begin(), part->end());
    }
    return all;
  };
  ASSERT_EQ(run.engine().predict_batch(), 4u);
  const std::vector<double> before = look();
  run.settings.seed = 77;
  run.settings.augmentation = {};
  run.settings.augment = false;
  run.settings.shuffle = false;
  run.engine().start(run.settings);
  EXPECT_EQ(look(), before);
}

TEST(WholeStep, PredictionsAgreeWithTheTwin) {
  const WholeSource source;
  WholeRun<WholeAlternating> run(source);
  for (std::size_t s = 0; s < 3; ++s) run.step(factors[s]);
  const WholeNetwork network(source, run.settings);
  std::vector<Record> records(3);
  std::vector<WholeNetwork::Staged> staged;
  for (std::uint64_t r = 0; r < records.size(); ++r) {
    source.read(r, {}, records[r]);
    staged.push_back(network.stage(r, 0, false));
  }
  std::vector<float> kind(9), place(6), outline(48);
  const std::array<float*, 3> outputs{kind.data(), place.data(), outline.data()};
  run.engine().predict(records, outputs);
  const auto expected = network.forward(run.parameters(), staged, false);
  for (int n = 0; n < 3; ++n) {
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(kind[n * 3 + i], expected[n].kind[i], 1e-5);
    for (int i = 0; i < 2; ++i) EXPECT_NEAR(place[n * 2 + i], expected[n].place[i], 1e-5);
    for (int i = 0; i < 16; ++i) EXPECT_NEAR(outline[n * 16 + i], expected[n].outline[i], 1e-5);
  }
}

}  // namespace
}  // namespace medley::testing
