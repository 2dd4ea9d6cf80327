// What an evaluation tells of every single record, for those who want more than sums: how sure metrics
// are (run/uncertainty.hpp).
#pragma once

#include <cstdint>
#include <span>

#include "medley/engine/reports.hpp"

namespace medley {

// Told of a split's records by their rank in it: by several threads at once, of one record by one of
// them. Of a record without the target of a loss or metric, it is told nothing of that.
class RecordObserver {
 public:
  // A term that is a weighted mean over records: what this one adds to the sum, and its weight (of a
  // mask that counts by its pixels, those of all of them).
  virtual void loss(std::uint64_t rank, int term, double value, double weight) = 0;
  // A term that is a function of sums over all records (Engine::summed_value): what this one adds.
  virtual void loss_sums(std::uint64_t rank, int term, std::span<const double> sums) = 0;
  // Of description.metrics[metric]: so many positions of the class `label` were predicted as another.
  virtual void predicted(std::uint64_t rank, int metric, int label, int prediction,
                         std::uint64_t positions) = 0;
  virtual void scored(std::uint64_t rank, int metric, const Score& score) = 0;
  // Errors of `dimensions` values, summed up.
  virtual void erred(std::uint64_t rank, int metric, double absolute, double squared,
                     int dimensions) = 0;

 protected:
  ~RecordObserver() = default;
};

}  // namespace medley
