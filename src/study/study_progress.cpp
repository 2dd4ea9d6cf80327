#include "medley/study/study_progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "medley/base/terminal.hpp"

namespace medley {

StudyProgress::StudyProgress(const Design& design, const Plan& plan, const StudyFolder& folder,
                             const Objective& objective)
    : design_(design),
      plan_(plan),
      folder_(folder),
      objective_(objective),
      is_shown_(::isatty(STDERR_FILENO) != 0) {
  if (is_shown_) work_at_start_ = plan_.progress(folder_.trials(design_)).work;
}

// The best setting so far among those that were trained the longest.
std::string StudyProgress::best(const TrialTable& results) const {
  std::optional<std::size_t> found;
  double mean = 0.0;
  int rung = 0;
  for (std::size_t s = 0; s < plan_.settings().size(); ++s) {
    for (int r = plan_.rung_of(s); r >= rung; --r) {
      if (!results.complete(design_, s, r)) continue;
      const auto of_s = statistics::estimate(results.values(design_, s, r, objective_.index));
      if (found && r == rung && objective_.score(of_s.mean) <= objective_.score(mean)) break;
      found = s;
      mean = of_s.mean;
      rung = r;
      break;
    }
  }
  if (!found) return {};
  return fmt::format(", best {} {:.4g} (setting {})", objective_.metric, mean, *found);
}

std::string StudyProgress::text() const {
  const TrialTable results = folder_.trials(design_);
  const Plan::Progress progress = plan_.progress(results);
  std::string text = fmt::format("{} of {} trainings", progress.trials, progress.of_trials);
  std::size_t running = 0;
  for (std::size_t s = 0; s < plan_.settings().size() && progress.trials < progress.of_trials;
       ++s) {
    for (int repeat = 0; repeat < design_.repeats(); ++repeat) {
      const std::uint64_t number = design_.trial(s, repeat);
      const Trial trial{.number = number, .rung = plan_.rung_of(s), .epochs = 0};
      if (!results.has(trial)) running += folder_.is_claimed(number);
    }
  }
  if (running > 0) text += fmt::format(", {} running", running);
  const std::chrono::duration<double> elapsed = Clock::now() - start_;
  const double done = progress.work - work_at_start_;
  if (done > 0 && work_at_start_ + done < progress.of_work && is_shown_)
    text +=
        fmt::format(", {:.0f} s left", elapsed.count() / done * (progress.of_work - progress.work));
  return text + best(results);
}

void StudyProgress::show() {
  if (!is_due()) return;
  last_ = Clock::now();
  const std::string line = text();
  fmt::print(stderr, "\r\x1b[K{}", cut_to_columns(line, terminal_columns() - 1));
}

void StudyProgress::clear() {
  if (is_shown_ && last_ != Clock::time_point{}) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace medley
