// For tests of files: a folder that goes away, whole files, and what an error said.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "medley/base/error.hpp"

namespace medley {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "medley-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder");
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary).write(text.data(), std::ssize(text));
}

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Of golden files.
inline std::string from_base64(std::string_view coded) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : coded.substr(0, coded.find('='))) {
    bits = bits << 6 | static_cast<std::uint32_t>(digits.find(c));
    if ((count += 6) < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255u);
  }
  return bytes;
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// "<exit code>: <message>" of the Error that `run` throws; "no error" if it throws none.
template <class Run>
std::string error_of(Run&& run) {
  try {
    run();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
  }
  return "no error";
}

#define EXPECT_ERROR(statement, part) \
  EXPECT_PRED2(::medley::holds, ::medley::error_of([&] { statement; }), std::string(part))

// Whether `part` (its exit code first, as "3: ") and every piece of it between "..." occur in
// order.
inline bool holds(const std::string& text, const std::string& parts) {
  std::size_t at = 0, begin = 0;
  for (;;) {
    const std::size_t end = parts.find("...", begin);
    const std::string part = parts.substr(begin, end - begin);
    const std::size_t found = text.find(part, at);
    if (found == std::string::npos || (begin == 0 && found != 0)) return false;
    if (end == std::string::npos) return true;
    at = found + part.size();
    begin = end + 3;
  }
}

}  // namespace medley
