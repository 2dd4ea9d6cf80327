#include "medley/files/unicode_form.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "medley/base/text.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

// A code point and the marks that combine with it.
struct Letter {
  char32_t base = 0;
  std::u32string marks;
  friend bool operator==(const Letter&, const Letter&) = default;
};

// Accents of all alphabets that come with precomposed letters, and the parts of Korean syllables.
bool is_mark(char32_t c) {
  constexpr std::array<std::array<char32_t, 2>, 12> ranges{{{0x0300, 0x036F},
                                                            {0x0483, 0x0487},
                                                            {0x0591, 0x05C7},
                                                            {0x0610, 0x065F},
                                                            {0x093C, 0x093C},
                                                            {0x09BC, 0x09D7},
                                                            {0x0B3C, 0x0B57},
                                                            {0x1161, 0x11FF},
                                                            {0x1AB0, 0x1AFF},
                                                            {0x1DC0, 0x1DFF},
                                                            {0x20D0, 0x20FF},
                                                            {0x3099, 0x309A}}};
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return range[0] <= c && c <= range[1]; });
}

// Of text that is UTF-8.
std::vector<Letter> letters(std::string_view text) {
  std::vector<Letter> list;
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t c = length == 1 ? first : first & (0x7Fu >> length);
    for (std::size_t k = 1; k < length; ++k)
      c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    i += length;
    if (is_mark(c) && !list.empty()) {
      list.back().marks += c;
    } else {
      list.push_back({c, {}});
    }
  }
  return list;
}

// Whether the letter with fewer marks may have taken some of the other's into itself.
bool may_be_composed(const Letter& a, const Letter& b) {
  if (a == b) return true;
  if (a.marks.size() == b.marks.size()) return false;
  return (a.marks.size() < b.marks.size() ? a : b).base >= 0x80;
}

// An entry of the folder that may be meant by `name`; empty if there is none.
fs::path entry_in_other_form(const fs::path& folder, const std::string& name) {
  std::error_code error;
  for (fs::directory_iterator entry(folder.empty() ? "." : folder, error), end;
       !error && entry != end; entry.increment(error)) {
    const fs::path found = entry->path().filename();
    if (may_be_other_form(found.string(), name)) return found;
  }
  return {};
}

}  // namespace

bool may_be_other_form(std::string_view a, std::string_view b) {
  if (a == b || !is_utf8(a) || !is_utf8(b)) return false;
  const std::vector<Letter> x = letters(a), y = letters(b);
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), may_be_composed);
}

fs::path file_in_other_form(const fs::path& path) {
  fs::path found;
  std::error_code ignored;
  for (const fs::path& part : path) {
    if (fs::exists(found / part, ignored)) {
      found /= part;
      continue;
    }
    const fs::path entry = entry_in_other_form(found, part.string());
    if (entry.empty()) return {};
    found /= entry;
  }
  return found == path ? fs::path{} : found;
}

std::string other_form_note(const fs::path& other) {
  return "; " + other.string() +
         " may be meant, whose name is in another Unicode form (the same letters in other bytes): "
         "rename the files, such as with convmv --nfc";
}

}  // namespace medley
