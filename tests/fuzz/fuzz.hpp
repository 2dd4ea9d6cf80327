// What the fuzzing harnesses share. A harness gives its input to one reader; what the reader
// accepts must keep the rules of the format, and what it refuses must be refused by medley::Error.
// A broken rule, another exception, a crash, a hang or too much memory is a finding.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "medley/base/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace medley::fuzz {

// Ends the process unless the condition holds.
inline void require(bool condition, const char* rule) {
  if (condition) return;
  std::fprintf(stderr, "fuzz: broken rule: %s\n", rule);
  std::abort();
}

// Whether `run` takes its input. Errors of usage, data or I/O with a message are a refusal; any
// other exception escapes and ends the process.
template <class Run>
bool accepted(Run&& run) {
  try {
    run();
    return true;
  } catch (const Error& error) {
    require(error.code() == Exit::usage || error.code() == Exit::data || error.code() == Exit::io,
            "bad input is an error of usage, data or I/O");
    require(error.what()[0] != '\0', "an error has a message");
    return false;
  }
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A file in memory that can be opened by its path while it is there.
class InputFile {
 public:
  explicit InputFile(std::string_view content) : fd_(::memfd_create("input", MFD_CLOEXEC)) {
    while (!content.empty()) {
      const ssize_t n = ::write(fd_, content.data(), content.size());
      require(n > 0, "a file in memory can be written");
      content.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  ~InputFile() { ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

// An empty folder, in memory where the machine has such a place, that goes away with the process.
class WorkFolder {
 public:
  WorkFolder() {
    std::error_code none;
    const std::filesystem::path memory = "/dev/shm";
    const bool usable = ::access(memory.c_str(), W_OK) == 0;
    std::string name =
        ((usable ? memory : std::filesystem::temp_directory_path(none)) / "medley-fuzz-XXXXXX")
            .string();
    require(::mkdtemp(name.data()) != nullptr, "a folder for files can be made");
    path_ = name;
  }
  ~WorkFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  void write(std::string_view name, std::string_view content) const {
    std::ofstream(path_ / name, std::ios::binary).write(content.data(), std::ssize(content));
  }

 private:
  std::filesystem::path path_;
};

}  // namespace medley::fuzz
