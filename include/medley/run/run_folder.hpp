// The folder of one training: its logs, its checkpoints and the links to the last and the best one.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medley/base/line.hpp"
#include "medley/files/atomic_file.hpp"
#include "medley/run/checkpoint.hpp"
#include "medley/run/run_checkpoints.hpp"

namespace medley {

using Row = Line<8192>;

// A file that rows are appended to. Does not allocate after it is open.
class LogFile {
 public:
  // Opens for appending and cuts the file to `bytes`, which is what the checkpoint that is resumed
  // from knew of it. Throws io_error.
  LogFile(const std::filesystem::path& path, std::uint64_t bytes);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  Status append(std::string_view text) noexcept;
  Status sync() noexcept;
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::string name_;
  int fd_ = -1;
  std::uint64_t bytes_ = 0;
};

class RunFolder {
 public:
  // Makes the folder, or with `force` clears one that another run left: one with a config.ini of
  // ours and nothing besides what a run writes. Throws usage_error, naming what is in the way and
  // changing nothing, if there is something else; io_error if it cannot be made or cleared.
  static void create(const std::filesystem::path& path, bool force);

  // Locks the folder; a second process is refused.
  explicit RunFolder(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }

  // Removes temporary files of a killed process.
  void remove_leftovers();
  // Removes checkpoints later than `step`, which a resumed run will write again, remembers the
  // others, and points `best` to that of `best_step` if it is there; `planned` says of a step
  // whether an uninterrupted run writes its checkpoint.
  void resume_at(std::uint64_t step, std::uint64_t best_step,
                 const std::function<bool(std::uint64_t)>& planned);

  static std::array<char, 32> checkpoint_name(std::uint64_t step);
  // Points `last` (and `best`) to the checkpoint of a step and removes those no longer kept: all
  // but the `keep` newest, the best, a spared one, and this one. A checkpoint that is not `planned`
  // (written because the process was asked to stop, or as the best between planned ones) goes as
  // soon as the next one is there that an uninterrupted run writes.
  Status link(std::uint64_t step, bool best, bool planned, std::uint64_t keep) noexcept;
  // From now on the checkpoint of this step stays, 0 for none.
  void spare(std::uint64_t step) { spared_ = step; }
  // The best checkpoint so far, if there is one.
  std::optional<std::uint64_t> best() const {
    return has_best_ ? std::optional(best_) : std::nullopt;
  }

 private:
  Status point(std::string_view link, std::uint64_t step) const noexcept;

  struct Kept {
    std::uint64_t step;
    bool planned;
  };
  std::filesystem::path path_;
  FileLock lock_;
  Folder folder_, checkpoint_folder_;
  std::vector<Kept> kept_;  // by rising step; capacity is reserved
  std::uint64_t best_ = 0, spared_ = 0;
  bool has_best_ = false;
};

}  // namespace medley
