// The folder of a study, which several processes may work in at once, on one machine or on several
// that share the file system.
//
//   lock         what processes lock: byte 0 to write tables, byte 1 + n for trial n. Locks are those of
//                open file descriptions (fcntl, F_OFD_SETLK): they end with the last process that has
//                the file open, however it ends, and NFS has them
//   study.ini    the options of the study
//   trials.csv   a row a trial that has ended, appended whole
//   timing.csv   what may differ between equal studies
//   log.txt      what was said
//   runs/N/      the run folder of trial N
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "medley/study/trials.hpp"

namespace medley {

// A locked byte of a file; free again with the object, or with the process and its children.
class RangeLock {
 public:
  // Waits for it.
  static RangeLock wait(const std::filesystem::path& file, std::uint64_t byte);
  // None where another process has it.
  static std::optional<RangeLock> attempt(const std::filesystem::path& file, std::uint64_t byte);

  // Whether another process, or another part of this one, has it.
  static bool is_taken(const std::filesystem::path& file, std::uint64_t byte);

  RangeLock(RangeLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~RangeLock();
  RangeLock(const RangeLock&) = delete;
  RangeLock& operator=(const RangeLock&) = delete;
  RangeLock& operator=(RangeLock&&) = delete;

 private:
  explicit RangeLock(int fd) : fd_(fd) {}
  static RangeLock open(const std::filesystem::path& file);
  bool lock(std::uint64_t byte, bool waits) const;
  int fd_;
};

class StudyFolder {
 public:
  // Makes the folder where it is not there. Throws usage_error where it is no folder, or one that
  // holds other things than a study.
  explicit StudyFolder(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  bool exists() const;  // whether it has a study.ini
  std::filesystem::path ini() const { return path_ / "study.ini"; }
  std::filesystem::path run(std::uint64_t trial) const;

  RangeLock lock() const { return RangeLock::wait(path_ / lock_name, 0); }
  std::optional<RangeLock> claim(std::uint64_t trial) const {
    return RangeLock::attempt(path_ / lock_name, 1 + trial);
  }
  bool is_claimed(std::uint64_t trial) const {
    return RangeLock::is_taken(path_ / lock_name, 1 + trial);
  }
  // The claim on what is trained once, at the end.
  std::optional<RangeLock> claim_final() const {
    return RangeLock::attempt(path_ / lock_name, std::uint64_t{1} << 48);
  }

  TrialTable trials(const Design& design) const { return read_trials(trials_file(), design); }
  // Adds a row unless it is there; a torn one behind the last whole one goes first.
  void add(const Design& design, const TrialRow& row, double seconds) const;
  // Brings the rows into the order of rungs and trials.
  void sort(const Design& design) const;
  // Replaces a file of the folder, as a whole.
  void write(std::string_view name, std::string_view text) const;
  // Says a line on stderr and in log.txt.
  void say(std::string_view text) const;

  static constexpr const char* lock_name = "lock";

 private:
  std::filesystem::path trials_file() const { return path_ / "trials.csv"; }
  std::filesystem::path path_;
};

}  // namespace medley
