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

class PictureFeed final : public RecordFeed {
 public:
  // The pictures of these names, or, with `stdin_end`, of those that stdin names, each ended by it.
  PictureFeed(std::vector<std::string> names, std::optional<char> stdin_end, PictureShape shape,
              Fit fit, std::size_t batch, int threads);

  std::string_view column() const override { return "image"; }
  void next(RecordBatch& batch) override;

 private:
  bool next_name(std::string& name);
  void load(RecordBatch& batch, std::size_t i);

  std::vector<std::string> names_;
  std::size_t at_ = 0;
  std::optional<NameReader> stdin_names_;
  std::optional<Error> failure_;  // of reading names
  PictureShape shape_;
  Fit fit_;
  std::vector<std::uint8_t> pixels_;
  Threads workers_;
};

}  // namespace medley
