#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"
#include "medley/base/text.hpp"
#include "medley/files/csv.hpp"
#include "medley/files/mapped_file.hpp"
#include "medley/import/class_texts.hpp"
#include "medley/import/decimals.hpp"
#include "medley/import/find_picture.hpp"
#include "medley/import/import.hpp"
#include "medley/import/in_order.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t missing_class = std::numeric_limits<std::uint32_t>::max();

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
  bool listed = false;                // `names` were given, in their order
};

struct PictureRow {
  std::uint64_t number = 0;
  std::string picture;
  std::uint32_t group = 0;
  bool kept = true;
};

// A row's picture as the experiment reads it, or what is wrong with it.
struct ReadPicture {
  std::vector<std::uint8_t> fitted;
  std::string problem;
};

class CsvImport {
 public:
  explicit CsvImport(const ImportRequest& request)
      : request_(request),
        csv_(request.csv, {.separator = request.separator, .lenient = true}),
        decimals_(request.decimal),
        root_(request.images.lexically_normal()) {
    require_picture_channels(request.shape.channels);
    image_ = csv_.column(request.image_column);
    group_ = request.group_column.empty() ? image_ : csv_.column(request.group_column);
    for (const auto& [column, value] : request.excludes)
      excludes_.emplace_back(csv_.column(column), value);
    for (const TargetSpec& spec : request.targets) add_target(spec);
    for (const auto& [name, count] : request.min_counts) find_classes("--min-count", name);
    for (const auto& [name, classes] : request.classes) list_classes(name, classes);
    for (const auto& [name, text] : request.positive) check_positive(name);
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
    if (has_groups()) writer.keep_groups();
    write_rows(writer, splits);
    report_.summary = writer.finish(provenance());
    return std::move(report_);
  }

 private:
  void add_target(const TargetSpec& spec);
  TargetColumn& find_classes(std::string_view option, std::string_view name);
  void list_classes(const std::string& name, const std::vector<std::string>& classes);
  void check_positive(const std::string& name);
  bool decimal_comma() const;
  bool not_known(std::string_view cell) const;
  void read_rows();
  void read_row(const CsvRow& row);
  bool excluded(const CsvRow& row) const;
  std::string read_cells(const CsvRow& row);
  std::string check_text(const CsvRow& row, const TargetColumn& target) const;
  std::string read_values(const CsvRow& row, TargetColumn& target, std::vector<float>& out);
  void bad(std::uint64_t row, std::string_view reason);
  void merge_same(TargetColumn& target);
  void refuse_missing(const TargetColumn& target, std::span<const std::uint64_t> counts) const;
  void leave_out_rare();
  std::vector<std::string> number_classes(TargetColumn& target) const;
  std::vector<std::string> found_classes(const TargetColumn& target) const;
  std::vector<Split> split_groups() const;
  bool has_groups() const;
  void read_picture(const PictureRow& row, ReadPicture& out) const;
  void write_rows(DatasetWriter& writer, std::span<const Split> splits);
  nlohmann::json provenance() const;

  const ImportRequest& request_;
  CsvReader csv_;
  Decimals decimals_;
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

TargetColumn& CsvImport::find_classes(std::string_view option, std::string_view name) {
  for (TargetColumn& target : targets_)
    if (target.spec.name == name && target.spec.kind == TargetKind::classes) return target;
  throw usage_error(fmt::format("{}: no target '{}' that has classes", option, name));
}

void CsvImport::list_classes(const std::string& name, const std::vector<std::string>& classes) {
  TargetColumn& target = find_classes("--classes", name);
  if (classes.size() != static_cast<std::size_t>(target.spec.size))
    throw usage_error(
        fmt::format("--classes: {} for the target '{}', which has {} in this experiment",
                    classes.size(), name, target.spec.size));
  if (request_.min_counts.contains(name))
    throw usage_error(fmt::format(
        "--classes and --min-count: the classes of '{}' are either listed or chosen by count",
        name));
  for (const std::string& text : classes) {
    if (not_known(text))
      throw usage_error(
          fmt::format("--classes: '{}' of the target '{}' stands for \"not known\"", text, name));
    if (!target.index.try_emplace(text, static_cast<std::uint32_t>(target.names.size())).second)
      throw usage_error(fmt::format("--classes: '{}' twice for the target '{}'", text, name));
    target.names.push_back(text);
    target.counts.push_back(0);
  }
  target.listed = true;
}

void CsvImport::check_positive(const std::string& name) {
  if (const TargetColumn& target = find_classes("--positive", name);
      target.listed || target.spec.size != 2)
    throw usage_error(
        fmt::format("--positive: the target '{}' {}", name,
                    target.listed ? "has the order of --classes" : "has more than two classes"));
}

// Whether numbers among the texts of classes are written with a comma.
bool CsvImport::decimal_comma() const {
  return decimals_.has_comma() || (csv_.separator() != ',' && !decimals_.has_point());
}

// Whether a cell says that its row's value is not known.
bool CsvImport::not_known(std::string_view cell) const {
  const std::string_view text = stripped(cell);
  return text.empty() || std::find(request_.missing.begin(), request_.missing.end(), text) !=
                             request_.missing.end();
}

void CsvImport::read_rows() {
  CsvRow row;
  while (csv_.next(row)) read_row(row);
  if (const std::string problem = decimals_.problem(); !problem.empty())
    throw data_error(fmt::format("{}: {}", csv_.name(), problem));
  for (TargetColumn& target : targets_) merge_same(target);
}

void CsvImport::read_row(const CsvRow& row) {
  ++report_.rows;
  if (!row.problem.empty()) return bad(row.number, row.problem);
  if (excluded(row)) {
    ++report_.excluded;
    return;
  }
  PictureRow picture{row.number, {}, 0, true};
  if (not_known(row.fields[group_]))
    return bad(row.number, fmt::format("the cell of column '{}' is {}", csv_.header()[group_],
                                       row.fields[group_].empty() ? "empty" : "not known"));
  if (const std::string problem =
          find_picture(root_, request_.extension, row.fields[image_], picture.picture);
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
    } else if (std::string problem = check_text(row, target); !problem.empty()) {
      return problem;
    }
  }
  std::size_t next = 0;
  for (TargetColumn& target : targets_) {
    if (target.spec.kind == TargetKind::values) {
      for (int i = 0; i < target.spec.size; ++i) target.values.push_back(values[next++]);
      continue;
    }
    const std::string& text = row.fields[target.columns[0]];
    if (not_known(text)) {
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

std::string CsvImport::check_text(const CsvRow& row, const TargetColumn& target) const {
  const std::string& text = row.fields[target.columns[0]];
  const std::string& column = csv_.header()[target.columns[0]];
  if (!is_utf8(text))
    return fmt::format("the cell of column '{}' is not UTF-8: convert the file with iconv", column);
  if (!target.listed || not_known(text) || target.index.contains(text)) return {};
  return fmt::format("'{}' in column '{}' is none of the classes of --classes: '{}'", text, column,
                     fmt::join(target.names, "', '"));
}

std::string CsvImport::read_values(const CsvRow& row, TargetColumn& target,
                                   std::vector<float>& out) {
  for (const std::size_t column : target.columns) {
    const std::string& text = row.fields[column];
    NumberRead<float> read{std::numeric_limits<float>::quiet_NaN()};
    if (!not_known(text)) read = decimals_.read(text);
    if (!read)
      return fmt::format("'{}' in column '{}' {}{}", text, csv_.header()[column], read.fault,
                         spells_missing(text)
                             ? ": if it stands for \"not known\", give --missing " + text
                             : std::string{});
    out.push_back(read.value);
  }
  return {};
}

void CsvImport::bad(std::uint64_t row, std::string_view reason) {
  std::string message = fmt::format("{}, row {}: {}", csv_.name(), row, reason);
  if (!request_.skip_bad)
    throw data_error(message + " (mend it, or leave out such rows with --skip-bad)");
  report_.skipped.push_back(std::move(message));
}

// Texts that mean the same become one class, whose name is the spelling that came first.
void CsvImport::merge_same(TargetColumn& target) {
  if (target.spec.kind != TargetKind::classes || target.listed) return;
  const std::vector<std::uint32_t> same =
      same_classes(target.names, target.spec.size == 2, decimal_comma());
  for (std::uint32_t& text : target.texts)
    if (text != missing_class) text = same[text];
  for (std::uint32_t i = 0; i < same.size(); ++i) {
    if (same[i] == i) continue;
    target.counts[same[i]] += std::exchange(target.counts[i], 0);
    report_.notes.push_back(fmt::format("{}: '{}' and '{}' in column '{}' are one class",
                                        csv_.name(), target.names[same[i]], target.names[i],
                                        csv_.header()[target.columns[0]]));
  }
}

void CsvImport::leave_out_rare() {
  for (const auto& [name, least] : request_.min_counts) {
    const TargetColumn& target = find_classes("--min-count", name);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::uint32_t text = target.texts[i];
      if (text != missing_class && target.counts[text] < least && rows_[i].kept) {
        rows_[i].kept = false;
        ++report_.rare;
      }
    }
  }
}

// Throws where a class is called as other programs call a value that is not known.
void CsvImport::refuse_missing(const TargetColumn& target,
                               std::span<const std::uint64_t> counts) const {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::string& name = target.names[i];
    if (counts[i] == 0 || !spells_missing(name)) continue;
    throw data_error(fmt::format(
        "{}: '{}' in column '{}' ({} rows) would be a class: give --missing '{}' if it stands for "
        "\"not known\", or list it with the others in --classes if it is one",
        csv_.name(), name, csv_.header()[target.columns[0]], counts[i], name));
  }
}

// Gives the classes of the rows that are left their numbers; returns their names in order.
std::vector<std::string> CsvImport::number_classes(TargetColumn& target) const {
  std::vector<std::string> names = target.names;
  if (!target.listed) names = found_classes(target);
  target.numbers.assign(target.names.size(), -1);
  for (std::size_t number = 0; number < names.size(); ++number)
    target.numbers[target.index.at(names[number])] = static_cast<std::int32_t>(number);
  return names;
}

// The names of the classes of the rows that are left, in order.
std::vector<std::string> CsvImport::found_classes(const TargetColumn& target) const {
  std::vector<std::uint64_t> counts(target.names.size());
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].kept && target.texts[i] != missing_class) ++counts[target.texts[i]];
  refuse_missing(target, counts);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) names.push_back(target.names[i]);
  sort_class_texts(names, decimal_comma());
  if (const auto positive = request_.positive.find(target.spec.name);
      positive != request_.positive.end() &&
      !put_positive_last(names, positive->second, decimal_comma()))
    throw data_error(fmt::format("{}: --positive: column '{}' has no '{}'; it has: '{}'",
                                 csv_.name(), csv_.header()[target.columns[0]], positive->second,
                                 fmt::join(names, "', '")));
  if (names.size() == static_cast<std::size_t>(target.spec.size)) return names;
  std::string found;
  for (const std::string& name : names)
    found +=
        fmt::format("{}{} ({})", found.empty() ? "" : ", ", name, counts[target.index.at(name)]);
  throw data_error(fmt::format(
      "{}: column '{}' has {} class{}, but the experiment's target '{}' has {}: leave some out "
      "with --exclude or --min-count, list them with --classes if some have no row here, or change "
      "the experiment. Found: {}",
      csv_.name(), csv_.header()[target.columns[0]], names.size(), names.size() == 1 ? "" : "es",
      target.spec.name, target.spec.size, found));
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

// Whether some of the rows that are left belong together.
bool CsvImport::has_groups() const {
  std::vector<bool> seen(groups_.size());
  for (const PictureRow& row : rows_) {
    if (!row.kept) continue;
    if (seen[row.group]) return true;
    seen[row.group] = true;
  }
  return false;
}

void CsvImport::read_picture(const PictureRow& row, ReadPicture& out) const {
  out.problem.clear();
  out.fitted.resize(request_.shape.bytes());
  try {
    const MappedFile file(row.picture);
    Image image;
    decode_image(file.bytes(), request_.shape.channels, image);
    fit_image(image, request_.fit, request_.shape, out.fitted);
  } catch (const Error& error) {
    out.problem = fmt::format("picture {}: {}", row.picture, error.what());
  }
}

void CsvImport::write_rows(DatasetWriter& writer, std::span<const Split> splits) {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].kept) kept.push_back(i);
  const auto write = [&](std::size_t i, const ReadPicture& picture) {
    const PictureRow& row = rows_[i];
    if (!picture.problem.empty()) return bad(row.number, picture.problem);
    Record record;
    record.image = picture.fitted.data();
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      const TargetColumn& target = targets_[t];
      if (target.spec.kind == TargetKind::values)
        record.targets[t].values = &target.values[i * static_cast<std::size_t>(target.spec.size)];
      else if (target.texts[i] != missing_class)
        record.targets[t].label = target.numbers[target.texts[i]];
    }
    writer.append(record, splits[row.group], row.group);
  };
  in_order<ReadPicture>(
      request_.threads, kept.size(),
      [&](std::uint64_t k, ReadPicture& picture) { read_picture(rows_[kept[k]], picture); },
      [&](std::uint64_t k, ReadPicture& picture) {
        write(kept[k], picture);
        if (request_.progress) request_.progress(k + 1, kept.size());
      });
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
  if (!request_.missing.empty()) json["missing"] = request_.missing;
  if (!request_.classes.empty()) json["classes"] = request_.classes;
  if (!request_.positive.empty()) json["positive"] = request_.positive;
  if (csv_.separator() != ',') json["separator"] = std::string(1, csv_.separator());
  if (decimals_.has_comma()) json["decimal"] = ",";
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
