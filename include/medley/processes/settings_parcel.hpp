// Settings of a training as the first process tells them to the others: all but the source, threads and
// processes, which each has of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "medley/engine/reports.hpp"
#include "medley/experiment/description.hpp"
#include "medley/processes/parcel.hpp"

namespace medley {

void add_settings(Parcel& parcel, const Settings& settings);

// Those that were taken, with what their spans point to.
class SettingsParcel {
 public:
  void take(Parcel& parcel, const Description& description);
  Settings settings;

 private:
  std::vector<std::uint32_t> frozen_epochs_;
  std::vector<double> rate_scale_;
};

}  // namespace medley
