// A JPEG, BMP or WebP file: which of them, its first bytes say.
#include "tests/fuzz/picture.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  medley::fuzz::decode_and_fit(medley::fuzz::text_of(data, size));
  return 0;
}
