#include "medley/run/mix_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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
    options.push_back({option.name, option.least, option.most, option.names, option.whole});
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
    return usage_error(fmt::format(
        "--mix {}: {} is {}, not '{}'", whole, option.name,
        option.names.empty()
            ? fmt::format("a {}number from {}", option.whole ? "whole " : "", range_text(option))
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
  if (option.whole && value != std::floor(value)) throw wrong();
  return value;
}

// Names of a group's losses, in order.
std::vector<std::string> losses_of(const GroupInfo& group, const Description& d) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < d.terms.size(); ++k) {
    if ((group.term_set >> k & 1u) && !d.terms[k].is_penalty) names.push_back(d.terms[k].name);
  }
  return names;
}

// "limit.size=0.3", or "size<=0.3" for what limits a loss. False where the text is of no such form.
bool set_loss_option(MixChoice& choice, std::string_view text, std::span<const std::string> losses,
                     std::string_view whole) {
  for (std::size_t i = 0; i < choice.mix.loss_option_count(); ++i) {
    const MixLossOptionInfo option = choice.mix.loss_option(i);
    const std::string start = std::string(option.name) + ".";
    const std::size_t below = option.name == "limit" ? text.find("<=") : std::string_view::npos;
    const bool named = text.starts_with(start);
    if (!named && below == std::string_view::npos) continue;
    const std::size_t from = named ? start.size() : 0;
    const std::size_t end = named ? text.find('=') : below;
    const std::string_view loss = text.substr(from, std::min(end, text.size()) - from);
    const auto found = std::ranges::find(losses, loss);
    if (end == std::string_view::npos || found == losses.end()) {
      throw usage_error(fmt::format("--mix {}: there is no loss '{}' here; there are: {}", whole,
                                    loss, fmt::join(losses, ", ")));
    }
    const MixOptionInfo limits{option.name, option.least, option.most};
    choice.mix.set(i, static_cast<std::size_t>(found - losses.begin()),
                   parse_value(limits, text.substr(end + (named ? 1 : 2)), whole));
    return true;
  }
  return false;
}

void set_option(MixChoice& choice, std::string_view text, std::span<const std::string> losses,
                std::string_view whole) {
  if (set_loss_option(choice, text, losses, whole)) return;
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

MixChoice parse_mix(std::string_view text, const GroupInfo& group, const Description& d,
                    std::string_view whole) {
  const std::vector<AnyMix>& mixes = mixes_of(group, d);
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
    set_option(choice, rest.substr(0, comma), losses_of(group, d), whole);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return choice;
}

// "form=kendall (kendall, revised)"
std::string number_text(const MixOptionInfo& option, double value) {
  const std::string range = option.names.empty()
                                ? fmt::format("{:g} to {:g}", option.least, option.most)
                                : range_text(option);
  return fmt::format("{}={} ({})", option.name, value_text(option, value), range);
}

std::vector<std::string> numbers_of(const AnyMix& mix) {
  std::vector<std::string> numbers;
  for (std::size_t i = 0; i < mix.option_count(); ++i)
    numbers.push_back(number_text(mix.option(i), mix.get(i)));
  for (std::size_t i = 0; i < mix.loss_option_count(); ++i) {
    const MixLossOptionInfo option = mix.loss_option(i);
    numbers.push_back(
        fmt::format("{}.LOSS ({:g} to {:g})", option.name, option.least, option.most));
  }
  return numbers;
}

std::vector<std::string> numbers_of(const Composition& with) {
  std::vector<std::string> numbers;
  for (std::size_t i = 0; i < Composition::options.size(); ++i) {
    const MixOption<Composition>& option = Composition::options[i];
    numbers.push_back(
        number_text({option.name, option.least, option.most, option.names}, with.get(i)));
  }
  return numbers;
}

// A name and its numbers, which begin in that column and go on there in further lines.
std::string mix_row(std::string_view name, const std::vector<std::string>& numbers,
                    std::size_t column) {
  constexpr std::size_t width = 80;
  std::string text, line = fmt::format("  {:<{}}", name, column - 2);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::string number = numbers[i] + (i + 1 < numbers.size() ? "," : "");
    if (line.size() > column && line.size() + 1 + number.size() > width) {
      text += line + "\n";
      line = std::string(column, ' ');
    }
    line += (line.size() > column ? " " : "") + number;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return text + line + "\n";
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
  const bool has_group = equals != std::string_view::npos && equals < text.find(':');
  if (!has_group) {
    bool any = d.groups.empty();
    for (GroupInfo& group : d.groups) {
      if (!group.own_mixes.empty()) continue;
      group.mix = parse_mix(text, group, d, text);
      any = true;
    }
    if (!any) {
      throw usage_error(
          fmt::format("--mix {}: all groups have mixes of their own; say whose it is, as in {}={}",
                      text, d.groups.front().name, text));
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
  group->mix = parse_mix(text.substr(equals + 1), *group, d, text);
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

std::string to_string(const MixChoice& choice, std::span<const std::string> losses) {
  std::string text(choice.mix.type());
  char separator = ':';
  const auto add = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{}{}={}", separator, name, value);
    separator = ',';
  };
  const std::vector<MixOptionInfo> options = options_of(choice.mix);
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (i < choice.mix.option_count()) {
      add(options[i].name, value_text(options[i], choice.mix.get(i)));
    } else {
      const std::size_t j = i - choice.mix.option_count();
      if (choice.with.get(j) != Composition{}.get(j))
        add(options[i].name, value_text(options[i], choice.with.get(j)));
    }
  }
  for (std::size_t i = 0; i < choice.mix.loss_option_count(); ++i) {
    const MixLossOptionInfo option = choice.mix.loss_option(i);
    for (std::size_t k = 0; k < losses.size(); ++k) {
      if (choice.mix.get(i, k) != option.none)
        add(fmt::format("{}.{}", option.name, losses[k]), fmt::format("{}", choice.mix.get(i, k)));
    }
  }
  return text;
}

std::string to_string(const GroupInfo& group, const Description& d) {
  return to_string(group.mix, losses_of(group, d));
}

std::string mixes_text(const Description& d) {
  std::size_t column = std::string_view("with any").size();
  for (const AnyMix& mix : d.mixes) column = std::max(column, mix.type().size());
  std::string text;
  for (const AnyMix& mix : d.mixes) text += mix_row(mix.type(), numbers_of(mix), column + 4);
  return text + mix_row("with any", numbers_of(Composition{}), column + 4);
}

}  // namespace medley
