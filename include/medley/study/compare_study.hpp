// A comparison as a study: each arm with each learning rate is a setting; what its trials left becomes
// the table that sentences are made of.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "medley/run/session.hpp"
#include "medley/study/compare_options.hpp"
#include "medley/study/comparison.hpp"
#include "medley/study/comparison_answer.hpp"
#include "medley/study/objective.hpp"
#include "medley/study/plan.hpp"
#include "medley/study/study_folder.hpp"

namespace medley::comparison {

// Records of the data that trials are trained and measured on.
struct Records {
  std::uint64_t train = 0, validation = 0, test = 0;
};

class CompareStudy {
 public:
  // Throws usage_error where arms or rates are such that `train` does not take them, or where there is
  // nothing to compare.
  CompareStudy(const Description& description, const CompareOptions& options,
               const Records& records);

  const Design& design() const { return design_; }
  const std::vector<Objective>& objectives() const { return objectives_; }
  const std::vector<Arm>& arms() const { return arms_; }
  // Arm by arm, of each the rates in turn; arms at equal time are the last.
  const std::vector<Setting>& settings() const { return settings_; }
  // Of a training of the plain sum.
  std::uint64_t steps() const { return steps_; }

  // What came out, where each arm has its best rate: the table, settings.csv (`only_chosen`: of each
  // arm that rate alone), and what the sentences must say besides.
  class Results;

 private:
  void add_settings(const Arm& arm);
  Arguments rate_options(const Arm& arm, const Rate& rate) const;
  std::vector<std::string> values_of(const Arguments& options) const;

  const Description& d_;
  const CompareOptions& o_;
  Records records_;
  Design design_;
  std::vector<Objective> objectives_;
  std::vector<Arm> arms_;
  std::vector<Setting> settings_;
  std::uint64_t steps_ = 0;
  bool steps_given_ = false;
};

class CompareStudy::Results {
 public:
  // Reads trials.csv and the run folders.
  Results(const CompareStudy& study, const StudyFolder& folder);

  const Table& table() const { return table_; }
  AnswerContext context() const;
  std::string settings_text(bool only_chosen) const;

 private:
  // A number an objective and repeat; NaN: none.
  using Values = std::vector<std::vector<double>>;
  void read_values(const StudyFolder& folder);
  std::size_t best_rate(std::size_t arm) const;
  void make_table(const StudyFolder& folder);
  bool counts(std::size_t arm, std::size_t objective) const;
  std::vector<bool> front() const;

  const CompareStudy& study_;
  std::vector<Values> validation_, shown_;  // a setting each
  std::vector<std::size_t> chosen_;         // the setting of each arm
  Table table_;
};

// Seconds of processor time of so many steps of an arm.
using MeasureSteps = std::function<double(const Arguments& options, std::uint64_t steps)>;

// What a step of each arm costs, in steps of the plain sum; none for arms of fixed weights, whose steps
// are the sum's.
std::map<std::size_t, double> measure_costs(const std::vector<Arm>& arms,
                                            const Description& description,
                                            const MeasureSteps& measure);

}  // namespace medley::comparison
