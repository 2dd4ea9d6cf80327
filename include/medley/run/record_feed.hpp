// Where the records come from that a model is to predict, some at a time: a source's, split by split,
// or picture files (picture_feed.hpp).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medley/base/error.hpp"
#include "medley/data/source.hpp"
#include "medley/files/whole_picture.hpp"

namespace medley {

// Up to so many records that are predicted at once.
struct RecordBatch {
  std::vector<std::string> names;
  std::vector<Record> records;
  std::vector<std::optional<Error>> problems;  // why a record could not be read
  std::vector<WholePicture> pictures;          // as large as they are, where the feed keeps them
  std::size_t size = 0;

  explicit RecordBatch(std::size_t most)
      : names(most), records(most), problems(most), pictures(most) {}
  // How many records come before one that could not be read.
  std::size_t good_ones() const;
};

class RecordFeed {
 public:
  virtual ~RecordFeed() = default;
  // What the first column is called.
  virtual std::string_view column() const = 0;
  // Fills the batch as far as there are records; size 0: no more.
  virtual void next(RecordBatch& batch) = 0;
};

// Records of a source, which must outlive it, split by split in their order.
class SourceFeed final : public RecordFeed {
 public:
  // `batch`: how many records a batch holds.
  SourceFeed(const Source& source, std::vector<Split> splits, std::size_t batch);

  std::string_view column() const override { return "record"; }
  void next(RecordBatch& batch) override;

 private:
  const Source& source_;
  std::vector<Split> splits_;
  std::size_t at_ = 0;
  std::uint64_t rank_ = 0;
  std::size_t scratch_bytes_;
  std::vector<std::byte> scratch_;
};

}  // namespace medley
