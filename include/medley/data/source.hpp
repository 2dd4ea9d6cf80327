// Where records come from: a mapped dataset folder, or a generator compiled into the binary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "medley/experiment/records.hpp"

namespace medley {

// What a weight of a record may be besides 0, so that sums of many and their shares stay numbers.
inline constexpr float least_weight = 1e-12f, most_weight = 1e12f;
inline constexpr std::string_view weight_range = "from 1e-12 to 1e12";
inline bool is_weight(float x) { return x == 0.0f || (x >= least_weight && x <= most_weight); }

// The records of an engine, and what the shell wants to know of them. What is said of RecordSource's
// functions holds here too.
class Source : public RecordSource {
 public:
  virtual ~Source() = default;

  // Calls visit(record) for all records of a split, in this order.
  virtual void each_record(Split split, const std::function<void(std::uint64_t)>& visit) const {
    for (std::uint64_t rank = 0; rank < size(split); ++rank) visit(record(split, rank));
  }
  // What read() needs at least.
  virtual std::size_t scratch_bytes() const { return 0; }

  // What the pixels of all records are.
  virtual PixelFormat pixels() const { return {}; }

  // The dataset folder that the records are in; empty where the binary has them, or there are none.
  virtual std::string folder() const { return {}; }

  // Tells data sets apart; 0 where the records follow from the binary alone.
  virtual std::uint64_t fingerprint() const { return 0; }

  // Whether records come in groups, such as the pictures that one person sent, of which no two parts
  // may be in different splits or folds; and the group of a record, any number.
  virtual bool has_groups() const { return false; }
  virtual std::int64_t group(std::uint64_t /*record*/) const { return 0; }

  // Names of the classes of a target; empty where it has none.
  virtual std::span<const std::string> class_names(int target) const = 0;
};

}  // namespace medley
