#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "medley/base/error.hpp"
#include "medley/import/picture_table.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

class CsvTable : public PictureTable {
 public:
  explicit CsvTable(const ImportRequest& request)
      : request_(request),
        csv_(request.csv, {.separator = request.separator, .lenient = true}),
        image_(csv_.column(request.image_column)) {
    std::error_code ignored;
    if (!fs::is_directory(request.images, ignored))
      throw io_error(request.images.string() + " is not a folder of pictures");
  }
  const std::string& name() const override { return csv_.name(); }
  std::string place(std::uint64_t row, const std::string&) const override {
    return fmt::format("{}, row {}", csv_.name(), row);
  }
  const std::vector<std::string>& header() const override { return csv_.header(); }
  std::size_t image_column() const override { return image_; }
  bool next(PictureCells& row) override { return csv_.next(row); }
  char separator() const override { return csv_.separator(); }
  nlohmann::json provenance() const override {
    nlohmann::json json{{"source", "csv"},
                        {"csv", request_.csv.string()},
                        {"images", request_.images.string()},
                        {"image", request_.image_column},
                        {"extension", request_.extension}};
    if (csv_.separator() != ',') json["separator"] = std::string(1, csv_.separator());
    return json;
  }

 private:
  const ImportRequest& request_;
  CsvReader csv_;
  std::size_t image_;
};

}  // namespace

std::size_t PictureTable::column(std::string_view name) const {
  return column_of(header(), name, this->name());
}

bool PictureTable::has_column(std::string_view name) const {
  return std::ranges::find(header(), name) != header().end();
}

ImportReport import_csv(const ImportRequest& request) {
  CsvTable table(request);
  return import_table(request, table);
}

}  // namespace medley
