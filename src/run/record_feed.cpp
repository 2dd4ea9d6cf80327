#include "medley/run/record_feed.hpp"

#include <algorithm>

namespace medley {

std::size_t RecordBatch::good_ones() const {
  const auto end = problems.begin() + static_cast<std::ptrdiff_t>(size);
  return static_cast<std::size_t>(
      std::find_if(problems.begin(), end, [](const auto& p) { return p.has_value(); }) -
      problems.begin());
}

SourceFeed::SourceFeed(const Source& source, std::vector<Split> splits, std::size_t batch)
    : source_(source),
      splits_(std::move(splits)),
      scratch_bytes_(source.scratch_bytes()),
      scratch_(batch * scratch_bytes_) {}

void SourceFeed::next(RecordBatch& batch) {
  batch.size = 0;
  while (batch.size < batch.records.size() && at_ < splits_.size()) {
    if (rank_ == source_.size(splits_[at_])) {
      ++at_;
      rank_ = 0;
      continue;
    }
    const std::uint64_t record = source_.record(splits_[at_], rank_++);
    const std::span<std::byte> scratch(scratch_.data() + batch.size * scratch_bytes_,
                                       scratch_bytes_);
    source_.read(record, scratch, batch.records[batch.size]);
    batch.names[batch.size++] = std::to_string(record);
  }
}

}  // namespace medley
