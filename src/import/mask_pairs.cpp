#include "medley/import/mask_pairs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "medley/base/error.hpp"

namespace medley {
namespace {

std::string_view without_extension(std::string_view path) {
  const std::size_t name = path.rfind('/') + 1;  // 0 where there is none
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos || dot <= name ? path : path.substr(0, dot);
}

std::string_view extension_of(std::string_view path) {
  return path.substr(without_extension(path).size());
}

bool is_one_of(std::string_view extension, std::initializer_list<std::string_view> known) {
  std::string lower(extension);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return std::ranges::find(known, std::string_view(lower)) != known.end();
}

// "*" first, then "*_mask", "Mask-*" and the like.
const std::vector<MaskNaming>& usual_namings() {
  static const std::vector<MaskNaming> all = [] {
    std::vector<MaskNaming> namings{{}};
    for (const std::string_view word : {"mask", "masks", "label", "labels", "seg", "segmentation",
                                        "gt", "annotation", "matte", "L", "P"})
      for (const std::string_view between : {"_", "-", ".", " "})
        for (const int capitals : {0, 1, 2}) {
          std::string text(word);
          for (std::size_t i = 0; i < text.size() && capitals > 0; ++i)
            if (text[i] >= 'a' && text[i] <= 'z' && (i == 0 || capitals == 2))
              text[i] = static_cast<char>(text[i] - 32);
          if (capitals > 0 && text == word) continue;
          namings.push_back({{}, std::string(between) + text});
          namings.push_back({text + std::string(between), {}});
        }
    return namings;
  }();
  return all;
}

// Indices of files by their paths without extension.
using Index = std::unordered_map<std::string, std::size_t>;

Index index_of(std::span<const std::string> pictures) {
  Index index;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const auto [found, added] = index.try_emplace(std::string(without_extension(pictures[i])), i);
    if (!added)
      throw data_error(
          fmt::format("{} and {}: which of the two a mask of that name is of cannot be "
                      "told: rename or remove one",
                      pictures[found->second], pictures[i]));
  }
  return index;
}

bool finds_any(const MaskNaming& naming, const Index& pictures,
               std::span<const std::string> masks) {
  return std::ranges::any_of(masks, [&](const std::string& mask) {
    const auto picture = naming.picture_of(without_extension(mask));
    return picture && pictures.contains(*picture);
  });
}

MaskNaming find_naming(const Index& index, std::span<const std::string> pictures,
                       std::span<const std::string> masks) {
  std::vector<MaskNaming> found;
  for (const MaskNaming& naming : usual_namings())
    if (finds_any(naming, index, masks)) found.push_back(naming);
  if (found.size() == 1) return found[0];
  if (found.empty())
    throw data_error(fmt::format(
        "no mask is called like a picture (the first picture is {}, the first mask {}): "
        "--mask-names says how they are called, such as '*_mask'",
        pictures.empty() ? "missing" : pictures[0], masks.empty() ? "missing" : masks[0]));
  std::vector<std::string> names;
  for (const MaskNaming& naming : found) names.push_back('\'' + naming.text() + '\'');
  throw data_error(
      fmt::format("masks are called {}, where the picture's name is the star: --mask-names says "
                  "which are meant",
                  fmt::join(names, " and ")));
}

}  // namespace

std::optional<std::string> MaskNaming::picture_of(std::string_view mask) const {
  const std::size_t name = mask.rfind('/') + 1;
  const std::string_view stem = mask.substr(name);
  if (stem.size() <= before.size() + after.size() || !stem.starts_with(before) ||
      !stem.ends_with(after))
    return std::nullopt;
  return std::string(mask.substr(0, name)) +
         std::string(stem.substr(before.size(), stem.size() - before.size() - after.size()));
}

MaskNaming parse_naming(const std::string& text) {
  const std::size_t star = text.find('*');
  if (star == std::string::npos || text.find('*', star + 1) != std::string::npos ||
      text.find('/') != std::string::npos)
    throw usage_error(fmt::format(
        "--mask-names: '{}' is not the name of a mask with a star for the picture's, such as "
        "'*_mask'",
        text));
  return {text.substr(0, star), text.substr(star + 1)};
}

MaskPairs pair_masks(std::span<const std::string> pictures, std::span<const std::string> masks,
                     const std::optional<MaskNaming>& naming) {
  const Index index = index_of(pictures);
  MaskPairs pairs;
  pairs.naming = naming ? *naming : find_naming(index, pictures, masks);
  pairs.masks.resize(pictures.size());
  for (const std::string& mask : masks) {
    const auto picture = pairs.naming.picture_of(without_extension(mask));
    const auto found = picture ? index.find(*picture) : index.end();
    if (found == index.end()) {
      pairs.alone.push_back(mask);
      continue;
    }
    std::string& known = pairs.masks[found->second];
    if (!known.empty())
      throw data_error(fmt::format("{} and {} are masks of the same picture, {}: keep one of them",
                                   known, mask, pictures[found->second]));
    known = mask;
  }
  return pairs;
}

std::vector<bool> masks_among(std::span<const std::string> files,
                              const std::optional<MaskNaming>& naming) {
  std::unordered_map<std::string_view, std::size_t> stems;
  for (const std::string& file : files) ++stems[without_extension(file)];
  std::vector<bool> is_mask(files.size());
  bool any = false;
  const auto affixed = [&](std::string_view stem, const MaskNaming& form) {
    const auto picture =
        form.before.empty() && form.after.empty() ? std::nullopt : form.picture_of(stem);
    return picture && stems.contains(*picture);
  };
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string_view stem = without_extension(files[i]);
    is_mask[i] = naming ? affixed(stem, *naming)
                        : std::ranges::any_of(usual_namings(), [&](const MaskNaming& form) {
                            return affixed(stem, form);
                          });
    any = any || is_mask[i];
  }
  for (std::size_t i = 0; i < files.size() && !any; ++i)
    is_mask[i] = stems[without_extension(files[i])] == 2 &&
                 is_one_of(extension_of(files[i]), {".png", ".bmp"});
  return is_mask;
}

}  // namespace medley
