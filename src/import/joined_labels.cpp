#include "medley/import/joined_labels.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace medley {

JoinedLabels::JoinedLabels(const ImportRequest& request)
    : csv_(request.labels, {.separator = request.separator, .lenient = true}),
      image_(csv_.column(request.image_column)),
      extension_(request.extension),
      header_(csv_.header()) {
  header_.erase(header_.begin() + static_cast<std::ptrdiff_t>(image_));
  CsvRow row;
  while (csv_.next(row)) {
    Row& own = rows_.emplace_back(Row{row, {}});
    if (!own.problem.empty()) continue;
    const auto [known, added] = index_.try_emplace(read_key(own), rows_.size() - 1);
    if (!added)
      own.problem =
          fmt::format("it names the picture that row {} does", rows_[known->second].number);
  }
}

// Takes the name of the picture out of a row.
std::string JoinedLabels::read_key(CsvRow& row) {
  std::string key = row.fields[image_] + extension_;
  row.fields.erase(row.fields.begin() + static_cast<std::ptrdiff_t>(image_));
  std::ranges::replace(key, '\\', '/');
  while (key.starts_with("./")) key.erase(0, 2);
  return key;
}

JoinedLabels::Row* JoinedLabels::find(const std::string& root, const std::string& path) {
  std::vector<std::string> names{root + '/' + path, path};
  for (const std::size_t slash : {path.find('/'), path.rfind('/')})
    if (slash != std::string::npos) names.push_back(path.substr(slash + 1));
  const std::size_t point = path.rfind('.');
  const std::size_t end = point == std::string::npos || path.find('/', point) != std::string::npos
                              ? 0
                              : path.size() - point;
  for (const std::size_t cut : {std::size_t{0}, end})
    for (const std::string& name : names)
      if (const auto found = index_.find(name.substr(0, name.size() - cut)); found != index_.end())
        return &rows_[found->second];
  return nullptr;
}

const CsvRow* JoinedLabels::join(const std::string& root, const std::string& path,
                                 std::string& problem) {
  Row* const row = find(root, path);
  if (row == nullptr) {
    problem = fmt::format("{} has no row for it", name());
  } else if (!row->picture.empty()) {
    problem = fmt::format("row {} of {} is that of {}, too: write more of their paths there",
                          row->number, name(), row->picture);
  } else {
    row->picture = path;
    return row;
  }
  return nullptr;
}

const CsvRow* JoinedLabels::next_left() {
  while (left_ < rows_.size()) {
    Row& row = rows_[left_++];
    if (!row.picture.empty()) continue;
    if (row.problem.empty()) row.problem = "there is no picture that it names";
    return &row;
  }
  return nullptr;
}

}  // namespace medley
