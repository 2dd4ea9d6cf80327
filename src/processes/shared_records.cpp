#include "medley/processes/shared_records.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include "medley/base/error.hpp"

namespace medley {

namespace {

// What tells a file from a copy of it, wherever the folder is mounted.
struct FileMark {
  std::uint64_t inode = 0, bytes = 0;
  std::int64_t seconds = 0, nanoseconds = 0;
  friend bool operator==(const FileMark&, const FileMark&) = default;
};

std::vector<FileMark> marks(const std::filesystem::path& folder, const Description& d) {
  std::vector<std::string> files{"images.npy", "split.npy", "weight.npy"};
  for (const TargetSpec& target : d.targets) files.push_back(target_file(target.name));
  std::vector<FileMark> found;
  for (const std::string& file : files) {
    struct stat status {};
    const bool is_there = ::stat((folder / file).c_str(), &status) == 0;
    found.push_back(is_there ? FileMark{status.st_ino, static_cast<std::uint64_t>(status.st_size),
                                        status.st_mtim.tv_sec, status.st_mtim.tv_nsec}
                             : FileMark{});
  }
  return found;
}

}  // namespace

void add_records(Parcel& parcel, const Source& source, const Description& d) {
  const std::string folder = source.folder();
  parcel.add(std::string_view(folder));
  parcel.add(std::span<const FileMark>(marks(folder, d)));
  for (std::size_t s = 0; s < split_names.size(); ++s) {
    std::vector<std::uint32_t> records;
    records.reserve(source.size(static_cast<Split>(s)));
    source.each_record(static_cast<Split>(s), [&](std::uint64_t record) {
      records.push_back(static_cast<std::uint32_t>(record));
    });
    parcel.add(std::span<const std::uint32_t>(records));
  }
  std::vector<std::uint8_t> complete;
  for (std::size_t t = 0; t < d.targets.size(); ++t)
    complete.push_back(source.complete(static_cast<int>(t)));
  parcel.add(std::span<const std::uint8_t>(complete));
  parcel.add(source.has_weights());
  parcel.add(source.mean());
  parcel.add(source.deviation());
}

SharedRecords::SharedRecords(Parcel& parcel, const Description& d, const Source* generator,
                             const std::string& own_folder)
    : base_(generator) {
  const std::string theirs = parcel.take_text();
  const auto their_marks = parcel.take_all<FileMark>();
  for (auto& records : records_) records = parcel.take_all<std::uint32_t>();
  complete_ = parcel.take_all<std::uint8_t>();
  has_weights_ = parcel.take<bool>();
  mean_ = parcel.take_all<float>();
  deviation_ = parcel.take_all<float>();
  if (theirs.empty()) return;
  const std::string folder = own_folder.empty() ? theirs : own_folder;
  is_copy_ = marks(folder, d) != their_marks;
  dataset_ = std::make_unique<Dataset>(
      folder, PictureShape{d.input.c, d.input.h, d.input.w}, d.targets,
      DatasetOptions{.split_required = false, .checks_contents = is_copy_});
  base_ = dataset_.get();
}

}  // namespace medley
