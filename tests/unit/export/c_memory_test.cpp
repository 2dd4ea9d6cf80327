#include "medley/export/c_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace medley {
namespace {

namespace op = operation;

ViewedLayer layer(std::vector<int> inputs, Shape output, Operation operation) {
  return {"layer", std::move(inputs), output, std::move(operation)};
}

ViewedHead head(int tensor, Shape shape) {
  ViewedHead head;
  head.tensor = tensor;
  head.shape = shape;
  return head;
}

// A network of layers that read any tensors before them, some more often than once, with heads
// anywhere.
NetworkView random_network(unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  NetworkView n;
  n.input = {1 + below(4), 1 + below(6), 1 + below(6)};
  const int layers = 1 + below(24);
  for (int i = 0; i < layers; ++i) {
    const int x = below(3) == 0 ? below(i + 1) : i;  // mostly one after the other
    const Shape s = n.shape(x);
    const Shape other{1 + below(9), s.h, s.w};
    std::vector<int> alike;  // what a sum may add
    for (int t = 0; t <= i; ++t) {
      if (n.shape(t) == s) alike.push_back(t);
    }
    const int y = alike[static_cast<std::size_t>(below(static_cast<int>(alike.size())))];
    switch (below(8)) {
      case 0:
        n.layers.push_back(layer({x}, other, op::Conv{}));
        break;
      case 1:
        n.layers.push_back(layer({x}, s, op::Relu{}));
        break;
      case 2:
        n.layers.push_back(layer({x}, s, op::GroupNorm{}));
        break;
      case 3:
        n.layers.push_back(layer({x}, s, op::Dropout{}));
        break;
      case 4:
        n.layers.push_back(layer({x}, s, op::Flatten{}));
        break;
      case 5:
        n.layers.push_back(layer({x, y}, s, op::Add{}));
        break;
      case 6:
        n.layers.push_back(layer({x, y}, {2 * s.c, s.h, s.w}, op::Concat{}));
        break;
      default:
        n.layers.push_back(layer({x}, {s.c, 1, 1}, op::GlobalAveragePool{}));
        break;
    }
  }
  for (int h = 1 + below(4); h > 0; --h) {
    const int tensor = below(3) == 0 ? below(layers + 1) : layers;
    n.heads.push_back(head(tensor, n.shape(tensor)));
  }
  return n;
}

// Runs a plan on a memory that remembers which tensor wrote each float.
class Machine {
 public:
  explicit Machine(const NetworkView& network)
      : n_(network), m_(plan_c_memory(network)), owner_(m_.floats, -1) {}

  void run() {
    ASSERT_EQ(m_.steps.size(), n_.layers.size());
    write(0);
    give_heads(0);
    for (int i = 0; i < static_cast<int>(n_.layers.size()); ++i) step(i);
    for (std::size_t h = 0; h < n_.heads.size(); ++h) EXPECT_TRUE(given_[h]) << "head " << h;
  }
  std::size_t floats() const { return m_.floats; }

 private:
  std::size_t size(int t) const { return static_cast<std::size_t>(n_.shape(t).elements()); }
  int origin(int t) const { return m_.origin[static_cast<std::size_t>(t)]; }

  void write(int t) {
    ASSERT_LE(m_.offset(t) + size(t), m_.floats);
    std::fill_n(owner_.begin() + static_cast<std::ptrdiff_t>(m_.offset(t)), size(t), t);
  }
  bool is_there(int t) const {
    const auto first = owner_.begin() + static_cast<std::ptrdiff_t>(m_.offset(t));
    return std::all_of(first, first + static_cast<std::ptrdiff_t>(size(t)),
                       [&](int owner) { return owner == t; });
  }
  void give_heads(int t) {
    given_.resize(n_.heads.size());
    for (std::size_t h = 0; h < n_.heads.size(); ++h) {
      if (origin(n_.heads[h].tensor) != t) continue;
      EXPECT_TRUE(is_there(t)) << "output of head " << h;
      given_[h] = true;
    }
  }

  void step(int i) {
    const CStep& step = m_.steps[static_cast<std::size_t>(i)];
    const ViewedLayer& l = n_.layers[static_cast<std::size_t>(i)];
    EXPECT_EQ(step.heads == 0, step.way == CStep::Way::unused);
    if (step.way == CStep::Way::unused) return;
    std::vector<int> expected;
    for (const int input : l.inputs) expected.push_back(origin(input));
    EXPECT_TRUE(std::is_permutation(expected.begin(), expected.end(), step.inputs.begin(),
                                    step.inputs.end()));
    if (step.way == CStep::Way::nothing) {
      EXPECT_EQ(origin(i + 1), expected[0]);
      return;
    }
    EXPECT_EQ(origin(i + 1), i + 1);
    for (const int input : step.inputs) EXPECT_TRUE(is_there(input)) << "layer " << i;
    write(i + 1);
    // Other inputs are read while the output is written.
    for (std::size_t k = 0; k < step.inputs.size(); ++k) {
      const bool overwritten = k == 0 && step.way == CStep::Way::in_place;
      EXPECT_EQ(is_there(step.inputs[k]), !overwritten) << "layer " << i << ", input " << k;
    }
    give_heads(i + 1);
  }

  const NetworkView& n_;
  CMemory m_;
  std::vector<int> owner_;
  std::vector<bool> given_;
};

TEST(CMemory, NothingIsOverwrittenBeforeItIsRead) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    const NetworkView network = random_network(seed);
    Machine(network).run();
    if (HasFailure()) return;
  }
}

TEST(CMemory, AChainTakesWhatItsLargestLayerReadsAndWrites) {
  NetworkView n;
  n.input = {1, 8, 8};                                           // 64 floats
  n.layers.push_back(layer({0}, {4, 8, 8}, op::Conv{}));         // 256
  n.layers.push_back(layer({1}, {4, 8, 8}, op::Relu{}));         // in place
  n.layers.push_back(layer({2}, {4, 4, 4}, op::MaxPool{2, 2}));  // 64
  n.layers.push_back(layer({3}, {4, 4, 4}, op::Flatten{}));      // nothing
  n.layers.push_back(layer({4}, {10, 1, 1}, op::Dense{}));       // 10
  n.heads.push_back(head(5, {10, 1, 1}));
  const CMemory m = plan_c_memory(n);
  EXPECT_EQ(m.floats, 256u + 64u);
  EXPECT_EQ(m.steps[1].way, CStep::Way::in_place);
  EXPECT_EQ(m.steps[3].way, CStep::Way::nothing);
}

TEST(CMemory, WhatOthersReadIsCopiedBeforeItIsChanged) {
  NetworkView n;
  n.input = {2, 4, 4};
  n.layers.push_back(layer({0}, {2, 4, 4}, op::Conv{}));
  n.layers.push_back(layer({1}, {2, 4, 4}, op::Tanh{}));    // tensor 1 is read again below
  n.layers.push_back(layer({2, 1}, {2, 4, 4}, op::Add{}));  // over either
  n.layers.push_back(layer({3, 3}, {2, 4, 4}, op::Add{}));  // twice the same
  n.heads.push_back(head(4, {2, 4, 4}));
  const CMemory m = plan_c_memory(n);
  EXPECT_EQ(m.steps[1].way, CStep::Way::copied);
  EXPECT_EQ(m.steps[2].way, CStep::Way::in_place);
  EXPECT_EQ(m.steps[3].way, CStep::Way::copied);
}

TEST(CMemory, LayersAreForTheHeadsThatNeedThem) {
  NetworkView n;
  n.input = {1, 4, 4};
  n.layers.push_back(layer({0}, {1, 4, 4}, op::Relu{}));
  n.layers.push_back(layer({1}, {2, 4, 4}, op::Conv{}));
  n.layers.push_back(layer({1}, {3, 4, 4}, op::Conv{}));
  n.layers.push_back(layer({2}, {5, 4, 4}, op::Conv{}));  // of nobody
  n.heads = {head(2, {2, 4, 4}), head(3, {3, 4, 4}), head(1, {1, 4, 4})};
  const CMemory m = plan_c_memory(n);
  EXPECT_EQ(m.steps[0].heads, 7u);
  EXPECT_EQ(m.steps[1].heads, 1u);
  EXPECT_EQ(m.steps[2].heads, 2u);
  EXPECT_EQ(m.steps[3].way, CStep::Way::unused);
  EXPECT_EQ(m.buffer_of[4], -1);
}

}  // namespace
}  // namespace medley
