#include "medley/run/mix_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"
#include "medley/files/options.hpp"

namespace medley {

namespace {

std::string_view name_of(StepMode mode) { return step_mode_names[static_cast<std::size_t>(mode)]; }

template <class List, class NameOf>
std::string listed(const List& list, NameOf&& name) {
  std::string text;
  for (const auto& item : list) text += fmt::format("{}{}", text.empty() ? "" : ", ", name(item));
  return text;
}

const std::vector<AnyMix>& mixes_of(const GroupInfo& group, const Description& d) {
  return group.own_mixes.empty() ? d.mixes : group.own_mixes;
}

std::vector<MixOptionInfo> options_of(const AnyMix& mix) {
  std::vector<MixOptionInfo> options;
  for (std::size_t i = 0; i < mix.option_count(); ++i) options.push_back(mix.option(i));
  for (const MixOption<Composition>& option : Composition::options)
    options.push_back({option.name, option.least, option.most, option.names});
  return options;
}

std::string value_text(const MixOptionInfo& option, double value) {
  return option.names.empty() ? fmt::format("{}", value)
                              : std::string(option.names[static_cast<std::size_t>(value)]);
}

std::string range_text(const MixOptionInfo& option) {
  if (!option.names.empty())
    return listed(option.names, [](std::string_view name) { return name; });
  return fmt::format("{} to {}", option.least, option.most);
}

double parse_value(const MixOptionInfo& option, std::string_view text, std::string_view whole) {
  const auto wrong = [&] {
    return usage_error(fmt::format("--mix {}: {} is {}, not '{}'", whole, option.name,
                                   option.names.empty()
                                       ? fmt::format("a number from {}", range_text(option))
                                       : fmt::format("one of {}", range_text(option)),
                                   text));
  };
  if (!option.names.empty()) {
    const auto found = std::ranges::find(option.names, text);
    if (found == option.names.end()) throw wrong();
    return static_cast<double>(found - option.names.begin());
  }
  const auto value = parse_number<double>(std::string(text), "mix");
  if (!(value >= option.least && value <= option.most)) throw wrong();
  return value;
}

void set_option(MixChoice& choice, std::string_view text, std::string_view whole) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const std::vector<MixOptionInfo> options = options_of(choice.mix);
  const auto found = std::ranges::find(options, name, &MixOptionInfo::name);
  if (equals == std::string_view::npos || found == options.end()) {
    throw usage_error(fmt::format(
        "--mix {}: '{}' is no number of {}; there are: {}", whole, text, choice.mix.type(),
        listed(options, [](const MixOptionInfo& option) { return option.name; })));
  }
  const double value = parse_value(*found, text.substr(equals + 1), whole);
  const auto i = static_cast<std::size_t>(found - options.begin());
  if (i < choice.mix.option_count()) {
    choice.mix.set(i, value);
  } else {
    choice.with.set(i - choice.mix.option_count(), value);
  }
}

MixChoice parse_mix(std::string_view text, const std::vector<AnyMix>& mixes,
                    std::string_view whole) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const auto found = std::ranges::find(mixes, name, &AnyMix::type);
  if (found == mixes.end()) {
    throw usage_error(
        fmt::format("--mix {}: there is no mix '{}' here; there are: {} (numbers follow the name, "
                    "as in {}:length=match)",
                    whole, name, listed(mixes, [](const AnyMix& mix) { return mix.type(); }),
                    mixes.front().type()));
  }
  MixChoice choice{*found, {}};
  std::string_view rest =
      colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    set_option(choice, rest.substr(0, comma), whole);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return choice;
}

}  // namespace

int parse_mode(std::string_view text, const Description& d) {
  const auto name = [](const ModeInfo& mode) { return name_of(mode.mode); };
  const auto found = std::ranges::find(d.modes, text, name);
  if (found == d.modes.end()) {
    throw usage_error(fmt::format("--steps-mode: the experiment has no '{}'; there are: {}", text,
                                  listed(d.modes, name)));
  }
  return static_cast<int>(found - d.modes.begin());
}

void set_mix(std::string_view text, Description& d) {
  const std::size_t equals = text.find('=');
  const bool has_group = equals < text.find(':');
  if (!has_group) {
    for (GroupInfo& group : d.groups) {
      if (group.own_mixes.empty()) group.mix = parse_mix(text, mixes_of(group, d), text);
    }
    return;
  }
  const std::string_view name = text.substr(0, equals);
  const auto group = std::ranges::find(d.groups, name, &GroupInfo::name);
  if (group == d.groups.end()) {
    throw usage_error(fmt::format(
        "--mix {}: there is no group '{}'; there are: {} (numbers of a mix follow its name, as in "
        "{}:{})",
        text, name, listed(d.groups, [](const GroupInfo& g) { return g.name; }),
        d.mixes.empty() ? std::string_view("NAME") : d.mixes.front().type(), text));
  }
  group->mix = parse_mix(text.substr(equals + 1), mixes_of(*group, d), text);
}

Description with_options(const Description& description, const Checkpoint& checkpoint) {
  try {
    const auto mode = checkpoint.options.find("steps-mode");
    Description d = with_mode(
        description, mode == checkpoint.options.end() ? 0 : parse_mode(mode->second, description));
    for (const auto& [name, text] : checkpoint.options) {
      if (name.starts_with("mix.")) set_mix(name.substr(4) + "=" + text, d);
    }
    return d;
  } catch (const Error& e) {
    throw data_error(fmt::format("{}: {}", checkpoint.path.string(), e.what()));
  }
}

std::string to_string(const MixChoice& choice) {
  std::string text(choice.mix.type());
  char separator = ':';
  const auto add = [&](const MixOptionInfo& option, double value) {
    text += fmt::format("{}{}={}", separator, option.name, value_text(option, value));
    separator = ',';
  };
  const std::vector<MixOptionInfo> options = options_of(choice.mix);
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (i < choice.mix.option_count()) {
      add(options[i], choice.mix.get(i));
    } else {
      const std::size_t j = i - choice.mix.option_count();
      if (choice.with.get(j) != Composition{}.get(j)) add(options[i], choice.with.get(j));
    }
  }
  return text;
}

std::string mixes_text(const Description& d) {
  std::string text;
  for (const AnyMix& mix : d.mixes) {
    text += fmt::format("  {}", to_string(MixChoice{mix, {}}));
    for (std::size_t i = 0; i < mix.option_count(); ++i)
      text += fmt::format("{}{} {}", i == 0 ? "  (" : "; ", mix.option(i).name,
                          range_text(mix.option(i)));
    text += mix.option_count() > 0 ? ")\n" : "\n";
  }
  return text;
}

}  // namespace medley
