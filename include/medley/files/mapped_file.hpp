// A file mapped read-only: how every file of the user is read, whatever its size.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace medley {

// Maps a regular file read-only and unmaps it when it goes. The pages are the kernel's: they are
// read when they are touched and given back when memory is short, so a file may be larger than
// memory. Where a page can no longer be read, as the file was cut off or the disk fails, the
// process ends with a sentence that names the file, and exit code 4.
class MappedFile {
 public:
  MappedFile();
  // Throws io_error if `path` cannot be opened or is no regular file, data_error if it holds a zero
  // byte or the file is but a pointer of Git LFS.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }
  // The path, for messages.
  const std::string& name() const { return name_; }

 private:
  class Watched;

  std::span<const std::byte> bytes_;
  std::string name_;
  std::unique_ptr<Watched> watched_;
};

// Throws data_error for a file that begins as Git LFS's stand-in for one that was not fetched.
void refuse_lfs_pointer(std::string_view begin, const std::string& name);

}  // namespace medley
