// A PNG file, as a picture and as a mask, as it is and with the checksums of its chunks mended, so that a changed chunk is read
// and not only refused.
#include <zlib.h>

#include "tests/fuzz/picture.hpp"

namespace {

std::uint32_t read_number(const std::string& file, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(file[at + i]);
  return value;
}

std::string with_checksums(std::string_view text) {
  std::string file(text);
  for (std::size_t at = 8; at + 12 <= file.size();) {
    const std::size_t length = read_number(file, at);
    if (length > file.size() - at - 12) break;
    const auto* const body = reinterpret_cast<const Bytef*>(file.data()) + at + 4;
    const auto sum = static_cast<std::uint32_t>(::crc32(0, body, static_cast<uInt>(length + 4)));
    for (std::size_t i = 0; i < 4; ++i)
      file[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i));
    at += length + 12;
  }
  return file;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file = medley::fuzz::text_of(data, size);
  medley::fuzz::decode_and_fit(file);
  medley::fuzz::decode_as_mask(file);
  if (const std::string mended = with_checksums(file); mended != file) {
    medley::fuzz::decode_and_fit(mended);
    medley::fuzz::decode_as_mask(mended);
  }
  return 0;
}
