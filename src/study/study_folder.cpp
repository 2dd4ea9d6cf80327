#include "medley/study/study_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/files/atomic_file.hpp"
#include "medley/files/csv.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

std::string reason() { return std::strerror(errno); }

// A file that a row is appended to at once. What a process that was killed has left of a row goes
// first.
class Table {
 public:
  Table(const fs::path& file, std::string_view header) : name_(file.string()) {
    fd_ = ::open(name_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) throw io_error(fmt::format("{}: cannot be opened: {}", name_, reason()));
    const off_t end = ::lseek(fd_, 0, SEEK_END);
    const off_t whole = whole_rows(end);
    if (whole != end && ::ftruncate(fd_, whole) != 0)
      throw io_error(fmt::format("{}: cannot be cut: {}", name_, reason()));
    ::lseek(fd_, whole, SEEK_SET);
    if (whole == 0) append(header);
  }
  ~Table() { ::close(fd_); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  void append(std::string_view text) const {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written == std::ssize(text)) return;
    const std::string why = written < 0 ? reason() : "the disk is full";
    throw io_error(fmt::format("{}: cannot be written: {}", name_, why));
  }
  void sync() const {
    if (::fdatasync(fd_) != 0)
      throw io_error(fmt::format("{}: cannot be written: {}", name_, reason()));
  }

 private:
  // Bytes up to the last line end.
  off_t whole_rows(off_t end) const {
    for (char c[2]; end > 0; --end) {
      if (end < 2 || ::pread(fd_, c, 2, end - 2) != 2) continue;
      if (c[0] == '\r' && c[1] == '\n') break;
    }
    return end;
  }

  std::string name_;
  int fd_ = -1;
};

struct flock one_byte(std::uint64_t byte) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(byte);
  range.l_len = 1;
  return range;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

RangeLock RangeLock::open(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) throw io_error(fmt::format("{}: cannot be opened: {}", file.string(), reason()));
  return RangeLock(fd);
}

bool RangeLock::lock(std::uint64_t byte, bool waits) const {
  struct flock range = one_byte(byte);
  while (::fcntl(fd_, waits ? F_OFD_SETLKW : F_OFD_SETLK, &range) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES) return false;
    throw io_error(fmt::format(
        "a study needs a file system with locks, for it may be worked on by several processes: {}",
        reason()));
  }
  return true;
}

RangeLock RangeLock::wait(const fs::path& file, std::uint64_t byte) {
  RangeLock lock = open(file);
  lock.lock(byte, true);
  return lock;
}

std::optional<RangeLock> RangeLock::attempt(const fs::path& file, std::uint64_t byte) {
  RangeLock lock = open(file);
  if (!lock.lock(byte, false)) return std::nullopt;
  return lock;
}

bool RangeLock::is_taken(const fs::path& file, std::uint64_t byte) {
  const RangeLock lock = open(file);
  struct flock range = one_byte(byte);
  return ::fcntl(lock.fd_, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

RangeLock::~RangeLock() {
  if (fd_ >= 0) ::close(fd_);
}

StudyFolder::StudyFolder(fs::path path) : path_(std::move(path)) {
  std::error_code error;
  if (fs::exists(path_, error) && !fs::is_directory(path_, error))
    throw usage_error(fmt::format("{}: is a file, not a folder", path_.string()));
  if (fs::is_directory(path_, error) && !exists()) {
    // (What there is of a study that another process begins at the same time, or ended beginning.)
    for (const fs::directory_entry& entry : fs::directory_iterator(path_, error)) {
      const std::string name = entry.path().filename().string();
      if (name == lock_name || name == "runs" || name == "study.ini" || name == "base.ini" ||
          (name.starts_with('.') && name.ends_with(".partial")))
        continue;
      throw usage_error(
          fmt::format("{}: is not empty, and no study: it has '{}', but no study.ini; choose "
                      "another --study",
                      path_.string(), name));
    }
  }
}

bool StudyFolder::exists() const {
  std::error_code error;
  return fs::exists(ini(), error);
}

fs::path StudyFolder::run(std::uint64_t trial) const {
  return path_ / "runs" / std::to_string(trial);
}

void StudyFolder::add(const Design& design, const TrialRow& row, double seconds) const {
  const RangeLock locked = lock();
  const Table table(trials_file(), header_text(design));
  if (trials(design).has(row.trial)) return;
  table.append(row_text(design, row));
  table.sync();
  const Table timing(path_ / "timing.csv", "trial,rung,seconds,host\r\n");
  timing.append(fmt::format("{},{},{:.3f},{}\r\n", row.trial.number, row.trial.rung, seconds,
                            csv_field(host_name())));
}

void StudyFolder::sort(const Design& design) const {
  const RangeLock locked = lock();
  const TrialTable table = trials(design);
  std::string text = header_text(design);
  for (const auto& [key, row] : table.rows()) text += row_text(design, row);
  std::ifstream stream(trials_file(), std::ios::binary);
  const std::string now{std::istreambuf_iterator<char>(stream), {}};
  if (text != now) write("trials.csv", text);
}

void StudyFolder::write(std::string_view name, std::string_view text) const {
  const Folder folder(path_);
  AtomicFile file(folder);
  (void)file.begin(name);
  (void)file.write(std::as_bytes(std::span(text)));
  file.commit().or_throw();
}

void StudyFolder::say(std::string_view text) const {
  fmt::print(stderr, "{}\n", text);
  const RangeLock locked = lock();
  std::ofstream(path_ / "log.txt", std::ios::app) << text << "\n";
}

}  // namespace medley
