#include "medley/files/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "medley/base/error.hpp"

namespace medley {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

constexpr std::string_view lfs_begin = "version https://git-lfs.github.com/spec/";
constexpr std::size_t longest_lfs_pointer = 1023;  // by its specification

}  // namespace

void refuse_lfs_pointer(std::string_view begin, const std::string& name) {
  if (!begin.starts_with(lfs_begin)) return;
  throw data_error(fmt::format(
      "{} is a pointer of Git LFS, not the file itself: get it with 'git lfs pull'", name));
}

MappedFile::MappedFile(const std::filesystem::path& path) : name_(path.string()) {
  // The kernel would open the file that is named up to there.
  if (name_.find('\0') != std::string::npos)
    throw data_error(fmt::format("the file name {} holds a zero byte", name_));
  // O_NONBLOCK: opening a pipe that nobody writes must not wait; it is refused below.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) throw io_error(fmt::format("cannot open {}: {}", name_, std::strerror(errno)));
  struct stat status {};
  if (::fstat(file.fd, &status) != 0)
    throw io_error(fmt::format("cannot read the size of {}: {}", name_, std::strerror(errno)));
  if (!S_ISREG(status.st_mode)) throw io_error(fmt::format("{} is not a regular file", name_));
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size <= longest_lfs_pointer) {
    std::array<char, lfs_begin.size()> begin{};
    const ssize_t read = ::pread(file.fd, begin.data(), begin.size(), 0);
    refuse_lfs_pointer({begin.data(), static_cast<std::size_t>(std::max<ssize_t>(read, 0))}, name_);
  }
  if (size == 0) return;  // an empty mapping is refused by the kernel, but an empty file is a file
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd, 0);
  if (start == MAP_FAILED)
    throw io_error(fmt::format("cannot map {} ({} bytes): {}", name_, size, std::strerror(errno)));
  bytes_ = {static_cast<const std::byte*>(start), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), name_(std::move(other.name_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(name_, other.name_);
  return *this;
}

}  // namespace medley
