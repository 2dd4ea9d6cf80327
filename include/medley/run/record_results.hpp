// What a model says of each record of a split by itself: what an evaluation of that record alone
// would answer, and the outputs of its heads.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "medley/run/model.hpp"

namespace medley {

// The records of another source: all of them, or one of a split as if there were no other.
class RecordWindow final : public Source {
 public:
  explicit RecordWindow(const Source& records) : records_(records) {}

  void show_all() { only_.reset(); }
  void show_only(Split split, std::uint64_t rank) { only_ = {split, rank}; }

  std::uint64_t size(Split split) const override {
    return shows_one_of(split) ? 1 : records_.size(split);
  }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    return records_.record(split, shows_one_of(split) ? only_->rank : rank);
  }
  void read(std::uint64_t record, std::span<std::byte> scratch, Record& out) const override {
    records_.read(record, scratch, out);
  }
  std::size_t scratch_bytes() const override { return records_.scratch_bytes(); }
  std::int32_t label(std::uint64_t record, int target) const override {
    return records_.label(record, target);
  }
  bool labelled(std::uint64_t record, int target) const override {
    return records_.labelled(record, target);
  }
  bool complete(int target) const override { return records_.complete(target); }
  std::span<const float> mean() const override { return records_.mean(); }
  std::span<const float> deviation() const override { return records_.deviation(); }
  std::span<const std::string> class_names(int target) const override {
    return records_.class_names(target);
  }

 private:
  struct Place {
    Split split;
    std::uint64_t rank;
  };
  bool shows_one_of(Split split) const { return only_ && only_->split == split; }

  const Source& records_;
  std::optional<Place> only_;
};

// Evaluations and predictions of a model over the records of a source, which must outlive this, as the
// model must. The engine's workers share whole splits; single records are the work of one.
class RecordResults {
 public:
  // Starts the model's engine. `from` names the records in messages.
  RecordResults(Model& model, const Source& records, const std::string& from);

  // The whole split, as `eval` does it.
  void evaluate(Split split, Evaluation& result);

  // `result` is that of a split with this record alone: its losses, its own count in each confusion
  // matrix (of a mask, those of its pixels), its score, its errors. It holds until visit() returns.
  using VisitResult =
      std::function<void(std::uint64_t rank, std::uint64_t record, const Evaluation& result)>;
  // Record after record, by rank.
  void each_evaluation(Split split, const VisitResult& visit);

  // Of all heads in the order of the description: outputs[h] has C x H x W floats. `content` and they
  // hold until visit() returns.
  using VisitOutputs = std::function<void(std::uint64_t rank, const Record& content,
                                          std::span<const std::span<const float>> outputs)>;
  // Record after record, by rank.
  void each_output(Split split, const VisitOutputs& visit);

 private:
  Model& model_;
  RecordWindow window_;
};

}  // namespace medley
