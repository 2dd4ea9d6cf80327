// How far a study is, in one line.
#pragma once

#include <chrono>
#include <string>

#include "medley/study/plan.hpp"
#include "medley/study/selection.hpp"
#include "medley/study/study_folder.hpp"

namespace medley {

class StudyProgress {
 public:
  StudyProgress(const Design& design, const Plan& plan, const StudyFolder& folder,
                const Objective& objective);

  // "12 of 48 trainings, 2 running, 340 s left, best size.accuracy 0.951 (setting 3)".
  std::string text() const;
  bool is_due() const {
    return is_shown_ && Clock::now() - last_ >= std::chrono::milliseconds(500);
  }
  // Shows the line where stderr is a terminal, twice a second at most.
  void show();
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string best(const TrialTable& results) const;

  const Design& design_;
  const Plan& plan_;
  const StudyFolder& folder_;
  const Objective& objective_;
  const bool is_shown_;
  const Clock::time_point start_ = Clock::now();
  double work_at_start_ = 0.0;
  Clock::time_point last_{};
};

}  // namespace medley
