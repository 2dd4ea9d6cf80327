#include "medley/study/compare_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "medley/base/error.hpp"

namespace medley::comparison {

namespace fs = std::filesystem;

namespace {

using Strings = std::vector<std::string>;

// Options of compare that tune has not, or that mean something else there.
const std::set<std::string, std::less<>> of_compare{"mixes", "modes", "lr", "effect", "equal-time"};
// Of tune, which have no meaning here.
const std::set<std::string, std::less<>> of_tune{"search",     "method",  "trials",  "grid-points",
                                                 "generation", "halving", "require", "at",
                                                 "no-default", "seed",    "final"};
// Of train, which are what is compared.
const std::set<std::string, std::less<>> compared{"weight", "mix", "steps-mode", "diagnose"};
// What a study.ini says of an arm's cost.
constexpr std::string_view cost_prefix = "--cost.";
constexpr int usual_seeds = 3;
constexpr double usual_effect = 0.1;

// Items between | if there is one, else between commas.
Strings items_of(std::string_view text) {
  const char separator = text.find('|') == std::string_view::npos ? ',' : '|';
  Strings items;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) items.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return items;
}

std::string joined(const Strings& items) {
  if (items.empty()) return "none";
  const bool has_comma = std::ranges::any_of(
      items, [](const std::string& item) { return item.find(',') != std::string::npos; });
  // (A | at the end says what separates where there is a single item.)
  return fmt::format("{}{}", fmt::join(items, has_comma ? "|" : ","),
                     has_comma && items.size() == 1 ? "|" : "");
}

Rate parse_rate(const std::string& text) {
  const bool is_factor = text.starts_with('x');
  const double value = parse_number<double>(text.substr(is_factor ? 1 : 0), "lr");
  if (!(value > 0.0)) throw usage_error(fmt::format("--lr: {} is not above 0", text));
  return {value, is_factor};
}

// "0.001,0.003", "x0.3,x1", or "0.001..0.01" for both ends and what lies between them by its logarithm.
std::vector<Rate> parse_rates(const std::string& text) {
  std::vector<Rate> rates;
  if (const std::size_t dots = text.find(".."); dots != std::string::npos) {
    const Rate low = parse_rate(text.substr(0, dots)), high = parse_rate(text.substr(dots + 2));
    if (low.is_factor != high.is_factor || !(low.value < high.value))
      throw usage_error(fmt::format("--lr: '{}' is no range", text));
    const double middle =
        parse_number<double>(fmt::format("{:.3g}", std::sqrt(low.value * high.value)), "lr");
    return {low, {middle, low.is_factor}, high};
  }
  for (const std::string& item : items_of(text)) rates.push_back(parse_rate(item));
  if (rates.empty()) throw usage_error("--lr: no rate is given");
  return rates;
}

std::string rates_text(const std::vector<Rate>& rates) {
  Strings texts;
  for (const Rate& rate : rates) texts.push_back(rate.text());
  return joined(texts);
}

// The mixes of the first group in joint steps, by name.
Strings all_mixes(const Description& d) {
  Strings names;
  const auto joint = std::ranges::find(d.modes, StepMode::joint, &ModeInfo::mode);
  if (joint == d.modes.end()) return names;
  const auto& mixes = joint->groups[0].own_mixes.empty() ? d.mixes : joint->groups[0].own_mixes;
  // (Weights that are constant are on the front; limits are for whoever has them to give.)
  for (const AnyMix& mix : mixes) {
    if (!mix.is_constant() && mix.type() != "constrained" && mix.type() != "random")
      names.emplace_back(mix.type());
  }
  return names;
}

Strings all_modes(const Description& d) {
  Strings names;
  for (const ModeInfo& mode : d.modes) {
    if (mode.mode != StepMode::joint)
      names.emplace_back(step_mode_names[static_cast<std::size_t>(mode.mode)]);
  }
  return names;
}

Strings chosen(const std::string& text, const Strings& all) {
  if (text == "all") return all;
  return text == "none" ? Strings{} : items_of(text);
}

void refuse(const std::string& name) {
  if (of_tune.contains(name))
    throw usage_error(fmt::format("compare: --{} is an option of tune", name));
  if (compared.contains(name))
    throw usage_error(
        fmt::format("compare: --{} is not for all trainings: see --mixes and --modes", name));
}

// Takes compare's own options out, and leaves those of a study and of train.
std::map<std::string, std::string> take_own(const Arguments& arguments, Arguments& rest) {
  std::map<std::string, std::string> own;
  std::string* value = nullptr;
  for (const std::string& argument : arguments) {
    if (!argument.starts_with("--")) {
      if (value == nullptr) {
        rest.push_back(argument);
      } else {
        *value = argument;
        value = nullptr;
      }
      continue;
    }
    const std::size_t equals = std::min(argument.find('='), argument.size());
    const std::string name = argument.substr(2, equals - 2);
    refuse(name);
    value = nullptr;
    if (!of_compare.contains(name)) {
      rest.push_back(argument);
      continue;
    }
    if (own.contains(name)) throw usage_error(fmt::format("--{} is given twice", name));
    std::string& place = own[name];
    if (equals < argument.size()) {
      place = argument.substr(equals + 1);
    } else {
      value = &place;
    }
  }
  for (const auto& [name, text] : own) {
    if (text.empty()) throw usage_error(fmt::format("--{}: a value is missing", name));
  }
  return own;
}

bool given(const Arguments& arguments, std::string_view option) {
  return std::ranges::any_of(arguments, [&](std::string_view argument) {
    return argument.substr(0, argument.find('=')) == option;
  });
}

}  // namespace

std::string Rate::text() const { return fmt::format("{}{}", is_factor ? "x" : "", value); }

po::options_description describe_compare(const Description& d) {
  po::options_description options("options", 100, 60);
  const auto add = [&](const char* name, const char* argument, std::string help) {
    options.add_options()(name, po::value<std::string>()->value_name(argument), help.c_str());
  };
  const auto flag = [&](const char* name, const char* help) {
    options.add_options()(name, po::bool_switch(), help);
  };
  add("study", "S", "study folder to make, or to go on with");
  add("data", "DIR", "dataset folder; without it the experiment's own data, if it has any");
  add("mixes", "A,B,...",
      fmt::format(
          "mixes to compare, as --mix of train takes them, between | where they hold commas; "
          "all, or none (default {})",
          joined(usual_mixes(d))));
  add("modes", "A,B,...", "step modes to compare with joint steps; all, or none (default all)");
  add("lr", "A,B,...|A..B",
      "learning rates that each arm is tried with; x0.3 is 0.3 times what each group has by itself "
      "(default x0.333,x1,x3)");
  add("effect", "X",
      "a difference matters from this share of the plain sum's error on (default 0.1)");
  add("equal-time", "on|off",
      "arms whose steps cost more than the sum's come again with as many steps as fit into its "
      "time "
      "(default on)");
  add("seeds", "N", "train each arm with seeds 1 to N (default 3)");
  add("folds", "K", "cross-validation over training and validation records");
  add("objective", "METRIC",
      "what counts: a metric, total or term.TERM (repeatable; default: the first metric of each "
      "target)");
  flag("status", "tell how far the study is, and a table as CSV");
  add("jobs", "N", "trainings at a time in this process (default 1)");
  add("threads", "T",
      fmt::format(
          "of a training, at most {} for this experiment (default: the processors that this "
          "process may use, shared out among jobs)",
          d.memory.slots));
  add("isa", "NAME", "instruction set; results do not depend on it");
  flag("help", "this text");
  return options;
}

CompareOptions parse_compare_options(const Arguments& arguments, const Description& d) {
  Arguments rest;
  const auto own = take_own(arguments, rest);
  const auto text = [&](const char* name, const std::string& usual) {
    const auto found = own.find(name);
    return found == own.end() ? usual : found->second;
  };
  const bool needs_help = given(rest, "--help");
  if (!needs_help && !given(rest, "--study"))
    throw usage_error("compare: --study S is missing ('compare --help' lists the options)");
  CompareOptions o;
  o.study = parse_study_options(rest, d);
  if (needs_help) return o;
  if (!given(rest, "--seeds")) o.study.seeds = usual_seeds;
  o.study.is_given |= !own.empty();
  o.arms.mixes = own.contains("mixes") ? chosen(own.at("mixes"), all_mixes(d)) : usual_mixes(d);
  o.arms.modes = chosen(text("modes", "all"), all_modes(d));
  for (const std::string& mode : o.arms.modes) {
    if (const Strings all = all_modes(d); std::ranges::find(all, mode) == all.end())
      throw usage_error(fmt::format("--modes: {} does not list '{}'; there are: {}", d.name, mode,
                                    fmt::join(all, ", ")));
  }
  o.rates = parse_rates(text("lr", "x0.333,x1,x3"));
  o.effect = parse_number<double>(text("effect", fmt::format("{}", usual_effect)), "effect");
  if (!(o.effect > 0.0)) throw usage_error("--effect: it must be above 0");
  o.equal_time = parse_switch(text("equal-time", "on"), "equal-time");
  return o;
}

std::string to_ini(const CompareOptions& o, const Description& d) {
  std::string text =
      fmt::format("# A comparison of medley-{}; compare --study goes on with it.\n", d.name);
  const auto line = [&](std::string_view name, const auto& value) {
    text += fmt::format("{} = {}\n", name, value);
  };
  if (!o.study.data.empty()) line("data", o.study.data);
  line("mixes", joined(o.arms.mixes));
  line("modes", joined(o.arms.modes));
  line("lr", rates_text(o.rates));
  line("effect", o.effect);
  line("equal-time", o.equal_time ? "on" : "off");
  line("seeds", o.study.seeds);
  if (o.study.folds > 0) line("folds", o.study.folds);
  for (const std::string& objective : o.study.objectives) line("objective", objective);
  for (const auto& [name, value] : option_pairs(o.study.shared)) line(name, value);
  for (const auto& [arm, cost] : o.costs)
    text += fmt::format("{}{} = {}\n", cost_prefix.substr(2), arm, cost);
  return text;
}

CompareOptions read_compare_ini(const fs::path& study, const Description& d) {
  Arguments options;
  std::map<std::size_t, double> costs;
  const Arguments lines = ini_arguments(study);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with(cost_prefix) || i + 1 == lines.size()) {
      options.push_back(lines[i]);
      continue;
    }
    const auto arm = parse_number<std::size_t>(lines[i].substr(cost_prefix.size()), "cost");
    costs[arm] = parse_number<double>(lines[i + 1], "cost");
    ++i;
  }
  if (std::ranges::find(options, "--mixes") == options.end())
    throw usage_error(
        fmt::format("{}: is a study of tune, not a comparison", (study / "study.ini").string()));
  try {
    CompareOptions read = parse_compare_options(options, d);
    read_base_ini(read.study);
    read.costs = std::move(costs);
    return read;
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", (study / "study.ini").string(), error.what()));
  }
}

void require_same_study(const CompareOptions& given, const CompareOptions& study,
                        const Description& d) {
  CompareOptions theirs = given;
  theirs.study.data = study.study.data;  // the same records may be elsewhere here
  theirs.costs = study.costs;
  require_same_lines(study.study.study, to_ini(study, d), to_ini(theirs, d));
  if (given.study.config_text != study.study.config_text)
    throw usage_error(
        fmt::format("{}: is a study with another --config", study.study.study.string()));
}

}  // namespace medley::comparison
