// Files that are whole or not there: written under a temporary name, synced, renamed, and the
// folder synced, so that a reader or a crash at any instant sees the old file or the new one.
//
// What runs inside the training loop neither allocates nor throws: it returns a Status.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace medley {

// How a write went; with room for the message, so that making one cannot fail.
class [[nodiscard]] Status {
 public:
  Status() = default;  // all is well
  // "<what> <name>: <reason>", the reason from an errno if there is one.
  static Status failure(const char* what, const char* name, int error_number) noexcept;

  bool ok() const noexcept { return message_[0] == '\0'; }
  // Empty if all is well.
  const char* message() const noexcept { return message_.data(); }
  // Throws io_error with the message unless all is well.
  void or_throw() const;

 private:
  std::array<char, 512> message_{};
};

// An open folder: files in it are named relative to it, without building paths.
class Folder {
 public:
  // Throws io_error if it is no folder that can be opened.
  explicit Folder(const std::filesystem::path& path);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  int descriptor() const noexcept { return fd_; }
  const char* name() const noexcept { return name_.c_str(); }
  // Waits until the entries (creations, renames, removals) are on the disk, as far as the file
  // system can tell: some cannot sync a folder, which is no failure.
  Status sync() const noexcept;

 private:
  std::string name_;
  int fd_;
};

// A file being written beside the one that it will replace. May be used for one file after another.
//
//   AtomicFile file(folder);
//   if (Status s = file.begin("last.bin"); !s.ok()) ...
//   file.write(...); file.write_at(0, ...); file.commit();
//
// After a failure the temporary file is gone, the old file is as it was, and every further call
// returns that failure until the next begin().
class AtomicFile {
 public:
  explicit AtomicFile(const Folder& folder) noexcept : folder_(folder) {}
  ~AtomicFile() { abandon(); }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Starts the file `name` (no slash) as ".<name>.partial", which takes the place of one that a
  // killed process left.
  Status begin(std::string_view name) noexcept;
  // Appends.
  Status write(std::span<const std::byte> bytes) noexcept;
  // Overwrites bytes that were written before.
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) noexcept;
  // Syncs, renames, syncs the folder.
  Status commit() noexcept;
  // Removes what was written so far, if anything.
  void abandon() noexcept;
  // Abandons the file for a reason of the caller's: what every further call then returns.
  Status fail(const char* what, int error_number = 0) noexcept;

 private:
  const Folder& folder_;
  int fd_ = -1;
  Status status_;
  std::array<char, 256> name_{}, temporary_{};
};

// Writes a whole file so. Throws io_error.
void write_file(const std::filesystem::path& path, std::string_view text);

// Makes the link `name` in the folder point to `target`, atomically. Where the file system knows no
// links (FAT, some shares) a file takes its place that holds `target` and a line end.
Status replace_link(const Folder& folder, std::string_view name, std::string_view target) noexcept;

// What such a link, or the file in its place, says; empty for anything else.
std::string link_target(const std::filesystem::path& link);

// Removes the temporary files that a killed process left in a folder; for the start of a process
// that holds the folder's lock.
void remove_partial_files(const std::filesystem::path& folder);

// Keeps a second process out of a folder. The lock is the kernel's and ends with the process,
// however it ends; the file stays.
class FileLock {
 public:
  // Locks the file `lock` in the folder. Throws io_error naming the other process if one has it.
  // Where the file system has no locks, that is said on stderr, and nothing is locked.
  explicit FileLock(const std::filesystem::path& folder);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  static constexpr const char* file_name = "lock";

 private:
  int fd_;
};

}  // namespace medley
