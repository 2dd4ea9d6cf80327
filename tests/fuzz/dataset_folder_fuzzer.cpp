// The files of a dataset folder. An input is a sequence of: a byte that chooses a file, two bytes
// of length (the higher first), the file. Files that are not given are sound, but for the last
// three, which are absent.
#include "tests/fuzz/dataset_folder.hpp"

using namespace medley;

namespace {

constexpr std::array<std::string_view, 8> names{"images.npy", "split.npy", "kind.npy",
                                                "place.npy",  "mask.npy",  "dataset.json",
                                                "weight.npy", "group.npy"};

class DatasetFiles {
 public:
  DatasetFiles() {
    fuzz::write_records(work_ / "data");
    std::filesystem::remove(work_ / "data/dataset.json");
    for (const std::string_view name : names) {
      std::ifstream file(path() / name, std::ios::binary);
      sound_.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>{});
    }
  }
  void write(std::size_t file, std::string_view content) {
    std::ofstream(path() / names[file], std::ios::binary)
        .write(content.data(), std::ssize(content));
    changed_[file] = true;
  }
  void mend() {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (std::exchange(changed_[i], false)) {
        std::filesystem::remove(path() / names[i]);
        if (!sound_[i].empty()) write(i, sound_[i]);
        changed_[i] = false;
      }
  }
  std::filesystem::path path() const { return work_ / "data"; }

 private:
  fuzz::WorkFolder work_;
  std::vector<std::string> sound_;
  std::array<bool, names.size()> changed_{};
};

void write_files(DatasetFiles& folder, std::string_view input) {
  while (input.size() >= 3) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input[i]); };
    const std::size_t file = byte(0) % names.size();
    const std::size_t length = std::min<std::size_t>(byte(1) << 8 | byte(2), input.size() - 3);
    folder.write(file, input.substr(3, length));
    input.remove_prefix(3 + length);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static DatasetFiles folder;
  write_files(folder, fuzz::text_of(data, size));
  for (const bool required : {true, false}) {
    fuzz::accepted([&] {
      const Dataset dataset(folder.path(), fuzz::picture_shape, fuzz::targets,
                            {.targets_required = required, .split_required = required});
      fuzz::check_dataset(dataset, fuzz::picture_shape);
    });
  }
  folder.mend();
  return 0;
}
