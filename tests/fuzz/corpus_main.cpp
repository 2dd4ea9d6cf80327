// Runs harnesses without a fuzzer: each over the files of the folders that are named as it is. For compilers
// that have no libFuzzer; the build includes it after all harnesses, of which MEDLEY_HARNESSES is the list.
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

namespace fs = std::filesystem;

namespace {

struct Harness {
  std::string_view name;
  int (*run)(const std::uint8_t*, std::size_t);
};
constexpr Harness harnesses[] = {MEDLEY_HARNESSES};

const Harness& harness_of(const fs::path& folder) {
  for (const Harness& harness : harnesses) {
    if (folder.filename() == harness.name) return harness;
  }
  medley::fuzz::require(false, "a folder is named as a harness is");
  std::abort();
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// The whole file, in a block of its own, so that a byte read behind it is noticed.
std::vector<std::uint8_t> bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  medley::fuzz::require(file.good(), "the files that are named can be read");
  std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  bytes.shrink_to_fit();
  return bytes;
}

}  // namespace

int main(int count, char** folders) {
  for (int i = 1; i < count; ++i) {
    const Harness& harness = harness_of(folders[i]);
    const std::vector<fs::path> files = files_of(folders[i]);
    medley::fuzz::require(!files.empty(), "each harness has files");
    for (const fs::path& path : files) {
      std::fprintf(stderr, "%s\n", path.c_str());
      const std::vector<std::uint8_t> bytes = bytes_of(path);
      harness.run(bytes.data(), bytes.size());
    }
    std::printf("%s: %zu inputs\n", folders[i], files.size());
  }
}
