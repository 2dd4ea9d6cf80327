// Picture files as records, decoded by all threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "medley/engine/threads.hpp"
#include "medley/files/image.hpp"
#include "medley/files/name_reader.hpp"
#include "medley/run/record_feed.hpp"

namespace medley {

// Where names of pictures come from, and how they are read.
struct PictureNames {
  std::vector<std::string> names;
  std::optional<char> stdin_end;  // what ends a name on stdin, if names come from there
  // Of names on stdin each line is a record, be it empty or too long; else empty ones are passed
  // over, and another problem is an error.
  bool every_line = false;
};

// Of names on stdin a batch takes what is there, as whoever writes may wait for the answer.
class PictureFeed final : public RecordFeed {
 public:
  // `keep`: the pictures as they are, besides.
  PictureFeed(PictureNames names, PictureShape shape, const PixelFormat& pixels, Fit fit, bool keep,
              std::size_t batch, int threads);

  std::string_view column() const override { return "image"; }
  void next(RecordBatch& batch) override;

 private:
  void name_pictures(RecordBatch& batch);
  bool next_name(RecordBatch& batch);
  void load(RecordBatch& batch, std::size_t i);

  PictureNames names_;
  std::size_t at_ = 0;
  std::optional<NameReader> stdin_names_;
  std::optional<Error> failure_;  // of reading names
  std::size_t picture_bytes() const { return shape_.bytes() * size_of(format_.type); }

  PictureShape shape_;
  PixelFormat format_;
  Fit fit_;
  bool keep_;
  std::vector<std::byte> pixels_;
  Threads workers_;
};

}  // namespace medley
