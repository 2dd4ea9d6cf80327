// Parts of the description that do not depend on the experiment's type.
#include "medley/experiment/description.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <string>

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

Description with_mode(Description d, int mode) {
  if (d.modes.empty()) return d;  // all is chosen
  const ModeInfo& info = d.modes[static_cast<std::size_t>(mode)];
  const auto is_mode_section = [&](const SectionInfo& s) {
    return s.name.starts_with("optimizer ") || s.name.starts_with("mix ");
  };
  std::erase_if(d.tensors, [](const TensorInfo& t) { return !t.is_parameter; });
  std::erase_if(d.arena, is_mode_section);
  d.mode = info.mode;
  d.groups = info.groups;
  d.tensors.insert(d.tensors.end(), info.moments.begin(), info.moments.end());
  const auto after = std::ranges::find_if(d.arena, [](const SectionInfo& s) {
    return s.name != "parameters" && s.name != "prepacked weights";
  });
  d.arena.insert(after, info.sections.begin(), info.sections.end());
  for (GroupInfo& group : d.groups) {
    const std::vector<AnyMix>& mixes = group.own_mixes.empty() ? d.mixes : group.own_mixes;
    if (!mixes.empty()) group.mix = {mixes.front(), {}};
  }
  return d;
}

Description with_mode(Description description, int mode, std::span<const MixChoice> mixes) {
  Description d = with_mode(std::move(description), mode);
  for (std::size_t g = 0; g < mixes.size(); ++g) d.groups[g].mix = mixes[g];
  return d;
}

std::vector<StateInfo> mix_states(const Description& d) {
  std::vector<StateInfo> states;
  for (const GroupInfo& group : d.groups) {
    if (!group.keeps_mix_state) continue;
    std::size_t at = group.mix_state_offset;
    const auto add = [&](const MixState& state) {
      StateInfo info{"mix." + group.name + "." + std::string(state.name),
                     {},
                     at,
                     state.elements(group.losses)};
      for (int i = 0; i < state.rank; ++i)
        info.dims.push_back(static_cast<std::uint64_t>(group.losses));
      at += 2 * info.elements;
      states.push_back(std::move(info));
    };
    for (const MixState& state : group.mix.mix.states()) add(state);
    for (const MixState& state : common_mix_states) add(state);
  }
  return states;
}

namespace {

// Parts of a text, each on a line of its own, numbers exactly.
class Text {
 public:
  // What follows is of this kind, and there are so many.
  void list(std::string_view kind, std::size_t count) {
    add(kind);
    add(count);
  }
  void add(std::string_view part) { text_.append(part) += '\n'; }
  void add(std::integral auto number) { add(std::string_view(std::to_string(number))); }
  void add(double number) {
    std::array<char, 32> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::hex);
    add(std::string_view(digits.data(), end.ptr));
  }
  void add(const Shape& s) {
    for (const int n : {s.c, s.h, s.w}) add(n);
  }
  // The learning rate is an option of `train`.
  void add(const std::vector<Option>& options) {
    list("options", options.size());
    for (const Option& option : options) {
      add(option.name);
      if (option.name != "learning_rate") add(option.value);
    }
  }
  std::uint64_t hash() const { return XXH3_64bits(text_.data(), text_.size()); }

 private:
  std::string text_;
};

void add_network(Text& text, const Description& d) {
  text.add(d.input);
  text.list("targets", d.targets.size());
  for (const TargetSpec& target : d.targets) {
    text.add(target.name);
    text.add(static_cast<int>(target.kind));
    text.add(target.size);
    text.add(target.ordered);
  }
  text.list("layers", d.layers.size());
  for (const LayerInfo& layer : d.layers) {
    for (const std::string& part : {layer.path, layer.type, layer.algorithm}) text.add(part);
    text.add(layer.options);
    text.list("inputs", layer.inputs.size());
    for (const std::string& input : layer.inputs) text.add(input);
    text.add(layer.output);
  }
  text.list("heads", d.heads.size());
  for (const HeadInfo& head : d.heads) {
    text.add(head.name);
    text.add(head.output);
  }
  for (const TensorInfo& t : d.tensors) {
    if (!t.is_parameter) continue;
    text.add(t.initial.name());
    text.add(t.initial.scale);
    text.list("prior", t.prior.size());
    for (const double number : t.prior) text.add(number);
  }
}

void add_steps(Text& text, const Description& d) {
  text.list("terms", d.terms.size());
  for (const TermInfo& term : d.terms) {
    for (const std::string& part : {term.name, term.type, term.head, term.target}) text.add(part);
    text.add(term.over);
    text.add(term.options);
  }
  text.list("modes", d.modes.size());
  for (const ModeInfo& mode : d.modes) {
    text.add(step_mode_names[static_cast<std::size_t>(mode.mode)]);
    text.list("groups", mode.groups.size());
    for (const GroupInfo& group : mode.groups) {
      text.add(group.name);
      text.add(group.optimizer);
      text.add(group.options);
      text.add(group.term_set);
      text.add(group.times);
      text.add(group.next_batch);
    }
  }
}

}  // namespace

// The step mode, weights of terms, mixes and the rest of the recipe are options, which checkpoints hold
// by name.
std::uint64_t fingerprint(const Description& d) {
  Text text;
  text.add(d.name);
  add_network(text, d);
  add_steps(text, d);
  const Augmentation& augmentation = d.recipe.augmentation;
  text.add(augmentation.flip);
  text.add(augmentation.shift);
  text.add(augmentation.least_crop);
  text.add(d.memory.shard);
  text.add(d.memory.slots);
  return text.hash();
}

}  // namespace medley
