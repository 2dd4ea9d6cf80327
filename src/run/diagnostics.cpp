#include "medley/run/diagnostics.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "medley/base/exact_math.hpp"
#include "medley/mixes/active.hpp"
#include "medley/mixes/projection.hpp"
#include "medley/mixes/spectrum.hpp"

namespace medley {

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

double over(double a, double b) { return b > 0.0 ? a / b : unknown; }
double root(double x) { return x > 0.0 ? square_root(x) : x == 0.0 ? 0.0 : unknown; }

// The losses that were measured, with their Gramian scaled.
struct MeasuredLosses {
  std::vector<std::size_t> const& losses;
  const Diagnosis& diagnosis;
  std::array<std::size_t, most_losses> term{};
  ScaledGramian gramian;
  double largest = 0.0;

  MeasuredLosses(const std::vector<std::size_t>& all, const Diagnosis& of)
      : losses(all), diagnosis(of) {
    for (const std::size_t k : losses) {
      if (diagnosis.measured[k]) largest = std::max(largest, norm(k));
    }
    for (const std::size_t k : losses) {
      if (diagnosis.measured[k] && norm(k) > 1e-12 * largest) term[gramian.count++] = k;
    }
    for (std::size_t i = 0; i < gramian.count; ++i) {
      gramian.norm(i) = norm(term[i]) / largest;
      for (std::size_t j = 0; j < gramian.count; ++j)
        gramian.cosine(i, j) = cosine(term[i], term[j]);
    }
  }
  double norm(std::size_t k) const { return root(diagnosis.product[k][k]); }
  double cosine(std::size_t a, std::size_t b) const {
    if (a == b) return 1.0;
    return over(diagnosis.product[a][b], norm(a) * norm(b));
  }
  // Of two losses from different halves of the batch, either way round.
  double halves(std::size_t a, std::size_t b) const {
    return 0.5 * (diagnosis.halves[a][b] + diagnosis.halves[b][a]);
  }
  double product(std::span<const double> v, std::span<const double> w) const {
    double sum = 0.0;
    for (const std::size_t a : losses) {
      for (const std::size_t b : losses) {
        if (diagnosis.measured[a] && diagnosis.measured[b])
          sum += v[a] * w[b] * diagnosis.product[a][b];
      }
    }
    return sum;
  }
};

}  // namespace

Diagnostics::Diagnostics(const Description& d, const std::filesystem::path& run,
                         std::uint64_t bytes, bool looks_ahead)
    : d_(d), looks_ahead_(looks_ahead), file_(run / "diagnostics.csv", bytes) {
  for (std::size_t k = 0; k < d.terms.size(); ++k) {
    if (d.terms[k].is_penalty) continue;
    losses_.push_back(k);
    std::size_t g = 0;
    while (!(d.groups[g].term_set >> k & 1u)) ++g;
    group_.push_back(g);
  }
  if (file_.bytes() == 0) file_.append(header()).or_throw();
}

std::string Diagnostics::header() const {
  std::string text = "epoch,step";
  const auto name = [&](std::size_t i) -> const std::string& { return d_.terms[losses_[i]].name; };
  for (std::size_t i = 0; i < losses_.size(); ++i) {
    text += fmt::format(",{0}.contribution,{0}.share,{0}.predicted,{0}.real,{0}.control", name(i));
  }
  for (std::size_t i = 0; i < losses_.size(); ++i) {
    for (std::size_t j = i + 1; j < losses_.size(); ++j)
      text += fmt::format(",similarity.{0}.{1},corrected.{0}.{1}", name(i), name(j));
  }
  for (std::size_t i = 0; i < losses_.size(); ++i) {
    for (std::size_t j = 0; j < losses_.size(); ++j) {
      if (i != j) text += fmt::format(",affinity.{}.{}", name(i), name(j));
    }
  }
  for (std::size_t i = 0; i < losses_.size() && looks_ahead_; ++i) {
    for (std::size_t j = 0; j < losses_.size(); ++j)
      text += fmt::format(",lookahead.{}.{}", name(i), name(j));
  }
  for (std::size_t i = 0; i < losses_.size(); ++i) text += fmt::format(",eigenvalue.{}", i + 1);
  return text +
         ",condition,effective_rank,stationarity,stationarity.relative,length,exact.cosine\r\n";
}

Status Diagnostics::write(std::uint32_t epoch, std::uint64_t step, const StepReport& report,
                          const Diagnosis& diagnosis, std::span<const double> own,
                          std::span<const double> rate) noexcept {
  const MeasuredLosses m(losses_, diagnosis);
  row_.clear();
  row_ << epoch << "," << step;
  double contributions = 0.0;
  for (const std::size_t k : losses_)
    contributions += diagnosis.measured[k] ? std::fabs(report.weight[k]) * m.norm(k) : 0.0;
  for (const std::size_t k : losses_) {
    const bool measured = diagnosis.measured[k];
    const double contribution = measured ? std::fabs(report.weight[k]) * m.norm(k) : unknown;
    row_ << "," << contribution << "," << over(contribution, contributions);
    row_ << "," << (measured ? diagnosis.predicted[k] : unknown) << ","
         << (measured ? diagnosis.real[k] : unknown);
    // ‖g'‖² + ‖g''‖² of the halves is 4 ‖g‖² - 2 ⟨g', g''⟩.
    row_ << ","
         << (measured ? over(m.halves(k, k), 2.0 * diagnosis.product[k][k] - m.halves(k, k))
                      : unknown);
  }
  for (std::size_t i = 0; i < losses_.size(); ++i) {
    for (std::size_t j = i + 1; j < losses_.size(); ++j) {
      const std::size_t a = losses_[i], b = losses_[j];
      const double squares = diagnosis.product[a][a] + diagnosis.product[b][b];
      row_ << "," << over(2.0 * m.norm(a) * m.norm(b), squares) << ","
           << over(m.halves(a, b), root(m.halves(a, a)) * root(m.halves(b, b)));
    }
  }
  for (std::size_t i = 0; i < losses_.size(); ++i) {
    for (std::size_t j = 0; j < losses_.size(); ++j) {
      const std::size_t a = losses_[i], b = losses_[j];
      if (i != j)
        row_ << "," << over(rate[group_[i]] * diagnosis.product[a][b], diagnosis.value[b]);
    }
  }
  for (std::size_t i = 0; i < losses_.size() && looks_ahead_; ++i) {
    for (const std::size_t b : losses_) {
      const bool measured = diagnosis.measured[losses_[i]] && diagnosis.measured[b];
      row_ << ","
           << (measured ? 1.0 - over(diagnosis.ahead[losses_[i]][b], diagnosis.value[b]) : unknown);
    }
  }
  const std::size_t count = m.gramian.count;
  SmallMatrix scaled = small_matrix(0.0);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) scaled(i, j) = m.gramian(i, j);
  }
  const Spectrum gramian = spectrum_of(scaled, count),
                 cosines = spectrum_of(m.gramian.cosine, count);
  double trace = 0.0, entropy = 0.0;
  for (std::size_t i = 0; i < count; ++i) trace += std::max(gramian.values(i), 0.0);
  for (std::size_t i = 0; i < losses_.size(); ++i) {
    row_ << "," << (i < count ? gramian.values(i) * m.largest * m.largest : unknown);
    const double share = i < count ? std::max(gramian.values(i), 0.0) / trace : 0.0;
    if (share > 1e-300) entropy -= share * natural_log(share);
  }
  row_ << "," << (count > 0 ? over(cosines.values(0), cosines.values(count - 1)) : unknown) << ","
       << (count > 0 ? exponential(entropy) : unknown);
  const double wished = root(m.product(own, own));
  const double least = count > 0 ? least_norm(m.gramian).norm * m.largest : unknown;
  double sum = 0.0;
  for (const std::size_t k : losses_) sum += diagnosis.measured[k] ? own[k] : 0.0;
  const double used = root(m.product(report.weight, report.weight));
  row_ << "," << least << "," << over(least * sum, wished) << "," << over(used, wished) << ","
       << over(m.product(report.weight, diagnosis.exact_weight),
               used * root(m.product(diagnosis.exact_weight, diagnosis.exact_weight)))
       << "\r\n";
  return file_.append(row_.view());
}

}  // namespace medley
