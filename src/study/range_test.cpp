#include "medley/study/range_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "medley/base/error.hpp"
#include "medley/files/options.hpp"
#include "medley/run/stop_signal.hpp"
#include "medley/run/training_run.hpp"

namespace medley {

namespace {

constexpr std::string_view option = "--range-test";

// LEAST..MOST
void read_range_text(const std::string& text, RateRange& range) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos)
    throw usage_error(fmt::format("--range-test: '{}' is not of the form LEAST..MOST", text));
  range.least = parse_number<double>(text.substr(0, dots), "range-test");
  range.most = parse_number<double>(text.substr(dots + 2), "range-test");
  if (!(range.least >= 1e-30 && range.least < range.most && range.most <= 1e10))
    throw usage_error(fmt::format(
        "--range-test {}: rates rise from the first to the second, within 1e-30 to 1e10", text));
}

double fastest(const TrainOptions& o) {
  return *std::max_element(o.learning_rate.begin(), o.learning_rate.end());
}

// The losses of a range test, step by step.
class RangeLosses {
 public:
  RangeLosses(const TrainOptions& o, const Description& d, std::uint64_t steps)
      : weight_(o.weight), terms_(d.terms.size()) {
    totals_.reserve(steps);
    values_.reserve(steps * terms_);
    measured_.reserve(steps * terms_);
    last_.resize(terms_);
  }

  // The total is by the terms' own weights, so that a mix does not change its meaning from step to step;
  // a term that was not measured counts as it last did. Whether to go on.
  bool add(const StepReport& report) {
    if (report.diverged) return false;
    double total = 0.0;
    for (std::size_t k = 0; k < terms_; ++k) {
      if (report.measured[k]) last_[k] = report.value[k];
      total += weight_[k] * last_[k];
      values_.push_back(report.value[k]);
      measured_.push_back(report.measured[k]);
    }
    totals_.push_back(total);
    return end_.add(total);
  }

  const std::vector<double>& totals() const { return totals_; }
  std::string csv(const RangeReading& reading, const RangeTestOptions& o,
                  const Description& d) const;

 private:
  const std::vector<double>& weight_;
  const std::size_t terms_;
  std::vector<double> totals_, values_, last_;
  std::vector<bool> measured_;
  RangeEnd end_;
};

// NaN as an empty cell.
std::string cell(double value) { return std::isnan(value) ? "," : fmt::format(",{}", value); }

std::string RangeLosses::csv(const RangeReading& reading, const RangeTestOptions& o,
                             const Description& d) const {
  std::string text = "step";
  for (const GroupInfo& group : d.groups) text += fmt::format(",rate.{}", group.name);
  text += ",total,smoothed,slope,slope_error";
  for (const TermInfo& term : d.terms) text += fmt::format(",{}.value", term.name);
  text += "\r\n";
  for (std::size_t i = 0; i < totals_.size(); ++i) {
    text += fmt::format("{}", i + 1);
    const double factor = o.train.schedule.factor(i, o.range.steps);
    for (const double rate : o.train.learning_rate) text += cell(rate * factor);
    const RangeFit& fit = reading.fits[i];
    for (const double x : {totals_[i], fit.value, fit.slope, fit.slope_error}) text += cell(x);
    for (std::size_t k = 0; k < terms_; ++k)
      text += cell(measured_[i * terms_ + k] ? values_[i * terms_ + k] : NAN);
    text += "\r\n";
  }
  return text;
}

void print_suggestions(const RangeReading& reading, const RangeTestOptions& o,
                       const Description& d) {
  std::string text = "rule,group,rate\n";
  const auto add = [&](std::string_view rule, const std::optional<double>& rate) {
    for (std::size_t g = 0; rate && g < d.groups.size(); ++g) {
      text += fmt::format("{},{},{:.2g}\n", rule, d.groups[g].name,
                          *rate * o.train.learning_rate[g] / fastest(o.train));
    }
  };
  add("steepest descent", reading.steepest);
  add("least loss / 10", reading.tenth);
  fmt::print("{}", text);
}

}  // namespace

std::optional<RangeTestOptions> parse_range_test(const Arguments& arguments, const Description& d) {
  Arguments rest;
  RangeTestOptions o;
  bool asked = false, steps = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const bool has_value = argument.starts_with(std::string(option) + "=");
    if (argument != option && !has_value) {
      steps |= argument == "--steps" || argument.starts_with("--steps=");
      rest.push_back(argument);
      continue;
    }
    asked = true;
    if (has_value) {
      read_range_text(argument.substr(option.size() + 1), o.range);
    } else if (i + 1 < arguments.size() && !arguments[i + 1].starts_with("--")) {
      read_range_text(arguments[++i], o.range);
    }
  }
  if (!asked || std::ranges::find(rest, "--help") != rest.end()) return {};
  if (!steps) rest.insert(rest.end(), {"--steps", std::to_string(o.range.steps)});
  TrainOptions& train = o.train = parse_train_options(rest, d);
  if (train.resume)
    throw usage_error("--range-test: it is short, and is not resumed; --force begins it again");
  if (train.steps < 48)
    throw usage_error("--range-test: it needs 48 --steps at least, to tell a slope from noise");
  o.range.steps = train.steps;
  const double top = fastest(train);
  if (!(top > 0.0)) throw usage_error("--range-test: all learning rates are 0");
  train.schedule = Schedule::exponential(o.range.least / top, o.range.most / top);
  if (!train.schedule.valid())
    throw usage_error(fmt::format("--range-test: too far from the learning rate, {}", top));
  train.log_every = 1;
  train.gradients_each_epoch = train.measures_test = train.looks_ahead = false;
  train.gradients_every = train.diagnose_every = train.checkpoint_every = train.patience = 0;
  train.validate_every = train.steps;
  train.keep = 1;
  return o;
}

int range_test(const Program& program, const RangeTestOptions& o) {
  const Description d = with_mode(program.description, o.train.mode, o.train.mix);
  const Session session(program, o.train.isa);
  TrainOptions quiet = o.train;  // what a run says of epochs means nothing here
  quiet.quiet = true;
  TrainingRun run(session, quiet);
  RangeLosses losses(o.train, d, o.range.steps);
  run.watch([&](const StepDone& done) { return losses.add(done.report); });
  const TrainingRun::Ending ending = run.train();
  if (stop_signal() != 0) {
    if (!o.train.quiet) fmt::print(stderr, "stopped; --force begins it again\n");
    return 128 + stop_signal();
  }
  const RangeReading reading = read_range(losses.totals(), o.range);
  write_file(o.train.out / "range-test.csv", losses.csv(reading, o, d));
  if (!o.train.quiet) {
    const auto done = losses.totals().size();
    if (ending != TrainingRun::Ending::complete)
      fmt::print(stderr, "ended at step {} of {}, at a rate of {:.2g}: {}\n", done, o.range.steps,
                 o.range.rate(static_cast<double>(done)),
                 ending == TrainingRun::Ending::diverged ? "it diverged"
                                                         : "the loss is far above its least");
    for (const std::string& remark : reading.remarks) fmt::print(stderr, "{}\n", remark);
    fmt::print(stderr, "all steps are in {}\n", (o.train.out / "range-test.csv").string());
  }
  if (!reading.least) return static_cast<int>(Exit::diverged);
  print_suggestions(reading, o, d);
  return static_cast<int>(Exit::done);
}

}  // namespace medley
