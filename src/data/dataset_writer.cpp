#include "medley/data/dataset_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "medley/base/error.hpp"
#include "medley/files/json.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

// "a/b/" and "a/b" are the same folder; a name is needed to put ".name.partial" beside it.
fs::path normalized(const fs::path& folder) {
  fs::path path = folder.lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  if (path.filename().empty() || path.filename() == "." || path.filename() == "..")
    throw usage_error(
        fmt::format("'{}' cannot be written as a dataset folder: give it a name", folder.string()));
  return path;
}

fs::path parent_of(const fs::path& folder) {
  return folder.has_parent_path() ? folder.parent_path() : fs::path(".");
}

DType dtype_of(PixelType type) {
  return type == PixelType::u8 ? DType::u8 : type == PixelType::u16 ? DType::u16 : DType::f32;
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

DatasetWriter::DatasetWriter(const fs::path& folder, PictureShape shape,
                             std::span<const TargetSpec> targets, bool replace, PixelFormat pixels)
    : folder_(normalized(folder)),
      partial_(parent_of(folder_) / fmt::format(".{}.partial", folder_.filename().string())),
      summary_{shape, pixels, {}, {}, {}, {}},
      statistics_(shape, pixels.type),
      replace_(replace) {
  check_replaceable();
  try {
    fs::create_directories(partial_);
    lock_ = std::make_unique<FileLock>(partial_);
    for (const auto& entry : fs::directory_iterator(partial_))  // of an import that was killed
      if (entry.path().filename() != FileLock::file_name) fs::remove_all(entry.path());
  } catch (const fs::filesystem_error& error) {
    throw io_error(fmt::format("cannot write {}: {}", partial_.string(), error.code().message()));
  }
  try {
    create_files(targets);
  } catch (...) {  // a constructor that throws has no destructor
    remove_partial();
    throw;
  }
}

void DatasetWriter::create_files(std::span<const TargetSpec> targets) {
  const PictureShape& shape = summary_.shape;
  const auto h = static_cast<std::uint64_t>(shape.height),
             w = static_cast<std::uint64_t>(shape.width);
  images_ = std::make_unique<NpyWriter>(
      partial_ / "images.npy", dtype_of(summary_.pixels.type),
      std::vector<std::uint64_t>{static_cast<std::uint64_t>(shape.channels), h, w});
  split_ =
      std::make_unique<NpyWriter>(partial_ / "split.npy", DType::u8, std::vector<std::uint64_t>{});
  for (const TargetSpec& spec : targets) {
    const auto size = static_cast<std::uint64_t>(spec.size);
    std::vector<std::uint64_t> record;
    if (spec.kind == TargetKind::values) record = {size};
    if (spec.kind == TargetKind::mask) record = {h, w};
    const DType dtype = spec.kind == TargetKind::classes  ? DType::i32
                        : spec.kind == TargetKind::values ? DType::f32
                                                          : DType::u8;
    targets_.push_back(
        std::make_unique<NpyWriter>(partial_ / target_file(spec.name), dtype, record));
    DatasetSummary::Target summary{spec, {}, {}, {}};
    if (spec.kind == TargetKind::classes)
      for (auto& counts : summary.counts) counts.resize(size);
    summary_.targets.push_back(std::move(summary));
  }
}

DatasetWriter::~DatasetWriter() {
  if (!finished_) remove_partial();
}

void DatasetWriter::remove_partial() const {
  std::error_code ignored;
  fs::remove_all(partial_, ignored);
}

void DatasetWriter::check_replaceable() const {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(folder_, error);
  if (status.type() == fs::file_type::not_found) return;
  if (!replace_)
    throw usage_error(
        fmt::format("{} exists: choose another --out, or --force to replace it", folder_.string()));
  if (status.type() != fs::file_type::directory)
    throw usage_error(fmt::format("{} is no folder and is not replaced", folder_.string()));
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const fs::path name = entry.path().filename();
    const bool ours =
        name.extension() == ".npy" || name == "dataset.json" || name == FileLock::file_name;
    if (!ours || entry.is_directory())
      throw usage_error(
          fmt::format("{} holds {}, which is no part of a dataset folder: it is not "
                      "replaced",
                      folder_.string(), name.string()));
  }
  if (error) throw io_error(fmt::format("cannot read {}: {}", folder_.string(), error.message()));
}

void DatasetWriter::set_class_names(std::size_t target, std::vector<std::string> names) {
  summary_.targets[target].class_names = std::move(names);
}

void DatasetWriter::keep_groups() {
  groups_ =
      std::make_unique<NpyWriter>(partial_ / "group.npy", DType::i64, std::vector<std::uint64_t>{});
}

void DatasetWriter::keep_weights() {
  weights_ = std::make_unique<NpyWriter>(partial_ / "weight.npy", DType::f32,
                                         std::vector<std::uint64_t>{});
}

void DatasetWriter::append(const Record& record, Split split, std::int64_t group, float weight) {
  const auto s = static_cast<std::size_t>(split);
  for (std::size_t t = 0; t < targets_.size(); ++t) append_target(t, record.targets[t], s);
  images_->append({static_cast<const std::byte*>(record.image.data()), images_->record_bytes()});
  split_->append(bytes_of(static_cast<std::uint8_t>(split)));
  if (groups_) groups_->append(bytes_of(group));
  if (weights_) {
    if (!is_weight(weight))
      throw data_error(fmt::format("record {}: a weight of {}, which is neither 0 nor {}",
                                   weights_->records(), weight, weight_range));
    weights_->append(bytes_of(weight));
  }
  if (split == Split::train) statistics_.add(record.image);
  ++summary_.records[s];
}

void DatasetWriter::append_target(std::size_t target, const Record::Target& value,
                                  std::size_t split) {
  DatasetSummary::Target& summary = summary_.targets[target];
  NpyWriter& file = *targets_[target];
  const auto out_of_range = [&](int found) {
    return data_error(fmt::format("record {}: class {} of target '{}', which has {}",
                                  images_->records(), found, summary.spec.name, summary.spec.size));
  };
  bool missing = false;
  if (summary.spec.kind == TargetKind::classes) {
    if (value.label >= summary.spec.size) throw out_of_range(value.label);
    missing = value.label < 0;
    if (!missing) ++summary.counts[split][static_cast<std::size_t>(value.label)];
    file.append(bytes_of(missing ? std::int32_t{-1} : value.label));
  } else if (summary.spec.kind == TargetKind::values) {
    std::vector<float> row(static_cast<std::size_t>(summary.spec.size),
                           std::numeric_limits<float>::quiet_NaN());
    const std::span given(value.values, value.values == nullptr ? 0 : row.size());
    if (std::any_of(given.begin(), given.end(), [](float x) { return std::isinf(x); }))
      throw data_error(fmt::format("record {}: an infinite value of target '{}'",
                                   images_->records(), summary.spec.name));
    missing = given.empty() ||
              std::any_of(given.begin(), given.end(), [](float x) { return std::isnan(x); });
    if (!missing) std::copy(given.begin(), given.end(), row.begin());
    file.append(std::as_bytes(std::span(row)));
  } else {
    scratch_.assign(file.record_bytes(), std::byte{255});
    if (value.mask != nullptr) std::memcpy(scratch_.data(), value.mask, scratch_.size());
    missing = true;
    for (const std::byte pixel : scratch_) {
      const int number = static_cast<int>(pixel);
      if (number >= summary.spec.size && number != 255) throw out_of_range(number);
      missing = missing && number == 255;
    }
    file.append(scratch_);
  }
  if (missing) ++summary.missing[split];
}

DatasetSummary DatasetWriter::finish(const nlohmann::json& provenance) {
  if (images_->records() == 0) throw data_error("no record is left to write");
  summary_.mean = statistics_.mean();
  summary_.deviation = statistics_.deviation();
  images_->finish();
  split_->finish();
  if (groups_) groups_->finish();
  if (weights_) weights_->finish();
  for (const auto& target : targets_) target->finish();
  write_description(provenance);
  publish();
  return summary_;
}

void DatasetWriter::write_description(const nlohmann::json& provenance) {
  nlohmann::ordered_json json;
  const PictureShape& shape = summary_.shape;
  json["format"] = dataset_format;
  json["version"] = dataset_version;
  json["shape"] = {shape.channels, shape.height, shape.width};
  for (std::size_t s = 0; s < 3; ++s) json["records"][split_names[s]] = summary_.records[s];
  if (summary_.pixels.type == PixelType::f32)
    json["range"] = {summary_.pixels.low, summary_.pixels.high};
  if (!summary_.mean.empty()) {
    json["mean"] = summary_.mean;
    json["deviation"] = summary_.deviation;
  }
  json["targets"] = nlohmann::ordered_json::object();
  json["checksums"] = nlohmann::ordered_json::object();
  const auto checksum = [&](const std::string& file) {
    json["checksums"][file] = checksum_text(MappedFile(partial_ / file).bytes());
  };
  checksum("images.npy");
  checksum("split.npy");
  if (groups_) checksum("group.npy");
  if (weights_) checksum("weight.npy");
  for (const DatasetSummary::Target& target : summary_.targets) {
    auto& entry = json["targets"][std::string(target.spec.name)];
    entry["kind"] = target_kind_names[static_cast<std::size_t>(target.spec.kind)];
    entry["size"] = target.spec.size;
    if (!target.class_names.empty()) entry["classes"] = target.class_names;
    for (std::size_t s = 0; s < 3; ++s) {
      if (target.spec.kind == TargetKind::classes)
        entry["counts"][split_names[s]] = target.counts[s];
      entry["missing"][split_names[s]] = target.missing[s];
    }
    checksum(target_file(target.spec.name));
  }
  json["provenance"] = provenance;
  // Paths and file names may be any bytes; what is not UTF-8 in them is replaced.
  const std::string text = print_json(json, 1) + '\n';
  const Folder folder(partial_);
  AtomicFile file(folder);
  file.begin("dataset.json").or_throw();
  file.write(std::as_bytes(std::span(text))).or_throw();
  file.commit().or_throw();
}

void DatasetWriter::publish() {
  const auto fail = [&] {
    return io_error(fmt::format("cannot rename {} to {}: {}", partial_.string(), folder_.string(),
                                std::strerror(errno)));
  };
  // Replacing swaps the two folders in one step: there is no instant without a data set.
  bool exchanged = false;
  if (::renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, folder_.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST && replace_) {
      exchanged = true;
      if (::renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, folder_.c_str(), RENAME_EXCHANGE) != 0)
        throw fail();
    } else if (errno != EINVAL || ::rename(partial_.c_str(), folder_.c_str()) != 0) {
      throw fail();  // EINVAL: a file system that has only the plain rename
    }
  }
  finished_ = true;
  std::error_code ignored;
  fs::remove(folder_ / FileLock::file_name, ignored);
  if (exchanged) fs::remove_all(partial_, ignored);
  Folder(folder_).sync().or_throw();
  Folder(parent_of(folder_)).sync().or_throw();
}

DatasetSummary write_dataset(const Source& source, const fs::path& folder, PictureShape shape,
                             std::span<const TargetSpec> targets, bool replace,
                             const nlohmann::json& provenance, const Progress& progress) {
  DatasetWriter writer(folder, shape, targets, replace, source.pixels());
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const auto names = source.class_names(static_cast<int>(t));
    writer.set_class_names(t, {names.begin(), names.end()});
  }
  if (source.has_groups()) writer.keep_groups();
  if (source.has_weights()) writer.keep_weights();
  std::vector<std::byte> scratch(source.scratch_bytes());
  constexpr std::array splits{Split::train, Split::validation, Split::test};
  std::uint64_t total = 0, done = 0;
  for (const Split split : splits) total += source.size(split);
  for (const Split split : splits)
    for (std::uint64_t rank = 0; rank < source.size(split); ++rank) {
      const std::uint64_t number = source.record(split, rank);
      Record record;
      source.read(number, scratch, record);
      writer.append(record, split, source.group(number), source.weight(number));
      if (progress) progress(++done, total);
    }
  return writer.finish(provenance);
}

}  // namespace medley
