#include "medley/study/study_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/run/metrics.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

using Strings = std::vector<std::string>;

constexpr auto method_names = std::to_array<std::string_view>({"grid", "sobol", "adaptive"});
// What a process decides, and what may be asked of a study later.
const std::set<std::string> of_process{"study", "threads", "jobs", "isa",
                                       "help",  "status",  "data", "final"};
// Options of `train` that belong to a trial, and not to all of them.
const std::set<std::string> of_trial{"out", "resume", "force", "fold", "test"};
const std::set<std::string> composed{"lr", "weight", "mix", "lr-scale", "freeze", "best"};

std::string name_of(const std::string& argument) {
  return argument.substr(2, std::min(argument.find('='), argument.size()) - 2);
}

bool is_option(const std::string& argument) {
  return argument.size() > 2 && argument.starts_with("--");
}

// Tune's own options, and the rest, which are options of `train` with their values.
std::pair<Arguments, Arguments> split(const Arguments& arguments,
                                      const po::options_description& own) {
  std::pair<Arguments, Arguments> parts;
  bool is_own = true;
  for (const std::string& argument : arguments) {
    if (is_option(argument)) is_own = own.find_nothrow(name_of(argument), false) != nullptr;
    (is_own ? parts.first : parts.second).push_back(argument);
  }
  return parts;
}

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream.is_open() || stream.bad())
    throw io_error(fmt::format("{}: cannot be read", file.string()));
  return text;
}

// Takes --config out, and makes paths absolute.
void take_shared(const Arguments& arguments, StudyOptions& o) {
  for (auto& [name, value] : option_pairs(arguments)) {
    if (of_trial.contains(name))
      throw usage_error(fmt::format("tune: --{} belongs to a trial, not to all of them", name));
    if (name == "config") {
      o.config = value;
      o.config_text = text_of(value);
      continue;
    }
    if (name == "init" && !value.empty()) value = fs::absolute(value).lexically_normal().string();
    o.shared.push_back("--" + name);
    if (!value.empty()) o.shared.push_back(value);
  }
}

class Values {
 public:
  explicit Values(const po::variables_map& values) : values_(values) {}
  bool has(const char* name) const { return values_.count(name) > 0 && !values_[name].defaulted(); }
  bool flag(const char* name) const { return values_[name].as<bool>(); }
  std::string text(const char* name) const {
    return has(name) ? values_[name].as<std::string>() : std::string{};
  }
  Strings list(const char* name) const {
    return has(name) ? values_[name].as<Strings>() : Strings{};
  }
  template <class T>
  T number(const char* name, T fallback, T least, T most) const {
    if (!has(name)) return fallback;
    const T value = parse_number<T>(text(name), name);
    if (value < least || value > most)
      throw usage_error(fmt::format("--{}: {} is not within {} to {}", name, value, least, most));
    return value;
  }

 private:
  const po::variables_map& values_;
};

void read_halving(const std::string& text, SearchDesign& search) {
  const std::size_t comma = std::min(text.find(','), text.size());
  search.factor = parse_number<std::uint64_t>(text.substr(0, comma), "halving");
  if (comma < text.size())
    search.least_epochs = parse_number<std::uint64_t>(text.substr(comma + 1), "halving");
  if (search.factor < 2 || search.factor > 1000 || search.least_epochs < 1)
    throw usage_error(fmt::format(
        "--halving {}: one of ETA settings goes on, 2 at least, from LEAST epochs, 1 at least",
        text));
}

void read_method(const Values& read, StudyOptions& o) {
  const std::string text = read.has("method") ? read.text("method") : "sobol";
  const auto found = std::ranges::find(method_names, text);
  if (found == method_names.end())
    throw usage_error(fmt::format("--method: there is no '{}'; there are: {}", text,
                                  fmt::join(method_names, ", ")));
  o.search.method = static_cast<Method>(found - method_names.begin());
  const auto belongs = [&](const char* name, bool it_does, const char* why) {
    if (read.has(name) && !it_does) throw usage_error(fmt::format("--{}: {}", name, why));
  };
  belongs("trials", o.search.method != Method::grid,
          "a grid has all its points; see --grid-points");
  belongs("grid-points", o.search.method == Method::grid, "belongs to --method grid");
  belongs("generation", o.search.method == Method::adaptive, "belongs to --method adaptive");
  belongs("halving", o.search.method != Method::adaptive,
          "goes with --method grid or sobol: an adaptive search learns from whole trainings");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> option_pairs(const Arguments& arguments) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& argument : arguments) {
    if (!is_option(argument)) {
      if (pairs.empty() || !pairs.back().second.empty())
        throw usage_error(fmt::format("tune: unexpected argument '{}'", argument));
      pairs.back().second = argument;
      continue;
    }
    const std::size_t equals = argument.find('=');
    pairs.emplace_back(name_of(argument),
                       equals == std::string::npos ? std::string{} : argument.substr(equals + 1));
  }
  return pairs;
}

po::options_description describe_tune(const Description& d) {
  po::options_description options("options", 100, 60);
  const auto text = [] { return po::value<std::string>(); };
  const auto texts = [] { return po::value<Strings>()->composing(); };
  const auto add = [&](const char* name, auto* value, const char* argument, std::string help) {
    options.add_options()(name, value->value_name(argument), help.c_str());
  };
  const auto flag = [&](const char* name, const char* help) {
    options.add_options()(name, po::bool_switch(), help);
  };
  add("study", text(), "S", "study folder to make, or to go on with");
  add("data", text(), "DIR", "dataset folder; without it the experiment's own data, if it has any");
  add("search", texts(), "NAME=...",
      "an option of train: a range lr=1e-4..1e-2,log or epochs=5..20, or a list "
      "batch-size=16,32,64; weight.TERM stands for --weight TERM=X, mode for steps-mode; values "
      "that hold commas stand between | or in quotes (repeatable)");
  add("method", text(), "HOW",
      "sobol: quasi-random; grid: all combinations; adaptive: by what was good (default sobol)");
  add("trials", text(), "N", "settings to try besides the default (default 16)");
  add("grid-points", text(), "N", "values of a range in a grid (default 3)");
  add("generation", text(), "N",
      "settings that an adaptive search proposes at a time; as many trainings can go on at once "
      "(default 4)");
  add("halving", text(), "ETA[,LEAST]",
      "train all for LEAST epochs (default 1), the best of each ETA for ETA times as long, and so "
      "on; they go on where they were");
  add("folds", text(), "K", "cross-validation over training and validation records");
  add("seeds", text(), "N", "train each setting with seeds 1 to N (default 1)");
  add("objective", texts(), "METRIC",
      "of the validation split, what is to become good: a metric, total or term.TERM; of several "
      "the Pareto front, and the first decides (repeatable; default: the first metric of each "
      "target)");
  add("require", texts(), "METRIC>=X", "or <=X: what a setting must reach (repeatable)");
  add("at", text(), "last|best",
      "judge a training by its last evaluation, or by its best one by the first objective (default "
      "last)");
  flag("no-default", "do not try the experiment's own setting, which otherwise is setting 0");
  add("range-test", text()->implicit_value(""), "[LEAST..MOST]",
      "instead of a study, one short training (--steps, default 300) in which the learning rate "
      "rises "
      "from LEAST to MOST (default 1e-6..1), and the rates that its losses suggest");
  add("out", text(), "RUN", "with --range-test: the run folder to write");
  add("seed", text(), "S", "of the search (default 1)");
  flag("final",
       "train the chosen setting on training and validation records together, into S/final, and "
       "measure the test split once, into S/test.csv");
  flag("status", "tell how far the study is, and a table as CSV");
  add("jobs", text(), "N", "trainings at a time in this process (default 1)");
  add("threads", text(), "T",
      fmt::format("of a training, at most {} for this experiment (default: the processors that "
                  "this process may use, shared out among jobs)",
                  d.memory.slots));
  add("isa", text(), "NAME", "instruction set; results do not depend on it");
  flag("help", "this text");
  return options;
}

StudyOptions parse_study_options(const Arguments& arguments, const Description& d) {
  const po::options_description own = describe_tune(d);
  const auto [ours, shared] = split(arguments, own);
  const po::variables_map values = parse_options("tune", own, ours);
  const Values read(values);
  StudyOptions o;
  o.help = read.flag("help");
  if (o.help) return o;
  if (!read.has("study"))
    throw usage_error("tune: --study S is missing ('tune --help' lists the options)");
  if (read.has("out"))
    throw usage_error("tune: --out belongs to a trial, not to all of them, or to --range-test");
  o.study = read.text("study");
  o.status = read.flag("status");
  o.is_final = read.flag("final");
  o.isa = read.text("isa");
  o.threads = read.number("threads", 0, 1, 1 << 16);
  o.jobs = read.number("jobs", 1, 1, 1024);
  if (read.has("data")) o.data = fs::absolute(read.text("data")).lexically_normal().string();
  o.is_given = !shared.empty();
  for (const auto& [name, value] : values)
    o.is_given |= !value.defaulted() && !of_process.contains(name);

  o.searches = read.list("search");
  for (const std::string& text : o.searches) {
    o.search.dimensions.push_back(parse_search(text));
    const Dimension& added = o.search.dimensions.back();
    for (std::size_t i = 0; i + 1 < o.search.dimensions.size(); ++i) {
      if (o.search.dimensions[i].name == added.name)
        throw usage_error(fmt::format("--search {}: {} is searched twice", text, added.name));
    }
  }
  read_method(read, o);
  if (read.has("halving")) read_halving(read.text("halving"), o.search);
  o.search.settings = read.number<std::size_t>("trials", 16, 1, 100'000);
  o.search.grid_points = read.number("grid-points", 3, 2, 1000);
  o.search.generation = read.number<std::size_t>("generation", 4, 1, 1000);
  o.search.seed = read.number<std::uint64_t>("seed", 1, 0, ~std::uint64_t{0});
  o.folds = read.number("folds", 0, 2, 1000);
  o.seeds = read.number("seeds", 1, 1, 10'000);
  o.objectives = read.list("objective");
  if (o.objectives.empty()) {
    const Strings names = metric_names(d);
    for (const std::size_t i : main_metrics(d)) o.objectives.push_back(names[i]);
  }
  o.requirements = read.list("require");
  if (const std::string at = read.has("at") ? read.text("at") : "last"; at != "last") {
    if (at != "best") throw usage_error(fmt::format("--at: '{}' is neither last nor best", at));
    o.at_best = true;
  }
  o.has_default = !read.flag("no-default");
  if (!o.has_default && o.searches.empty())
    throw usage_error("--no-default: without --search there is nothing else to train");
  take_shared(shared, o);
  for (const auto& [name, value] : option_pairs(o.shared)) {
    for (const Dimension& dimension : o.search.dimensions) {
      if (dimension.option == name && !composed.contains(name))
        throw usage_error(fmt::format("--{} is given for all trials, and searched", name));
    }
  }
  return o;
}

std::string to_ini(const StudyOptions& o, const Description& d) {
  std::string text = fmt::format("# A study of medley-{}; tune --study goes on with it.\n", d.name);
  const auto line = [&](std::string_view name, const auto& value) {
    text += fmt::format("{} = {}\n", name, value);
  };
  const auto lines = [&](std::string_view name, const Strings& values) {
    for (const std::string& value : values) line(name, value);
  };
  if (!o.data.empty()) line("data", o.data);
  lines("search", o.searches);
  line("method", method_names[static_cast<std::size_t>(o.search.method)]);
  if (o.search.method == Method::grid) {
    line("grid-points", o.search.grid_points);
  } else {
    line("trials", o.search.settings);
  }
  if (o.search.method == Method::adaptive) line("generation", o.search.generation);
  if (o.search.factor > 0)
    line("halving", fmt::format("{},{}", o.search.factor, o.search.least_epochs));
  if (o.folds > 0) line("folds", o.folds);
  line("seeds", o.seeds);
  lines("objective", o.objectives);
  lines("require", o.requirements);
  line("at", o.at_best ? "best" : "last");
  if (!o.has_default) text += "no-default =\n";
  line("seed", o.search.seed);
  if (o.is_final) text += "final =\n";
  for (const auto& [name, value] : option_pairs(o.shared)) line(name, value);
  return text;
}

Arguments ini_arguments(const fs::path& study) {
  const fs::path file = study / "study.ini";
  Arguments arguments{"--study", study.string()};
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const std::string_view text = stripped(line);
    if (text.empty() || text.starts_with('#')) continue;
    const std::size_t equals = std::min(text.find('='), text.size());
    arguments.push_back("--" + std::string(stripped(text.substr(0, equals))));
    const std::string_view value = stripped(text.substr(std::min(equals + 1, text.size())));
    if (!value.empty()) arguments.emplace_back(value);
  }
  if (!stream.is_open() || stream.bad())
    throw io_error(fmt::format("{}: cannot be read", file.string()));
  return arguments;
}

void read_base_ini(StudyOptions& o) {
  std::error_code error;
  if (!fs::exists(o.study / base_ini, error)) return;
  o.config = o.study / base_ini;
  o.config_text = text_of(o.config);
}

StudyOptions read_ini(const fs::path& study, const Description& d) {
  const Arguments arguments = ini_arguments(study);
  try {
    StudyOptions options = parse_study_options(arguments, d);
    read_base_ini(options);
    return options;
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", (study / "study.ini").string(), error.what()));
  }
}

void require_same_lines(const fs::path& study, std::string_view has_text,
                        std::string_view wants_text) {
  const auto lines_of = [](std::string_view text) {
    Strings lines;
    for (std::size_t end; !text.empty(); text.remove_prefix(std::min(end + 1, text.size()))) {
      end = std::min(text.find('\n'), text.size());
      if (!text.starts_with('#')) lines.emplace_back(text.substr(0, end));
    }
    return lines;
  };
  const Strings has = lines_of(has_text), wants = lines_of(wants_text);
  const auto first_beyond = [](const Strings& lines, const Strings& others) {
    const auto found = std::ranges::find_if(lines, [&](const std::string& line) {
      return std::ranges::count(lines, line) > std::ranges::count(others, line);
    });
    return found == lines.end() ? std::string{} : *found;
  };
  const std::string missing = first_beyond(has, wants), added = first_beyond(wants, has);
  if (!missing.empty() || !added.empty() || has != wants)
    throw usage_error(fmt::format(
        "{}: is a study with other options: {}{}{}; go on with it by --study alone, or choose "
        "another folder",
        study.string(), missing.empty() ? "" : fmt::format("it has '{}'", missing),
        missing.empty() || added.empty() ? "" : ", ",
        added.empty() ? (missing.empty() ? "in another order" : "")
                      : fmt::format("it does not have '{}'", added)));
}

void require_same_study(const StudyOptions& given, const StudyOptions& study,
                        const Description& d) {
  StudyOptions ours = study, theirs = given;
  theirs.is_final = ours.is_final;  // may be asked for later
  theirs.data = ours.data;          // the same records may be elsewhere here; runs look at them
  require_same_lines(study.study, to_ini(ours, d), to_ini(theirs, d));
  if (given.config_text != study.config_text)
    throw usage_error(fmt::format("{}: is a study with another --config", study.study.string()));
}

}  // namespace medley
