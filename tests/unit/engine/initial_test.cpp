// Initial weights: their distributions against the formulas, which parameter begins how, priors, and
// that the first losses are those of guessing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/experiment/describe.hpp"
#include "medley/experiment/initialization.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/initialized.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "medley/run/first_loss.hpp"
#include "tests/threaded_trainer.hpp"

namespace medley::testing {
namespace {

// --- numbers -------------------------------------------------------------------------------------

TEST(ExactMath, LogarithmIsThatOfTheCLibrary) {
  for (double x = 1e-300; x < 1e300; x *= 1.37) {
    const auto exact = std::log(static_cast<long double>(x));
    ASSERT_LE(std::fabs(natural_log(x) - exact), 5e-16L * std::fabs(exact)) << x;
  }
  for (double x = 0.5; x < 2.0; x += 1e-3) {
    const auto exact = std::log(static_cast<long double>(x));
    ASSERT_LE(std::fabs(natural_log(x) - exact), 2e-16L * (1 + std::fabs(exact))) << x;
  }
  static_assert(natural_log(1.0) == 0.0);
}

TEST(ExactMath, QuantilesAreTheInverseOfTheNormalDistribution) {
  std::vector<double> p{0x1p-33, 1e-9, 1e-6, 0.0749999, 0.075, 0.0750001, 0.5, 1.0 - 0x1p-33};
  for (double x = 1e-9; x < 0.5; x *= 1.01) p.insert(p.end(), {x, 1.0 - x});
  for (const double x : p) {
    const long double z = normal_quantile(x);
    const long double half = std::sqrt(0.5L), pi = std::acos(-1.0L);
    // In the nearer tail, so that nothing cancels.
    const long double off = z < 0 ? 0.5L * std::erfc(-z * half) - static_cast<long double>(x)
                                  : 1.0L - static_cast<long double>(x) - 0.5L * std::erfc(z * half);
    const long double density = std::exp(-z * z / 2) / std::sqrt(2 * pi);
    ASSERT_LE(std::fabs(off / density), 2e-15L * std::max(1.0L, std::fabs(z))) << x;
  }
}

// --- drawing -------------------------------------------------------------------------------------

// What a parameter begins with, in the order of files.
std::vector<double> drawn(const Parameter& spec, const Initial& initial, std::uint64_t seed = 1,
                          std::uint64_t index = 0) {
  std::vector<float> memory(static_cast<std::size_t>(spec.floats));
  const RandomStream stream(seed, Purpose::initialization, 0, index);
  InitialNumbers(spec, initial, stream).write(memory.data());
  std::vector<double> values;
  const auto [outputs, inputs, height, width] = spec.extent;
  for (int o = 0; o < outputs; ++o) {
    for (int i = 0; i < inputs; ++i) {
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          float& at = memory[static_cast<std::size_t>(spec.packing.index(o, i, y, x))];
          values.push_back(static_cast<double>(at));
          at = 0.0f;
        }
      }
    }
  }
  EXPECT_EQ(std::count(memory.begin(), memory.end(), 0.0f), spec.floats) << "lanes that pad";
  return values;
}

struct Moments {
  double mean = 0, deviation = 0, kurtosis = 0, least = 0, most = 0;
};

Moments moments(const std::vector<double>& values) {
  Moments m;
  for (const double x : values) m.mean += x / static_cast<double>(values.size());
  double square = 0, fourth = 0;
  for (const double x : values) {
    square += (x - m.mean) * (x - m.mean) / static_cast<double>(values.size());
    fourth += std::pow(x - m.mean, 4) / static_cast<double>(values.size());
  }
  m.deviation = std::sqrt(square);
  m.kurtosis = fourth / (square * square);
  m.least = *std::min_element(values.begin(), values.end());
  m.most = *std::max_element(values.begin(), values.end());
  return m;
}

struct Shapes {
  Parameter spec;
  double fan_in, fan_out;  // as torch.nn.init._calculate_fan_in_and_fan_out has them
};

// Conv2d(24, 40, 5), Conv2d(3, 200, 7), Linear(20 * 6 * 5, 77), Linear(400, 30).
const Shapes all_shapes[] = {
    {Conv<40, 5>::parameters({24, 9, 9}, Layout::blocked)[0], 24 * 25, 40 * 25},
    {Conv<200, 7>::parameters({3, 9, 9}, Layout::planar)[0], 3 * 49, 200 * 49},
    {Dense<77>::parameters({20, 6, 5}, Layout::blocked)[0], 20 * 6 * 5, 77},
    {Dense<30>::parameters({400, 1, 1}, Layout::blocked)[0], 400, 30}};

struct Law {
  Initial initial;
  double (*variance)(double fan_in, double fan_out);
  bool normal;
};

const Law laws[] = {
    {Initial::lecun_uniform, [](double in, double) { return 1 / in; }, false},
    {Initial::lecun_normal, [](double in, double) { return 1 / in; }, true},
    {Initial::glorot_uniform, [](double in, double out) { return 2 / (in + out); }, false},
    {Initial::glorot_normal, [](double in, double out) { return 2 / (in + out); }, true},
    {Initial::he_uniform, [](double in, double) { return 2 / in; }, false},
    {Initial::he_normal, [](double in, double) { return 2 / in; }, true},
    // gain = sqrt(2 / (1 + a²)), a = sqrt(5); bound = sqrt(3) gain / sqrt(fan_in) = 1 / sqrt(fan_in)
    {Initial::pytorch, [](double in, double) { return 1 / (3 * in); }, false},
    {Initial::he_uniform.scaled(0.1), [](double in, double) { return 0.02 / in; }, false},
    {Initial::he_normal.scaled(3.0), [](double in, double) { return 18 / in; }, true}};

TEST(Initial, NumbersAreDistributedAsTheFormulasSay) {
  for (const Shapes& shape : all_shapes) {
    for (const Law& law : laws) {
      const std::string what = std::string(law.initial.name()) + " of " +
                               std::to_string(shape.spec.elements()) + " numbers";
      const double deviation = std::sqrt(law.variance(shape.fan_in, shape.fan_out));
      const Moments m = moments(drawn(shape.spec, law.initial));
      const double n = shape.spec.elements();
      // Four standard errors.
      EXPECT_NEAR(m.mean, 0.0, 4 * deviation / std::sqrt(n)) << what;
      const double error = std::sqrt(((law.normal ? 3.0 : 1.8) - 1) / (4 * n));
      EXPECT_NEAR(m.deviation / deviation, 1.0, 4 * error) << what;
      EXPECT_NEAR(m.kurtosis, law.normal ? 3.0 : 1.8, law.normal ? 0.2 : 0.05) << what;
      const double bound = (law.normal ? 6.34 : std::sqrt(3.0)) * deviation;
      EXPECT_LE(m.most, bound * (1 + 1e-7)) << what;
      EXPECT_GE(m.least, -bound * (1 + 1e-7)) << what;
      EXPECT_GE(m.most, (law.normal ? 3.3 : 1.73) * deviation) << what;
      EXPECT_LE(m.least, (law.normal ? -3.3 : -1.73) * deviation) << what;
    }
  }
}

TEST(Initial, FansCountTapsAsPyTorchDoes) {
  for (const Shapes& shape : all_shapes) {
    EXPECT_EQ(shape.spec.fan_in, shape.fan_in);
    EXPECT_EQ(shape.spec.fan_out, shape.fan_out);
  }
  // A bias has those of its weight: PyTorch's lies in ±1 / sqrt(fan_in).
  const Parameter bias = Conv<200, 7>::parameters({3, 9, 9}, Layout::planar)[1];
  EXPECT_EQ(bias.fan_in, 3 * 49);
  const Moments m = moments(drawn(bias, Initial::pytorch));
  EXPECT_LE(m.most, 1 / std::sqrt(147.0));
  EXPECT_GE(m.least, -1 / std::sqrt(147.0));
  EXPECT_NEAR(m.deviation * std::sqrt(3 * 147.0), 1.0, 0.15);
  EXPECT_EQ(Dense<7>::parameters({20, 6, 5}, Layout::blocked)[1].fan_in, 600);
}

TEST(Initial, NumbersHangOnSeedParameterAndPlaceAlone) {
  for (const Law& law : laws) {
    const Parameter planar = Conv<20, 3>::parameters({3, 9, 9}, Layout::planar)[0];
    const Parameter blocked = Conv<20, 3>::parameters({3, 9, 9}, Layout::blocked)[0];
    const Parameter longer = Conv<50, 3>::parameters({3, 9, 9}, Layout::planar)[0];
    const auto values = drawn(planar, law.initial, 3, 5);
    EXPECT_EQ(values, drawn(blocked, law.initial, 3, 5)) << law.initial.name();
    EXPECT_NE(values, drawn(planar, law.initial, 4, 5)) << law.initial.name();
    EXPECT_NE(values, drawn(planar, law.initial, 3, 6)) << law.initial.name();
    if (law.variance(27, 180) != law.variance(27, 450)) continue;
    auto more = drawn(longer, law.initial, 3, 5);
    more.resize(values.size());
    EXPECT_EQ(values, more) << law.initial.name();
  }
}

TEST(Initial, OrthogonalRowsOrColumnsHaveTheLengthOfTheScale) {
  const Parameter specs[] = {Conv<24, 3>::parameters({5, 9, 9}, Layout::planar)[0],
                             Conv<70, 3>::parameters({5, 9, 9}, Layout::blocked)[0],
                             Dense<64>::parameters({4, 4, 4}, Layout::blocked)[0],
                             Dense<1>::parameters({30, 1, 1}, Layout::blocked)[0]};
  const double scale = 1.5;
  for (const Parameter& spec : specs) {
    const auto q = drawn(spec, Initial::orthogonal.scaled(scale));
    const std::size_t rows = static_cast<std::size_t>(spec.extent[0]), columns = q.size() / rows;
    const bool wide = rows <= columns;
    const std::size_t count = wide ? rows : columns, length = wide ? columns : rows;
    const auto at = [&](std::size_t v, std::size_t i) {
      return wide ? q[v * columns + i] : q[i * columns + v];
    };
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = a; b < count; ++b) {
        double product = 0;
        for (std::size_t i = 0; i < length; ++i) product += at(a, i) * at(b, i);
        ASSERT_NEAR(product, a == b ? scale * scale : 0.0, 2e-6)
            << rows << " x " << columns << ", " << a << " and " << b;
      }
    }
    // It is no matter of a few vectors of the standard basis.
    EXPECT_LT(*std::max_element(q.begin(), q.end()), scale);
  }
}

// --- which parameter begins how ------------------------------------------------------------------

struct Tiny {
  static constexpr std::string_view name = "tiny";
  static constexpr Shape input{2, 6, 6};
  static constexpr auto targets = std::to_array<TargetSpec>({{"kind", TargetKind::classes, 3},
                                                             {"side", TargetKind::classes, 2},
                                                             {"place", TargetKind::values, 2}});
  using Trunk = Sequence<Conv<4>, Relu, Residual<Sequence<ConvNoBias<4>, GroupNorm<2>>>>;
  using Heads = std::tuple<
      Head<"kind", Flatten, Dense<9>, Relu, Dense<3>>,
      Head<"side", Concat<Conv<2, 1>, Conv<3>>, MaxPool<2>, GlobalAveragePool, Conv<1, 1>>,
      Head<"place", GlobalAveragePool, Concat<Dense<1>, Dense<1>>>>;
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{}, 1.0), term<"side">(BinaryCrossEntropy{}, 0.5),
                 term<"place">(MeanSquaredError{}, 1.0)};
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Sgd{.learning_rate = 0.1});
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 2, .slots = 2};
};
struct TinyHe : Tiny {
  static constexpr Initialization initialization = Initialization::all(Initial::he_uniform);
};
struct TinySmall : Tiny {
  static constexpr Initialization initialization{.hidden = Initial::he_normal,
                                                 .output = Initial::he_normal.scaled(0.1)};
};
struct TinyPytorch : Tiny {
  static constexpr Initialization initialization = Initialization::pytorch();
};
struct TinyChosen : Tiny {
  static constexpr Initialization initialization{.hidden = Initial::orthogonal,
                                                 .output = Initial::zero};
  using Trunk =
      Sequence<Direct<Initialized<Conv<4>, Initial::lecun_normal>>, Relu,
               Residual<Sequence<ConvNoBias<4>, Initialized<GroupNorm<2>, Initial::zero>>>>;
  using Heads =
      std::tuple<Head<"kind", Flatten, Initialized<Dense<9>, Initial::automatic.scaled(2.0)>, Relu,
                      WithPrior<Dense<3>, prior::frequencies(60, 30, 10)>>,
                 Head<"side", GlobalAveragePool, WithPrior<Dense<1>, prior::probability(0.02)>>,
                 Head<"place", GlobalAveragePool, WithPrior<Dense<2>, prior::values(3.0, -1.5)>>>;
};

template <class Experiment>
std::string initial_of(const std::string& name) {
  for (const TensorInfo& t : describe<Experiment>().tensors) {
    if (t.name == name) {
      return std::string(t.initial.name()) +
             (t.initial.scale == 1.0 ? "" : " x " + std::to_string(t.initial.scale).substr(0, 3));
    }
  }
  return "no such parameter";
}

TEST(Initialization, OutputLayersAreThoseThatNoParametersFollow) {
  const std::string hidden = "he_normal", output = "he_normal x 0.1";
  EXPECT_EQ(initial_of<TinySmall>("trunk.0.weight"), hidden);
  EXPECT_EQ(initial_of<TinySmall>("trunk.0.bias"), "zero");
  EXPECT_EQ(initial_of<TinySmall>("trunk.2.main.0.weight"), hidden);
  EXPECT_EQ(initial_of<TinySmall>("trunk.2.main.1.weight"), "one");
  EXPECT_EQ(initial_of<TinySmall>("trunk.2.main.1.bias"), "zero");
  EXPECT_EQ(initial_of<TinySmall>("heads.kind.1.weight"), hidden);
  EXPECT_EQ(initial_of<TinySmall>("heads.kind.3.weight"), output);
  EXPECT_EQ(initial_of<TinySmall>("heads.side.0.branch.0.weight"), hidden);
  EXPECT_EQ(initial_of<TinySmall>("heads.side.3.weight"), output);
  EXPECT_EQ(initial_of<TinySmall>("heads.place.1.branch.1.weight"), output);
}

TEST(Initialization, ExperimentsAndLayersChoose) {
  EXPECT_EQ(initial_of<Tiny>("trunk.0.weight"), "glorot_uniform");
  EXPECT_EQ(initial_of<Tiny>("heads.kind.3.weight"), "glorot_uniform x 0.5");
  EXPECT_EQ(initial_of<Tiny>("heads.kind.3.bias"), "zero");
  EXPECT_EQ(initial_of<TinyHe>("heads.kind.3.weight"), "he_uniform");
  EXPECT_EQ(initial_of<TinyPytorch>("trunk.0.weight"), "pytorch");
  EXPECT_EQ(initial_of<TinyPytorch>("trunk.0.bias"), "pytorch");
  EXPECT_EQ(initial_of<TinyPytorch>("heads.kind.3.bias"), "pytorch");
  EXPECT_EQ(initial_of<TinyPytorch>("trunk.2.main.1.weight"), "one");
  EXPECT_EQ(initial_of<TinyChosen>("trunk.0.weight"), "lecun_normal");
  EXPECT_EQ(initial_of<TinyChosen>("trunk.2.main.0.weight"), "orthogonal");
  EXPECT_EQ(initial_of<TinyChosen>("trunk.2.main.1.weight"), "zero");
  EXPECT_EQ(initial_of<TinyChosen>("heads.kind.1.weight"), "orthogonal x 2.0");
  EXPECT_EQ(initial_of<TinyChosen>("heads.kind.3.weight"), "zero");
  EXPECT_EQ(initial_of<TinyChosen>("heads.kind.3.bias"), "prior");
}

TEST(Initialization, IsPartOfTheFingerprint) {
  std::set<std::uint64_t> prints{describe<Tiny>().fingerprint, describe<TinyPytorch>().fingerprint};
  Description d = describe<TinyChosen>();
  const auto changed = [&](auto&& change) {
    Description other = d;
    for (TensorInfo& t : other.tensors) change(t);
    return fingerprint(other);
  };
  prints.insert(fingerprint(d));
  prints.insert(changed([](TensorInfo& t) {
    if (t.name == "trunk.0.weight") t.initial = Initial::lecun_uniform;
  }));
  prints.insert(changed([](TensorInfo& t) {
    if (t.name == "trunk.0.weight") t.initial.scale = 1.0 + 1e-9;
  }));
  prints.insert(changed([](TensorInfo& t) {
    if (t.name == "heads.kind.3.bias") t.prior[1] += 1e-9;
  }));
  EXPECT_EQ(prints.size(), 6u);
}

// --- first losses --------------------------------------------------------------------------------

// Noisy pictures of three kinds, of which every third is of the first side.
class Noise final : public Source {
 public:
  static constexpr int records = 60;
  Noise() {
    for (std::size_t i = 0; i < pixels_.size(); ++i) {
      pixels_[i] =
          static_cast<std::uint8_t>(RandomStream(7, Purpose::generator, 0, i).draw(0)[0] >> 24);
    }
  }
  std::uint64_t size(Split split) const override { return split == Split::train ? records : 0; }
  std::uint64_t record(Split, std::uint64_t rank) const override { return rank; }
  void read(std::uint64_t r, std::span<std::byte>, Record& out) const override {
    out.image = pixels_.data() + r * 72;
    out.targets[0].label = label(r, 0);
    out.targets[1].label = label(r, 1);
    out.targets[2].values = place_.data();
  }
  std::int32_t label(std::uint64_t r, int target) const override {
    return target == 0 ? (r % 10 < 6 ? 0 : r % 10 < 9 ? 1 : 2) : static_cast<int>(r % 3 == 0);
  }
  bool labelled(std::uint64_t, int) const override { return true; }
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }
  std::span<const std::string> class_names(int) const override { return {}; }

 private:
  std::array<std::uint8_t, 72 * records> pixels_;
  std::array<float, 2> place_{3.0f, -1.0f}, mean_{127, 127}, deviation_{74, 74};
};

template <class Experiment>
StepReport first_step() {
  static const Noise noise;
  std::vector<float> arena(Definition<Experiment>::map.floats + 32);
  const auto address = reinterpret_cast<std::uintptr_t>(arena.data());
  ThreadedTrainer<Experiment> trainer(arena.data() + (128 - address % 128) % 128 / sizeof(float));
  Settings settings;
  settings.source = &noise;
  settings.batch_size = Noise::records;
  settings.weight.fill(1.0);
  trainer.start(settings);
  trainer.initialize();
  Position position;
  StepReport report;
  trainer.step(position, 1.0, report);
  return report;
}

TEST(FirstLosses, AreThoseOfGuessing) {
  const StepReport report = first_step<Tiny>();
  EXPECT_NEAR(report.value[0], std::log(3.0), 0.25);
  EXPECT_NEAR(report.value[1], std::log(2.0), 0.1);
  EXPECT_GT(first_step<TinyHe>().value[0], std::log(3.0) + 0.5);
  const Description d = describe<Tiny>();
  EXPECT_DOUBLE_EQ(d.terms[0].guess, std::log(3.0));
  EXPECT_DOUBLE_EQ(d.terms[1].guess, std::log(2.0));
  EXPECT_EQ(d.terms[2].guess, 0.0);
}

TEST(FirstLosses, AreThoseOfThePriorWhereWeightsAreZero) {
  const StepReport report = first_step<TinyChosen>();
  const double kind = -0.6 * std::log(0.6) - 0.3 * std::log(0.3) - 0.1 * std::log(0.1);
  EXPECT_NEAR(report.value[0], kind, 1e-6);  // the entropy of the frequencies
  EXPECT_NEAR(report.value[1], -std::log(0.02) / 3 - 2 * std::log(0.98) / 3, 1e-6);
  EXPECT_NEAR(report.value[2], 0.5 * 0.5 / 2, 1e-6);
}

TEST(FirstLosses, GuessesAreTheValuesOfOutputsThatAreZero) {
  EXPECT_DOUBLE_EQ(guessed_value(SoftmaxCrossEntropy{}, 10), std::log(10.0));
  EXPECT_DOUBLE_EQ(guessed_value(BinaryCrossEntropy{}, 4), std::log(2.0));
  EXPECT_DOUBLE_EQ(guessed_value(BinaryCrossEntropy{.positive_weight = 3.0}, 1), 3 * std::log(2.0));
  EXPECT_DOUBLE_EQ(guessed_value(Hinge{.margin = 2.0}, 4), 1.5);
  EXPECT_DOUBLE_EQ(guessed_value(BinaryHinge{.margin = 2.0}, 4), 2.0);
  EXPECT_EQ(guessed_value(MeanSquaredError{}, 4), 0.0);
}

TEST(FirstLosses, AreFarAboveGuessingBeyondTwiceAndOneMore) {
  const double ten = std::log(10.0);
  EXPECT_TRUE(far_above_guessing(6.1, ten));
  EXPECT_FALSE(far_above_guessing(4.5, ten));
  EXPECT_FALSE(far_above_guessing(1.6, 0.7));  // twice, but not by 1
  EXPECT_TRUE(far_above_guessing(1.8, 0.7));
  EXPECT_FALSE(far_above_guessing(100.0, 0.0));  // no guess is known
}

TEST(FirstLosses, AWarningNamesTermValueAndGuess) {
  TermInfo term;
  term.name = "digit";
  term.head = "number";
  term.guess = std::log(10.0);
  Row text;
  warn_of_first_value(term, 2.4, text);
  EXPECT_EQ(text.view(), "");
  warn_of_first_value(term, 6.1, text);
  for (const std::string_view part : {"'digit'", "6.1", "2.3026", "'number'", "Initialized<"}) {
    EXPECT_NE(text.view().find(part), std::string_view::npos) << text.view();
  }
  EXPECT_EQ(std::count(text.view().begin(), text.view().end(), '\n'), 1);
}

}  // namespace
}  // namespace medley::testing
