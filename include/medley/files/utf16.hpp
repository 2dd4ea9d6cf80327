// UTF-16 to UTF-8, piece by piece: spreadsheets save "Unicode text" so.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace medley {

class Utf16Decoder {
 public:
  // `big`: the higher byte comes first (byte order mark FE FF, else FF FE). The mark itself is text.
  explicit Utf16Decoder(bool big) : big_(big) {}

  // Appends the text of the next bytes to `out`; what they leave unfinished waits for the next ones.
  // False where half of a pair of units stands alone.
  bool decode(std::span<const char> bytes, std::vector<char>& out);
  // Whether nothing is left unfinished.
  bool complete() const { return !odd_ && high_ == 0; }

 private:
  bool put(std::uint32_t unit, std::vector<char>& out);

  bool big_;
  std::optional<unsigned char> odd_;  // the first byte of a unit
  std::uint32_t high_ = 0;            // the first unit of a pair
};

}  // namespace medley
