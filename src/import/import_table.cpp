#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "medley/base/error.hpp"
#include "medley/files/mapped_file.hpp"
#include "medley/import/find_picture.hpp"
#include "medley/import/in_order.hpp"
#include "medley/import/picture_table.hpp"
#include "medley/import/target_columns.hpp"

namespace medley {
namespace {

struct PictureRow {
  std::uint64_t number = 0;
  std::string picture;
  std::uint32_t group = 0;
  bool kept = true;
  std::optional<Split> split;
  float weight = 1.0f;
};

// A row's picture as the experiment reads it, or what is wrong with it.
struct ReadPicture {
  std::vector<std::uint8_t> fitted;
  std::string problem;
};

class TableImport {
 public:
  TableImport(const ImportRequest& request, PictureTable& table)
      : request_(request), table_(table), targets_(request, table) {
    require_picture_channels(request.shape.channels);
    image_ = table.image_column();
    group_ = request.group_column.empty() ? image_ : table.column(request.group_column);
    if (!request.weight_column.empty()) weight_ = table.column(request.weight_column);
    for (const auto& [column, value] : request.excludes)
      excludes_.emplace_back(table.column(column), value);
  }

  ImportReport run() {
    // First of all: whether the result may be written is better known before the work.
    DatasetWriter writer(request_.out, request_.shape, request_.targets, request_.force);
    read_rows();
    leave_out_rare();
    for (std::size_t t = 0; t < targets_.size(); ++t)
      writer.set_class_names(t, targets_.number(t, [&](std::size_t i) { return rows_[i].kept; }));
    split_rows();
    if (has_groups()) writer.keep_groups();
    if (weight_) writer.keep_weights();
    write_rows(writer);
    report_.summary = writer.finish(provenance());
    return std::move(report_);
  }

 private:
  void read_rows();
  void read_row(const PictureCells& row);
  bool excluded(const CsvRow& row) const;
  void bad(std::uint64_t row, const std::string& picture, std::string_view reason);
  void leave_out_rare();
  void split_rows();
  std::vector<Split> split_groups(const std::function<bool(const PictureRow&)>& belongs,
                                  const SplitFractions& fractions) const;
  bool has_groups() const;
  void read_picture(const PictureRow& row, ReadPicture& out) const;
  void write_row(std::size_t i, const ReadPicture& picture, DatasetWriter& writer);
  void write_rows(DatasetWriter& writer);
  nlohmann::json provenance() const;

  const ImportRequest& request_;
  PictureTable& table_;
  TargetColumns targets_;
  std::size_t image_ = 0, group_ = 0;
  std::optional<std::size_t> weight_;
  std::vector<std::pair<std::size_t, std::string>> excludes_;
  std::vector<PictureRow> rows_;
  std::vector<std::string> groups_;
  std::unordered_map<std::string, std::uint32_t> group_index_;
  ImportReport report_;
};

void TableImport::read_rows() {
  PictureCells row;
  while (table_.next(row)) read_row(row);
  targets_.finish([&](std::string note) { report_.notes.push_back(std::move(note)); });
}

void TableImport::read_row(const PictureCells& row) {
  ++report_.rows;
  const auto refuse = [&](const std::string& reason) { bad(row.number, row.picture, reason); };
  if (!row.problem.empty()) return refuse(row.problem);
  if (excluded(row)) {
    ++report_.excluded;
    return;
  }
  PictureRow picture{row.number, row.picture, 0, true, row.split, 1.0f};
  if (targets_.not_known(row.fields[group_]))
    return refuse(fmt::format("the cell of column '{}' is {}", table_.header()[group_],
                              row.fields[group_].empty() ? "empty" : "not known"));
  if (picture.picture.empty()) {
    if (const std::string problem =
            find_picture(request_.images, request_.extension, row.fields[image_], picture.picture);
        !problem.empty())
      return refuse(problem);
  }
  if (weight_) {
    if (const std::string problem =
            targets_.read_weight(*weight_, row.fields[*weight_], picture.weight);
        !problem.empty())
      return refuse(problem);
  }
  if (const std::string problem = targets_.read(row.fields); !problem.empty())
    return refuse(problem);
  const auto [group, added] =
      group_index_.try_emplace(row.fields[group_], static_cast<std::uint32_t>(groups_.size()));
  if (added) groups_.push_back(row.fields[group_]);
  picture.group = group->second;
  rows_.push_back(std::move(picture));
}

bool TableImport::excluded(const CsvRow& row) const {
  return std::any_of(excludes_.begin(), excludes_.end(), [&](const auto& exclude) {
    return row.fields[exclude.first] == exclude.second;
  });
}

void TableImport::bad(std::uint64_t row, const std::string& picture, std::string_view reason) {
  std::string message = fmt::format("{}: {}", table_.place(row, picture), reason);
  if (!request_.skip_bad)
    throw data_error(fmt::format("{} (mend it, or leave out such {} with --skip-bad)", message,
                                 row == 0 ? "pictures" : "rows"));
  report_.skipped.push_back(std::move(message));
}

void TableImport::leave_out_rare() {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!targets_.is_rare(i)) continue;
    rows_[i].kept = false;
    ++report_.rare;
  }
}

// Gives each row its split: as it is given, else by its group. Where training and test are given and validation is not,
// it comes from training.
void TableImport::split_rows() {
  std::array<bool, 3> given{};
  for (const PictureRow& row : rows_)
    if (row.kept && row.split) given[static_cast<std::size_t>(*row.split)] = true;
  SplitFractions fractions = request_.fractions;
  if (given[2]) fractions = {fractions[0] + fractions[2], fractions[1], 0};
  const auto is_open = [validation = given[1]](const PictureRow& row) {
    return row.kept && (!row.split || (!validation && row.split == Split::train));
  };
  const std::vector<Split> splits = split_groups(is_open, fractions);
  std::vector<std::optional<Split>> first(groups_.size());
  std::vector<bool> parted(groups_.size());
  for (PictureRow& row : rows_) {
    if (!row.kept) continue;
    if (is_open(row)) row.split = splits[row.group];
    if (!first[row.group]) first[row.group] = row.split;
    if (first[row.group] != row.split) parted[row.group] = true;
  }
  if (const auto count = std::count(parted.begin(), parted.end(), true); count > 0)
    report_.notes.push_back(fmt::format(
        "{} of {} groups of column '{}' are in more than one split, as their folders are", count,
        groups_.size(), table_.header()[group_]));
}

std::vector<Split> TableImport::split_groups(const std::function<bool(const PictureRow&)>& belongs,
                                             const SplitFractions& fractions) const {
  std::vector<std::uint64_t> sizes(groups_.size());
  std::vector<std::vector<std::uint32_t>> classes(groups_.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (!belongs(rows_[i])) continue;
    ++sizes[rows_[i].group];
    targets_.classes(i, classes[rows_[i].group]);
  }
  for (auto& list : classes) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return assign_splits(groups_, sizes, classes, fractions, request_.seed);
}

// Whether some of the rows that are left belong together.
bool TableImport::has_groups() const {
  std::vector<bool> seen(groups_.size());
  for (const PictureRow& row : rows_) {
    if (!row.kept) continue;
    if (seen[row.group]) return true;
    seen[row.group] = true;
  }
  return false;
}

void TableImport::read_picture(const PictureRow& row, ReadPicture& out) const {
  out.problem.clear();
  out.fitted.resize(request_.shape.bytes());
  try {
    const MappedFile file(row.picture);
    Image image;
    decode_image(file.bytes(), request_.shape.channels, image);
    fit_image(image, request_.fit, request_.shape, out.fitted);
  } catch (const Error& error) {
    out.problem =
        row.number == 0 ? error.what() : fmt::format("picture {}: {}", row.picture, error.what());
  }
}

void TableImport::write_row(std::size_t i, const ReadPicture& picture, DatasetWriter& writer) {
  const PictureRow& row = rows_[i];
  if (!picture.problem.empty()) return bad(row.number, row.picture, picture.problem);
  Record record;
  record.image = picture.fitted.data();
  targets_.fill(i, record);
  writer.append(record, *row.split, row.group, row.weight);
}

void TableImport::write_rows(DatasetWriter& writer) {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].kept) kept.push_back(i);
  in_order<ReadPicture>(
      request_.threads, kept.size(),
      [&](std::uint64_t k, ReadPicture& picture) { read_picture(rows_[kept[k]], picture); },
      [&](std::uint64_t k, ReadPicture& picture) {
        write_row(kept[k], picture, writer);
        if (request_.progress) request_.progress(k + 1, kept.size());
      });
}

nlohmann::json TableImport::provenance() const {
  nlohmann::json json = table_.provenance();
  json.update(targets_.provenance());
  json["split_by"] = table_.header()[group_];
  if (weight_) json["weight_column"] = table_.header()[*weight_];
  for (const std::uint32_t millionths : request_.fractions)
    json["split_fractions"].push_back(static_cast<double>(millionths) / 1e6);
  json["seed"] = request_.seed;
  json["exclude"] = nlohmann::json::array();
  for (const auto& [column, value] : request_.excludes)
    json["exclude"].push_back(column + "=" + value);
  json["fit"] = to_string(request_.fit);
  json["rows"] = {{request_.folders.empty() ? "csv" : "pictures", report_.rows},
                  {"excluded", report_.excluded},
                  {"rare", report_.rare},
                  {"skipped", report_.skipped.size()}};
  return json;
}

}  // namespace

ImportReport import_table(const ImportRequest& request, PictureTable& table) {
  return TableImport(request, table).run();
}

}  // namespace medley
