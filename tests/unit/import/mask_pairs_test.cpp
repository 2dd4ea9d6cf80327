// Masks are paired with pictures by their names.
#include "medley/import/mask_pairs.hpp"

#include <gtest/gtest.h>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

using Names = std::vector<std::string>;

MaskPairs pairs(const Names& pictures, const Names& masks, const std::string& naming = {}) {
  return pair_masks(pictures, masks,
                    naming.empty() ? std::nullopt : std::optional(parse_naming(naming)));
}

TEST(MaskPairs, TheSameNameWhateverTheExtension) {
  const MaskPairs p =
      pairs({"a.jpg", "b.x.JPG", "train/a.png", "c"}, {"b.x.png", "a.bmp", "train/a.png", "d.png"});
  EXPECT_EQ(p.masks, (Names{"a.bmp", "b.x.png", "train/a.png", ""}));
  EXPECT_EQ(p.alone, Names{"d.png"});
  EXPECT_EQ(p.naming.text(), "*");
}

TEST(MaskPairs, UsualAffixes) {
  for (const std::string form : {"_mask", "-label", "_Mask", ".seg", " MASK", "_L", "_gt"}) {
    const MaskPairs p = pairs({"a.jpg", "b.jpg"}, {"b" + form + ".png", "a" + form + ".png"});
    EXPECT_EQ(p.masks, (Names{"a" + form + ".png", "b" + form + ".png"}));
    EXPECT_EQ(p.naming.text(), '*' + form);
  }
  EXPECT_EQ(pairs({"x/a.jpg"}, {"x/mask_a.png"}).masks, Names{"x/mask_a.png"});
  EXPECT_EQ(pairs({"a.jpg"}, {"seg.a.tool.png"}, "seg.*.tool").masks, Names{"seg.a.tool.png"});
  EXPECT_EQ(pairs({"a.jpg"}, {"a.jpg.png"}, "*.jpg").masks, Names{"a.jpg.png"});
}

TEST(MaskPairs, WhatCannotBeToldIsSaid) {
  EXPECT_ERROR(pairs({"a.jpg"}, {"001.png"}),
               "3: no mask is called like a picture (the first picture is a.jpg, the first mask "
               "001.png): --mask-names...");
  EXPECT_ERROR(pairs({}, {}), "3: ...is missing, the first mask missing...");
  EXPECT_ERROR(pairs({"a.jpg"}, {"a_mask.png", "a_label.png"}),
               "3: masks are called '*_mask' and '*_label'...--mask-names...");
  EXPECT_EQ(pairs({"a.jpg"}, {"a_mask.png", "a_label.png"}, "*_label").masks, Names{"a_label.png"});
  EXPECT_ERROR(pairs({"a.jpg", "a.png"}, {"a.png"}), "3: a.jpg and a.png: which of the two...");
  EXPECT_ERROR(pairs({"a.jpg"}, {"a.bmp", "a.png"}),
               "3: a.bmp and a.png are masks of the same picture, a.jpg...");
  for (const std::string bad : {"mask", "*_*", "x/*"})
    EXPECT_ERROR(parse_naming(bad), "2: --mask-names: '" + bad + "'...");
}

std::string chosen(const Names& files, const std::string& naming = {}) {
  const std::vector<bool> is_mask =
      masks_among(files, naming.empty() ? std::nullopt : std::optional(parse_naming(naming)));
  std::string text;
  for (const bool mask : is_mask) text += mask ? 'm' : '.';
  return text;
}

TEST(MaskPairs, InOneFolder) {
  EXPECT_EQ(chosen({"a.png", "a_mask.png", "b.png", "b_mask.png", "c.png", "the_mask.png"}),
            ".m.m..");
  EXPECT_EQ(chosen({"a.jpg", "a.png", "b.JPG", "b.PNG", "c.png"}), ".m.m.");
  EXPECT_EQ(chosen({"a.png", "a_mask.png", "a_seg2.png"}, "*_seg2"), "..m");
  EXPECT_EQ(chosen({"a.png", "b.png"}), "..");
}

}  // namespace
}  // namespace medley
