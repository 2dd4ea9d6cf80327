#include "run_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "medley/base/error.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "step-", suffix = ".safetensors";

// The names that a run folder may hold; anything else is not ours to remove.
bool is_ours(const fs::path& name) {
  static const std::array<std::string_view, 10> names{
      "config.ini", "losses.csv", "metrics.csv", "timing.csv",   "checkpoints",
      "last",       "best",       "log.txt",     "diverged.csv", FileLock::file_name};
  const std::string text = name.string();
  return std::find(names.begin(), names.end(), text) != names.end() ||
         text.starts_with("confusion-") || text.starts_with(".");
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

}  // namespace

std::optional<std::uint64_t> step_of_checkpoint(const fs::path& file) {
  const std::string text = file.filename().string();
  std::string_view name = text;
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  std::uint64_t step = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return step;
}

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
    const FileLock lock(path);
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
      if (!is_ours(entry.path().filename())) {
        throw usage_error(fmt::format("{}: holds '{}', which no run writes; it is not replaced",
                                      path.string(), entry.path().filename().string()));
      }
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
      if (entry.path().filename() != FileLock::file_name) fs::remove_all(entry.path(), error);
    }
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

void RunFolder::resume_at(std::uint64_t step, const std::function<bool(std::uint64_t)>& planned) {
  remove_partial_files(path_);
  remove_partial_files(checkpoints());
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(checkpoints(), error)) {
    const std::optional<std::uint64_t> found = step_of_checkpoint(entry.path());
    if (!found) continue;
    if (*found > step) {
      fs::remove(entry.path(), error);
    } else {
      kept_.push_back({*found, planned(*found)});
    }
  }
  std::sort(kept_.begin(), kept_.end(),
            [](const Kept& a, const Kept& b) { return a.step < b.step; });
  const fs::path best = fs::read_symlink(path_ / "best", error);
  if (const auto found = step_of_checkpoint(best); !error && found && *found <= step) {
    best_ = *found;
    has_best_ = true;
  }
}

std::array<char, 32> RunFolder::checkpoint_name(std::uint64_t step) {
  std::array<char, 32> name{};
  Line<31> line;
  line << prefix;
  for (std::uint64_t digit = 10'000'000; digit > 1 && step < digit; digit /= 10) line << "0";
  line << step << suffix;
  std::copy(line.view().begin(), line.view().end(), name.begin());
  return name;
}

Status RunFolder::link(std::uint64_t step, bool best, bool planned, std::uint64_t keep) noexcept {
  const std::array<char, 32> name = checkpoint_name(step);
  Line<64> target;
  target << "checkpoints/" << name.data();
  if (Status s = replace_symlink(folder_, "last", target.view()); !s.ok()) return s;
  if (best) {
    if (Status s = replace_symlink(folder_, "best", target.view()); !s.ok()) return s;
    best_ = step;
    has_best_ = true;
  }
  std::erase_if(kept_, [&](const Kept& k) { return k.step == step; });
  if (kept_.size() < kept_.capacity()) kept_.push_back({step, planned});

  std::uint64_t newer =
      planned ? 1 : 0;  // planned checkpoints from the newest on, this one included
  for (std::size_t i = kept_.size() - 1; i-- > 0;) {
    const Kept& k = kept_[i];
    const bool wanted = k.planned ? newer++ < keep : !planned;
    if (wanted || (has_best_ && k.step == best_)) continue;
    (void)::unlinkat(checkpoint_folder_.descriptor(), checkpoint_name(k.step).data(), 0);
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return {};
}

}  // namespace medley
