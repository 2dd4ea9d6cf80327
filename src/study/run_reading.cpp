#include "medley/study/run_reading.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "medley/base/number.hpp"
#include "medley/files/csv.hpp"

namespace medley::comparison {

namespace fs = std::filesystem;

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

double cell(const CsvRow& row, std::size_t column) {
  const auto number = read_number<double>(row.fields[column]);
  return number ? number.value : unknown;
}

}  // namespace

double corrected_cosine(const fs::path& run, const std::string& a, const std::string& b) {
  const fs::path file = run / "diagnostics.csv";
  if (!fs::exists(file)) return unknown;
  CsvReader csv(file);
  const std::size_t corrected = csv.column("corrected." + a + "." + b);
  const std::size_t control_a = csv.column(a + ".control"), control_b = csv.column(b + ".control");
  double sum = 0.0, weights = 0.0;
  for (CsvRow row; csv.next(row);) {
    if (!row.problem.empty()) continue;
    const double product = cell(row, control_a) * cell(row, control_b);
    const double cosine = cell(row, corrected);
    if (!(product > 0.0) || std::isnan(cosine)) continue;
    sum += std::sqrt(product) * cosine;
    weights += std::sqrt(product);
  }
  return weights > 0.0 ? sum / weights : unknown;
}

std::vector<double> used_weights(const fs::path& run, const std::vector<std::string>& losses) {
  const fs::path file = run / "losses.csv";
  if (!fs::exists(file)) return {};
  CsvReader csv(file);
  std::vector<std::size_t> columns;
  for (const std::string& loss : losses) columns.push_back(csv.column(loss + ".weight"));
  const std::size_t split = csv.column("split");
  std::vector<double> sums(losses.size(), 0.0);
  for (CsvRow row; csv.next(row);) {
    if (!row.problem.empty() || row.fields[split] != "train") continue;
    for (std::size_t k = 0; k < losses.size(); ++k) {
      const double weight = cell(row, columns[k]);
      if (!std::isnan(weight)) sums[k] += weight;
    }
  }
  const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
  if (!(total > 0.0)) return {};
  for (double& sum : sums) sum *= static_cast<double>(losses.size()) / total;
  return sums;
}

}  // namespace medley::comparison
