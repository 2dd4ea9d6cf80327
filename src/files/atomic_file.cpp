#include "medley/files/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "medley/base/error.hpp"

namespace medley {
namespace {

// Formats "<before><name><after>" into a fixed buffer; false if it does not fit.
template <std::size_t N>
bool compose(std::array<char, N>& out, const char* before, std::string_view name,
             const char* after) noexcept {
  const int length = std::snprintf(out.data(), N, "%s%.*s%s", before, static_cast<int>(name.size()),
                                   name.data(), after);
  return length > 0 && static_cast<std::size_t>(length) < N;
}

bool plain_name(std::string_view name) noexcept {
  return !name.empty() && name.size() < 200 && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

// Whether a file system answers so what it cannot do at all, as opposed to what has gone wrong.
bool is_unsupported(int error_number) noexcept {
  return error_number == EINVAL || error_number == ENOSYS || error_number == EOPNOTSUPP;
}

}  // namespace

Status Status::failure(const char* what, const char* name, int error_number) noexcept {
  // strerror may allocate; this does not.
  const char* const reason = error_number == 0 ? nullptr : ::strerrordesc_np(error_number);
  Status status;
  std::snprintf(status.message_.data(), status.message_.size(), "%s %s%s%s", what, name,
                error_number == 0 ? "" : ": ",
                error_number == 0 ? "" : (reason != nullptr ? reason : "unknown error"));
  return status;
}

void Status::or_throw() const {
  if (!ok()) throw io_error(message());
}

Folder::Folder(const std::filesystem::path& path)
    : name_(path.string()), fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ < 0)
    throw io_error(fmt::format("cannot open the folder {}: {}", name_, std::strerror(errno)));
}

Folder::~Folder() { ::close(fd_); }

Status Folder::sync() const noexcept {
  if (::fsync(fd_) == 0 || is_unsupported(errno)) return {};
  return Status::failure("cannot sync", name(), errno);
}

Status AtomicFile::begin(std::string_view name) noexcept {
  abandon();
  status_ = {};
  if (!plain_name(name)) return fail("not a file name:", 0);
  compose(name_, "", name, "");
  compose(temporary_, ".", name, ".partial");
  fd_ = ::openat(folder_.descriptor(), temporary_.data(),
                 O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  return fd_ < 0 ? fail("cannot create", errno) : Status{};
}

Status AtomicFile::write(std::span<const std::byte> bytes) noexcept {
  if (fd_ < 0) return status_.ok() ? fail("not begun:", 0) : status_;
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("cannot write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Status AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) noexcept {
  if (fd_ < 0) return status_.ok() ? fail("not begun:", 0) : status_;
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail("cannot write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Status AtomicFile::commit() noexcept {
  if (fd_ < 0) return status_.ok() ? fail("not begun:", 0) : status_;
  if (::fsync(fd_) != 0) return fail("cannot sync", errno);
  const int closed = ::close(fd_);
  fd_ = -1;
  const int folder = folder_.descriptor();
  if (closed != 0 || ::renameat(folder, temporary_.data(), folder, name_.data()) != 0) {
    const int error_number = errno;
    ::unlinkat(folder, temporary_.data(), 0);
    return fail("cannot replace", error_number);
  }
  return status_ = folder_.sync();
}

void AtomicFile::abandon() noexcept {
  if (fd_ < 0) return;
  ::close(fd_);
  fd_ = -1;
  ::unlinkat(folder_.descriptor(), temporary_.data(), 0);
}

Status AtomicFile::fail(const char* what, int error_number) noexcept {
  abandon();
  if (!status_.ok()) return status_;  // the first failure is the cause
  std::array<char, 400> path{};
  std::snprintf(path.data(), path.size(), "%s/%s", folder_.name(), name_.data());
  return status_ = Status::failure(what, path.data(), error_number);
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  const Folder folder(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
  AtomicFile file(folder);
  (void)file.begin(path.filename().string());
  (void)file.write(std::as_bytes(std::span(text)));
  file.commit().or_throw();
}

Status replace_link(const Folder& folder, std::string_view name, std::string_view target) noexcept {
  std::array<char, 256> link{}, temporary{}, to{};
  if (!plain_name(name) || !compose(to, "", target, ""))
    return Status::failure("not a name for a link in", folder.name(), 0);
  compose(link, "", name, "");
  compose(temporary, ".", name, ".partial");
  const int fd = folder.descriptor();
  ::unlinkat(fd, temporary.data(), 0);  // of a process that was killed
  if (::symlinkat(to.data(), fd, temporary.data()) != 0) {
    // (EROFS: folders that a virtual machine shares. The file then tells whether it is so.)
    if (errno != EPERM && errno != EROFS && !is_unsupported(errno))
      return Status::failure("cannot create the link", link.data(), errno);
    AtomicFile file(folder);
    (void)file.begin(name);
    (void)file.write(std::as_bytes(std::span(target)));
    (void)file.write(std::as_bytes(std::span("\n", 1)));
    return file.commit();
  }
  if (::renameat(fd, temporary.data(), fd, link.data()) != 0) {
    const int error_number = errno;
    ::unlinkat(fd, temporary.data(), 0);
    return Status::failure("cannot replace the link", link.data(), error_number);
  }
  return folder.sync();
}

std::string link_target(const std::filesystem::path& link) {
  std::error_code error;
  if (std::filesystem::is_symlink(link, error))
    return std::filesystem::read_symlink(link, error).string();
  // (A checkpoint that took the link's place in a copy is larger.)
  if (!std::filesystem::is_regular_file(link, error) ||
      std::filesystem::file_size(link, error) > 255)
    return {};
  std::ifstream file(link, std::ios::binary);
  std::string target{std::istreambuf_iterator<char>(file), {}};
  while (!target.empty() && (target.back() == '\n' || target.back() == '\r')) target.pop_back();
  return target;
}

void remove_partial_files(const std::filesystem::path& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') && name.ends_with(".partial") && !entry.is_directory(error))
      std::filesystem::remove(entry.path(), error);
  }
}

FileLock::FileLock(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / file_name;
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd_ < 0)
    throw io_error(fmt::format("cannot create {}: {}", path.string(), std::strerror(errno)));
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const int error_number = errno;
    std::array<char, 32> owner{};
    const ssize_t n = ::pread(fd_, owner.data(), owner.size() - 1, 0);
    if (error_number == ENOLCK || is_unsupported(error_number)) {
      fmt::print(stderr,
                 "{}: this file system has no locks ({}): see to it that no other process uses "
                 "the folder\n",
                 folder.string(), std::strerror(error_number));
      return;
    }
    ::close(fd_);
    if (error_number != EWOULDBLOCK)
      throw io_error(fmt::format("cannot lock {}: {}", path.string(), std::strerror(error_number)));
    throw io_error(fmt::format("{} is in use by process {}: wait for it or choose another folder",
                               folder.string(), n > 0 ? owner.data() : "(unknown)"));
  }
  // The number is for the message above alone: failing to write it does not matter.
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) return;
}

FileLock::~FileLock() { ::close(fd_); }

}  // namespace medley
