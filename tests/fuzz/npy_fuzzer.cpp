// A whole .npy file.
#include "medley/files/npy.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace medley;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
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
