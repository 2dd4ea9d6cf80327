// A whole .npy file, as dataset folders have it; and one or an .npz archive of any kind, as `import` reads it.
#include <cmath>

#include "medley/files/array_file.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace medley;

namespace {

void read_records(const std::filesystem::path& path) {
  const ArrayFile file(path);
  const std::uint64_t records = std::min<std::uint64_t>(file.records(), 1000);
  fuzz::require(file.elements() == 0 || records * file.elements() < (std::uint64_t{1} << 32),
                "an array is no larger than its file");
  std::vector<double> numbers(file.elements());
  std::vector<std::uint8_t> bytes(file.bytes() ? file.elements() : 0);
  for (std::uint64_t i = 0; i < records; ++i) {
    file.read(i, numbers);
    if (file.bytes()) file.read(i, bytes);
    for (std::size_t k = 0; k < bytes.size(); ++k)
      fuzz::require(file.dtype() == DType::i8 || numbers[k] == bytes[k], "bytes are the numbers");
  }
}

void read_array(std::string_view content) {
  const fuzz::InputFile input(content);
  std::string several;
  try {
    read_records(input.path());
    return;
  } catch (const Error& error) {
    several = error.what();
  }
  const std::size_t names = several.find("it has: ");  // of an archive; the first
  if (names == std::string::npos) return;
  const std::string first = several.substr(names + 8, several.find(", ", names) - names - 8);
  fuzz::accepted([&] { read_records(input.path().string() + ":" + first); });
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_array(fuzz::text_of(data, size));
  NpyHeader header;
  const auto file = std::as_bytes(std::span(data, size));
  if (!fuzz::accepted([&] { header = parse_npy_header(file, "input.npy"); })) return 0;

  const std::size_t item = size_of(header.dtype);
  fuzz::require(header.data_offset <= size && header.data_offset % item == 0,
                "data are aligned and inside the file");
  std::uint64_t elements = 1;
  bool overflow = false;
  for (const std::uint64_t n : header.shape)  // the other dimensions of an empty array count too
    overflow |= n != 0 && __builtin_mul_overflow(elements, n, &elements);
  for (const std::uint64_t n : header.shape) elements = n == 0 ? 0 : elements;
  fuzz::require(!overflow, "the shape's product does not overflow");
  fuzz::require(elements == header.elements, "elements are the shape's product");
  fuzz::require(elements <= size && elements * item == size - header.data_offset,
                "the data fill the rest of the file");
  return 0;
}
