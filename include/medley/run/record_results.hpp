// What a model says of each record of a split: its losses, as an evaluation of that record alone would
// tell them, and the outputs of its heads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/engine/engine.hpp"
#include "medley/experiment/description.hpp"

namespace medley {

// Losses of records, [rank][term].
class RecordLosses {
 public:
  RecordLosses(std::uint64_t records, std::size_t terms);

  std::uint64_t records() const { return terms_ > 0 ? values_.size() / terms_ : 0; }
  // One number a term; NaN for penalties, and where the record has not the target.
  std::span<const double> of(std::uint64_t rank) const {
    return std::span(values_).subspan(rank * terms_, terms_);
  }
  std::span<double> of(std::uint64_t rank) {
    return std::span(values_).subspan(rank * terms_, terms_);
  }

 private:
  std::size_t terms_;
  std::vector<double> values_;
};

// Evaluates a split of the records that the engine was started with. Those of a mean over records are the
// record's own; those that are functions of sums, such as soft IoU over the batch, those of its sums.
RecordLosses record_losses(Engine& engine, const Description& description, const Source& records,
                           Split split);

// Of all heads in the order of the description: outputs[h] has C x H x W floats. `content` and they hold
// until the function returns.
using VisitOutputs =
    std::function<void(std::uint64_t rank, std::uint64_t record, const Record& content,
                       std::span<const std::span<const float>> outputs)>;
// Predicts the records of a split and calls visit() for each, by rank.
void each_output(Engine& engine, const Description& description, const Source& records, Split split,
                 const VisitOutputs& visit);

}  // namespace medley
