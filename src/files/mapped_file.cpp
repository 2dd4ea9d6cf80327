#include "medley/files/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"

namespace medley {

// A mapping in the list of those that the handler of SIGBUS knows. What the handler reads is made
// beforehand: it may neither allocate nor format.
class MappedFile::Watched {
 public:
  Watched(std::span<const std::byte> bytes, const std::string& path)
      : begin_(reinterpret_cast<std::uintptr_t>(bytes.data())),
        size_(bytes.size()),
        path_(path),
        text_(fmt::format(": {} can no longer be read", printable(path))) {
    static const bool catches = catch_bus_errors();
    static_cast<void>(catches);
    for (auto& place : places) {
      const Watched* free = nullptr;
      if (place.compare_exchange_strong(free, this)) break;
    }
  }
  ~Watched() {
    for (auto& place : places) {
      const Watched* own = this;
      if (place.compare_exchange_strong(own, nullptr)) break;
    }
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 private:
  // More than a data set has files; of one that finds no place the sentence names no file.
  static inline std::array<std::atomic<const Watched*>, 64> places{};

  static bool catch_bus_errors() {
    struct sigaction action {};
    action.sa_sigaction = [](int, siginfo_t* info, void*) {
      if (info->si_code != BUS_ADRERR && info->si_code != BUS_MCEERR_AR) {  // not of a mapping
        ::signal(SIGBUS, SIG_DFL);
        static_cast<void>(::raise(SIGBUS));
        return;
      }
      end(reinterpret_cast<std::uintptr_t>(info->si_addr));
    };
    action.sa_flags = SA_SIGINFO;
    return ::sigaction(SIGBUS, &action, nullptr) == 0;
  }

  static void tell(std::string_view text) {
    static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
  }

  // In any thread, at any instruction: only functions that a signal handler may call.
  [[noreturn]] static void end(std::uintptr_t address) {
    const Watched* found = nullptr;
    for (const auto& place : places) {
      const Watched* const watched = place.load();
      if (watched && address - watched->begin_ < watched->size_) found = watched;
    }
    if (::isatty(STDERR_FILENO) != 0) tell("\n");  // behind a progress line
    tell(program_invocation_short_name);
    tell(found ? std::string_view(found->text_) : ": a mapped file can no longer be read");
    struct stat now {};
    if (found && ::stat(found->path_.c_str(), &now) == 0 &&
        static_cast<std::uint64_t>(now.st_size) < found->size_) {
      tell(", as it was cut off while in use: write it again");
    } else {
      tell(", as the disk fails or the file was cut off: look after it");
    }
    tell(" and repeat the command (a training goes on from its last checkpoint with --resume)\n");
    ::_exit(static_cast<int>(Exit::io));
  }

  std::uintptr_t begin_;
  std::size_t size_;
  std::string path_, text_;
};

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
  watched_ = std::make_unique<Watched>(bytes_, name_);
}

MappedFile::MappedFile() = default;

MappedFile::~MappedFile() {
  watched_.reset();
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})),
      name_(std::move(other.name_)),
      watched_(std::move(other.watched_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(name_, other.name_);
  std::swap(watched_, other.watched_);
  return *this;
}

}  // namespace medley
