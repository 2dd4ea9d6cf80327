#include "progress_line.hpp"

#include <unistd.h>

namespace medley {

ProgressLine::ProgressLine(const Description& description)
    : d_(description), shown_(::isatty(STDERR_FILENO) != 0) {}

void ProgressLine::show(const StepReport& report, const Position& position, std::uint64_t steps,
                        std::uint64_t epochs) noexcept {
  records_ += report.records;
  if (!shown_ || (seconds_since(last_) < 0.2 && position.step < steps)) return;
  last_ = Clock::now();
  const double elapsed = seconds_since(start_);
  const auto done = static_cast<double>(++shows_ > 1 ? position.step - first_step_ : 0);
  if (shows_ == 1) first_step_ = position.step;
  line_.clear();
  line_ << "\r\x1b[Kepoch " << position.epoch << "/" << epochs << "  step " << position.step << "/"
        << steps << "  total " << rounded(report.total);
  for (std::size_t k = 0; k < d_.terms.size(); ++k) {
    line_ << "  " << d_.terms[k].name << " " << rounded(report.value[k]) << " x "
          << rounded(report.weight[k]);
  }
  line_ << "  " << static_cast<std::uint64_t>(static_cast<double>(records_) / elapsed) << "/s";
  if (done > 0) {
    const double left = elapsed / done * static_cast<double>(steps - position.step);
    line_ << "  " << static_cast<std::uint64_t>(left) << " s left";
  }
  (void)!::write(STDERR_FILENO, line_.view().data(), line_.view().size());
}

void ProgressLine::clear() noexcept {
  if (shown_ && shows_ > 0) (void)!::write(STDERR_FILENO, "\r\x1b[K", 4);
}

}  // namespace medley
