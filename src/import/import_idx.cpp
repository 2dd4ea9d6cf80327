#include "medley/import/import_idx.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "medley/base/error.hpp"
#include "medley/files/idx.hpp"

namespace medley {
namespace {

// A target of all records: labels or values in memory, masks from their file one by one.
struct Column {
  TargetSpec spec;
  std::unique_ptr<IdxReader> file;
  std::vector<std::int32_t> labels;
  std::vector<float> values;
};

class IdxImport {
 public:
  IdxImport(const IdxRequest& request, const IdxFiles& files)
      : request_(request), pictures_(files.images) {
    check_pictures();
    for (const TargetSpec& spec : request.targets) add_target(spec, files);
  }

  std::uint64_t size() const { return pictures_.records(); }
  std::vector<Split> splits(const SplitFractions& fractions) const;
  // Appends all records; `done` of `total` were there before.
  void write(DatasetWriter& writer, std::span<const Split> splits, std::uint64_t done,
             std::uint64_t total);

 private:
  void check_pictures() const;
  void add_target(const TargetSpec& spec, const IdxFiles& files);
  void read_labels(Column& column) const;
  void read_values(Column& column) const;
  void check_shape(const Column& column) const;
  void read_picture();

  const IdxRequest& request_;
  IdxReader pictures_;
  std::vector<Column> columns_;
  Image image_;
};

bool is_integer(DType dtype) { return dtype != DType::f32 && dtype != DType::f64; }

void IdxImport::check_pictures() const {
  const std::vector<std::uint64_t>& shape = pictures_.shape();
  const auto channels = static_cast<std::uint64_t>(request_.shape.channels);
  const bool plain = shape.size() == 3 && channels == 1;
  const bool planes = shape.size() == 4 && shape[1] == channels;
  if (pictures_.dtype() != DType::u8 || !(plain || planes))
    throw data_error(fmt::format(
        "{}: pictures of this experiment are uint8, N x {}height x width; these are {}, {}",
        pictures_.name(), channels == 1 ? "" : fmt::format("{} x ", channels),
        to_string(pictures_.dtype()), shape_text(pictures_)));
  if (std::max(shape[shape.size() - 1], shape[shape.size() - 2]) > max_side)
    throw data_error(fmt::format("{}: pictures of {} are larger than {} on a side",
                                 pictures_.name(), shape_text(pictures_), max_side));
}

void IdxImport::add_target(const TargetSpec& spec, const IdxFiles& files) {
  const auto given = files.targets.find(spec.name);
  if (given == files.targets.end())
    throw usage_error(
        fmt::format("the target '{0}' has no file beside {1}: give --idx-{2} {0}=FILE", spec.name,
                    files.images.string(), &files == &request_.test ? "test-labels" : "labels"));
  Column column{spec, std::make_unique<IdxReader>(given->second), {}, {}};
  check_shape(column);
  if (spec.kind == TargetKind::classes) read_labels(column);
  if (spec.kind == TargetKind::values) read_values(column);
  columns_.push_back(std::move(column));
}

void IdxImport::check_shape(const Column& column) const {
  const IdxReader& file = *column.file;
  if (file.records() != size())
    throw data_error(
        fmt::format("{} has {} records, but {} has {}: both are of the same records, in "
                    "the same order",
                    file.name(), file.records(), pictures_.name(), size()));
  const std::vector<std::uint64_t>& shape = file.shape();
  const auto own = static_cast<std::uint64_t>(column.spec.size);
  const auto refuse = [&](std::string_view wanted) {
    return data_error(fmt::format("{}: the target '{}' needs {}; this is {}, {}", file.name(),
                                  column.spec.name, wanted, to_string(file.dtype()),
                                  shape_text(file)));
  };
  switch (column.spec.kind) {
    case TargetKind::classes:
      if (shape.size() != 1 || !is_integer(file.dtype())) throw refuse("integers, N");
      break;
    case TargetKind::values:
      if (!(shape.size() == 2 && shape[1] == own) && !(shape.size() == 1 && own == 1))
        throw refuse(fmt::format("numbers, N x {}", own));
      break;
    case TargetKind::mask:
      if (file.dtype() != DType::u8 || shape.size() != 3 ||
          shape[1] != static_cast<std::uint64_t>(request_.shape.height) ||
          shape[2] != static_cast<std::uint64_t>(request_.shape.width))
        throw refuse(
            fmt::format("uint8, N x {} x {}", request_.shape.height, request_.shape.width));
  }
}

void IdxImport::read_labels(Column& column) const {
  for (std::uint64_t i = 0; i < size(); ++i) {
    column.file->next();
    const double label = column.file->element(0);
    if (label >= column.spec.size)
      throw data_error(fmt::format(
          "{}, record {}: {} is none of the classes 0 to {} of the target '{}'; negative numbers "
          "say that a class is not known",
          column.file->name(), i, label, column.spec.size - 1, column.spec.name));
    column.labels.push_back(label < 0 ? -1 : static_cast<std::int32_t>(label));
  }
}

void IdxImport::read_values(Column& column) const {
  for (std::uint64_t i = 0; i < size(); ++i) {
    column.file->next();
    for (std::size_t d = 0; d < column.file->elements(); ++d) {
      const double value = column.file->element(d);
      if (std::fabs(value) > std::numeric_limits<float>::max())
        throw data_error(
            fmt::format("{}, record {}: {} of the target '{}' is infinite or too large; NaN says "
                        "that a value is "
                        "not known",
                        column.file->name(), i, value, column.spec.name));
      column.values.push_back(static_cast<float>(value));
    }
  }
}

std::vector<Split> IdxImport::splits(const SplitFractions& fractions) const {
  std::vector<ClassColumn> classes;
  for (const Column& column : columns_)
    if (column.spec.kind == TargetKind::classes)
      classes.push_back({column.labels, column.spec.size});
  return assign_splits(size(), classes, fractions, request_.seed);
}

// The next picture, its channels side by side.
void IdxImport::read_picture() {
  pictures_.next();
  const std::span<const std::uint8_t> bytes = pictures_.bytes();
  const std::vector<std::uint64_t>& shape = pictures_.shape();
  image_.shape = {request_.shape.channels, static_cast<int>(shape[shape.size() - 2]),
                  static_cast<int>(shape[shape.size() - 1])};
  image_.pixels.resize(bytes.size());
  const auto channels = static_cast<std::size_t>(request_.shape.channels);
  const std::size_t plane = bytes.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < plane; ++i) image_.pixels[i * channels + c] = bytes[c * plane + i];
  }
}

void IdxImport::write(DatasetWriter& writer, std::span<const Split> splits, std::uint64_t done,
                      std::uint64_t total) {
  std::vector<std::uint8_t> fitted(request_.shape.bytes());
  for (std::uint64_t i = 0; i < size(); ++i) {
    read_picture();
    fit_image(image_, request_.fit, request_.shape, fitted);
    Record record;
    record.image = fitted.data();
    for (std::size_t t = 0; t < columns_.size(); ++t) {
      Column& column = columns_[t];
      Record::Target& target = record.targets[t];
      if (column.spec.kind == TargetKind::classes) target.label = column.labels[i];
      if (column.spec.kind == TargetKind::values)
        target.values = &column.values[i * static_cast<std::size_t>(column.spec.size)];
      if (column.spec.kind != TargetKind::mask) continue;
      column.file->next();
      target.mask = column.file->bytes().data();
      for (const std::uint8_t pixel : column.file->bytes()) {
        if (pixel >= column.spec.size && pixel != 255)
          throw data_error(fmt::format(
              "{}, record {}: {} is none of the classes 0 to {} of the mask '{}'; 255 says that a "
              "pixel is not known",
              column.file->name(), i, pixel, column.spec.size - 1, column.spec.name));
      }
    }
    writer.append(record, splits[i]);
    if (request_.progress) request_.progress(done + i + 1, total);
  }
}

nlohmann::json provenance(const IdxRequest& request) {
  const auto files = [](const IdxFiles& f) {
    nlohmann::json json{{"images", f.images.string()}};
    for (const auto& [name, path] : f.targets) json["targets"][name] = path.string();
    return json;
  };
  nlohmann::json json{{"source", "idx"}, {"records", files(request.records)}};
  if (!request.test.images.empty()) json["test"] = files(request.test);
  for (const std::uint32_t millionths : request.fractions)
    json["split_fractions"].push_back(static_cast<double>(millionths) / 1e6);
  json["seed"] = request.seed;
  json["fit"] = to_string(request.fit);
  return json;
}

}  // namespace

DatasetSummary import_idx(const IdxRequest& request) {
  // First of all: whether the result may be written is better known before the work.
  DatasetWriter writer(request.out, request.shape, request.targets, request.force);
  IdxImport records(request, request.records);
  SplitFractions fractions = request.fractions;
  std::optional<IdxImport> test;
  if (!request.test.images.empty()) {
    test.emplace(request, request.test);
    fractions = {fractions[0] + fractions[2], fractions[1], 0};
  }
  const std::uint64_t total = records.size() + (test ? test->size() : 0);
  records.write(writer, records.splits(fractions), 0, total);
  if (test) {
    const std::vector<Split> all(test->size(), Split::test);
    test->write(writer, all, records.size(), total);
  }
  return writer.finish(provenance(request));
}

}  // namespace medley
