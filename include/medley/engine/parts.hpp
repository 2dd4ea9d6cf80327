// Parts of a network that a training treats apart: parameters that are frozen for the same epochs and
// have the same factor of the learning rate.
//
// Frozen parameters do not change, and neither do their moments: the step after they thaw finds zeros
// there. An optimizer counts a part's updates from then on, as PyTorch counts those of a parameter
// without a gradient; counted from the start, Adam's correction of young moments would be gone and its
// first steps several times too long.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "medley/engine/reports.hpp"
#include "medley/network/frozen.hpp"

namespace medley {

template <class Net>
class Parts {
 public:
  static constexpr auto most = static_cast<std::size_t>(Net::parameter_count);

  void start(const Settings& settings) {
    count_ = 0;
    for (std::size_t k = 0; k < most; ++k) {
      Part part;
      if (!settings.frozen_epochs.empty()) part.frozen_epochs = settings.frozen_epochs[k];
      if (!settings.rate_scale.empty()) part.rate_scale = settings.rate_scale[k];
      const auto end = parts_.begin() + static_cast<std::ptrdiff_t>(count_);
      const auto found = std::find(parts_.begin(), end, part);
      of_[k] = static_cast<std::size_t>(found - parts_.begin());
      if (found == end) parts_[count_++] = part;
    }
    begin_epoch(0);
  }

  // What is frozen in it.
  void begin_epoch(std::uint32_t epoch) {
    for (std::size_t k = 0; k < most; ++k) frozen_.parameter[k] = frozen(of_[k], epoch);
    frozen_.resolve();
  }
  const Frozen<Net>& frozen() const { return frozen_; }

  std::size_t count() const { return count_; }
  std::size_t of(int parameter) const { return of_[static_cast<std::size_t>(parameter)]; }
  bool frozen(std::size_t part, std::uint32_t epoch) const {
    return epoch < parts_[part].frozen_epochs;
  }
  double rate_scale(std::size_t part) const { return parts_[part].rate_scale; }
  // Of a group's updates, those of a part that is not frozen; an epoch has so many of the group.
  std::uint64_t updates(std::size_t part, std::uint64_t of_group, std::uint64_t an_epoch) const {
    return of_group - parts_[part].frozen_epochs * an_epoch;
  }

 private:
  struct Part {
    std::uint32_t frozen_epochs = 0;
    double rate_scale = 1.0;
    bool operator==(const Part&) const = default;
  };

  std::array<Part, most> parts_{};
  std::array<std::size_t, most> of_{};  // of each parameter
  std::size_t count_ = 1;
  Frozen<Net> frozen_;
};

}  // namespace medley
