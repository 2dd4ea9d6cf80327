#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/files/csv.hpp"
#include "medley/files/import.hpp"
#include "medley/files/mapped_file.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t missing_class = std::numeric_limits<std::uint32_t>::max();

// --- cells ---------------------------------------------------------------------------------------

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// 0, 1, or nothing if the text is no spelling of a boolean.
std::optional<int> boolean_of(std::string_view text) {
  const std::string word = lower(text);
  for (const std::string_view no : {"0", "f", "false", "n", "no"})
    if (word == no) return 0;
  for (const std::string_view yes : {"1", "t", "true", "y", "yes"})
    if (word == yes) return 1;
  return std::nullopt;
}

// Whole numbers by value, all else bytewise.
void sort_names(std::vector<std::string>& names) {
  const bool numbers = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return parse_whole<std::int64_t>(name).has_value();
  });
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    if (!numbers) return a < b;
    const auto x = *parse_whole<std::int64_t>(a), y = *parse_whole<std::int64_t>(b);
    return x != y ? x < y : a < b;
  });
}

bool is_file(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// --- the import ----------------------------------------------------------------------------------

// What a target has read so far.
struct TargetColumn {
  TargetSpec spec;
  std::vector<std::size_t> columns;
  std::vector<float> values;         // of all rows, `size` each
  std::vector<std::uint32_t> texts;  // of all rows: index into names, or missing_class
  std::vector<std::string> names;    // in order of appearance
  std::unordered_map<std::string, std::uint32_t> index;
  std::vector<std::uint64_t> counts;  // rows of each name
  std::vector<std::int32_t> numbers;  // class number of each name; negative: left out
};

struct PictureRow {
  std::uint64_t number = 0;
  std::string picture;
  std::uint32_t group = 0;
  bool kept = true;
};

class CsvImport {
 public:
  explicit CsvImport(const ImportRequest& request)
      : request_(request), csv_(request.csv), root_(request.images.lexically_normal()) {
    require_picture_channels(request.shape.channels);
    image_ = csv_.column(request.image_column);
    group_ = request.group_column.empty() ? image_ : csv_.column(request.group_column);
    for (const auto& [column, value] : request.excludes)
      excludes_.emplace_back(csv_.column(column), value);
    for (const TargetSpec& spec : request.targets) add_target(spec);
    for (const auto& [name, count] : request.min_counts) find_classes(name);
    std::error_code ignored;
    if (!fs::is_directory(root_, ignored))
      throw io_error(root_.string() + " is not a folder of pictures");
  }

  ImportReport run() {
    // First of all: whether the result may be written is better known before the work.
    DatasetWriter writer(request_.out, request_.shape, request_.targets, request_.force);
    read_rows();
    leave_out_rare();
    for (std::size_t t = 0; t < targets_.size(); ++t)
      if (targets_[t].spec.kind == TargetKind::classes)
        writer.set_class_names(t, number_classes(targets_[t]));
    const std::vector<Split> splits = split_groups();
    write_rows(writer, splits);
    report_.summary = writer.finish(provenance());
    return std::move(report_);
  }

 private:
  void add_target(const TargetSpec& spec);
  TargetColumn& find_classes(std::string_view name);
  void read_rows();
  void read_row(const CsvRow& row);
  bool excluded(const CsvRow& row) const;
  std::string read_cells(const CsvRow& row);
  std::string read_values(const CsvRow& row, TargetColumn& target, std::vector<float>& out) const;
  std::string find_picture(const std::string& text, std::string& path) const;
  void bad(std::uint64_t row, std::string_view reason);
  void merge_booleans(TargetColumn& target) const;
  void leave_out_rare();
  std::vector<std::string> number_classes(TargetColumn& target) const;
  std::vector<Split> split_groups() const;
  void write_rows(DatasetWriter& writer, std::span<const Split> splits);
  nlohmann::json provenance() const;

  const ImportRequest& request_;
  CsvReader csv_;
  fs::path root_;
  std::size_t image_ = 0, group_ = 0;
  std::vector<std::pair<std::size_t, std::string>> excludes_;
  std::vector<TargetColumn> targets_;
  std::vector<PictureRow> rows_;
  std::vector<std::string> groups_;
  std::unordered_map<std::string, std::uint32_t> group_index_;
  ImportReport report_;
};

void CsvImport::add_target(const TargetSpec& spec) {
  if (spec.kind == TargetKind::mask)
    throw usage_error(
        fmt::format("the target '{}' is a mask, which a CSV file cannot give: write {} yourself",
                    spec.name, target_file(spec.name)));
  TargetColumn target{spec, {}, {}, {}, {}, {}, {}, {}};
  const auto given = request_.columns.find(spec.name);
  const std::vector<std::string> names =
      given == request_.columns.end() ? std::vector{std::string(spec.name)} : given->second;
  const std::size_t wanted =
      spec.kind == TargetKind::values ? static_cast<std::size_t>(spec.size) : 1;
  if (names.size() != wanted)
    throw usage_error(
        fmt::format("the target '{0}' needs {1} column{2}, not {3}: give --target "
                    "{0}=COLUMN {1} time{2}, in order",
                    spec.name, wanted, wanted == 1 ? "" : "s", names.size()));
  for (const std::string& name : names) {
    if (given == request_.columns.end() && !csv_.has_column(name))
      throw usage_error(
          fmt::format("{} has no column '{}' for that target: give --target {}=COLUMN "
                      "(its columns: {})",
                      csv_.name(), name, name, fmt::join(csv_.header(), ", ")));
    target.columns.push_back(csv_.column(name));
  }
  targets_.push_back(std::move(target));
}

TargetColumn& CsvImport::find_classes(std::string_view name) {
  for (TargetColumn& target : targets_)
    if (target.spec.name == name && target.spec.kind == TargetKind::classes) return target;
  throw usage_error(fmt::format("--min-count: no target '{}' that has classes", name));
}

void CsvImport::read_rows() {
  CsvRow row;
  while (csv_.next(row)) read_row(row);
  for (TargetColumn& target : targets_) merge_booleans(target);
}

void CsvImport::read_row(const CsvRow& row) {
  ++report_.rows;
  if (!row.problem.empty()) return bad(row.number, row.problem);
  if (excluded(row)) {
    ++report_.excluded;
    return;
  }
  PictureRow picture{row.number, {}, 0, true};
  if (row.fields[group_].empty())
    return bad(row.number, fmt::format("the cell of column '{}' is empty", csv_.header()[group_]));
  if (const std::string problem = find_picture(row.fields[image_], picture.picture);
      !problem.empty())
    return bad(row.number, problem);
  if (const std::string problem = read_cells(row); !problem.empty())
    return bad(row.number, problem);
  const auto [group, added] =
      group_index_.try_emplace(row.fields[group_], static_cast<std::uint32_t>(groups_.size()));
  if (added) groups_.push_back(row.fields[group_]);
  picture.group = group->second;
  rows_.push_back(std::move(picture));
}

bool CsvImport::excluded(const CsvRow& row) const {
  return std::any_of(excludes_.begin(), excludes_.end(), [&](const auto& exclude) {
    return row.fields[exclude.first] == exclude.second;
  });
}

// Reads the cells of all targets, or changes nothing and says what is wrong with one.
std::string CsvImport::read_cells(const CsvRow& row) {
  std::vector<float> values;
  for (TargetColumn& target : targets_) {
    if (target.spec.kind == TargetKind::values) {
      if (std::string problem = read_values(row, target, values); !problem.empty()) return problem;
    } else if (!is_utf8(row.fields[target.columns[0]])) {
      return fmt::format("the cell of column '{}' is not UTF-8: convert the file with iconv",
                         csv_.header()[target.columns[0]]);
    }
  }
  std::size_t next = 0;
  for (TargetColumn& target : targets_) {
    if (target.spec.kind == TargetKind::values) {
      for (int i = 0; i < target.spec.size; ++i) target.values.push_back(values[next++]);
      continue;
    }
    const std::string& text = row.fields[target.columns[0]];
    if (text.empty()) {
      target.texts.push_back(missing_class);
      continue;
    }
    const auto [entry, added] =
        target.index.try_emplace(text, static_cast<std::uint32_t>(target.names.size()));
    if (added) {
      target.names.push_back(text);
      target.counts.push_back(0);
    }
    target.texts.push_back(entry->second);
    ++target.counts[entry->second];
  }
  return {};
}

std::string CsvImport::read_values(const CsvRow& row, TargetColumn& target,
                                   std::vector<float>& out) const {
  for (const std::size_t column : target.columns) {
    const std::string& text = row.fields[column];
    std::optional<float> value = std::numeric_limits<float>::quiet_NaN();
    if (!text.empty()) value = parse_whole<float>(text);
    if (!value || std::isinf(*value))
      return fmt::format("'{}' in column '{}' is not a finite number", text, csv_.header()[column]);
    out.push_back(*value);
  }
  return {};
}

// The file that a cell names. Not even a look is taken at what is outside of the folder.
std::string CsvImport::find_picture(const std::string& text, std::string& path) const {
  if (text.empty()) return "no picture is named";
  if (text.find('\0') != std::string::npos) return "the name of the picture holds a zero byte";
  const fs::path named(text);
  if (std::find(named.begin(), named.end(), "..") != named.end())
    return fmt::format("'{}' leaves the folder of the pictures", text);
  if (named.is_absolute()) {
    const fs::path inside =
        named.lexically_normal().lexically_relative(fs::absolute(root_).lexically_normal());
    // The folder itself with an extension appended would be a file beside it.
    if (inside.empty() || *inside.begin() == ".." || *inside.begin() == ".")
      return fmt::format("'{}' leaves the folder of the pictures", text);
  }
  for (const std::string_view extension :
       {std::string_view(request_.extension), std::string_view(), std::string_view(".jpg"),
        std::string_view(".jpeg"), std::string_view(".png"), std::string_view(".JPG"),
        std::string_view(".JPEG"), std::string_view(".PNG")}) {
    path = (root_ / (text + std::string(extension))).string();  // an absolute name stays itself
    if (is_file(path)) return {};
  }
  return fmt::format("there is no picture {}", (root_ / (text + request_.extension)).string());
}

void CsvImport::bad(std::uint64_t row, std::string_view reason) {
  std::string message = fmt::format("{}, row {}: {}", csv_.name(), row, reason);
  if (!request_.skip_bad)
    throw data_error(message + " (mend it, or leave out such rows with --skip-bad)");
  report_.skipped.push_back(std::move(message));
}

// "True", "true" and "1" are one class where a target has two classes and all texts are booleans;
// its name is the spelling that came first.
void CsvImport::merge_booleans(TargetColumn& target) const {
  if (target.spec.kind != TargetKind::classes || target.spec.size != 2 || target.names.size() <= 2)
    return;
  std::array<std::uint32_t, 2> first{missing_class, missing_class};
  std::vector<std::uint32_t> merged;
  for (std::uint32_t i = 0; i < target.names.size(); ++i) {
    const std::optional<int> value = boolean_of(target.names[i]);
    if (!value) return;
    std::uint32_t& representative = first[static_cast<std::size_t>(*value)];
    if (representative == missing_class) representative = i;
    merged.push_back(representative);
  }
  for (std::uint32_t& text : target.texts)
    if (text != missing_class) text = merged[text];
  for (std::uint32_t i = 0; i < merged.size(); ++i)
    if (merged[i] != i) target.counts[merged[i]] += std::exchange(target.counts[i], 0);
}

void CsvImport::leave_out_rare() {
  for (const auto& [name, least] : request_.min_counts) {
    const TargetColumn& target = find_classes(name);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::uint32_t text = target.texts[i];
      if (text != missing_class && target.counts[text] < least && rows_[i].kept) {
        rows_[i].kept = false;
        ++report_.rare;
      }
    }
  }
}

// Gives the classes of the rows that are left their numbers; returns their names in order.
std::vector<std::string> CsvImport::number_classes(TargetColumn& target) const {
  std::vector<std::uint64_t> counts(target.names.size());
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].kept && target.texts[i] != missing_class) ++counts[target.texts[i]];
  std::vector<std::string> names;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) names.push_back(target.names[i]);
  sort_names(names);
  const bool booleans = names.size() == 2 && boolean_of(names[0]) && boolean_of(names[1]);
  if (booleans && *boolean_of(names[0]) > *boolean_of(names[1])) std::swap(names[0], names[1]);
  if (names.size() != static_cast<std::size_t>(target.spec.size)) {
    std::string found;
    for (const std::string& name : names)
      found +=
          fmt::format("{}{} ({})", found.empty() ? "" : ", ", name, counts[target.index.at(name)]);
    throw data_error(fmt::format(
        "{}: column '{}' has {} classes, but the experiment's target '{}' has {}: leave some out "
        "with --exclude or --min-count, or change the experiment. Found: {}",
        csv_.name(), csv_.header()[target.columns[0]], names.size(), target.spec.name,
        target.spec.size, found));
  }
  target.numbers.assign(target.names.size(), -1);
  for (std::size_t number = 0; number < names.size(); ++number)
    target.numbers[target.index.at(names[number])] = static_cast<std::int32_t>(number);
  return names;
}

std::vector<Split> CsvImport::split_groups() const {
  std::vector<std::uint64_t> sizes(groups_.size());
  std::vector<std::vector<std::uint32_t>> classes(groups_.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!rows_[i].kept) continue;
    const std::uint32_t group = rows_[i].group;
    ++sizes[group];
    std::uint32_t first = 0;  // the targets' classes are numbered one after the other
    for (const TargetColumn& target : targets_) {
      if (target.spec.kind != TargetKind::classes) continue;
      if (target.texts[i] != missing_class)
        classes[group].push_back(first +
                                 static_cast<std::uint32_t>(target.numbers[target.texts[i]]));
      first += static_cast<std::uint32_t>(target.spec.size);
    }
  }
  for (auto& list : classes) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return assign_splits(groups_, sizes, classes, request_.fractions, request_.seed);
}

void CsvImport::write_rows(DatasetWriter& writer, std::span<const Split> splits) {
  std::vector<std::uint8_t> fitted(request_.shape.bytes());
  Image image;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const PictureRow& row = rows_[i];
    if (!row.kept) continue;
    try {
      const MappedFile file(row.picture);
      decode_image(file.bytes(), request_.shape.channels, image);
    } catch (const Error& error) {
      bad(row.number, fmt::format("picture {}: {}", row.picture, error.what()));
      continue;
    }
    fit_image(image, request_.fit, request_.shape, fitted);
    Record record;
    record.image = fitted.data();
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      const TargetColumn& target = targets_[t];
      if (target.spec.kind == TargetKind::values)
        record.targets[t].values = &target.values[i * static_cast<std::size_t>(target.spec.size)];
      else if (target.texts[i] != missing_class)
        record.targets[t].label = target.numbers[target.texts[i]];
    }
    writer.append(record, splits[row.group]);
    if (request_.progress) request_.progress(i + 1, rows_.size());
  }
}

nlohmann::json CsvImport::provenance() const {
  nlohmann::json json;
  json["source"] = "csv";
  json["csv"] = request_.csv.string();
  json["images"] = request_.images.string();
  json["image"] = request_.image_column;
  json["extension"] = request_.extension;
  for (const TargetColumn& target : targets_)
    for (const std::size_t column : target.columns)
      json["target"][std::string(target.spec.name)].push_back(csv_.header()[column]);
  json["split_by"] = csv_.header()[group_];
  for (const std::uint32_t millionths : request_.fractions)
    json["split_fractions"].push_back(static_cast<double>(millionths) / 1e6);
  json["seed"] = request_.seed;
  json["exclude"] = nlohmann::json::array();
  for (const auto& [column, value] : request_.excludes)
    json["exclude"].push_back(column + "=" + value);
  json["min_count"] = request_.min_counts;
  json["fit"] = to_string(request_.fit);
  json["rows"] = {{"csv", report_.rows},
                  {"excluded", report_.excluded},
                  {"rare", report_.rare},
                  {"skipped", report_.skipped.size()}};
  return json;
}

}  // namespace

ImportReport import_csv(const ImportRequest& request) { return CsvImport(request).run(); }

}  // namespace medley
