#include "medley/import/import_folders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "medley/base/error.hpp"
#include "medley/files/unicode_form.hpp"
#include "medley/import/class_texts.hpp"
#include "medley/import/joined_labels.hpp"
#include "medley/import/picture_folders.hpp"
#include "medley/import/picture_table.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

const Strings own_columns{"path", "folder", "subfolder"};

// "a, b, c and 4 more"
std::string some_of(const Strings& names) {
  constexpr std::size_t shown = 3;
  const std::span first(names.data(), std::min(shown, names.size()));
  return fmt::format("{}{}", fmt::join(first, ", "),
                     names.size() > shown ? fmt::format(" and {} more", names.size() - shown) : "");
}

class FolderTable : public PictureTable {
 public:
  explicit FolderTable(const ImportRequest& request)
      : request_(request), name_(request.folders.string()), list_(list_pictures(request.folders)) {
    MaskSet(request.targets, request.masks).leave_out_masks(request.folders, list_.pictures);
    // The name of the folder itself, also of ".".
    std::error_code ignored;
    const fs::path whole = fs::weakly_canonical(request.folders, ignored);
    root_ = whole.filename().string();
    if (!request.labels.empty()) labels_.emplace(request);
    header_ = own_columns;
    if (!labels_) return;
    for (const std::string& column : labels_->header()) {
      if (std::ranges::find(own_columns, column) != own_columns.end())
        throw usage_error(
            fmt::format("{}: column '{}' is called as one that folders have: give it another name",
                        labels_->name(), column));
      header_.push_back(column);
    }
  }

  const std::string& name() const override { return name_; }
  std::string place(std::uint64_t row, const std::string& picture) const override {
    return row == 0 ? picture : fmt::format("{}, row {}", labels_->name(), row);
  }
  const Strings& header() const override { return header_; }
  std::size_t image_column() const override { return 0; }
  char separator() const override { return labels_ ? labels_->separator() : ','; }
  bool next(PictureCells& row) override;
  nlohmann::json provenance() const override;

  const PictureFolders& list() const { return list_; }
  // From now on pictures outside of class folders are bad.
  void require_folder() { needs_folder_ = true; }

 private:
  const ImportRequest& request_;
  std::string name_, root_;
  PictureFolders list_;
  std::optional<JoinedLabels> labels_;
  Strings header_;
  std::size_t next_ = 0;
  bool needs_folder_ = false;
};

bool FolderTable::next(PictureCells& row) {
  row = {};
  if (next_ == list_.pictures.size()) {
    const CsvRow* const left = labels_ ? labels_->next_left() : nullptr;
    if (left != nullptr) static_cast<CsvRow&>(row) = *left;
    return left != nullptr;
  }
  const FolderPicture& picture = list_.pictures[next_++];
  row.picture = (request_.folders / picture.path).string();
  row.split = picture.split;
  row.fields = {picture.path, picture.folder, picture.beneath};
  if (needs_folder_ && picture.folder.empty()) {
    row.problem = "it lies beside the folders of the classes";
  } else if (labels_) {
    if (const CsvRow* joined = labels_->join(root_, picture.path, row.problem))
      row.fields.insert(row.fields.end(), joined->fields.begin(), joined->fields.end());
  }
  return true;
}

nlohmann::json FolderTable::provenance() const {
  nlohmann::json json{{"source", "folders"}, {"folders", name_}};
  if (!labels_) return json;
  json["labels"] = labels_->name();
  json["image"] = request_.image_column;
  json["extension"] = request_.extension;
  if (separator() != ',') json["separator"] = std::string(1, separator());
  return json;
}

// The target whose classes the folders are; none where all have columns.
const TargetSpec* target_of_folders(const ImportRequest& request, const FolderTable& table) {
  const TargetSpec* found = nullptr;
  for (const TargetSpec& spec : request.targets) {
    const auto given = request.columns.find(spec.name);
    if (given != request.columns.end()) {
      if (given->second == Strings{"folder"} && spec.kind == TargetKind::classes) return &spec;
    } else if (spec.kind == TargetKind::classes && !table.has_column(spec.name)) {
      if (found != nullptr)
        throw usage_error(fmt::format(
            "the folders are the classes of which target, {} or {}? Say --target NAME=folder, and "
            "name the others' columns of --labels (--target NAME= if nothing is known of one)",
            found->name, spec.name));
      found = &spec;
    }
  }
  return found;
}

// Throws for a class that training lacks: its folder is called otherwise there, or it cannot be learned.
void compare_splits(const ImportRequest& request, const PictureFolders& list) {
  std::map<std::string, std::array<const FolderPicture*, 3>> first;
  for (const FolderPicture& picture : list.pictures)
    if (!picture.folder.empty() &&
        std::ranges::find(request.missing, picture.folder) == request.missing.end())
      first[picture.folder][static_cast<std::size_t>(*picture.split)] = &picture;
  for (const auto& [column, value] : request.excludes)
    if (column == "folder") first.erase(value);
  Strings names;
  for (const auto& [name, pictures] : first) names.push_back(name);
  const std::vector<std::uint32_t> same = same_classes(names, false);
  std::vector<bool> trained(names.size());
  for (std::size_t i = 0; i < names.size(); ++i)
    if (first[names[i]][0] != nullptr) trained[same[i]] = true;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (trained[same[i]]) continue;
    const auto& pictures = first[names[i]];
    std::string note;
    for (std::size_t k = 0; k < names.size(); ++k)
      if (trained[same[k]] && may_be_other_form(names[i], names[k]))
        note = other_form_note(request.folders / names[k]);
    const std::string path = (pictures[1] != nullptr ? pictures[1] : pictures[2])->path;
    throw data_error(fmt::format(
        "{}: the class '{}' is not among the training pictures: rename its folder, leave it out "
        "with --exclude 'folder={}', or list all classes with --classes{}",
        (request.folders / path).parent_path().string(), names[i], names[i], note));
  }
}

// What was passed over, in a line each.
void add_notes(const ImportRequest& request, const PictureFolders& list, ImportReport& report) {
  if (!list.others.empty())
    report.notes.push_back(fmt::format("{}: {} left out, as {} no picture{}: {}",
                                       request.folders.string(), list.others.size(),
                                       list.others.size() == 1 ? "it is" : "they are",
                                       list.others.size() == 1 ? "" : "s", some_of(list.others)));
  if (!list.empty.empty())
    report.notes.push_back(
        fmt::format("{}: no picture in {}", request.folders.string(), some_of(list.empty)));
}

}  // namespace

ImportReport import_folders(const ImportRequest& request) {
  FolderTable table(request);
  const PictureFolders& list = table.list();
  if (list.pictures.empty())
    throw data_error(fmt::format("{}: no picture is there", request.folders.string()));
  ImportRequest complete = request;
  if (const TargetSpec* const target = target_of_folders(request, table)) {
    if (std::ranges::all_of(list.pictures, [](const auto& p) { return p.folder.empty(); }))
      throw usage_error(
          fmt::format("{0} has no folders of classes: give --labels FILE.csv with a column for the "
                      "target '{1}', "
                      "or --target {1}= if nothing is known of it",
                      request.folders.string(), target->name));
    complete.columns[std::string(target->name)] = {"folder"};
    table.require_folder();
    if (list.has_splits && !request.classes.contains(target->name)) compare_splits(request, list);
  }
  ImportReport report = import_table(complete, table);
  add_notes(request, list, report);
  return report;
}

}  // namespace medley
