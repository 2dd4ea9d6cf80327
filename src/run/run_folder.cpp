#include "medley/run/run_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view config_start = "# Options of this run of medley-";

// Whether the name is that of a link or file of a run.
bool is_file_of_a_run(std::string_view name) {
  static constexpr std::array<std::string_view, 13> names{
      "config.ini",       "losses.csv",   "metrics.csv", "diagnostics.csv",
      "timing.csv",       "test.csv",     "last",        "best",
      "log.txt",          "diverged.csv", "report.html", "range-test.csv",
      FileLock::file_name};
  return std::ranges::find(names, name) != names.end() ||
         (name.starts_with("confusion-") &&
          (name.ends_with("-validation.csv") || name.ends_with("-test.csv")));
}

// The name that a temporary file will get; other names stay.
std::string_view without_partial(std::string_view name) {
  if (!name.starts_with('.') || !name.ends_with(".partial")) return name;
  name.remove_prefix(1);
  name.remove_suffix(std::string_view(".partial").size());
  return name;
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  std::getline(file, line);
  return line;
}

// Only links stand for `last` and `best` besides files.
bool is_of_a_run(const fs::directory_entry& entry) {
  std::error_code error;
  const std::string text = entry.path().filename().string();
  const std::string_view name = without_partial(text);
  if (entry.is_symlink(error)) return name == "last" || name == "best";
  if (!entry.is_regular_file(error) || !is_file_of_a_run(name)) return false;
  return !text.starts_with("confusion-") || first_line(entry.path()).starts_with("true,");
}

bool is_checkpoint(const fs::directory_entry& entry) {
  std::error_code error;
  const std::string text = entry.path().filename().string();
  return !entry.is_symlink(error) && entry.is_regular_file(error) &&
         step_of_checkpoint(without_partial(text)).has_value();
}

bool has_config(const fs::path& run) {
  const std::string line = first_line(run / "config.ini");
  return without_byte_order_mark(line).starts_with(config_start);
}

// The first thing in a folder that no run writes there, or empty.
std::string foreign_entry(const fs::path& path) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    const fs::path name = entry.path().filename();
    if (name != "checkpoints" || entry.is_symlink(error) || !entry.is_directory(error)) {
      if (!is_of_a_run(entry)) return name.string();
      continue;
    }
    for (const fs::directory_entry& inner : fs::directory_iterator(entry.path(), error)) {
      if (!is_checkpoint(inner)) return (name / inner.path().filename()).string();
    }
  }
  return {};
}

// Whether there is more in the folder than what a process leaves that ended while it made it.
bool holds_anything(const fs::path& path) {
  std::error_code error;
  return std::ranges::any_of(fs::directory_iterator(path, error), [&](const auto& entry) {
    const std::string name = entry.path().filename().string();
    const bool nothing = name == FileLock::file_name || name == ".config.ini.partial" ||
                         (name == "checkpoints" && fs::is_empty(entry.path(), error));
    return !nothing;
  });
}

// Throws usage_error unless all that is in the folder was written by a run.
void require_replaceable(const fs::path& path) {
  if (const std::string name = foreign_entry(path); !name.empty())
    throw usage_error(fmt::format("{}: holds '{}', which no run writes; it is not replaced",
                                  path.string(), name));
  if (!has_config(path))
    throw usage_error(
        fmt::format("{}: has no config.ini of a run; it is not replaced", path.string()));
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error)
    throw io_error(fmt::format("{}: cannot be removed: {}", path.string(), error.message()));
}

// Removes what foreign_entry() knows; config.ini at the end, so that what is left of a process that
// is killed here is still a run.
void remove_run(const fs::path& path) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const fs::path& folder : {path / "checkpoints", path}) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
      files.push_back(entry.path());
  }
  for (const fs::path& file : files) {
    const fs::path name = file.filename();
    if (name != "checkpoints" && name != FileLock::file_name && name != "config.ini")
      remove_file(file);
  }
  remove_file(path / "config.ini");
}

}  // namespace

LogFile::LogFile(const fs::path& path, std::uint64_t bytes) : name_(path.string()) {
  fd_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  const auto fail = [&](const char* what) {
    return io_error(fmt::format("{}: {}: {}", name_, what, std::strerror(errno)));
  };
  if (fd_ < 0) throw fail("cannot be opened");
  const off_t size = ::lseek(fd_, 0, SEEK_END);
  if (size < 0) throw fail("cannot seek");
  if (static_cast<std::uint64_t>(size) < bytes) {
    throw data_error(
        fmt::format("{}: shorter than when the checkpoint was written ({} bytes, then {}); "
                    "this run cannot be resumed",
                    name_, size, bytes));
  }
  if (::ftruncate(fd_, static_cast<off_t>(bytes)) != 0) throw fail("cannot be cut");
  if (::lseek(fd_, 0, SEEK_END) < 0) throw fail("cannot seek");
  bytes_ = bytes;
}

LogFile::~LogFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status LogFile::append(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Status::failure("cannot write", name_.c_str(), errno);
    text.remove_prefix(static_cast<std::size_t>(written));
    bytes_ += static_cast<std::uint64_t>(written);
  }
  return {};
}

Status LogFile::sync() noexcept {
  if (::fsync(fd_) != 0) return Status::failure("cannot write", name_.c_str(), errno);
  return {};
}

void RunFolder::create(const fs::path& path, bool force) {
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_directory(path, error)) {
    throw usage_error(fmt::format("{}: is a file, not a folder", path.string()));
  }
  if (fs::is_directory(path, error) && holds_anything(path)) {
    if (!force) {
      throw usage_error(fmt::format(
          "{}: is not empty; choose another --out, go on with --resume, or replace it with --force",
          path.string()));
    }
    require_replaceable(path);  // first without a lock, which would be a file in a foreign folder
    const FileLock lock(path);
    require_replaceable(path);
    remove_run(path);
  }
  fs::create_directories(path / "checkpoints", error);
  if (error) {
    throw io_error(fmt::format("{}: cannot be made: {}", path.string(), error.message()));
  }
}

RunFolder::RunFolder(const fs::path& path)
    : path_(path), lock_(path), folder_(path), checkpoint_folder_(path / "checkpoints") {
  kept_.reserve(2048);
}

void RunFolder::remove_leftovers() {
  remove_partial_files(path_);
  remove_partial_files(checkpoints());
}

void RunFolder::resume_at(std::uint64_t step, std::uint64_t best_step,
                          const std::function<bool(std::uint64_t)>& planned) {
  kept_.clear();
  has_best_ = false;
  for (const fs::path& file : checkpoints_of(path_)) {
    const std::uint64_t found = *step_of_checkpoint(file);
    if (found > step) {
      remove_file(file);
      continue;
    }
    kept_.push_back({found, planned(found)});
    if (found == best_step) has_best_ = true;
  }
  best_ = best_step;
  // The checkpoint knows better than the link, which may be a later one's or lost.
  if (has_best_) {
    point("best", best_).or_throw();
  } else {
    remove_file(path_ / "best");
  }
}

std::array<char, 32> RunFolder::checkpoint_name(std::uint64_t step) {
  std::array<char, 32> name{};
  Line<31> line;
  line << "step-";
  for (std::uint64_t digit = 10'000'000; digit > 1 && step < digit; digit /= 10) line << "0";
  line << step << ".safetensors";
  std::copy(line.view().begin(), line.view().end(), name.begin());
  return name;
}

Status RunFolder::point(std::string_view link, std::uint64_t step) const noexcept {
  const std::array<char, 32> name = checkpoint_name(step);
  Line<64> target;
  target << "checkpoints/" << name.data();
  return replace_link(folder_, link, target.view());
}

Status RunFolder::link(std::uint64_t step, bool best, bool planned, std::uint64_t keep) noexcept {
  if (Status s = point("last", step); !s.ok()) return s;
  if (best) {
    if (Status s = point("best", step); !s.ok()) return s;
    best_ = step;
    has_best_ = true;
  }
  std::erase_if(kept_, [&](const Kept& k) { return k.step == step; });
  if (kept_.size() < kept_.capacity()) kept_.push_back({step, planned});

  std::uint64_t newer =
      planned ? 1 : 0;  // planned checkpoints from the newest on, this one included
  for (std::size_t i = kept_.size() - 1; i-- > 0;) {
    const Kept& k = kept_[i];
    const bool wanted = k.planned ? newer++ < keep : !(planned || best);
    if (wanted || (has_best_ && k.step == best_) || (spared_ > 0 && k.step == spared_)) continue;
    (void)::unlinkat(checkpoint_folder_.descriptor(), checkpoint_name(k.step).data(), 0);
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return {};
}

}  // namespace medley
