// Parts of the description that do not depend on the experiment's type.
#include <xxhash.h>

#include <bit>

#include "medley/training/engine.hpp"

namespace medley {

namespace {

template <class F>
void each_element(const TensorInfo& t, F&& f) {
  std::size_t i = 0;
  for (int o = 0; o < t.extent[0]; ++o) {
    for (int c = 0; c < t.extent[1]; ++c) {
      for (int y = 0; y < t.extent[2]; ++y) {
        for (int x = 0; x < t.extent[3]; ++x) {
          f(i++, t.offset + static_cast<std::size_t>(t.packing.index(o, c, y, x)));
        }
      }
    }
  }
}

}  // namespace

void TensorInfo::unpack(const float* arena, float* values) const {
  each_element(*this, [&](std::size_t i, std::size_t at) { values[i] = arena[at]; });
}

void TensorInfo::pack(const float* values, float* arena) const {
  each_element(*this, [&](std::size_t i, std::size_t at) { arena[at] = values[i]; });
}

std::uint64_t fingerprint(const Description& d) {
  std::string text = d.name;
  const auto add = [&](std::string_view part) {
    text += '\n';
    text += part;
  };
  const auto add_number = [&](std::size_t number) { add(std::to_string(number)); };
  const auto add_shape = [&](const Shape& s) {
    for (const int n : {s.c, s.h, s.w}) add_number(static_cast<std::size_t>(n));
  };
  add_shape(d.input);
  for (const TargetSpec& target : d.targets) {
    add(target.name);
    add_number(static_cast<std::size_t>(target.kind));
    add_number(static_cast<std::size_t>(target.size));
  }
  for (const LayerInfo& layer : d.layers) {
    add(layer.path);
    add(layer.type);
    for (const Option& option : layer.options)
      add(option.name + "=" + std::to_string(option.value));
    if (!layer.algorithm.empty()) add(layer.algorithm);
    for (const std::string& input : layer.inputs) add(input);
    add_shape(layer.output);
  }
  for (const TensorInfo& t : d.tensors) {
    if (!t.is_parameter) continue;
    add(t.initial.name());
    add_number(std::bit_cast<std::size_t>(t.initial.scale));
    for (const double number : t.prior) add_number(std::bit_cast<std::size_t>(number));
  }
  for (const TermInfo& term : d.terms) {
    for (const std::string& part : {term.name, term.type, term.head, term.target}) add(part);
    for (const Option& option : term.options) add(option.name + "=" + std::to_string(option.value));
  }
  for (const GroupInfo& group : d.groups) {
    add(group.name);
    add(group.optimizer);
    add_number(group.term_set);
    add_number(static_cast<std::size_t>(group.times));
    add_number(group.next_batch);
  }
  add(step_mode_names[static_cast<std::size_t>(d.mode)]);
  add(d.mix);
  add_number(static_cast<std::size_t>(d.memory.shard));
  add_number(static_cast<std::size_t>(d.memory.slots));
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace medley
