// Runs a harness without a fuzzer: over the files that are named, and those in folders that are
// named. For compilers that have no libFuzzer.
#include <algorithm>
#include <iterator>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

namespace fs = std::filesystem;

namespace {

std::vector<fs::path> files_of(int count, char** names) {
  std::vector<fs::path> files;
  for (int i = 1; i < count; ++i) {
    if (!fs::is_directory(names[i])) {
      files.emplace_back(names[i]);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(names[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The whole file, in a block of its own, so that a byte read behind it is noticed.
std::vector<std::uint8_t> read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  medley::fuzz::require(file.good(), "the files that are named can be read");
  std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
  bytes.shrink_to_fit();
  return bytes;
}

}  // namespace

int main(int count, char** names) {
  const std::vector<fs::path> files = files_of(count, names);
  medley::fuzz::require(!files.empty(), "files are named");
  for (const fs::path& path : files) {
    std::fprintf(stderr, "%s\n", path.c_str());
    const std::vector<std::uint8_t> bytes = read(path);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("%s: %zu inputs\n", fs::path(names[0]).filename().c_str(), files.size());
}
