#include "medley/import/import_arrays.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "medley/base/error.hpp"
#include "medley/files/array_file.hpp"
#include "medley/import/in_order.hpp"

namespace medley {
namespace {

// A target of all records: labels or values in memory, masks in their array.
struct ArrayColumn {
  TargetSpec spec;
  std::unique_ptr<ArrayFile> file;
  std::vector<std::int32_t> labels;
  std::vector<float> values;
};

// A record as it is prepared.
struct Prepared {
  std::vector<std::byte> pixels;
  std::vector<std::vector<std::uint8_t>> masks;  // a target each
};

class ArraysImport {
 public:
  explicit ArraysImport(const ArraysRequest& request)
      : request_(request),
        pictures_(
            request.tiff.empty()
                ? open_array_pictures(request.npy, request.shape, request.layout)
                : open_tiff_pictures(request.tiff, request.shape, request.pages_are_channels)),
        pixels_(imported_pixels(request, pictures_->type(), pictures_->type_name())) {
    if (size() == 0) throw data_error(fmt::format("{} holds no pictures", pictures_->name()));
    for (const TargetSpec& spec : request.targets) add_target(spec);
    splits_ = splits();
  }

  const PixelFormat& pixels() const { return pixels_; }
  void write(DatasetWriter& writer) const;

 private:
  std::uint64_t size() const { return pictures_->size(); }
  std::filesystem::path file_of(std::string_view target) const;
  void add_target(const TargetSpec& spec);
  std::unique_ptr<ArrayFile> open(const std::filesystem::path& path) const;
  void check_shape(const ArrayColumn& column) const;
  void read_labels(ArrayColumn& column) const;
  void read_values(ArrayColumn& column) const;
  std::vector<Split> splits() const;
  void prepare(std::uint64_t index, Prepared& out) const;
  void read_mask(const ArrayColumn& column, std::uint64_t index,
                 std::vector<std::uint8_t>& out) const;

  const ArraysRequest& request_;
  std::unique_ptr<PictureStack> pictures_;
  PixelFormat pixels_;
  std::vector<ArrayColumn> columns_;
  std::vector<Split> splits_;
};

// Where a target's array is.
std::filesystem::path ArraysImport::file_of(std::string_view target) const {
  const auto given = request_.targets_in.find(target);
  if (given != request_.targets_in.end()) return given->second;
  const std::string archive = request_.npy.string();
  const std::size_t end = archive.rfind(".npz:");
  if (request_.npy.empty() || end == std::string::npos)
    throw usage_error(
        fmt::format("the target '{0}' has no array: give --npy-labels {0}=FILE", target));
  return archive.substr(0, end + 5).append(target);
}

std::unique_ptr<ArrayFile> ArraysImport::open(const std::filesystem::path& path) const {
  auto file = std::make_unique<ArrayFile>(path);
  if (file->records() == size()) return file;
  throw data_error(fmt::format(
      "{} has shape {}, but {} has {} pictures: both are of the same records, in the same order",
      file->name(), shape_text(file->shape()), pictures_->name(), size()));
}

void ArraysImport::add_target(const TargetSpec& spec) {
  ArrayColumn column{spec, open(file_of(spec.name)), {}, {}};
  check_shape(column);
  if (spec.kind == TargetKind::classes) read_labels(column);
  if (spec.kind == TargetKind::values) read_values(column);
  columns_.push_back(std::move(column));
}

void ArraysImport::check_shape(const ArrayColumn& column) const {
  const ArrayFile& file = *column.file;
  const auto refuse = [&](std::string_view wanted) {
    return data_error(fmt::format("{}: the target '{}' needs {}; this is {} of shape {}",
                                  file.name(), column.spec.name, wanted, to_string(file.dtype()),
                                  shape_text(file.shape())));
  };
  switch (column.spec.kind) {
    case TargetKind::classes:
      if (file.elements() != 1) throw refuse("one class number a record, (N,)");
      break;
    case TargetKind::values:
      if (file.elements() != static_cast<std::size_t>(column.spec.size))
        throw refuse(fmt::format("{0} number{1} a record, (N, {0})", column.spec.size,
                                 column.spec.size == 1 ? "" : "s"));
      break;
    case TargetKind::mask: {
      const auto height = static_cast<std::uint64_t>(request_.shape.height),
                 width = static_cast<std::uint64_t>(request_.shape.width);
      if (file.shape() != std::vector{size(), height, width})
        throw refuse(fmt::format("masks of (N, {}, {})", height, width));
    }
  }
}

void ArraysImport::read_labels(ArrayColumn& column) const {
  for (std::uint64_t i = 0; i < size(); ++i) {
    double label = 0;
    column.file->read(i, std::span(&label, 1));
    const bool known = label >= 0;  // NaN is not
    if (known && !(label < column.spec.size && std::floor(label) == label))
      throw data_error(fmt::format(
          "{}, record {}: {} is none of the classes 0 to {} of the target '{}'; negative numbers "
          "say that a class is not known",
          column.file->name(), i, label, column.spec.size - 1, column.spec.name));
    column.labels.push_back(known ? static_cast<std::int32_t>(label) : -1);
  }
}

void ArraysImport::read_values(ArrayColumn& column) const {
  std::vector<double> row(column.file->elements());
  for (std::uint64_t i = 0; i < size(); ++i) {
    column.file->read(i, row);
    for (const double value : row) {
      if (std::fabs(value) > std::numeric_limits<float>::max())
        throw data_error(
            fmt::format("{}, record {}: {} of the target '{}' is infinite or too large; NaN says "
                        "that a value is not known",
                        column.file->name(), i, value, column.spec.name));
      column.values.push_back(static_cast<float>(value));
    }
  }
}

std::vector<Split> ArraysImport::splits() const {
  if (request_.split.empty()) {
    std::vector<ClassColumn> classes;
    for (const ArrayColumn& column : columns_)
      if (column.spec.kind == TargetKind::classes)
        classes.push_back({column.labels, column.spec.size});
    return assign_splits(size(), classes, request_.fractions, request_.seed);
  }
  const auto file = open(request_.split);
  if (file->elements() != 1)
    throw data_error(
        fmt::format("{} has shape {}, not ({},)", file->name(), shape_text(file->shape()), size()));
  std::vector<Split> splits;
  for (std::uint64_t i = 0; i < size(); ++i) {
    double split = 0;
    file->read(i, std::span(&split, 1));
    if (split != 0 && split != 1 && split != 2)
      throw data_error(
          fmt::format("{}, record {}: {} is no split (0 is train, 1 validation, 2 test)",
                      file->name(), i, split));
    splits.push_back(static_cast<Split>(split));
  }
  return splits;
}

void ArraysImport::read_mask(const ArrayColumn& column, std::uint64_t index,
                             std::vector<std::uint8_t>& out) const {
  constexpr double not_known = 255;
  std::vector<double> pixels(column.file->elements());
  column.file->read(index, pixels);
  out.clear();
  for (const double pixel : pixels) {
    const bool known = pixel >= 0 && pixel != not_known;
    if (known && !(pixel < column.spec.size && std::floor(pixel) == pixel))
      throw data_error(
          fmt::format("{}, record {}: {} is none of the classes 0 to {} of the mask '{}'; 255 says "
                      "that a pixel is not known",
                      column.file->name(), index, pixel, column.spec.size - 1, column.spec.name));
    out.push_back(static_cast<std::uint8_t>(known ? pixel : not_known));
  }
}

void ArraysImport::prepare(std::uint64_t index, Prepared& out) const {
  DeepImage image;
  pictures_->read(index, request_.floats.value_or(PixelFormat{}), image);
  out.pixels.resize(request_.shape.bytes() * size_of(pixels_.type));
  fit_image(image, request_.fit, request_.shape, pixels_, out.pixels);
  out.masks.resize(columns_.size());
  for (std::size_t t = 0; t < columns_.size(); ++t)
    if (columns_[t].spec.kind == TargetKind::mask) read_mask(columns_[t], index, out.masks[t]);
}

void ArraysImport::write(DatasetWriter& writer) const {
  const auto append = [&](std::uint64_t i, const Prepared& prepared) {
    Record record;
    record.image = {prepared.pixels.data(), pixels_.type};
    for (std::size_t t = 0; t < columns_.size(); ++t) {
      const ArrayColumn& column = columns_[t];
      if (column.spec.kind == TargetKind::classes) record.targets[t].label = column.labels[i];
      if (column.spec.kind == TargetKind::values)
        record.targets[t].values = &column.values[i * column.file->elements()];
      if (column.spec.kind == TargetKind::mask) record.targets[t].mask = prepared.masks[t].data();
    }
    writer.append(record, splits_[i]);
    if (request_.progress) request_.progress(i + 1, size());
  };
  in_order<Prepared>(
      request_.threads, size(), [&](std::uint64_t i, Prepared& prepared) { prepare(i, prepared); },
      [&](std::uint64_t i, const Prepared& prepared) { append(i, prepared); });
}

nlohmann::json provenance(const ArraysRequest& request) {
  nlohmann::json json{{"source", request.tiff.empty() ? "npy" : "tiff"}};
  if (!request.npy.empty()) json["npy"] = request.npy.string();
  for (const auto& path : request.tiff) json["tiff"].push_back(path.string());
  for (const auto& [name, path] : request.targets_in) json["targets"][name] = path.string();
  if (!request.split.empty()) {
    json["split"] = request.split.string();
  } else {
    for (const std::uint32_t millionths : request.fractions)
      json["split_fractions"].push_back(static_cast<double>(millionths) / 1e6);
    json["seed"] = request.seed;
  }
  json["fit"] = to_string(request.fit);
  if (request.pixels) json["pixels"] = to_string(*request.pixels);
  return json;
}

}  // namespace

DatasetSummary import_arrays(const ArraysRequest& request) {
  const ArraysImport records(request);
  DatasetWriter writer(request.out, request.shape, request.targets, request.force,
                       records.pixels());
  records.write(writer);
  return writer.finish(provenance(request));
}

}  // namespace medley
