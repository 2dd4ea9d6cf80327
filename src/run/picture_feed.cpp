#include "medley/run/picture_feed.hpp"

#include <atomic>
#include <iostream>

#include "medley/files/unicode_form.hpp"

namespace medley {

PictureFeed::PictureFeed(std::vector<std::string> names, std::optional<char> stdin_end,
                         PictureShape shape, Fit fit, std::size_t batch, int threads)
    : names_(std::move(names)),
      shape_(shape),
      fit_(fit),
      pixels_(batch * shape.bytes()),
      workers_(threads) {
  if (stdin_end) stdin_names_.emplace(std::cin, *stdin_end);
}

void PictureFeed::next(RecordBatch& batch) {
  batch.size = 0;
  try {
    while (!failure_ && batch.size < batch.names.size() && next_name(batch.names[batch.size]))
      ++batch.size;
  } catch (const Error& error) {  // what was named before comes first
    failure_ = error;
  }
  if (batch.size == 0 && failure_) throw *failure_;
  std::atomic<std::size_t> next{0};
  workers_.run([&](int) {
    for (std::size_t i; (i = next.fetch_add(1)) < batch.size;) load(batch, i);
  });
}

bool PictureFeed::next_name(std::string& name) {
  if (stdin_names_) return stdin_names_->next(name);
  if (at_ == names_.size()) return false;
  name = names_[at_++];
  return true;
}

void PictureFeed::load(RecordBatch& batch, std::size_t i) {
  const std::span<std::uint8_t> pixels(pixels_.data() + i * shape_.bytes(), shape_.bytes());
  batch.records[i].image = pixels.data();
  batch.problems[i].reset();
  try {
    load_picture(batch.names[i], fit_, shape_, pixels);
  } catch (const Error& error) {  // a worker must not throw
    const std::filesystem::path other = file_in_other_form(batch.names[i]);
    batch.problems[i] =
        other.empty() ? error : Error(error.code(), error.what() + other_form_note(other));
  } catch (const std::exception& error) {
    batch.problems[i] = io_error(batch.names[i] + ": " + error.what());
  }
}

}  // namespace medley
