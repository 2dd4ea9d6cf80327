// dataset.json of a folder whose other files are sound.
#include "tests/fuzz/dataset_folder.hpp"

using namespace medley;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::WorkFolder work;
  static const bool written = (fuzz::write_records(work / "data"), true);
  fuzz::require(written, "the folder is there");
  work.write("data/dataset.json", fuzz::text_of(data, size));
  fuzz::accepted([&] {
    const Dataset dataset(work / "data", fuzz::picture_shape, fuzz::targets);
    fuzz::check_dataset(dataset, fuzz::picture_shape);
  });
  return 0;
}
