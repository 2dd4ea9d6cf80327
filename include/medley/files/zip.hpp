// Zip archives as numpy.savez and savez_compressed write them: a strict reader over a mapped file.
//
// Members are stored or deflated. The directory at the end of the file is what counts, with the 64-bit
// extension; archives in several parts and encrypted members are refused. (minizip would want a file of
// its own kind to read from, and libzip is not there to be linked statically.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/files/mapped_file.hpp"

namespace medley {

class ZipFile {
 public:
  struct Member {
    std::string name;
    std::uint64_t packed = 0, bytes = 0;  // sizes in the archive and as a file
    std::uint64_t header = 0;             // where its local header begins
    std::uint32_t crc = 0;
    std::uint16_t method = 0;  // 0 stored, 8 deflated
  };

  // Reads the directory. Throws io_error if the file cannot be read, data_error if it is no whole archive.
  explicit ZipFile(const std::filesystem::path& path);

  const std::string& name() const { return file_.name(); }
  const std::vector<Member>& members() const { return members_; }
  // Null if there is none of the name.
  const Member* find(std::string_view name) const;
  // The member's bytes: in the mapped file where they are stored, else inflated into `memory`. Throws
  // data_error if they are damaged: sizes and CRC-32 are held against the directory.
  std::span<const std::byte> read(const Member& member, std::vector<std::byte>& memory) const;

 private:
  void read_directory();
  [[noreturn]] void fail(std::string_view problem) const;

  MappedFile file_;
  std::vector<Member> members_;
};

// Whether a file begins as an archive does.
bool is_zip(std::span<const std::byte> file);

}  // namespace medley
