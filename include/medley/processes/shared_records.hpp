// The records of the first process as the others read them: from a dataset folder, the same or a copy of
// their own, or drawn by the experiment's generator; in the order of the first, whatever it is made of.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "medley/data/dataset.hpp"
#include "medley/experiment/description.hpp"
#include "medley/processes/parcel.hpp"

namespace medley {

// What the others need to know of records.
void add_records(Parcel& parcel, const Source& source, const Description& description);

class SharedRecords final : public RecordSource {
 public:
  // `folder`, if given, is where this process has them; `generator` may be null. Opens a folder that is
  // not the first process's without trust. Throws io_error, data_error.
  SharedRecords(Parcel& parcel, const Description& description, const Source* generator,
                const std::string& folder);

  // Of a copy: data_error unless the first process's fingerprint is the same. Of the folder itself
  // nothing.
  bool is_copy() const { return is_copy_; }
  std::uint64_t fingerprint() const { return base_->fingerprint(); }

  std::uint64_t size(Split split) const override { return records_[index(split)].size(); }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    return records_[index(split)][rank];
  }
  void read(std::uint64_t record, std::span<std::byte> scratch, Record& out) const override {
    base_->read(record, scratch, out);
  }
  std::int32_t label(std::uint64_t record, int target) const override {
    return base_->label(record, target);
  }
  bool labelled(std::uint64_t record, int target) const override {
    return base_->labelled(record, target);
  }
  bool complete(int target) const override {
    return complete_[static_cast<std::size_t>(target)] != 0;
  }
  bool has_weights() const override { return has_weights_; }
  float weight(std::uint64_t record) const override { return base_->weight(record); }
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }

 private:
  static std::size_t index(Split split) { return static_cast<std::size_t>(split); }

  std::array<std::vector<std::uint32_t>, 3> records_;
  std::vector<std::uint8_t> complete_;
  std::vector<float> mean_, deviation_;
  bool has_weights_ = false, is_copy_ = false;
  std::unique_ptr<Dataset> dataset_;
  const Source* base_ = nullptr;  // null: there are none
};

}  // namespace medley
