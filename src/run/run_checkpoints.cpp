#include "medley/run/run_checkpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "medley/base/error.hpp"
#include "medley/files/atomic_file.hpp"
#include "medley/files/mapped_file.hpp"
#include "medley/files/safetensors.hpp"
#include "medley/run/checkpoint.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

// Where `last` or `best` of a run says that the checkpoint is; empty where it does not say so, or
// there is no such file.
fs::path named_checkpoint(const fs::path& link) {
  const fs::path target = link_target(link);
  std::error_code error;
  if (!step_of_checkpoint(target) || !fs::is_regular_file(link.parent_path() / target, error))
    return {};
  return link.parent_path() / target;
}

std::optional<std::uint64_t> number(const SafetensorsFile& file, std::string_view key) {
  const std::string* const text = file.metadata(key);
  std::uint64_t value = 0;
  if (!text) return {};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size()) return {};
  return value;
}

// Why a checkpoint is not whole; empty if it is.
std::string damage(const fs::path& path) {
  try {
    if (SafetensorsFile(path).verify_checksum()) return {};
    return path.string() + ": it has no checksum";
  } catch (const Error& error) {
    return error.what();
  }
}

// Which log is too short for a checkpoint; empty if they fit.
std::string missing_rows(const fs::path& run, const fs::path& checkpoint) {
  const SafetensorsFile file(checkpoint);
  using Log = std::pair<const char*, std::string_view>;
  for (const auto& [name, key] : {Log{"losses.csv", checkpoint_field::losses_bytes},
                                  Log{"metrics.csv", checkpoint_field::metrics_bytes}}) {
    std::error_code error;
    const std::uintmax_t found = fs::file_size(run / name, error);
    const std::uint64_t size = error ? 0 : found, known = number(file, key).value_or(0);
    if (size < known)
      return fmt::format("{}: shorter than when {} was written ({} bytes, then {})",
                         (run / name).string(), checkpoint.filename().string(), size, known);
  }
  return {};
}

// Puts a whole checkpoint that stands in the place of a link to it where checkpoints are.
void adopt_copy(const fs::path& run, const char* name) {
  const fs::path copy = run / name;
  std::error_code error;
  if (fs::is_symlink(copy, error) || !fs::is_regular_file(copy, error) ||
      !link_target(copy).empty() || !damage(copy).empty())
    return;
  const auto step = number(SafetensorsFile(copy), checkpoint_field::step);
  if (!step) return;
  const std::string file_name = fmt::format("step-{:08}.safetensors", *step);
  if (fs::exists(run / "checkpoints" / file_name, error)) return;
  fs::create_directories(run / "checkpoints", error);
  const Folder folder(run / "checkpoints");
  const MappedFile content(copy);
  AtomicFile file(folder);
  (void)file.begin(file_name);
  (void)file.write(content.bytes());
  file.commit().or_throw();
}

}  // namespace

std::optional<std::uint64_t> step_of_checkpoint(const fs::path& file) {
  constexpr std::string_view prefix = "step-", suffix = ".safetensors";
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

std::vector<fs::path> checkpoints_of(const fs::path& run) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(run / "checkpoints", error)) {
    if (step_of_checkpoint(entry.path())) found.push_back(entry.path());
  }
  std::ranges::sort(found, {}, [](const fs::path& p) { return step_of_checkpoint(p); });
  return found;
}

fs::path checkpoint_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const fs::path named = fs::is_symlink(path, error) ? fs::path{} : named_checkpoint(path);
    return named.empty() ? path : named;
  }
  const fs::path last = path / "last";
  if (fs::exists(last, error) && link_target(last).empty()) return last;  // a copy
  if (!named_checkpoint(last).empty())
    return fs::is_symlink(last, error) ? last : named_checkpoint(last);
  for (std::vector<fs::path> all = checkpoints_of(path); !all.empty(); all.pop_back()) {
    if (damage(all.back()).empty()) return all.back();
  }
  return last;
}

fs::path checkpoint_to_resume(const fs::path& run) {
  for (const char* name : {"last", "best"}) adopt_copy(run, name);
  std::vector<fs::path> candidates = checkpoints_of(run);
  if (candidates.empty()) return {};
  const fs::path named = named_checkpoint(run / "last");
  // A checkpoint that `last` names is the one: its damage is no reason to take another in silence.
  if (!named.empty()) {
    const auto later = [&](const fs::path& p) {
      return step_of_checkpoint(p) > step_of_checkpoint(named);
    };
    std::erase_if(candidates, later);
    if (!SafetensorsFile(named).verify_checksum()) return named;
  }
  std::string reasons;
  for (; !candidates.empty(); candidates.pop_back()) {
    const fs::path& candidate = candidates.back();
    std::string reason = damage(candidate);
    if (reason.empty()) reason = missing_rows(run, candidate);
    if (reason.empty()) {
      if (named.empty() || !reasons.empty())
        fmt::print(stderr, "{}{}: going on from {}\n", reasons, run.string(),
                   candidate.filename().string());
      return candidate;
    }
    reasons += reason + "\n";
  }
  reasons.pop_back();
  std::ranges::replace(reasons, '\n', ';');
  throw data_error(fmt::format(
      "{}; no checkpoint of {} is left that this run could be resumed from; begin a new run in "
      "another folder (--init takes the weights of a checkpoint that is whole)",
      reasons, run.string()));
}

}  // namespace medley
