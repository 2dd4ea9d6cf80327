#include "medley/run/picture_feed.hpp"

#include <unistd.h>

#include <atomic>

#include "medley/files/unicode_form.hpp"

namespace medley {

PictureFeed::PictureFeed(PictureNames names, PictureShape shape, const PixelFormat& pixels, Fit fit,
                         bool keep, std::size_t batch, int threads)
    : names_(std::move(names)),
      shape_(shape),
      format_(pixels),
      fit_(fit),
      keep_(keep),
      pixels_(batch * picture_bytes()),
      workers_(threads) {
  if (names_.stdin_end) stdin_names_.emplace(STDIN_FILENO, *names_.stdin_end, names_.every_line);
}

void PictureFeed::next(RecordBatch& batch) {
  batch.size = 0;
  try {
    name_pictures(batch);
  } catch (const Error& error) {  // what was named before comes first
    failure_ = error;
  }
  if (batch.size == 0 && failure_) throw *failure_;
  std::atomic<std::size_t> next{0};
  const auto load_all = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < batch.size;) load(batch, i);
  };
  if (batch.size > 1) {
    workers_.run([&](int) { load_all(); });
  } else {  // for one alone, none is woken
    load_all();
  }
}

void PictureFeed::name_pictures(RecordBatch& batch) {
  if (failure_) return;
  while (batch.size < batch.names.size()) {
    if (stdin_names_ && batch.size > 0 && !stdin_names_->ready()) return;
    if (!next_name(batch)) return;
    ++batch.size;
  }
}

bool PictureFeed::next_name(RecordBatch& batch) {
  std::string& name = batch.names[batch.size];
  std::optional<Error>& problem = batch.problems[batch.size];
  problem.reset();
  if (!stdin_names_) {
    if (at_ == names_.names.size()) return false;
    name = names_.names[at_++];
    return true;
  }
  try {
    if (!stdin_names_->next(name)) return false;
    if (name.empty()) problem = data_error("stdin: an empty line names no picture");
  } catch (const Error& error) {
    if (!names_.every_line || error.code() != Exit::data) throw;
    problem = error;
  }
  return true;
}

void PictureFeed::load(RecordBatch& batch, std::size_t i) {
  const std::span<std::byte> pixels(pixels_.data() + i * picture_bytes(), picture_bytes());
  batch.records[i].image = {pixels.data(), format_.type};
  if (batch.problems[i]) return;  // of the name
  try {
    if (keep_) {
      read_picture(batch.names[i], shape_.channels, format_, batch.pictures[i]);
      fit_picture(batch.pictures[i], fit_, shape_, pixels);
    } else {
      load_picture(batch.names[i], fit_, shape_, format_, pixels);
    }
  } catch (const Error& error) {  // a worker must not throw
    const std::filesystem::path other = file_in_other_form(batch.names[i]);
    batch.problems[i] =
        other.empty() ? error : Error(error.code(), error.what() + other_form_note(other));
  } catch (const std::exception& error) {
    batch.problems[i] = io_error(batch.names[i] + ": " + error.what());
  }
}

}  // namespace medley
