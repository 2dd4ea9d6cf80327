// A table with a row a picture: a CSV file, or folders of pictures with what a CSV file adds to them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/files/csv.hpp"
#include "medley/import/import.hpp"

namespace medley {

struct PictureCells : CsvRow {
  std::string picture;         // its path; empty: the cell of the column of pictures names it
  std::optional<Split> split;  // where it is given
};

class PictureTable {
 public:
  virtual ~PictureTable() = default;
  // For messages: of the table, and where a row stands.
  virtual const std::string& name() const = 0;
  virtual std::string place(std::uint64_t row, const std::string& picture) const = 0;
  virtual const std::vector<std::string>& header() const = 0;
  // The column that names the pictures.
  virtual std::size_t image_column() const = 0;
  // As CsvReader's.
  virtual bool next(PictureCells& row) = 0;
  // Between the columns of the file.
  virtual char separator() const { return ','; }
  virtual nlohmann::json provenance() const = 0;

  // Throws data_error listing the columns if there is not exactly one of the name.
  std::size_t column(std::string_view name) const;
  bool has_column(std::string_view name) const;
};

// What import_csv does, of any table.
ImportReport import_table(const ImportRequest& request, PictureTable& table);

}  // namespace medley
