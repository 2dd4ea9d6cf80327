#include "medley/import/import_cifar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"
#include "medley/base/pixel_text.hpp"
#include "medley/base/text.hpp"
#include "medley/files/deep_image.hpp"
#include "medley/files/mapped_file.hpp"
#include "medley/import/in_order.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

constexpr PictureShape cifar_shape{3, 32, 32};

// One of the labels of a record.
struct CifarLabel {
  std::string_view name;
  int classes;
  std::string_view names_in;  // the file of the names of its classes
};
constexpr std::array<CifarLabel, 1> cifar10_labels{{{"label", 10, "batches.meta.txt"}}};
constexpr std::array<CifarLabel, 2> cifar100_labels{
    {{"coarse", 20, "coarse_label_names.txt"}, {"fine", 100, "fine_label_names.txt"}}};

std::span<const CifarLabel> labels_of(std::size_t count) {
  if (count == 1) return cifar10_labels;
  return cifar100_labels;
}

struct CifarFile {
  MappedFile file;
  std::size_t labels = 0;  // in a record
  bool is_test = false;

  std::size_t record_bytes() const { return labels + cifar_shape.bytes(); }
  std::uint64_t records() const { return file.bytes().size() / record_bytes(); }
  std::span<const std::byte> record(std::uint64_t i) const {
    return file.bytes().subspan(i * record_bytes(), record_bytes());
  }
};

CifarFile open_cifar(const fs::path& path) {
  CifarFile cifar{MappedFile(path), 0, path.filename().string().starts_with("test")};
  const std::span<const std::byte> bytes = cifar.file.bytes();
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<std::size_t>(bytes.size(), 2));
  if (bytes.empty()) throw data_error(fmt::format("{} is empty", cifar.file.name()));
  if (start == "\x1F\x8B")
    throw data_error(
        fmt::format("{} is compressed: unpack it with tar xzf, and give its folder to --cifar",
                    cifar.file.name()));
  const bool ten = bytes.size() % (cifar_shape.bytes() + 1) == 0;
  const bool hundred = bytes.size() % (cifar_shape.bytes() + 2) == 0;
  if (!ten && !hundred)
    throw data_error(fmt::format(
        "{} has {} bytes, neither a multiple of 3073 (CIFAR-10) nor of 3074 (CIFAR-100): it is cut "
        "off, or another kind of file",
        cifar.file.name(), bytes.size()));
  const std::string name = path.filename().string();
  cifar.labels = ten && !(hundred && (name == "train.bin" || name == "test.bin")) ? 1 : 2;
  return cifar;
}

// The files that are meant, in order.
std::vector<fs::path> files_of(const std::vector<fs::path>& given) {
  std::error_code ignored;
  if (given.size() != 1 || !fs::is_directory(given[0], ignored)) return given;
  for (const fs::path& folder :
       {given[0], given[0] / "cifar-10-batches-bin", given[0] / "cifar-100-binary"}) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error))
      if (entry->path().extension() == ".bin") files.push_back(entry->path());
    std::ranges::sort(files);
    if (!files.empty()) return files;
  }
  throw data_error(fmt::format(
      "{} holds no .bin files: of CIFAR, the binary version is read, not that for Python or Matlab",
      given[0].string()));
}

class CifarImport {
 public:
  explicit CifarImport(const CifarRequest& request)
      : request_(request), pixels_(imported_pixels(request, PixelType::u8, "uint8")) {
    for (const fs::path& path : files_of(request.files)) {
      files_.push_back(open_cifar(path));
      if (files_.back().labels != files_[0].labels)
        throw data_error(fmt::format("{} is of CIFAR-{}, and {} is not", files_[0].file.name(),
                                     files_[0].labels == 1 ? 10 : 100, files_.back().file.name()));
    }
    known_ = labels_of(files_[0].labels);
    for (const TargetSpec& spec : request.targets) columns_.push_back(column_of_target(spec));
    for (std::size_t f = 0; f < files_.size(); ++f)
      for (std::uint64_t i = 0; i < files_[f].records(); ++i) add_record(f, i);
  }

  DatasetSummary run() {
    DatasetWriter writer(request_.out, request_.shape, request_.targets, request_.force, pixels_);
    for (std::size_t t = 0; t < columns_.size(); ++t)
      if (columns_[t].label) writer.set_class_names(t, class_names(*columns_[t].label));
    write(writer, splits());
    return writer.finish(provenance());
  }

 private:
  struct Place {
    std::size_t file;
    std::uint64_t record;
  };
  struct Column {
    std::optional<std::size_t> label;  // which of a record; none: nothing is known
    std::vector<std::int32_t> numbers;
  };

  Column column_of_target(const TargetSpec& spec) const;
  void add_record(std::size_t file, std::uint64_t record);
  std::vector<std::string> class_names(std::size_t label) const;
  std::vector<Split> splits() const;
  void prepare(const Place& place, std::vector<std::byte>& out) const;
  void write(DatasetWriter& writer, std::span<const Split> splits) const;
  nlohmann::json provenance() const;

  const CifarRequest& request_;
  PixelFormat pixels_;
  std::vector<CifarFile> files_;
  std::span<const CifarLabel> known_;
  std::vector<Column> columns_;
  std::vector<Place> places_;  // of all records
};

CifarImport::Column CifarImport::column_of_target(const TargetSpec& spec) const {
  const auto given = request_.columns.find(spec.name);
  if (given != request_.columns.end() && given->second.empty()) return {};
  const bool classes = spec.kind == TargetKind::classes;
  for (std::size_t i = 0; i < known_.size(); ++i) {
    const bool named = given != request_.columns.end() ? given->second == known_[i].name
                                                       : spec.name == known_[i].name;
    const bool fits = classes && spec.size == known_[i].classes;
    if (named && classes && !fits)
      throw usage_error(fmt::format("'{}' has {} classes, but the experiment's target '{}' has {}",
                                    known_[i].name, known_[i].classes, spec.name, spec.size));
    if ((named || given == request_.columns.end()) && fits) return {i, {}};
  }
  std::string there;
  for (const CifarLabel& label : known_)
    there +=
        fmt::format("{}{} ({} classes)", there.empty() ? "" : " and ", label.name, label.classes);
  throw usage_error(fmt::format(
      "{0} has {1}, and nothing {2} the target '{3}': give --target {3}= if nothing is known of it",
      files_[0].file.name(), there,
      given == request_.columns.end() ? "for" : fmt::format("called '{}' for", given->second),
      spec.name));
}

void CifarImport::add_record(std::size_t file, std::uint64_t record) {
  const std::span<const std::byte> bytes = files_[file].record(record);
  for (std::size_t i = 0; i < known_.size(); ++i)
    if (const int number = std::to_integer<int>(bytes[i]); number >= known_[i].classes)
      throw data_error(
          fmt::format("{}, record {}: the {} is {}, but there are 0 to {}: it is another "
                      "kind of file, or damaged",
                      files_[file].file.name(), record,
                      known_[i].name == "label" ? "label" : fmt::format("{} label", known_[i].name),
                      number, known_[i].classes - 1));
  for (Column& column : columns_)
    column.numbers.push_back(column.label ? std::to_integer<std::int32_t>(bytes[*column.label])
                                          : -1);
  places_.push_back({file, record});
}

// A line each, if the file is there.
std::vector<std::string> CifarImport::class_names(std::size_t label) const {
  const fs::path path =
      fs::path(files_[0].file.name()).parent_path() / std::string(known_[label].names_in);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return {};
  const MappedFile file(path);
  std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!stripped(line).empty()) names.emplace_back(stripped(line));
  }
  if (names.size() != static_cast<std::size_t>(known_[label].classes) ||
      !std::ranges::all_of(names, [](const auto& name) { return is_utf8(name); }))
    throw data_error(fmt::format("{} does not have the names of {} classes, a line each, in UTF-8",
                                 file.name(), known_[label].classes));
  return names;
}

// Drawn by a record's number among those that are not of the test split.
std::vector<Split> CifarImport::splits() const {
  const bool has_test =
      std::ranges::any_of(files_, [](const CifarFile& file) { return file.is_test; });
  SplitFractions fractions = request_.fractions;
  if (has_test) fractions = {fractions[0] + fractions[2], fractions[1], 0};
  std::vector<std::vector<std::int32_t>> numbers(columns_.size());
  std::uint64_t drawn = 0;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (files_[places_[i].file].is_test) continue;
    ++drawn;
    for (std::size_t t = 0; t < columns_.size(); ++t) numbers[t].push_back(columns_[t].numbers[i]);
  }
  std::vector<ClassColumn> classes;
  for (std::size_t t = 0; t < columns_.size(); ++t)
    if (request_.targets[t].kind == TargetKind::classes)
      classes.push_back({numbers[t], request_.targets[t].size});
  const std::vector<Split> of_drawn = assign_splits(drawn, classes, fractions, request_.seed);
  std::vector<Split> splits;
  std::size_t next = 0;
  for (const Place& place : places_)
    splits.push_back(files_[place.file].is_test ? Split::test : of_drawn[next++]);
  return splits;
}

void CifarImport::prepare(const Place& place, std::vector<std::byte>& out) const {
  const CifarFile& file = files_[place.file];
  const std::span<const std::byte> planes = file.record(place.record).subspan(file.labels);
  DeepImage image{cifar_shape, {}, std::vector<float>(planes.size())};
  const std::size_t channels = 3, pixels = planes.size() / channels;
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t i = 0; i < pixels; ++i)
      image.values[i * channels + c] = std::to_integer<std::uint8_t>(planes[c * pixels + i]);
  to_channels(request_.shape.channels, image);
  out.resize(request_.shape.bytes() * size_of(pixels_.type));
  fit_image(image, request_.fit, request_.shape, pixels_, out);
}

void CifarImport::write(DatasetWriter& writer, std::span<const Split> splits) const {
  using Pixels = std::vector<std::byte>;
  in_order<Pixels>(
      request_.threads, places_.size(),
      [&](std::uint64_t i, Pixels& pixels) { prepare(places_[i], pixels); },
      [&](std::uint64_t i, const Pixels& pixels) {
        Record record;
        record.image = {pixels.data(), pixels_.type};
        for (std::size_t t = 0; t < columns_.size(); ++t)
          record.targets[t].label = columns_[t].numbers[i];
        writer.append(record, splits[i]);
        if (request_.progress) request_.progress(i + 1, places_.size());
      });
}

nlohmann::json CifarImport::provenance() const {
  nlohmann::json json{{"source", "cifar"}};
  for (const CifarFile& file : files_) json["cifar"].push_back(file.file.name());
  for (std::size_t t = 0; t < columns_.size(); ++t)
    if (columns_[t].label)
      json["target"][std::string(request_.targets[t].name)] = known_[*columns_[t].label].name;
  for (const std::uint32_t millionths : request_.fractions)
    json["split_fractions"].push_back(static_cast<double>(millionths) / 1e6);
  json["seed"] = request_.seed;
  json["fit"] = to_string(request_.fit);
  if (pixels_ != PixelFormat{}) json["pixels"] = to_text(pixels_);
  return json;
}

}  // namespace

DatasetSummary import_cifar(const CifarRequest& request) { return CifarImport(request).run(); }

}  // namespace medley
