#include "medley/report/reliability.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "medley/run/metrics.hpp"

namespace medley {

void Reliability::add(double confidence, bool right) {
  if (std::isnan(confidence)) return;
  std::size_t b = 0;
  while (b + 1 < bins_.size() && confidence > static_cast<double>(b + 1) / bins) ++b;
  ++bins_[b].count;
  bins_[b].right += right;
  bins_[b].confidence += confidence;
}

nlohmann::json Reliability::block(bool independent) const {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  std::uint64_t total = 0;
  for (const Bin& bin : bins_) total += bin.count;
  double expected = total > 0 ? 0.0 : none, largest = expected;
  nlohmann::json list = nlohmann::json::array();
  for (std::size_t b = 0; b < bins_.size(); ++b) {
    const Bin& bin = bins_[b];
    const auto n = static_cast<double>(bin.count);
    const Metric share = share_right(static_cast<double>(bin.right), n);
    const double accuracy = share.value;
    const double confidence = bin.count > 0 ? bin.confidence / n : none;
    if (bin.count > 0) {
      const double gap = std::fabs(accuracy - confidence);
      expected += n / static_cast<double>(total) * gap;
      largest = std::max(largest, gap);
    }
    list.push_back({{"lower", static_cast<double>(b) / bins},
                    {"upper", static_cast<double>(b + 1) / bins},
                    {"count", bin.count},
                    {"confidence", confidence},
                    {"accuracy", accuracy},
                    {"standard_error", independent ? share.error : none},
                    {"low", independent ? share.low : none},
                    {"high", independent ? share.high : none}});
  }
  return {{"count", total},
          {"expected_calibration_error", expected},
          {"largest_calibration_error", largest},
          {"bins", list}};
}

}  // namespace medley
