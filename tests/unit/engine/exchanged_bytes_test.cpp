// What processes that train together send in a step, counted by what it is: no more than the sums need.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "medley/engine/exchange.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/norm.hpp"
#include "medley/optimizers/adam.hpp"
#include "mixing_harness.hpp"
#include "process_group.hpp"

namespace medley::testing {
namespace {

// Parameters that leave no gaps, none of them with a factored gradient.
struct Plain {
  static constexpr std::string_view name = "plain";
  static constexpr Shape input{16, 8, 8};
  static constexpr auto targets = std::to_array<TargetSpec>({{"kind", TargetKind::classes, 32}});
  using Trunk = Sequence<ConvNoBias<32>, GroupNorm<4>, Relu, Conv<64>, Relu, GlobalAveragePool>;
  using Heads = std::tuple<Head<"kind", Dense<32>>>;
  static constexpr auto terms =
      std::tuple{term<"kind">(SoftmaxCrossEntropy{}, 1.0), penalty<"decay">(L2Penalty{}, 1e-2)};
  static constexpr WeightedSum mix{};
  static constexpr auto steps = joint(Adam{.learning_rate = 1e-2});
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 1, .slots = 8};
};

// The same with a large dense layer, of which factors are sent.
struct Factored : Plain {
  static constexpr std::string_view name = "factored";
  using Trunk = Sequence<ConvNoBias<32>, Relu>;
  using Heads = std::tuple<Head<"kind", Flatten, Dense<32>>>;
};

// Parameters of 16 floats, behind each of which as many are left free.
struct Gaps : Plain {
  static constexpr std::string_view name = "gaps";
  using Trunk = Sequence<ConvNoBias<16>, GroupNorm<4>, Relu, Conv<16>, Relu, GlobalAveragePool>;
};

struct Sent {
  std::size_t gradients = 0, factors = 0, parameters = 0, others = 0;  // bytes
  std::size_t messages = 0;
};

// A process whose messages are told apart by where they are in the arena.
template <class Experiment>
class Counted final : public Processes {
 public:
  using D = Definition<Experiment>;
  explicit Counted(Processes& processes) : processes_(processes) {}
  // From then on, of this engine.
  void count_for(const float* arena) { arena_ = arena; }
  const Sent& sent() const { return sent_; }

  int rank() const override { return processes_.rank(); }
  int count() const override { return processes_.count(); }
  void send(int to, const void* data, std::size_t bytes) override {
    kind_of(data) += bytes;
    ++sent_.messages;
    processes_.send(to, data, bytes);
  }
  void receive(int from, void* data, std::size_t bytes) override {
    processes_.receive(from, data, bytes);
  }
  void wait() override { processes_.wait(); }

 private:
  std::size_t& kind_of(const void* data) {
    const auto* const at = static_cast<const float*>(data);
    const ArenaView<D> view(const_cast<float*>(arena_));
    const auto within = [&](const float* first, std::size_t floats) {
      return first <= at && at < first + floats;
    };
    if (within(view.parameters(), D::parameter_floats)) return sent_.parameters;
    for (int d = 0; d < D::directions; ++d) {
      for (int s = 0; s < D::Net::segment_count; ++s) {
        if (within(view.factors(d, s, 0), D::slots * D::factor_floats(s))) return sent_.factors;
        if (within(view.gradients(d, s, 0), D::slots * D::slot_floats(s))) return sent_.gradients;
      }
    }
    return sent_.others;
  }

  Processes& processes_;
  const float* arena_ = nullptr;
  Sent sent_;
};

// Of each process, in one step on a batch that fills so many slots.
template <class Experiment>
std::vector<Sent> sent_in_a_step(int processes, int slots) {
  const MadeSource made(static_cast<std::uint64_t>(slots), Experiment::input, Experiment::targets);
  std::vector<Sent> sent(static_cast<std::size_t>(processes));
  ProcessGroup group(processes);
  group.run([&](Processes& process) {
    Counted<Experiment> counted(process);
    Settings settings = settings_for<Experiment>(made);
    settings.processes = &counted;
    MadeTraining<Experiment> run(settings);
    counted.count_for(run.arena());
    run.step();
    EXPECT_FALSE(run.report.diverged);
    sent[static_cast<std::size_t>(process.rank())] = counted.sent();
  });
  return sent;
}

template <class Experiment>
Sent in_all(int processes, int slots) {
  Sent all;
  for (const Sent& sent : sent_in_a_step<Experiment>(processes, slots)) {
    all.gradients += sent.gradients, all.factors += sent.factors;
    all.parameters += sent.parameters, all.others += sent.others;
    all.messages += sent.messages;
  }
  return all;
}

template <class Experiment>
constexpr std::size_t share_bytes(int process, int processes) {
  const Share share = Chunks<typename Definition<Experiment>::Net>::share_of(process, processes);
  std::size_t floats = 0;
  for (int c = share.first; c < share.last; ++c)
    floats +=
        static_cast<std::size_t>(Chunks<typename Definition<Experiment>::Net>::list[c].floats);
  return floats * sizeof(float);
}
constexpr std::size_t plain_bytes = Definition<Plain>::parameter_floats * sizeof(float);
static_assert(share_bytes<Plain>(0, 1) == plain_bytes, "there are gaps between parameters");

std::size_t subtrees(const Share& share, int slots) {
  std::size_t number = 0;
  each_subtree(share, slots, [&](int, int) { ++number; });
  return number;
}

// What any all-reduce must send where all take an equal part in it: 2 (P - 1)/P times the parameters a
// process. A chunk is the least that a process owns, so that of eight some send up to two chunks more.
TEST(ExchangedBytes, AreTwiceTheParametersForPowersOfTwo) {
  for (const int processes : {2, 4, 8}) {
    SCOPED_TRACE(processes);
    const auto others = static_cast<std::size_t>(processes - 1);
    const Sent all = in_all<Plain>(processes, 8);
    EXPECT_EQ(all.gradients, others * plain_bytes);
    EXPECT_EQ(all.parameters, others * plain_bytes);
    EXPECT_EQ(all.factors, 0u);
    for (const Sent& sent : sent_in_a_step<Plain>(processes, 8)) {
      constexpr std::size_t chunk = Chunks<Definition<Plain>::Net>::most_floats * sizeof(float);
      const std::size_t least = 2 * others * plain_bytes / static_cast<std::size_t>(processes);
      EXPECT_NEAR(static_cast<double>(sent.gradients + sent.parameters), static_cast<double>(least),
                  static_cast<double>(2 * others * chunk));
    }
  }
}

// Other numbers have more subtrees than processes, each of which is sent.
TEST(ExchangedBytes, AreASubtreeEachOtherwise) {
  for (const int slots : {5, 8}) {
    for (const int processes : {3, 5, 6, 7}) {
      SCOPED_TRACE(std::to_string(processes) + " processes, slots " + std::to_string(slots));
      std::size_t gradients = 0;
      for (int p = 0; p < processes; ++p)
        gradients += subtrees(share_of(slots, p, processes), slots) *
                     (plain_bytes - share_bytes<Plain>(p, processes));
      const Sent all = in_all<Plain>(processes, slots);
      EXPECT_EQ(all.gradients, gradients);
      EXPECT_EQ(all.parameters, static_cast<std::size_t>(processes - 1) * plain_bytes);
    }
  }
}

// Factors go to all, instead of the gradient that they make.
TEST(ExchangedBytes, OfAFactoredGradientAreItsFactors) {
  using D = Definition<Factored>;
  constexpr std::size_t factors = D::factor_floats(1) * sizeof(float);
  ASSERT_GT(factors, 0u);
  for (const int processes : {2, 3, 8}) {
    const auto others = static_cast<std::size_t>(processes - 1);
    const Sent all = in_all<Factored>(processes, 8);
    EXPECT_EQ(all.factors, others * 8 * factors);
    EXPECT_LT(all.gradients, all.parameters);
  }
}

// What else is sent: totals of slots, sums of chunks. And a message is a share, not a parameter.
template <class Experiment>
void expect_few_messages() {
  for (const int processes : {2, 4, 8}) {
    SCOPED_TRACE(std::string(Experiment::name) + " " + std::to_string(processes));
    const auto pairs = static_cast<std::size_t>(processes * (processes - 1));
    const Sent all = in_all<Experiment>(processes, 8);
    constexpr int chunks = Chunks<typename Definition<Experiment>::Net>::count;
    EXPECT_LE(all.others,
              static_cast<std::size_t>(processes - 1) * (8 * sizeof(SlotTotals) + 128 * chunks));
    EXPECT_LE(all.messages, 6 * pairs);
  }
}
TEST(ExchangedBytes, SmallMessagesAreFew) {
  expect_few_messages<Plain>();
  expect_few_messages<Gaps>();
}

}  // namespace
}  // namespace medley::testing
