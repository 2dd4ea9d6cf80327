// A safetensors file, whatever wrote it.
#include "medley/files/safetensors.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace medley;

namespace {

std::uint64_t item_bytes(std::string_view dtype) {
  if (dtype.ends_with("64")) return 8;
  if (dtype.ends_with("32")) return 4;
  if (dtype.ends_with("16")) return 2;
  return 1;
}

void check(const SafetensorsFile& file, std::size_t size) {
  std::size_t data_bytes = 0;
  const std::byte* next = file.tensors().empty() ? nullptr : file.tensors()[0].bytes.data();
  for (const SafetensorsFile::Tensor& tensor : file.tensors()) {
    std::uint64_t bytes = item_bytes(tensor.dtype);
    bool overflow = false;
    for (const std::uint64_t n : tensor.dims) overflow |= __builtin_mul_overflow(bytes, n, &bytes);
    fuzz::require(!overflow && bytes == tensor.bytes.size(), "a shape gives the bytes of its data");
    fuzz::require(tensor.bytes.data() == next, "data are contiguous");
    next += bytes;
    data_bytes += bytes;
    fuzz::require(file.find(tensor.name) == &tensor, "a tensor is found by its name");
    const std::string_view dtype = tensor.dtype;
    if (dtype != "F32" && dtype != "F16" && dtype != "BF16" && dtype != "F64") {
      fuzz::require(tensor.values.empty(), "only floats have values");
      continue;
    }
    fuzz::require(tensor.values.size() == bytes / item_bytes(dtype), "floats have values");
    fuzz::require(file.floats(tensor.name, tensor.dims).data() == tensor.values.data(),
                  "values are found by name and shape");
    float sum = 0;  // every value can be read
    for (const float value : tensor.values) sum += value;
    fuzz::require(sum >= 0 || sum < 0 || sum != sum, "values are floats");
  }
  fuzz::require(data_bytes + 8 <= size, "data are inside the file");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::InputFile input(fuzz::text_of(data, size));
  fuzz::accepted([&] {
    const SafetensorsFile file(input.path());
    check(file, size);
    if (file.verify_checksum())
      fuzz::require(file.metadata(checksum_key)->size() == 16, "a checksum has 16 digits");
  });
  return 0;
}
