// A CSV file that names pictures. Only the gray ones inside the folder may be read; those around it
// are white. An @ in the input stands for the folder in which all of this lies.
#include <nlohmann/json.hpp>

#include "medley/import/import.hpp"
#include "tests/fuzz/dataset_folder.hpp"
#include "tests/pictures_helpers.hpp"

using namespace medley;

namespace {

constexpr std::array<TargetSpec, 2> columns{fuzz::targets[0], fuzz::targets[1]};

struct Pictures {
  fuzz::WorkFolder work;
  Pictures() {
    const auto picture = [](int pixel) {
      return make_png(make_image({1, 2, 2}, [=](int, int, int) { return pixel; }));
    };
    std::filesystem::create_directories(work / "pictures/more");
    work.write("pictures/inside.png", picture(100));
    work.write("pictures/more/inside", picture(100));
    work.write("pictures/broken.png", picture(100).substr(0, 50));
    work.write("beside.png", picture(255));
    work.write("pictures.png", picture(255));
  }
};

std::string placed(std::string_view input, const std::string& folder) {
  std::string text;
  for (const char c : input) text += c == '@' ? folder : std::string(1, c);
  return text;
}

void check(const ImportReport& report, const std::filesystem::path& folder) {
  const Dataset data(folder, fuzz::picture_shape, columns);
  fuzz::check_dataset(data, fuzz::picture_shape, columns);
  fuzz::require(data.size() + report.excluded + report.rare + report.skipped.size() == report.rows,
                "each row is a record, excluded, or listed");
  for (std::uint64_t i = 0; i < data.size(); ++i) {
    Record record;
    data.read(i, {}, record);
    fuzz::require(record.image[0] == 100, "no picture outside of the folder is read");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Pictures pictures;
  const fuzz::InputFile csv(placed(fuzz::text_of(data, size), pictures.work.path().string()));
  ImportRequest request;
  request.shape = fuzz::picture_shape;
  request.targets = columns;
  request.csv = csv.path();
  request.images = pictures.work / "pictures";
  request.columns["place"] = {"x", "y"};
  request.group_column = size % 2 == 0 ? "" : "kind";
  request.extension = size % 4 < 2 ? ".png" : "";
  request.min_counts["kind"] = size % 8 < 4 ? 0 : 2;
  if (size % 32 >= 16) request.missing = {"NA", "a"};
  if (size % 64 >= 32 && request.min_counts["kind"] == 0) {
    request.min_counts.clear();
    request.classes["kind"] = {"b", "1"};
  }
  if (size % 128 >= 64) request.separator = size % 256 < 128 ? ';' : '|';
  if (size % 512 >= 256) request.decimal = size % 1024 < 512 ? ',' : '.';
  request.out = pictures.work / "out";
  request.force = true;
  request.skip_bad = size % 16 < 8;
  ImportReport report;
  if (fuzz::accepted([&] { report = import_csv(request); })) check(report, request.out);
  return 0;
}
