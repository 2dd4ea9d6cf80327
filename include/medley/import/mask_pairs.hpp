// Which mask file belongs to which picture: names say it.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace medley {

// How the name of a mask is made of that of its picture, both without the extension: "*" is the picture's, as in "*_mask".
struct MaskNaming {
  std::string before, after;
  std::string text() const { return before + '*' + after; }
  // The picture's path without extension of a mask's, both relative to their folders; nothing of another form.
  std::optional<std::string> picture_of(std::string_view mask) const;
};

// Throws usage_error unless the text has one star.
MaskNaming parse_naming(const std::string& text);

struct MaskPairs {
  MaskNaming naming;
  std::vector<std::string> masks;  // of each picture; empty where it has none
  std::vector<std::string> alone;  // masks without a picture
};

// Pairs files of two folders (which may be one), given by their paths within these, such as "train/a.jpg" and
// "train/a_mask.png". Without a naming, the one is taken by which masks are found: the same name, or one with an affix that
// is usual for masks. Throws data_error where none or several are, two masks are of one picture, or pictures differ in their
// extensions alone. Memory and time grow with the number of files.
MaskPairs pair_masks(std::span<const std::string> pictures, std::span<const std::string> masks,
                     const std::optional<MaskNaming>& naming);

// Of the files of one folder those that are masks of others: by the naming, or of usual affixes, or where none has one,
// PNG and BMP files of JPEGs' names.
std::vector<bool> masks_among(std::span<const std::string> files,
                              const std::optional<MaskNaming>& naming);

}  // namespace medley
