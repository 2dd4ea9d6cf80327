#include "medley/files/name_reader.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace medley {

namespace {

// Of a line, more than the longest name with what may stand around it: a byte order mark and CR.
constexpr std::size_t longest_line = PATH_MAX + 4;

}  // namespace

NameReader::NameReader(int descriptor, char end, bool every_line)
    : fd_(descriptor), end_(end), every_line_(every_line), buffer_(16 * longest_line) {}

bool NameReader::next(std::string& name) {
  if (look(true) == Found::end) return false;
  pending_ = false;
  name.swap(name_);
  if (problem_) throw *std::exchange(problem_, std::nullopt);
  return true;
}

bool NameReader::ready() { return look(false) != Found::nothing_yet; }

NameReader::Found NameReader::look(bool may_wait) {
  std::size_t searched = 0;  // of what is unread
  while (!pending_) {
    const char* const unread = buffer_.data() + position_;
    const std::size_t size = filled_ - position_;
    const void* const found = std::memchr(unread + searched, end_, size - searched);
    if (found != nullptr) {
      const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - unread);
      if (!std::exchange(skipping_, false)) take_line(length);
      position_ += length + 1;
      searched = 0;
      continue;
    }
    if (skipping_) position_ = filled_;
    searched = filled_ - position_;
    if (searched > longest_line || (at_end_ && searched > 0)) {
      take_line(searched);
      position_ = filled_;
      skipping_ = !at_end_;
      continue;
    }
    if (at_end_) return Found::end;
    if (!may_wait && !readable(0)) return Found::nothing_yet;
    fill();
  }
  return Found::name;
}

// Programs of Windows end lines with CR LF, and begin files with a byte order mark.
void NameReader::take_line(std::size_t size) {
  name_.assign(buffer_.data() + position_, size);
  if (end_ == '\n') {
    if (name_.ends_with('\r')) name_.pop_back();
    if (std::exchange(first_, false) && name_.starts_with("\xEF\xBB\xBF")) name_.erase(0, 3);
  }
  const std::size_t zero = name_.find('\0');
  if (zero <= PATH_MAX) {
    problem_ = data_error(
        "stdin: a zero byte within a line: names that end with one need --null, and a list in "
        "UTF-16 is to be converted, as with iconv -f UTF-16 -t UTF-8");
    name_.resize(zero);
  } else if (name_.size() > PATH_MAX) {
    problem_ = data_error(
        "stdin: a name longer than any file's: the names are to be one a line, or with "
        "--null to end with a zero byte");
    name_.resize(PATH_MAX);
  }
  pending_ = every_line_ || problem_ || !name_.empty();
}

bool NameReader::readable(int timeout) const {
  pollfd one{.fd = fd_, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, timeout) > 0;
}

void NameReader::fill() {
  std::memmove(buffer_.data(), buffer_.data() + position_, filled_ - position_);
  filled_ -= std::exchange(position_, 0);
  for (;;) {
    const ssize_t count = ::read(fd_, buffer_.data() + filled_, buffer_.size() - filled_);
    if (count >= 0) {
      at_end_ = count == 0;
      filled_ += static_cast<std::size_t>(count);
      return;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {  // whoever opened it does not want to wait
      readable(-1);
    } else if (errno != EINTR) {
      throw io_error(fmt::format("stdin cannot be read: {}", std::strerror(errno)));
    }
  }
}

}  // namespace medley
