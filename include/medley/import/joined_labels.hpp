// Rows of a CSV file that are joined to pictures by their names.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "medley/files/csv.hpp"
#include "medley/import/import.hpp"

namespace medley {

// Reads request.labels whole, by its column request.image_column, to whose texts request.extension is appended.
class JoinedLabels {
 public:
  explicit JoinedLabels(const ImportRequest& request);

  const std::string& name() const { return csv_.name(); }
  char separator() const { return csv_.separator(); }
  // Without the column that names the pictures; and so are the fields of rows.
  const std::vector<std::string>& header() const { return header_; }

  // Joins the row of the picture at `path` within the folder `root`: the one that names it by its path, with or without
  // the name of `root` before, or without the first folder (of its split), or by its name alone; each of these also without
  // the extension. Slashes may be Windows'. Nothing where there is none or it was joined before, and `problem` says so.
  const CsvRow* join(const std::string& root, const std::string& path, std::string& problem);
  // The next row that is joined to no picture, with a problem; nullptr if there is none.
  const CsvRow* next_left();

 private:
  struct Row : CsvRow {
    std::string picture;  // that it is joined to
  };
  std::string read_key(CsvRow& row);
  Row* find(const std::string& root, const std::string& path);

  CsvReader csv_;
  std::size_t image_;
  std::string extension_;
  std::vector<std::string> header_;
  std::vector<Row> rows_;
  std::unordered_map<std::string, std::size_t> index_;
  std::size_t left_ = 0;
};

}  // namespace medley
