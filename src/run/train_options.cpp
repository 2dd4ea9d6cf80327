#include "medley/run/train_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "medley/files/options.hpp"
#include "medley/optimizers/schedule_text.hpp"
#include "medley/run/metrics.hpp"
#include "medley/run/mix_options.hpp"

namespace medley {

namespace {

using Strings = std::vector<std::string>;

po::options_description describe(const Description& d) {
  po::options_description options("options", 100, 60);
  const auto text = [] { return po::value<std::string>(); };
  const auto add = [&](const char* name, auto* value, const char* argument, std::string help) {
    options.add_options()(name, value->value_name(argument), help.c_str());
  };
  const std::string own = "the experiment's own";
  add("data", text(), "DIR", "dataset folder; without it the experiment's own data, if it has any");
  add("fold", text(), "I/N|all",
      "validate on fold I of N of the training and validation records, and train on the others; "
      "all: train on both (default: splits as the data have them)");
  add("fold-seed", text(), "S", "another seed, other folds (default 1)");
  add("out", text(), "RUN", "run folder to write");
  options.add_options()("resume", po::bool_switch(),
                        "go on from RUN's last checkpoint with RUN's options; only --threads, "
                        "--isa, --quiet and --data, where the same data are now, may be given "
                        "besides, and a greater --epochs, --steps or --patience");
  add("init", text(), "FILE",
      "begin with the weights of a safetensors file that match by name and shape");
  add("init-prefix", text(), "TEXT",
      "what the names of that file have before those of this network, such as module. or model.");
  add("with-optimizer", po::value<std::string>()->implicit_value("on"), "on|off",
      "and with the moments, counts of updates and states of mixes that match (default off)");
  add("config", text(), "FILE", "options as RUN/config.ini has them; the command line comes first");
  options.add_options()("force", po::bool_switch(), "replace RUN if it is a run folder");
  add("epochs", text(), "N",
      fmt::format("passes over the training records (default {})", d.recipe.epochs));
  add("steps", text(), "N", "stop after so many steps, whatever the epochs");
  add("batch-size", text(), "N", fmt::format("(default {})", d.recipe.batch_size));
  add("lr", po::value<Strings>()->composing(), "X|GROUP=X",
      "learning rate, of all groups or of one (default " + own + ")");
  add("lr-scale", po::value<Strings>()->composing(), "PART=X",
      "learning rate of a part of the network times this (repeatable, the later one holds): trunk, "
      "heads, a head, a layer such as trunk.0, layers such as trunk.0-3");
  add("freeze", po::value<Strings>()->composing(), "PART[:EPOCHS]",
      "leave a part as it is, for the run or for its first epochs (repeatable); what is before all "
      "that learns costs no backward pass");
  add("schedule", text(), "FORM",
      "constant | cosine | step:GAMMA@FRACTION,... | one-cycle[:RISE,DIV,FINAL] | "
      "exponential:FROM,TO (default " +
          to_string(d.recipe.schedule) + ")");
  add("warm-up", text(), "X",
      fmt::format("fraction of the run over which the learning rate rises linearly (default {})",
                  d.recipe.schedule.warm_up));
  add("clip", text(), "X", "cut each group's gradient to this norm; 0: do not");
  add("weight", po::value<Strings>()->composing(), "TERM=X", "weight of a term (repeatable)");
  if (d.modes.size() > 1) {
    std::string names;
    for (const ModeInfo& mode : d.modes)
      names += (names.empty() ? "" : ", ") +
               std::string(step_mode_names[static_cast<std::size_t>(mode.mode)]);
    add("steps-mode", text(), "MODE", names + " (default the first)");
  }
  add("mix", po::value<Strings>()->composing(), "[GROUP=]MIX",
      "NAME or NAME:NUMBER=X,...: the mix of all groups or of one, and numbers that are other than "
      "the list below says (default its first)");
  add("seed", text(), "S", "of initialization, order, augmentation and dropout (default 1)");
  add("shuffle", text(), "on|off", "off: records in file order (default on)");
  add("augment", text(), "on|off", "(default on)");
  add("test", text(), "on|off",
      "off: the test split is not measured at the end, as where runs are yet to be chosen from "
      "(default on)");
  add("threads", text(), "T",
      fmt::format("at most {} for this experiment (default: the processors that "
                  "this process may use)",
                  d.memory.slots));
  add("isa", text(), "NAME", "instruction set; results do not depend on it");
  add("best", po::value<Strings>()->composing(), "[SPLIT.]METRIC",
      "number by which the best checkpoint is chosen: total, term.TERM or a metric, of the split "
      "validation or train; where it ties, the next one decides (repeatable; default total)");
  add("patience", text(), "N",
      "end after so many evaluations without a new best (default 0: do not)");
  add("validate-every", text(), "N", "steps between evaluations (default 0: each epoch)");
  add("checkpoint-every", text(), "N",
      "steps; besides the end of each epoch (default 0: only there)");
  add("log-every", text(), "N", "steps between rows of losses.csv (default 10)");
  add("gradients-every", text(), "N",
      "steps between measurements of the terms' gradient norms and cosines; 0: never (default: the "
      "first step of each epoch)");
  add("diagnose", text(), "N",
      "steps between rows of diagnostics.csv, which tells how losses agree and what a step has "
      "done; "
      "each costs some eight steps (default 0: never)");
  add("lookahead", text(), "on|off",
      "on: with --diagnose, what a step against each loss alone would do to the others; a forward "
      "pass a loss (default off)");
  add("keep", text(), "N", "checkpoints that stay besides the best (default 3)");
  options.add_options()("quiet", po::bool_switch(), "nothing on stderr but errors");
  options.add_options()("help", po::bool_switch(), "this text");
  return options;
}

class Reader {
 public:
  explicit Reader(const po::variables_map& values) : values_(values) {}

  bool has(const char* name) const { return values_.count(name) > 0 && !values_[name].defaulted(); }
  std::string text(const char* name, std::string fallback = {}) const {
    return has(name) ? values_[name].as<std::string>() : fallback;
  }
  Strings list(const char* name) const {
    return has(name) ? values_[name].as<Strings>() : Strings{};
  }
  bool flag(const char* name) const { return values_[name].as<bool>(); }
  bool on(const char* name) const { return parse_switch(text(name, "on"), name); }
  template <class T>
  T number(const char* name, T fallback, T least, T most) const {
    if (!has(name)) return fallback;
    const T value = parse_number<T>(values_[name].as<std::string>(), name);
    if (!(value >= least && value <= most)) {
      throw usage_error(fmt::format("--{}: {} is not within {} to {}", name, value, least, most));
    }
    return value;
  }

 private:
  const po::variables_map& values_;
};

// Applies NAME=X options to the entry of that name, a later one over an earlier one.
template <class Items>
void set_by_name(const char* option, const Strings& texts, const Items& items, bool bare_for_all,
                 double least, std::vector<double>& values) {
  for (const std::string& text : texts) {
    if (bare_for_all && text.find('=') == std::string::npos) {
      const double value = parse_number<double>(text, option);
      if (!(value >= least && value < 1e30))
        throw usage_error(fmt::format("--{}: {} is out of range", option, text));
      std::fill(values.begin(), values.end(), value);
      continue;
    }
    const auto [name, number] = parse_pair(text, option);
    const auto found = std::find_if(items.begin(), items.end(),
                                    [&, &n = name](const auto& item) { return item.name == n; });
    if (found == items.end()) {
      std::string names;
      for (const auto& item : items) names += " " + item.name;
      throw usage_error(fmt::format("--{}: there is no '{}'; there are:{}", option, name, names));
    }
    const double value = parse_number<double>(number, option);
    if (!(value >= least && value < 1e30))
      throw usage_error(fmt::format("--{}: {} is out of range", option, text));
    values[static_cast<std::size_t>(found - items.begin())] = value;
  }
}

// Mixes that share a step out among losses have no meaning for a weight below 0.
void require_weights_for_mixes(const TrainOptions& o, const Description& d) {
  for (const GroupInfo& group : d.groups) {
    for (std::size_t k = 0; k < d.terms.size(); ++k) {
      if (!(group.term_set >> k & 1u) || d.terms[k].is_penalty || group.mix.mix.is_constant() ||
          o.weight[k] >= 0.0)
        continue;
      throw usage_error(fmt::format(
          "--weight {}={}: the mix {} takes weights of 0 (the loss takes no part) and above",
          d.terms[k].name, o.weight[k], group.mix.mix.type()));
    }
  }
}

// What --best says. The split `test` is for the end of a run alone.
std::vector<Criterion> parse_best(const Strings& texts, const Description& d) {
  std::vector<std::string> names{"total"};
  for (const TermInfo& term : d.terms) names.push_back("term." + term.name);
  for (std::string& name : metric_names(d)) names.push_back(std::move(name));
  std::vector<Criterion> best;
  for (const std::string& text : texts) {
    const std::optional<Criterion> found = find_criterion(text, names);
    if (!found)
      throw usage_error(
          fmt::format("--best: there is no '{}'; there are: {}", text, fmt::join(names, ", ")));
    if (found->split == Split::test)
      throw usage_error(fmt::format(
          "--best {}: what is chosen by the test split says nothing about other records any more; "
          "choose by validation.{} or train.{}",
          text, found->name, found->name));
    best.push_back(*found);
  }
  if (best.size() > most_criteria)
    throw usage_error(fmt::format("--best: {} numbers; at most {}", best.size(), most_criteria));
  return best;
}

// The path as config.ini has it: absolute, so that a resumed run finds it from any folder. Throws
// usage_error where a line cannot hold it.
std::string config_path(const char* option, const std::string& path) {
  if (path.empty()) return {};
  std::string text = std::filesystem::absolute(path).lexically_normal().string();
  if (text.find_first_of(std::string_view("\n\0", 2)) != std::string::npos ||
      std::string_view(" \t\r").find(text.back()) != std::string_view::npos)
    throw usage_error(fmt::format(
        "--{}: '{}' cannot be written into config.ini: it holds a line end or ends in a blank",
        option, path));
  return text;
}

}  // namespace

std::string train_help(const Description& d) {
  std::ostringstream text;
  text << describe(d);
  return fmt::format(
      "medley-{0} train: trains the experiment and leaves a run folder\n\n"
      "  medley-{0} train --out RUN [--data DIR] [options]\n"
      "  medley-{0} train --out RUN --resume [--epochs N]\n\n{1}\n"
      "mixes, with their numbers and what these may be:\n{2}",
      d.name, text.str(), mixes_text(d));
}

TrainOptions parse_train_options(const Arguments& arguments, const Description& d) {
  const po::options_description options = describe(d);
  po::variables_map first = parse_options("train", options, arguments);
  TrainOptions o;
  o.help = first["help"].as<bool>();
  if (o.help) return o;
  o.resume = first["resume"].as<bool>();
  if (first.count("out") == 0)
    throw usage_error("train: --out RUN is missing ('train --help' lists the options)");
  o.out = first["out"].as<std::string>();

  std::string config =
      first.count("config") > 0 ? first["config"].as<std::string>() : std::string{};
  if (o.resume) {
    for (const auto& [name, value] : first) {
      static const Strings allowed{"out",   "resume", "threads", "isa",   "data",    "help",
                                   "force", "quiet",  "epochs",  "steps", "patience"};
      if (!value.defaulted() && std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
        throw usage_error(
            fmt::format("--{} cannot be given with --resume: the run's own options hold", name));
      }
    }
    if (first.count("epochs") + first.count("steps") + first.count("patience") > 0)
      o.before = RunLength(parse_train_options({"--out", o.out.string(), "--resume"}, d));
    config = (o.out / "config.ini").string();
  }
  const po::variables_map values =
      config.empty() ? first : parse_options("train", options, arguments, nullptr, config);
  const Reader read(values);
  // A repeatable option's texts stand in the order of what they were read from: the command line,
  // then the configuration file. The command line is to have the last word.
  const auto in_order = [&](const char* name) {
    Strings texts = read.list(name);
    const std::size_t given = Reader(first).list(name).size();
    std::rotate(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(given), texts.end());
    return texts;
  };
  o.data = read.text("data");
  o.data_given = first.count("data") > 0;
  const auto fold_seed = read.number<std::uint64_t>("fold-seed", 1, 0, ~std::uint64_t{0});
  if (read.has("fold")) o.fold = parse_fold(read.text("fold"), fold_seed);
  o.init = read.text("init");
  config_path("data", o.data);
  config_path("init", o.init);
  o.init_prefix = read.text("init-prefix");
  if (!o.init_prefix.empty() && o.init.empty())
    throw usage_error("--init-prefix: goes with --init FILE, which says whose names");
  if (std::ranges::any_of(o.init_prefix, [](char c) { return c <= ' ' || c > '~' || c == '#'; }))
    throw usage_error("--init-prefix: letters, digits and signs other than #, no blanks");
  o.with_optimizer = parse_switch(read.text("with-optimizer", "off"), "with-optimizer");
  if (o.with_optimizer && o.init.empty())
    throw usage_error("--with-optimizer: goes with --init RUN, which says whose moments");
  o.force = read.flag("force");
  o.quiet = read.flag("quiet");
  o.isa = read.text("isa");
  o.threads =
      std::min(read.number<int>("threads", available_threads(), 1, 1 << 16), d.memory.slots);
  constexpr std::uint64_t many = std::uint64_t{1} << 40;
  o.epochs =
      read.number<std::uint64_t>("epochs", static_cast<std::uint64_t>(d.recipe.epochs), 1, 1 << 24);
  // A run of so many steps that is given epochs is one of epochs from then on.
  o.steps_given =
      read.has("steps") && (first.count("steps") > 0 || !o.before || first.count("epochs") == 0);
  o.steps = read.number<std::uint64_t>("steps", 0, 0, many);
  o.batch_size = read.number<std::uint32_t>(
      "batch-size", static_cast<std::uint32_t>(d.recipe.batch_size), 1, 1u << 24);
  o.seed = read.number<std::uint64_t>("seed", 1, 0, ~std::uint64_t{0});
  o.shuffle = read.on("shuffle");
  o.augment = read.on("augment");
  o.measures_test = read.on("test");
  o.clip_norm = read.number<double>("clip", d.recipe.clip_norm, 0.0, 1e30);
  o.schedule = read.has("schedule") ? parse_schedule(read.text("schedule")) : d.recipe.schedule;
  o.schedule.warm_up = read.number<double>("warm-up", d.recipe.schedule.warm_up, 0.0, 0.999);
  if (read.has("steps-mode")) o.mode = parse_mode(read.text("steps-mode"), d);
  Description chosen = with_mode(d, o.mode);
  for (const GroupInfo& group : chosen.groups) o.learning_rate.push_back(group.learning_rate);
  set_by_name("lr", in_order("lr"), chosen.groups, true, 0.0, o.learning_rate);
  for (const TermInfo& term : d.terms) o.weight.push_back(term.weight);
  set_by_name("weight", in_order("weight"), d.terms, false, -1e30, o.weight);
  o.parts = parse_parts(in_order("freeze"), in_order("lr-scale"), d);
  for (const std::string& text : in_order("mix")) set_mix(text, chosen);
  for (const GroupInfo& group : chosen.groups) o.mix.push_back(group.mix);
  require_weights_for_mixes(o, chosen);
  // Those of the command line take the place of a configuration's.
  o.best = parse_best(first.count("best") > 0    ? first["best"].as<Strings>()
                      : values.count("best") > 0 ? read.list("best")
                                                 : Strings{"total"},
                      d);
  o.patience = read.number<std::uint64_t>("patience", 0, 0, many);
  o.validate_every = read.number<std::uint64_t>("validate-every", 0, 0, many);
  o.checkpoint_every = read.number<std::uint64_t>("checkpoint-every", 0, 0, many);
  o.log_every = read.number<std::uint64_t>("log-every", 10, 1, many);
  o.gradients_each_epoch = !read.has("gradients-every");
  o.gradients_every = read.number<std::uint64_t>("gradients-every", 0, 0, many);
  o.diagnose_every = read.number<std::uint64_t>("diagnose", 0, 0, many);
  o.looks_ahead = parse_switch(read.text("lookahead", "off"), "lookahead");
  o.keep = read.number<std::uint64_t>("keep", 3, 1, 1000);
  return o;
}

namespace {

// An option as config.ini has it: a line "name = value", or "name = key=value".
struct OptionLine {
  std::string name, key, value;
};

std::vector<OptionLine> deciding_options(const TrainOptions& o, const Description& description) {
  const Description d = with_mode(description, o.mode, o.mix);
  std::vector<OptionLine> lines;
  const auto line = [&](std::string name, const auto& value, std::string key = {}) {
    lines.push_back({std::move(name), std::move(key), fmt::format("{}", value)});
  };
  if (o.fold.given()) line("fold", to_string(o.fold));
  if (o.fold.count > 1) line("fold-seed", o.fold.seed);
  line("epochs", o.epochs);
  if (o.steps_given) line("steps", o.steps);
  line("batch-size", o.batch_size);
  if (d.modes.size() > 1) line("steps-mode", step_mode_names[static_cast<std::size_t>(d.mode)]);
  for (std::size_t g = 0; g < d.groups.size(); ++g)
    line("lr", o.learning_rate[g], d.groups[g].name);
  for (const auto& part : o.parts.scale) line("lr-scale", to_string(part));
  for (const auto& part : o.parts.freeze) line("freeze", to_string(part));
  line("schedule", to_string(o.schedule));
  line("warm-up", o.schedule.warm_up);
  line("clip", o.clip_norm);
  for (std::size_t k = 0; k < d.terms.size(); ++k) line("weight", o.weight[k], d.terms[k].name);
  for (std::size_t g = 0; g < d.groups.size(); ++g)
    line("mix", to_string(d.groups[g], d), d.groups[g].name);
  line("shuffle", o.shuffle ? "on" : "off");
  line("augment", o.augment ? "on" : "off");
  if (!o.measures_test) line("test", "off");
  line("log-every", o.log_every);
  for (const Criterion& criterion : o.best) line("best", to_string(criterion));
  if (o.validate_every > 0) line("validate-every", o.validate_every);
  if (o.diagnose_every > 0) line("diagnose", o.diagnose_every);
  if (o.looks_ahead) line("lookahead", "on");
  if (!o.gradients_each_epoch) line("gradients-every", o.gradients_every);
  return lines;
}

}  // namespace

std::string to_config(const TrainOptions& o, const Description& d) {
  std::string text =
      fmt::format("# Options of this run of medley-{}; --config takes them back.\n", d.name);
  const auto line = [&](std::string_view name, const auto& value) {
    text += fmt::format("{} = {}\n", name, value);
  };
  if (!o.data.empty()) line("data", config_path("data", o.data));
  if (!o.init.empty()) line("init", config_path("init", o.init));
  if (!o.init_prefix.empty()) line("init-prefix", o.init_prefix);
  if (o.with_optimizer) line("with-optimizer", "on");
  for (const OptionLine& option : deciding_options(o, d))
    line(option.name, option.key.empty() ? option.value : option.key + "=" + option.value);
  line("seed", o.seed);
  line("patience", o.patience);
  line("checkpoint-every", o.checkpoint_every);
  line("keep", o.keep);
  return text;
}

NamedValues result_options(const TrainOptions& o, const Description& d) {
  NamedValues values;
  const bool has_length = !depends_on_length(o).empty();
  for (const OptionLine& option : deciding_options(o, d)) {
    if (!has_length && (option.name == "epochs" || option.name == "steps")) continue;
    std::string& value = values[option.key.empty() ? option.name : option.name + "." + option.key];
    value += (value.empty() ? "" : ", ") + option.value;  // of --best there may be several
  }
  return values;
}

std::string depends_on_length(const TrainOptions& o) {
  if (o.schedule.depends_on_length())
    return fmt::format(
        "the schedule {}{}", to_string(o.schedule),
        o.schedule.warm_up > 0 ? fmt::format(", warm-up {}", o.schedule.warm_up) : std::string{});
  for (const MixChoice& choice : o.mix) {
    if (choice.mix.depends_on_length()) return fmt::format("the mix {}", choice.mix.type());
  }
  return {};
}

void require_same_options(const Checkpoint& checkpoint, const TrainOptions& o,
                          const Description& d) {
  NamedValues now = result_options(o, d), then = checkpoint.options;
  now["seed"] = std::to_string(o.seed);
  then["seed"] = std::to_string(checkpoint.seed);
  NamedValues names = now;
  names.insert(then.begin(), then.end());
  const auto text = [](const NamedValues& values, const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string("not set") : found->second;
  };
  for (const auto& [name, any] : names) {
    if (text(then, name) == text(now, name)) continue;
    throw data_error(fmt::format(
        "{}: written with {} {}, but config.ini has {}: put it back, or begin a new run with "
        "--config and --init",
        checkpoint.path.string(), name, text(then, name), text(now, name)));
  }
}

}  // namespace medley
