#include "medley/run/run_logs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "medley/run/metrics.hpp"

namespace medley {

namespace {

std::uint64_t size_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

}  // namespace

RunLogs::RunLogs(const Description& d, const std::filesystem::path& run, const RunState& state,
                 bool quiet)
    : d_(d),
      quiet_(quiet),
      losses_(run / "losses.csv", state.losses_bytes),
      metrics_(run / "metrics.csv", state.metrics_bytes),
      timing_(run / "timing.csv", state.losses_bytes == 0 ? 0 : size_of(run / "timing.csv")),
      log_(run / "log.txt", state.losses_bytes == 0 ? 0 : size_of(run / "log.txt")) {
  if (losses_.bytes() == 0) losses_.append(losses_header()).or_throw();
  if (metrics_.bytes() == 0) metrics_.append(metrics_header()).or_throw();
  if (timing_.bytes() == 0) {
    timing_.append("epoch,step,seconds,records,records_per_second\r\n").or_throw();
  }
}

Status RunLogs::losses(std::uint64_t epoch, std::uint64_t step, std::string_view split,
                       double total, std::span<const double> value, std::span<const double> weight,
                       std::span<const bool> measured, const GradientReport* gradients) noexcept {
  row_.clear();
  row_ << epoch << "," << step << "," << split << "," << total;
  const std::size_t terms = d_.terms.size();
  for (std::size_t k = 0; k < terms; ++k) {
    row_ << ",";
    if (measured[k]) row_ << value[k];
    row_ << "," << weight[k] << ",";
    if (gradients) row_ << gradients->norm[k];
  }
  for (std::size_t a = 0; a < terms; ++a) {
    for (std::size_t b = a + 1; b < terms; ++b) {
      row_ << ",";
      if (gradients) row_ << gradients->cosine[a][b];
    }
  }
  row_ << "\r\n";
  return losses_.append(row_.view());
}

Status RunLogs::metrics(std::uint64_t epoch, std::uint64_t step, std::string_view split,
                        std::span<const double> values) noexcept {
  row_.clear();
  row_ << epoch << "," << step << "," << split;
  for (const double value : values) row_ << "," << value;
  row_ << "\r\n";
  return metrics_.append(row_.view());
}

Status RunLogs::timing(std::uint32_t epoch, std::uint64_t step, double seconds,
                       std::uint64_t records) noexcept {
  row_.clear();
  row_ << epoch << "," << step << "," << seconds << "," << records << ","
       << static_cast<double>(records) / seconds << "\r\n";
  return timing_.append(row_.view());
}

void RunLogs::say(std::string_view text) noexcept {
  if (!quiet_) (void)!::write(STDERR_FILENO, text.data(), text.size());
  (void)log_.append(text);
}

Status RunLogs::sync() noexcept {
  if (Status s = losses_.sync(); !s.ok()) return s;
  return metrics_.sync();
}

std::string RunLogs::losses_header() const {
  std::string text = "epoch,step,split,total";
  for (const TermInfo& t : d_.terms) {
    text += fmt::format(",{0}.value,{0}.weight,{0}.gradient_norm", t.name);
  }
  for (std::size_t a = 0; a < d_.terms.size(); ++a) {
    for (std::size_t b = a + 1; b < d_.terms.size(); ++b) {
      text += fmt::format(",cosine.{}.{}", d_.terms[a].name, d_.terms[b].name);
    }
  }
  return text + "\r\n";
}

std::string RunLogs::metrics_header() const {
  std::string text = "epoch,step,split";
  for (const std::string& name : metric_names(d_)) text += "," + name;
  return text + "\r\n";
}

}  // namespace medley
