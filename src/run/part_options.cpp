#include "medley/run/part_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "medley/files/options.hpp"

namespace medley {

namespace {

// The parameters, in the order of the network.
std::span<const TensorInfo> parameters(const Description& d) {
  const auto end = std::find_if(d.tensors.begin(), d.tensors.end(),
                                [](const TensorInfo& t) { return !t.is_parameter; });
  return {d.tensors.begin(), end};
}

bool is_within(std::string_view name, std::string_view path) {
  return name.starts_with(path) && (name.size() == path.size() || name[path.size()] == '.');
}

// "trunk.0-3" as its sequence and the layers that it counts.
struct Range {
  std::string_view sequence;
  std::uint32_t first = 0, last = 0;
  bool holds(std::string_view name) const {
    if (!is_within(name, sequence) || name.size() == sequence.size()) return false;
    const std::string_view rest = name.substr(sequence.size() + 1);
    const auto layer = read_number<std::uint32_t>(rest.substr(0, rest.find('.')));
    return layer && first <= layer.value && layer.value <= last;
  }
};
std::optional<Range> range_of(std::string_view path) {
  const std::size_t point = path.rfind('.');
  if (point == std::string_view::npos) return {};
  const std::string_view layers = path.substr(point + 1);
  const std::size_t dash = layers.find('-');
  if (dash == std::string_view::npos) return {};
  const auto first = read_number<std::uint32_t>(layers.substr(0, dash));
  const auto last = read_number<std::uint32_t>(layers.substr(dash + 1));
  if (!first || !last) return {};
  return Range{path.substr(0, point), first.value, last.value};
}

std::string parts_there_are(const Description& d) {
  std::vector<std::string> names, layers;
  const auto any = [&](std::string_view path) {
    return std::ranges::any_of(parameters(d),
                               [&](const TensorInfo& t) { return is_within(t.name, path); });
  };
  if (any("trunk")) names.push_back("trunk");
  names.push_back("heads");
  for (const HeadInfo& head : d.heads) {
    if (any("heads." + head.name)) names.push_back(head.name);
  }
  for (const LayerInfo& layer : d.layers) {
    if (any(layer.path)) layers.push_back(layer.path);
  }
  return fmt::format("{}; of layers: {}", fmt::join(names, ", "), fmt::join(layers, ", "));
}

// The parameters of a part, as places among all.
std::vector<std::size_t> members(std::string_view part, const char* option, const Description& d) {
  const std::string_view start = part.substr(0, part.find('.'));
  const std::string path =
      start == "trunk" || start == "heads" ? std::string(part) : "heads." + std::string(part);
  const std::optional<Range> range = range_of(path);
  std::vector<std::size_t> found;
  const auto all = parameters(d);
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (is_within(all[k].name, path) || (range && range->holds(all[k].name))) found.push_back(k);
  }
  if (found.empty()) {
    throw usage_error(fmt::format("--{}: there is no part '{}' with parameters; there are: {}",
                                  option, part, parts_there_are(d)));
  }
  return found;
}

// Numbers of all parameters from those of parts in order; parts that later ones cover are left out.
template <class Part, class Number>
std::vector<Number> resolve(std::vector<Part>& parts, Number Part::*number, Number otherwise,
                            const char* option, const Description& d) {
  if (parts.empty()) return {};
  constexpr std::size_t none = ~std::size_t{0};
  std::vector<std::size_t> owner(parameters(d).size(), none);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (const std::size_t k : members(parts[i].part, option, d)) owner[k] = i;
  }
  std::vector<Number> numbers;
  for (const std::size_t i : owner) numbers.push_back(i == none ? otherwise : parts[i].*number);
  std::size_t i = 0;
  std::erase_if(parts, [&](const Part&) { return std::ranges::count(owner, i++) == 0; });
  return numbers;
}

PartOptions::Freeze parse_freeze(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {text};
  const auto epochs = parse_number<std::uint32_t>(text.substr(colon + 1), "freeze");
  if (epochs > 1u << 24)
    throw usage_error(fmt::format("--freeze: {} is not within 0 to {}", epochs, 1 << 24));
  return {text.substr(0, colon), epochs};
}

PartOptions::Scale parse_scale(const std::string& text) {
  const auto [part, number] = parse_pair(text, "lr-scale");
  const double factor = parse_number<double>(number, "lr-scale");
  if (!(factor >= 0.0 && factor < 1e30))
    throw usage_error(fmt::format("--lr-scale: {} is out of range", text));
  return {part, factor};
}

}  // namespace

PartOptions parse_parts(std::span<const std::string> freeze, std::span<const std::string> scale,
                        const Description& d) {
  PartOptions parts;
  for (const std::string& text : freeze) parts.freeze.push_back(parse_freeze(text));
  for (const std::string& text : scale) parts.scale.push_back(parse_scale(text));
  parts.frozen_epochs =
      resolve(parts.freeze, &PartOptions::Freeze::epochs, std::uint32_t{0}, "freeze", d);
  parts.rate_scale = resolve(parts.scale, &PartOptions::Scale::factor, 1.0, "lr-scale", d);
  if (!parts.frozen_epochs.empty()) {
    bool learns = false;
    for (std::size_t k = 0; k < parts.frozen_epochs.size(); ++k)
      learns |= d.tensors[k].trainable && parts.frozen_epochs[k] == 0;
    if (!learns) throw usage_error("--freeze: nothing is left to train in the first epoch");
  }
  return parts;
}

std::string to_string(const PartOptions::Freeze& freeze) {
  return freeze.epochs == all_epochs ? freeze.part
                                     : fmt::format("{}:{}", freeze.part, freeze.epochs);
}
std::string to_string(const PartOptions::Scale& scale) {
  return fmt::format("{}={}", scale.part, scale.factor);
}

std::vector<std::string> part_notes(const PartOptions& parts, const Description& d, bool drawn) {
  std::vector<std::string> notes, told;
  for (const auto& part : parts.freeze) {
    told.push_back(part.part + (part.epochs == all_epochs
                                    ? " frozen"
                                    : fmt::format(" frozen for {} epoch{}", part.epochs,
                                                  part.epochs == 1 ? "" : "s")));
  }
  for (const auto& part : parts.scale)
    told.push_back(fmt::format("{} at {} of the learning rate", part.part, part.factor));
  if (told.empty()) return notes;
  notes.push_back(fmt::format("parts: {}", fmt::join(told, ", ")));
  if (parts.frozen_epochs.empty()) return notes;

  bool any_in_trunk = false, trunk = true, statistics = false, any = false;
  for (std::size_t k = 0; k < parts.frozen_epochs.size(); ++k) {
    const TensorInfo& tensor = d.tensors[k];
    const bool frozen = parts.frozen_epochs[k] > 0;
    any |= frozen;
    statistics |= frozen && !tensor.trainable;
    if (!tensor.trainable || !is_within(tensor.name, "trunk")) continue;
    any_in_trunk = true;
    trunk &= frozen;
  }
  for (const GroupInfo& group : d.groups) {
    if (trunk && any_in_trunk && group.losses > 1 && group.mix.mix.needs().gramian) {
      notes.push_back(fmt::format(
          "warning: group {}: the mix {} combines gradients over the trunk; while that is frozen "
          "there are none, and heads take theirs as they do with it",
          group.name, group.mix.mix.type()));
    }
  }
  if (drawn && any) {
    notes.push_back(
        fmt::format("warning: what is frozen has initial weights{}; --init FILE loads "
                    "trained ones",
                    statistics ? " and normalizes by mean 0 and variance 1" : ""));
  }
  return notes;
}

}  // namespace medley
