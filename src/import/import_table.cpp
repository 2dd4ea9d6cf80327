#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "medley/base/error.hpp"
#include "medley/base/pixel_text.hpp"
#include "medley/files/deep_image.hpp"
#include "medley/files/mapped_file.hpp"
#include "medley/files/tiles.hpp"
#include "medley/import/find_picture.hpp"
#include "medley/import/in_order.hpp"
#include "medley/import/picture_table.hpp"
#include "medley/import/target_columns.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

struct PictureRow {
  std::uint64_t number = 0;
  std::string picture;
  std::uint32_t group = 0;
  bool kept = true;
  std::optional<Split> split;
  float weight = 1.0f;
};

// A row's picture and its masks, or what is wrong with them.
struct ReadPicture {
  Image image;                    // of bytes; else its shape alone
  DeepImage deep;                 // of others
  std::vector<std::byte> fitted;  // of those, as the data set has them
  std::vector<ReadMask> masks;
  std::string problem;
};

// What was done to pictures and masks, in how many.
struct Changes {
  std::uint64_t turned = 0, mask_turned = 0, mask_scaled = 0, tiles = 0;
};

class TableImport {
 public:
  TableImport(const ImportRequest& request, PictureTable& table)
      : request_(request),
        pixels_(imported_pixels(request, PixelType::u8, to_string(PixelType::u8))),
        table_(table),
        targets_(request, table),
        masks_(request.targets, request.masks) {
    if (request.tile_overlap < 0 ||
        request.tile_overlap >= std::min(request.shape.height, request.shape.width))
      throw usage_error(fmt::format("--tile-overlap: {} pixels of tiles of {} x {}",
                                    request.tile_overlap, request.shape.width,
                                    request.shape.height));
    image_ = table.image_column();
    group_ = request.group_column.empty() ? image_ : table.column(request.group_column);
    if (!request.weight_column.empty()) weight_ = table.column(request.weight_column);
    for (const auto& [column, value] : request.excludes)
      excludes_.emplace_back(table.column(column), value);
  }

  ImportReport run() {
    // First of all: whether the result may be written is better known before the work.
    DatasetWriter writer(request_.out, request_.shape, request_.targets, request_.force, pixels_);
    read_rows();
    leave_out_rare();
    find_masks();
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      std::vector<std::string> names =
          targets_.number(t, [&](std::size_t i) { return rows_[i].kept; });
      writer.set_class_names(t, names.empty() ? masks_.class_names(t) : std::move(names));
    }
    split_rows();
    if (request_.tile || has_groups()) writer.keep_groups();
    if (weight_) writer.keep_weights();
    write_rows(writer);
    tell_changes();
    report_.summary = writer.finish(provenance());
    return std::move(report_);
  }

 private:
  void read_rows();
  void read_row(const PictureCells& row);
  bool excluded(const CsvRow& row) const;
  void bad(std::uint64_t row, const std::string& picture, std::string_view reason);
  void leave_out_rare();
  void find_masks();
  void split_rows();
  std::vector<Split> split_groups(const std::function<bool(const PictureRow&)>& belongs,
                                  const SplitFractions& fractions) const;
  bool has_groups() const;
  bool deep() const { return pixels_.type != PixelType::u8; }
  void decode(std::span<const std::byte> file, ReadPicture& out) const;
  void read_picture(std::size_t i, ReadPicture& out) const;
  void write_row(std::size_t i, const ReadPicture& picture, DatasetWriter& writer);
  void write_record(std::size_t i, const ReadPicture& picture, const Tile* tile,
                    DatasetWriter& writer);
  void write_rows(DatasetWriter& writer);
  void tell_changes();
  nlohmann::json provenance() const;

  const ImportRequest& request_;
  PixelFormat pixels_;
  PictureTable& table_;
  TargetColumns targets_;
  MaskSet masks_;
  std::vector<std::size_t> pictures_;  // of each row, its number among the pictures of masks_
  std::size_t image_ = 0, group_ = 0;
  std::optional<std::size_t> weight_;
  std::vector<std::pair<std::size_t, std::string>> excludes_;
  std::vector<PictureRow> rows_;
  std::vector<std::string> groups_;
  std::unordered_map<std::string, std::uint32_t> group_index_;
  Changes changes_;
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

// Pairs the pictures of rows with their masks; what has none that can be read is bad.
void TableImport::find_masks() {
  if (request_.masks.targets.empty()) return;
  const auto path = [](const fs::path& p) { return fs::absolute(p).lexically_normal(); };
  const fs::path root = path(request_.folders.empty() ? request_.images : request_.folders);
  std::vector<std::string> names;
  std::unordered_map<std::string, std::size_t> index;
  for (const PictureRow& row : rows_) {
    std::string name = path(row.picture).lexically_relative(root).generic_string();
    const auto [found, added] = index.try_emplace(name, names.size());
    if (added) names.push_back(std::move(name));
    pictures_.push_back(found->second);
  }
  masks_.find(root, names, request_.threads, report_.notes);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::string& problem = masks_.problem(pictures_[i]);
    if (problem.empty() || !rows_[i].kept) continue;
    bad(rows_[i].number, rows_[i].picture, problem);
    rows_[i].kept = false;
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

void TableImport::decode(std::span<const std::byte> file, ReadPicture& out) const {
  if (!deep()) return decode_image(file, request_.shape.channels, out.image);
  decode_deep(file, request_.shape.channels, pixels_, out.deep);
  out.image.shape = out.deep.shape;
  out.image.orientation = out.deep.orientation;
}

void TableImport::read_picture(std::size_t i, ReadPicture& out) const {
  const PictureRow& row = rows_[i];
  out.problem.clear();
  try {
    const MappedFile file(row.picture);
    decode(file.bytes(), out);
    if (!pictures_.empty()) masks_.read(pictures_[i], out.image, request_.tile, out.masks);
  } catch (const Error& error) {
    if (error.code() == Exit::usage) throw;  // of the experiment, not of this picture
    out.problem =
        row.number == 0 ? error.what() : fmt::format("picture {}: {}", row.picture, error.what());
    return;
  }
  if (request_.tile) return;
  const PictureShape& shape = request_.shape;
  if (deep()) {
    out.fitted.resize(shape.bytes() * size_of(pixels_.type));
    fit_image(out.deep, request_.fit, shape, pixels_, out.fitted);
  } else {
    Image fitted{shape, std::vector<std::uint8_t>(shape.bytes()), out.image.orientation};
    fit_image(out.image, request_.fit, shape, fitted.pixels);
    out.image = std::move(fitted);
  }
  for (ReadMask& mask : out.masks) {
    if (mask.classes.pixels.empty()) continue;
    const PictureShape from = mask.classes.shape;
    std::vector<std::uint8_t> classes(shape.bytes() / static_cast<std::size_t>(shape.channels));
    fit_mask(mask.classes.pixels, from.height, from.width, request_.fit, shape.height, shape.width,
             classes);
    mask.classes.pixels = std::move(classes);
  }
}

void TableImport::write_row(std::size_t i, const ReadPicture& picture, DatasetWriter& writer) {
  const PictureRow& row = rows_[i];
  if (!picture.problem.empty()) return bad(row.number, row.picture, picture.problem);
  const auto any = [&](auto member) {
    return std::ranges::any_of(picture.masks, [&](const ReadMask& m) { return m.*member; });
  };
  changes_.turned += picture.image.orientation != 1 && !picture.masks.empty();
  changes_.mask_turned += any(&ReadMask::turned);
  changes_.mask_scaled += any(&ReadMask::scaled);
  if (!request_.tile) return write_record(i, picture, nullptr, writer);
  const PictureShape &whole = picture.image.shape, &shape = request_.shape;
  for (const Tile& tile :
       make_tiles(whole.height, whole.width, shape.height, shape.width, request_.tile_overlap)) {
    write_record(i, picture, &tile, writer);
    ++changes_.tiles;
  }
}

// Of a picture that was fitted, or of a tile of one that was not.
void TableImport::write_record(std::size_t i, const ReadPicture& picture, const Tile* tile,
                               DatasetWriter& writer) {
  const PictureShape &shape = request_.shape, plane{1, shape.height, shape.width};
  std::vector<std::uint8_t> pixels;
  std::vector<std::vector<std::uint8_t>> planes;
  Record record;
  std::vector<std::byte> part;
  record.image = picture.image.pixels.data();
  if (deep()) {
    record.image = {picture.fitted.data(), pixels_.type};
    if (tile != nullptr) {
      part.resize(shape.bytes() * size_of(pixels_.type));
      fit_image(part_of(picture.deep, tile->top, tile->left, shape.height, shape.width),
                Fit::stretch, shape, pixels_, part);
      record.image = {part.data(), pixels_.type};
    }
  } else if (tile != nullptr) {
    pixels.resize(shape.bytes());
    cut_tile(picture.image, *tile, shape, pixels);
    record.image = pixels.data();
  }
  targets_.fill(i, record);
  for (const ReadMask& mask : picture.masks) {
    if (mask.classes.pixels.empty()) continue;
    const std::uint8_t* classes = mask.classes.pixels.data();
    if (tile != nullptr) {
      planes.emplace_back(plane.bytes());
      cut_tile(mask.classes, *tile, plane, planes.back(), 255);
      classes = planes.back().data();
    }
    record.targets[mask.target].mask = classes;
  }
  writer.append(record, *rows_[i].split, rows_[i].group, rows_[i].weight);
}

// What people should know of masks and tiles, in a line each.
void TableImport::tell_changes() {
  const auto tell = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) report_.notes.push_back(fmt::format(fmt::runtime(what), count));
  };
  tell(changes_.mask_turned,
       "{} masks were turned as the Exif orientation of their pictures tells, whose sides they "
       "have");
  tell(
      changes_.turned - changes_.mask_turned,
      "{} pictures were turned as their Exif orientation tells; their masks are taken to be of the "
      "pictures as viewers show them");
  tell(changes_.mask_scaled, "{} masks have another size than their pictures, in proportion");
  tell(changes_.tiles, "{} tiles of the pictures, each a record");
}

void TableImport::write_rows(DatasetWriter& writer) {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].kept) kept.push_back(i);
  in_order<ReadPicture>(
      request_.threads, kept.size(),
      [&](std::uint64_t k, ReadPicture& picture) { read_picture(kept[k], picture); },
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
  if (request_.tile)
    json["tile"] = {{"overlap", request_.tile_overlap}};
  else
    json["fit"] = to_string(request_.fit);
  if (deep()) json["pixels"] = to_text(pixels_);
  if (!request_.masks.targets.empty()) json["masks"] = masks_.provenance();
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
