// What came out of a comparison's trials: the table, and settings.csv.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "medley/base/text.hpp"
#include "medley/experiment/records.hpp"
#include "medley/files/csv.hpp"
#include "medley/run/metrics.hpp"
#include "medley/study/compare_study.hpp"
#include "medley/study/run_reading.hpp"

namespace medley::comparison {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr double least_error = 1e-3;

double mean_of(std::vector<double> values) {
  std::erase_if(values, [](double x) { return std::isnan(x); });
  return statistics::estimate(values).mean;
}

// The losses that an objective is about: those on its target, or the term that it names.
std::vector<std::size_t> losses_on(const Description& d, const std::string& metric) {
  std::vector<std::size_t> found;
  const std::vector<std::size_t> losses = losses_of(d);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const TermInfo& term = d.terms[losses[i]];
    bool is_its = metric == "term." + term.name;
    for (std::size_t m = 0; m < d.metrics.size(); ++m) {
      is_its |= metric.starts_with(metric_prefix(d, m) + ".") &&
                d.metrics[m].head_index == term.head_index &&
                d.metrics[m].target_index == term.target_index;
    }
    if (is_its) found.push_back(i);
  }
  return found;
}

}  // namespace

CompareStudy::Results::Results(const CompareStudy& study, const StudyFolder& folder)
    : study_(study) {
  for (const std::size_t k : losses_of(study.d_)) table_.losses.push_back(study.d_.terms[k].name);
  for (const Objective& o : study.objectives_)
    table_.metrics.push_back({o.metric, o.more_is_better, losses_on(study.d_, o.metric)});
  table_.effect = study.o_.effect;
  if (study.design_.folds > 1) table_.fold_share = 1.0 / (study.design_.folds - 1);
  read_values(folder);
  const std::size_t rates = study.o_.rates.size();
  for (std::size_t arm = 0; arm < study.arms_.size(); ++arm)
    chosen_.push_back(rates * arm + best_rate(arm));
  make_table(folder);
}

void CompareStudy::Results::read_values(const StudyFolder& folder) {
  const Design& design = study_.design_;
  const TrialTable trials = folder.trials(design);
  for (std::size_t s = 0; s < study_.settings_.size(); ++s) {
    Values validation, shown;
    for (const Objective& o : study_.objectives_)
      validation.push_back(trials.values(design, s, 0, o.index));
    shown = validation;
    for (int repeat = 0; design.measures_test && repeat < design.repeats(); ++repeat) {
      const std::uint64_t number = design.trial(s, repeat);
      const TrialRow* const row = trials.find(0, number);
      const bool is_done = row != nullptr && row->status == TrialStatus::complete;
      const std::vector<double> test =
          is_done ? read_result(folder.run(number), design, 0, Split::test).second
                  : std::vector<double>(design.metrics.size(), none);
      for (std::size_t o = 0; o < shown.size(); ++o)
        shown[o][static_cast<std::size_t>(repeat)] = test[study_.objectives_[o].index];
    }
    validation_.push_back(std::move(validation));
    shown_.push_back(std::move(shown));
  }
}

// A loss alone is about its own objectives.
bool CompareStudy::Results::counts(std::size_t arm, std::size_t objective) const {
  if (study_.arms_[arm].kind != ArmKind::single) return true;
  const std::vector<std::size_t>& losses = table_.metrics[objective].losses;
  return std::ranges::find(losses, study_.arms_[arm].loss) != losses.end();
}

// The rate with the least mean of validation errors, each over the plain sum's at the rate in the
// middle; one with which a trial came to nothing is no choice.
std::size_t CompareStudy::Results::best_rate(std::size_t arm) const {
  const std::size_t rates = study_.o_.rates.size();
  const auto sum = std::ranges::find(study_.arms_, ArmKind::sum, &Arm::kind);
  const std::size_t reference =
      rates * static_cast<std::size_t>(sum - study_.arms_.begin()) + rates / 2;
  std::size_t best = rates / 2;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t r = 0; r < rates; ++r) {
    double score = 0.0;
    for (std::size_t o = 0; o < table_.metrics.size(); ++o) {
      if (!counts(arm, o)) continue;
      const Metric& metric = table_.metrics[o];
      const double usual = metric.error_of(mean_of(validation_[reference][o]));
      for (const double value : validation_[rates * arm + r][o])
        score += metric.error_of(value) / (usual > least_error ? usual : least_error);
    }
    if (!(score < least)) continue;
    least = score;
    best = r;
  }
  return best;
}

void CompareStudy::Results::make_table(const StudyFolder& folder) {
  const Design& design = study_.design_;
  const auto each_run = [&](std::size_t setting, auto&& f) {
    for (int repeat = 0; repeat < design.repeats(); ++repeat)
      f(folder.run(design.trial(setting, repeat)));
  };
  const std::size_t lr = design.columns.size() - 2;
  for (std::size_t arm = 0; arm < study_.arms_.size(); ++arm) {
    ArmResult result{.arm = study_.arms_[arm],
                     .rate = study_.settings_[chosen_[arm]].values[lr],
                     .error = shown_[chosen_[arm]],
                     .used = {}};
    for (std::size_t o = 0; o < result.error.size(); ++o) {
      for (double& value : result.error[o])
        value = counts(arm, o) ? table_.metrics[o].error_of(value) : none;
    }
    if (result.arm.kind == ArmKind::mix || result.arm.kind == ArmKind::written) {
      std::vector<double> sums;
      each_run(chosen_[arm], [&](const std::filesystem::path& run) {
        const std::vector<double> used = used_weights(run, table_.losses);
        sums.resize(used.size());
        for (std::size_t k = 0; k < used.size(); ++k) sums[k] += used[k] / design.repeats();
      });
      result.used = sums;
    }
    table_.arms.push_back(std::move(result));
  }
  for (std::size_t a = 0; a < table_.losses.size(); ++a) {
    for (std::size_t b = a + 1; b < table_.losses.size(); ++b) {
      GradientPair pair{.a = a, .b = b, .cosine = {}};
      each_run(chosen_[table_.sum()], [&](const std::filesystem::path& run) {
        pair.cosine.push_back(corrected_cosine(run, table_.losses[a], table_.losses[b]));
      });
      table_.pairs.push_back(std::move(pair));
    }
  }
}

AnswerContext CompareStudy::Results::context() const {
  AnswerContext context{.has_test = study_.design_.measures_test,
                        .seeds = study_.design_.seeds,
                        .folds = study_.design_.folds,
                        .rates = {},
                        .steps = study_.steps_};
  for (const Rate& rate : study_.o_.rates) context.rates.push_back(rate.text());
  return context;
}

// Of the arms at their rates, losses alone not counted: those that no other is as good as in all
// metrics and better than in one.
std::vector<bool> CompareStudy::Results::front() const {
  std::vector<bool> on_front;
  const auto mean = [&](std::size_t arm, std::size_t o) {
    return mean_of(table_.arms[arm].error[o]);
  };
  const auto dominates = [&](std::size_t a, std::size_t b) {
    bool better = false;
    for (std::size_t o = 0; o < table_.metrics.size(); ++o) {
      if (!(mean(a, o) <= mean(b, o))) return false;
      better |= mean(a, o) < mean(b, o);
    }
    return better;
  };
  const auto competes = [&](std::size_t arm) {
    return table_.arms[arm].arm.kind != ArmKind::single && !std::isnan(mean(arm, 0));
  };
  for (std::size_t arm = 0; arm < table_.arms.size(); ++arm) {
    bool is_on = competes(arm);
    for (std::size_t other = 0; is_on && other < table_.arms.size(); ++other)
      is_on = !(competes(other) && dominates(other, arm));
    on_front.push_back(is_on);
  }
  return on_front;
}

std::string CompareStudy::Results::settings_text(bool only_chosen) const {
  const Design& design = study_.design_;
  const std::size_t rates = study_.o_.rates.size();
  std::string text = "setting,name";
  for (const std::string& column : design.columns) text += "," + csv_field(column);
  text += ",trials";
  for (const Metric& m : table_.metrics) {
    for (const char* what : {"mean", "standard_error", "difference", "difference_error", "p"})
      text += "," + csv_field(fmt::format("{}.{}", m.name, what));
  }
  text += ",on_front,chosen\r\n";
  const std::vector<bool> on_front = front();
  for (std::size_t s = 0; s < study_.settings_.size(); ++s) {
    const std::size_t arm = s / rates;
    const bool is_chosen = chosen_[arm] == s;
    if (only_chosen && !is_chosen) continue;
    text += fmt::format("{},{}", s, csv_field(study_.settings_[s].name));
    for (const std::string& value : study_.settings_[s].values) text += "," + csv_field(value);
    text +=
        fmt::format(",{}", std::ranges::count_if(shown_[s][0], [](double x) { return x == x; }));
    for (std::size_t o = 0; o < table_.metrics.size(); ++o) {
      std::vector<double> ours, sums;
      for (std::size_t i = 0; counts(arm, o) && i < shown_[s][o].size(); ++i) {
        const double sum = shown_[chosen_[table_.sum()]][o][i];
        if (std::isnan(shown_[s][o][i]) || std::isnan(sum)) continue;
        ours.push_back(shown_[s][o][i]);
        sums.push_back(sum);
      }
      const statistics::Estimate e = statistics::estimate(ours);
      const statistics::Paired d = statistics::paired_folds(ours, sums, table_.fold_share);
      for (const double x : {e.mean, e.standard_error, d.difference, d.standard_error, d.p})
        text += "," + number_text(x);
    }
    text += fmt::format(",{:d},{:d}\r\n", is_chosen && on_front[arm], is_chosen);
  }
  return text;
}

}  // namespace medley::comparison
