// Cross-validation: the records of the training and validation splits together, cut into N folds, of
// which one is for validation and the others are for training. The test split stays as it is.
//
//   without groups   sorted by the labels of all targets of classes, the first one first, then by
//                    chance, and dealt to the folds in turn: folds are of one size, and have as many
//                    records of each class of the first target, and of each combination of classes,
//                    up to one record. (scikit-learn: StratifiedKFold, of one target)
//   with groups      group after group, the largest first, equal ones by chance, each to the fold f
//                    with the smallest  Σ_s n_sf g_s / n_s  over the classes s of all targets and over
//                    all records as one class more: n_s records in all, n_sf in the fold so far, g_s in
//                    the group. Then each is moved to where that is smaller as long as one is. This
//                    descends  Σ_s Σ_f n_sf² / n_s,  least where all folds are alike.
//                    (StratifiedGroupKFold, which takes the smallest deviation of the shares)
//
// A label that is not known is a class of its own without groups, and does not count with them. Values and
// masks are left to chance. Which fold a record is in depends on the seed, N, and the labels and
// groups of these records alone.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/files/image.hpp"

namespace medley {

// Fold `number` of `count`, from 1; 0 of 1: all records are for training; 0 of 0: splits as they are.
struct Fold {
  std::uint32_t number = 0, count = 0;
  std::uint64_t seed = 1;

  bool given() const { return count > 0; }
  friend bool operator==(const Fold&, const Fold&) = default;
};
// "2/5" or "all". Throws usage_error for anything else.
Fold parse_fold(std::string_view text, std::uint64_t seed);
std::string to_string(const Fold& fold);

// The fold, from 0, of each of these records. Throws data_error, which begins with `from`, if they or
// their groups are fewer than folds.
std::vector<std::uint32_t> assign_folds(const Source& source, std::span<const TargetSpec> targets,
                                        std::span<const std::uint64_t> records, const Fold& fold,
                                        std::string_view from);

// A source with the training and validation splits of a fold: 4 bytes of memory a record.
class FoldedSource final : public Source {
 public:
  // `source` must outlive this. `from` names it in messages. Throws data_error.
  FoldedSource(const Source& source, std::span<const TargetSpec> targets, const Fold& fold,
               std::string_view from);

  // Takes mean and deviation of the fold's own training records, so that nothing of the others is
  // learned: a pass over their pictures. Until then, and for generators, they are the source's.
  void measure_channels(PictureShape shape);
  // "fold 2 of 5 (seed 1), of 4220 records whose groups stay together": for people.
  std::string text() const;

  std::uint64_t size(Split split) const override;
  std::uint64_t record(Split split, std::uint64_t rank) const override;
  void each_record(Split split, const std::function<void(std::uint64_t)>& visit) const override;
  void read(std::uint64_t record, std::span<std::byte> scratch, Record& out) const override {
    source_.read(record, scratch, out);
  }
  std::size_t scratch_bytes() const override { return source_.scratch_bytes(); }
  PixelFormat pixels() const override { return source_.pixels(); }
  std::string folder() const override { return source_.folder(); }
  std::int32_t label(std::uint64_t record, int target) const override {
    return source_.label(record, target);
  }
  bool labelled(std::uint64_t record, int target) const override {
    return source_.labelled(record, target);
  }
  bool complete(int target) const override { return source_.complete(target); }
  // That of the data: which fold of them is an option.
  std::uint64_t fingerprint() const override { return source_.fingerprint(); }
  bool has_groups() const override { return source_.has_groups(); }
  std::int64_t group(std::uint64_t record) const override { return source_.group(record); }
  bool has_weights() const override { return source_.has_weights(); }
  float weight(std::uint64_t record) const override { return source_.weight(record); }
  std::span<const float> mean() const override { return mean_.empty() ? source_.mean() : mean_; }
  std::span<const float> deviation() const override {
    return deviation_.empty() ? source_.deviation() : deviation_;
  }
  std::span<const std::string> class_names(int target) const override {
    return source_.class_names(target);
  }

 private:
  const std::vector<std::uint32_t>& records_of(Split split) const {
    return records_[static_cast<std::size_t>(split)];
  }

  const Source& source_;
  Fold fold_;
  std::array<std::vector<std::uint32_t>, 2> records_;  // of training and validation, rising
  std::vector<float> mean_, deviation_;
};

}  // namespace medley
