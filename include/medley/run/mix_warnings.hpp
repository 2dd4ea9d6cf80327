// What is said of mixes while a training goes on: once for each kind and group, when a flag has been
// raised in most of the last updates.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "medley/base/line.hpp"
#include "medley/engine/reports.hpp"
#include "medley/experiment/description.hpp"

namespace medley {

// Sentences before a training, of the mixes that are chosen, empty where there is nothing to say.
std::vector<std::string> mix_warnings(const Description& description, bool has_validation);

class MixWatch {
 public:
  explicit MixWatch(const Description& description) : d_(description) {}

  // Counts a step's flags, and appends the sentences that are due to a line without allocating.
  void add(const StepReport& report, Line<8192>& line);

 private:
  // A flag that stands in so many of the updates one after the other is told; a sum that grows by one
  // where it stands and falls by one where it does not.
  static constexpr int long_time = 50;

  const Description& d_;
  std::array<std::array<int, mix_flag_count>, max_groups> count_{};
  std::array<std::array<bool, mix_flag_count>, max_groups> said_{};
  std::array<int, max_terms> zeros_{};
  std::array<bool, max_terms> said_zero_{};
};

}  // namespace medley
