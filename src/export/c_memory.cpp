#include "medley/export/c_memory.hpp"

#include <algorithm>
#include <numeric>

namespace medley {

namespace {

namespace op = operation;
using Way = CStep::Way;

template <class... Types>
bool is_one_of(const Operation& operation) {
  return (std::holds_alternative<Types>(operation) || ...);
}
bool moves_nothing(const Operation& operation) {
  return is_one_of<op::Dropout, op::Flatten>(operation);
}
// Element by element, so that it may overwrite what it reads.
bool can_overwrite(const Operation& operation) {
  return is_one_of<op::Relu, op::LeakyRelu, op::Sigmoid, op::Tanh, op::BatchNorm, op::GroupNorm,
                   op::Add>(operation);
}

class Planner {
 public:
  explicit Planner(const NetworkView& network) : n_(network), tensors_(network.layers.size() + 1) {}

  CMemory plan() {
    m_.steps.resize(n_.layers.size());
    find_needed();
    find_origins();
    find_last_readers();
    m_.buffer_of.assign(tensors_, -1);
    give_buffer(0, 0);
    for (std::size_t i = 0; i < n_.layers.size(); ++i) plan_layer(i);
    std::vector<std::size_t> order(m_.buffers.size());
    m_.floats = place(m_.buffers, order, alignment);
    return std::move(m_);
  }

 private:
  static constexpr std::size_t alignment = 4;  // floats: a vector of most processors

  static std::size_t index(int tensor) { return static_cast<std::size_t>(tensor); }

  // Which heads need each layer.
  void find_needed() {
    for (std::size_t h = 0; h < n_.heads.size(); ++h) {
      std::vector<bool> needed(tensors_);
      needed[index(n_.heads[h].tensor)] = true;
      for (std::size_t i = n_.layers.size(); i-- > 0;) {
        if (!needed[i + 1]) continue;
        m_.steps[i].heads |= std::uint64_t{1} << h;
        for (const int input : n_.layers[i].inputs) needed[index(input)] = true;
      }
    }
  }

  // The tensor that each is the same as: itself, or what a layer has handed on.
  void find_origins() {
    m_.origin.resize(tensors_);
    std::iota(m_.origin.begin(), m_.origin.end(), 0);
    for (std::size_t i = 0; i < n_.layers.size(); ++i) {
      CStep& step = m_.steps[i];
      if (step.heads == 0) step.way = Way::unused;
      if (step.heads == 0 || !moves_nothing(n_.layers[i].operation)) continue;
      step.way = Way::nothing;
      m_.origin[i + 1] = m_.origin[index(n_.layers[i].inputs[0])];
    }
  }

  // When each is read for the last time. (Heads read theirs at once.)
  void find_last_readers() {
    last_.resize(tensors_);
    for (std::size_t t = 0; t < tensors_; ++t) last_[t] = static_cast<int>(t);
    for (std::size_t i = 0; i < n_.layers.size(); ++i) {
      const Way way = m_.steps[i].way;
      if (way == Way::unused || way == Way::nothing) continue;
      for (const int input : n_.layers[i].inputs)
        last_[index(m_.origin[index(input)])] = static_cast<int>(i) + 1;
    }
  }

  void plan_layer(std::size_t i) {
    CStep& step = m_.steps[i];
    const int time = static_cast<int>(i) + 1;
    if (step.way == Way::unused) return;
    for (const int input : n_.layers[i].inputs) step.inputs.push_back(m_.origin[index(input)]);
    if (step.way == Way::nothing) {
      m_.buffer_of[i + 1] = m_.buffer_of[index(step.inputs[0])];
      return;
    }
    if (can_overwrite(n_.layers[i].operation)) {
      // An input that nobody reads later, nor this layer twice.
      const auto free = std::ranges::find_if(step.inputs, [&](int tensor) {
        return last_[index(tensor)] == time && std::ranges::count(step.inputs, tensor) == 1;
      });
      const bool found = free != step.inputs.end();
      step.way = found ? Way::in_place : Way::copied;
      if (found) {
        std::iter_swap(step.inputs.begin(), free);
        const int buffer = m_.buffer_of[index(step.inputs[0])];
        m_.buffer_of[i + 1] = buffer;
        Lifetime& life = m_.buffers[static_cast<std::size_t>(buffer)].life;
        life.last = std::max(life.last, last_[i + 1]);
        return;
      }
    }
    give_buffer(time, time);
  }

  void give_buffer(int tensor, int time) {
    m_.buffer_of[index(tensor)] = static_cast<int>(m_.buffers.size());
    m_.buffers.push_back({.floats = static_cast<std::size_t>(n_.shape(tensor).elements()),
                          .life = {time, last_[index(tensor)]}});
  }

  const NetworkView& n_;
  std::size_t tensors_;
  CMemory m_;
  std::vector<int> last_;
};

}  // namespace

CMemory plan_c_memory(const NetworkView& network) { return Planner(network).plan(); }

}  // namespace medley
