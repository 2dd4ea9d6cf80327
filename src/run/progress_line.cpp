#include "medley/run/progress_line.hpp"

#include <unistd.h>

#include "medley/base/terminal.hpp"

namespace medley {

ProgressLine::ProgressLine(const Description& description, bool quiet)
    : d_(description), shown_(!quiet && ::isatty(STDERR_FILENO) != 0) {}

void ProgressLine::show(const StepReport& report, std::uint32_t epoch, std::uint64_t epochs,
                        std::uint64_t step, std::uint64_t steps) noexcept {
  records_ += report.records;
  if (!shown_ || (seconds_since(last_) < 0.2 && step < steps)) return;
  last_ = Clock::now();
  const double elapsed = seconds_since(start_);
  const auto done = static_cast<double>(++shows_ > 1 ? step - first_step_ : 0);
  if (shows_ == 1) first_step_ = step;
  line_.clear();
  line_ << "epoch " << epoch + 1 << " of " << epochs << "  step " << step << "/" << steps
        << "  total " << rounded(report.total) << "  "
        << static_cast<std::uint64_t>(static_cast<double>(records_) / elapsed) << "/s";
  if (done > 0) {
    const double left = elapsed / done * static_cast<double>(steps - step);
    line_ << "  " << static_cast<std::uint64_t>(left) << " s left";
  }
  for (std::size_t k = 0; k < d_.terms.size(); ++k) {
    line_ << "  " << d_.terms[k].name << " " << rounded(report.value[k]) << " x "
          << rounded(report.weight[k]);
  }
  // The last column stays free: where the cursor has to go beyond it, some terminals wrap.
  const std::string_view fits = cut_to_columns(line_.view(), terminal_columns() - 1);
  output_.clear();
  output_ << "\r\x1b[K" << fits;
  (void)!::write(STDERR_FILENO, output_.view().data(), output_.view().size());
}

void ProgressLine::clear() noexcept {
  if (shown_ && shows_ > 0) (void)!::write(STDERR_FILENO, "\r\x1b[K", 4);
}

}  // namespace medley
