// `eval`: terms and metrics of a checkpoint on splits of a data set.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "medley/base/text.hpp"
#include "medley/data/data_warnings.hpp"
#include "medley/run/mix_options.hpp"
#include "medley/run/model.hpp"
#include "medley/run/reporting.hpp"
#include "medley/run/trained_fold.hpp"
#include "medley/run/uncertainty.hpp"

namespace medley {

namespace {

using Strings = std::vector<std::string>;

po::options_description describe_eval(const Description& d) {
  po::options_description options("options", 100, 60);
  add_model_options(options, d);
  auto add = options.add_options();
  add("data", po::value<std::string>()->value_name("DIR"),
      "dataset folder; without it the experiment's own data, if it has any");
  add("split", po::value<Strings>()->composing()->value_name("NAME"),
      "train, validation or test (repeatable; default test)");
  add("weight", po::value<Strings>()->composing()->value_name("TERM=X"),
      "weight of a term in `total` (repeatable; default: those of the checkpoint's run)");
  add("mix", po::value<Strings>()->composing()->value_name("[GROUP=]MIX"),
      "mix of which `total` takes the weights, where these are constant (default: that of the "
      "checkpoint's run)");
  add("confusion", po::value<std::string>()->value_name("TARGET"),
      "print the confusion matrix of this target instead of the table (rows: true class, columns: "
      "predicted class)");
  add("confusion-dir", po::value<std::string>()->value_name("DIR"),
      "besides, write the confusion matrix of every target to DIR/confusion-<target>-<split>.csv");
  add("help", po::bool_switch(), "this text");
  return options;
}

const HelpText eval_help{
    "eval",
    "terms and metrics of a checkpoint on a split\n\n"
    "stdout: CSV with the columns split, records, name, value, standard_error, low, high (95 %); a "
    "row "
    "for\n"
    "total, each term.<name> and each metric. A cell is empty where there is nothing to tell.",
    {"--checkpoint FILE|RUN [--data DIR] [--split NAME]... [options]"},
    "--checkpoint runs/first --data data/mine --split validation --split test > eval.csv"};

Strings strings(const po::variables_map& values, const char* option) {
  return values.count(option) > 0 ? values[option].as<Strings>() : Strings{};
}

// The weights for `total`: those given, those that the checkpoint was trained with, the header's.
std::array<double, max_terms> weights_of(const po::variables_map& values,
                                         const Checkpoint& checkpoint, const Description& d) {
  std::array<double, max_terms> weights{};
  const auto set = [&](std::string_view term, double weight) {
    std::size_t k = 0;
    while (k < d.terms.size() && d.terms[k].name != term) ++k;
    if (k == d.terms.size())
      throw usage_error(fmt::format("--weight: the experiment has no term '{}'", term));
    weights[k] = weight;
  };
  for (std::size_t k = 0; k < d.terms.size(); ++k) weights[k] = d.terms[k].weight;
  for (const auto& [name, weight] : option_numbers(checkpoint, "weight.")) set(name, weight);
  for (const std::string& text : strings(values, "weight")) {
    const auto [name, number] = parse_pair(text, "weight");
    const auto weight = parse_number<double>(number, "weight");
    if (!std::isfinite(weight)) throw usage_error(fmt::format("--weight {}: not finite", text));
    set(name, weight);
  }
  return weights;
}

// The step mode and mixes for `total`: those that the checkpoint was trained with, and those given.
void set_steps(const po::variables_map& values, const Checkpoint& checkpoint,
               const Description& description, Settings& settings) {
  Description d = with_options(description, checkpoint);
  for (const std::string& text : strings(values, "mix")) set_mix(text, d);
  for (std::size_t m = 0; m < d.modes.size(); ++m) {
    if (d.modes[m].mode == d.mode) settings.mode = static_cast<int>(m);
  }
  for (std::size_t g = 0; g < d.groups.size(); ++g) settings.mix[g] = d.groups[g].mix;
}

// Index of the target's MetricInfo with a confusion matrix.
std::size_t confusion_index(const Description& d, const std::string& name) {
  Strings names;
  for (std::size_t i = 0; i < d.metrics.size(); ++i) {
    if (d.metrics[i].kind == TargetKind::values) continue;
    names.push_back(metric_prefix(d, i));
    if (names.back() == name) return i;
  }
  throw usage_error(
      fmt::format("--confusion: there is no '{}'; there are: {}", name, fmt::join(names, ", ")));
}

std::vector<Split> splits_of(const po::variables_map& values) {
  std::vector<Split> splits;
  for (const std::string& name : strings(values, "split")) splits.push_back(parse_split(name));
  if (splits.empty()) splits.push_back(Split::test);
  return splits;
}

class EvalCommand {
 public:
  EvalCommand(const Program& program, const po::variables_map& values)
      : program_(program), d_(program.description), values_(values), splits_(splits_of(values)) {
    if (values.count("confusion") == 0) return;
    confusion_ = confusion_index(d_, values["confusion"].as<std::string>());
    if (splits_.size() > 1) throw usage_error("eval: --confusion takes one --split");
  }

  int run() {
    open();
    if (!confusion_) fmt::print("split,records,name,value,standard_error,low,high\n");
    for (const Split split : splits_) evaluate(split);
    return 0;
  }

 private:
  void open() {
    const Source* records = program_.generator;
    from_ = "the experiment's own data";
    const bool given = values_.count("data") > 0;
    if (!records && !given) {
      throw usage_error(fmt::format(
          "eval: the experiment '{}' has no data of its own; give a dataset folder with "
          "--data DIR",
          d_.name));
    }
    model_.emplace(program_, "eval", values_);
    settings_.weight = weights_of(values_, model_->checkpoint(), d_);
    set_steps(values_, model_->checkpoint(), d_, settings_);
    if (given) {
      from_ = values_["data"].as<std::string>();
      dataset_.emplace(from_, PictureShape{d_.input.c, d_.input.h, d_.input.w}, d_.targets,
                       DatasetOptions{.split_required = false});
      records = &*dataset_;
    }
    if (std::ranges::any_of(splits_, [](Split split) { return split != Split::test; })) {
      folded_ = trained_fold(model_->checkpoint(), d_, *records, from_);
      if (folded_) records = &*folded_;
    }
    const PictureShape shape{d_.input.c, d_.input.h, d_.input.w};
    for (const Split split : splits_) {
      require_records(*records, split, from_);
      for (const std::string& warning : evaluation_warnings(*records, shape, d_.targets, split)) {
        fmt::print(stderr, "warning: {}\n", warning);
      }
    }
    model_->start_evaluation(*records, from_, settings_);
  }

  void evaluate(Split split) {
    Assessment a;
    if (confusion_) {
      const auto start = Clock::now();
      model_->engine().evaluate(split, a.evaluation);
      a.seconds = seconds_since(start);
      fmt::print("{}", confusion(a.evaluation, *confusion_));
    } else {
      a = assess(model_->engine(), model_->source(), d_, split, model_->threads());
      print_table(split, a);
    }
    const Evaluation& evaluation = a.evaluation;
    if (values_.count("confusion-dir") > 0) write_confusions(split, evaluation);
    const auto records = static_cast<double>(evaluation.records);
    fmt::print(stderr, "{} on {} of {}: {} records in {:.2f} s, {:.3f} ms each ({}, {} threads)\n",
               model_->checkpoint().path.string(), to_string(split), from_, evaluation.records,
               a.seconds, a.seconds / records * 1e3, model_->isa(), model_->threads());
  }

  static void print_table(Split split, const Assessment& a) {
    for (const Metric& metric : a.metrics) {
      fmt::print("{},{},{},{},{},{},{}\n", to_string(split), a.evaluation.records, metric.name,
                 number_text(metric.value), number_text(metric.error), number_text(metric.low),
                 number_text(metric.high));
    }
    if (const std::string note = uncertainty_note(a); !note.empty())
      fmt::print(stderr, "{}: {}\n", to_string(split), note);
  }

  std::string confusion(const Evaluation& evaluation, std::size_t index) const {
    const MetricInfo& info = d_.metrics[index];
    return confusion_csv(info, evaluation.metrics[index],
                         model_->source().class_names(info.target_index), "\n");
  }

  void write_confusions(Split split, const Evaluation& evaluation) const {
    const std::filesystem::path folder = values_["confusion-dir"].as<std::string>();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    for (std::size_t i = 0; i < d_.metrics.size(); ++i) {
      if (d_.metrics[i].kind == TargetKind::values) continue;
      const std::filesystem::path path =
          folder / fmt::format("confusion-{}-{}.csv", metric_prefix(d_, i), to_string(split));
      std::ofstream file(path, std::ios::binary);
      file << confusion(evaluation, i);
      file.close();
      if (!file) throw io_error(path.string() + ": cannot be written");
    }
  }

  const Program& program_;
  const Description& d_;
  const po::variables_map& values_;
  std::vector<Split> splits_;
  std::optional<std::size_t> confusion_;
  Settings settings_;
  std::string from_;
  std::optional<Dataset> dataset_;
  std::unique_ptr<FoldedSource> folded_;
  std::optional<Model> model_;
};

}  // namespace

int eval_command(const Program& program, const Arguments& arguments) {
  const Description& d = program.description;
  const po::options_description options = describe_eval(d);
  const po::variables_map values = parse_options("eval", options, arguments);
  if (values["help"].as<bool>()) {
    fmt::print("{}", help(d.name, eval_help, options));
    return 0;
  }
  return EvalCommand(program, values).run();
}

}  // namespace medley
