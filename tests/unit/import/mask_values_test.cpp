// What the values of masks mean, and what of them cannot be told.
#include "medley/import/mask_values.hpp"

#include <gtest/gtest.h>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

using Values = std::vector<std::uint32_t>;
using Bytes = std::vector<std::uint8_t>;
using Kind = MaskPicture::Kind;

MaskPicture mask_of(Values values, Kind kind = Kind::gray) {
  MaskPicture mask;
  mask.kind = kind;
  mask.height = 1;
  mask.width = static_cast<int>(values.size());
  mask.values = std::move(values);
  return mask;
}

struct Case {
  int classes = 2;
  MaskMeaning meaning;
  std::vector<MaskPicture> masks;

  std::vector<std::string> notes, names;
  // The classes of all masks, one after the other.
  Bytes run() {
    MaskCensus census;
    MaskCensus::File file;
    for (std::size_t i = 0; i < masks.size(); ++i) {
      MaskClasses::prepare(meaning, masks[i]);
      file.look_at(masks[i]);
      census.count(i, file);
    }
    const MaskClasses classes_of(
        {"m", TargetKind::mask, classes}, meaning, census,
        [](std::size_t i) { return std::string(1, static_cast<char>('a' + i)) + ".png"; }, notes);
    names = classes_of.names();
    Bytes all, one;
    for (const MaskPicture& mask : masks) {
      classes_of.map(mask, one);
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }
};

Case of(Values values, int classes = 2, Kind kind = Kind::gray) {
  return {classes, {}, {mask_of(std::move(values), kind)}, {}, {}};
}

TEST(MaskValues, NumbersAreClasses) {
  Case c = of({0, 1, 2, 2}, 3);
  EXPECT_EQ(c.run(), (Bytes{0, 1, 2, 2}));
  EXPECT_TRUE(c.notes.empty());
  EXPECT_EQ(of({0, 1, 0}).run(), (Bytes{0, 1, 0}));
  EXPECT_EQ(of({2, 0}, 3, Kind::indices).run(), (Bytes{2, 0}));
}

TEST(MaskValues, OfTwoClasses0And255AloneAreBoth) {
  Case c = of({0, 255, 0});
  EXPECT_EQ(c.run(), (Bytes{0, 1, 0}));
  ASSERT_EQ(c.notes.size(), 1u);
  EXPECT_PRED2(holds, c.notes[0],
               "masks of 'm': 0 and 255 are taken for classes 0 and 1...--mask-unknown m=255...");
  EXPECT_EQ(of({255}).run(), (Bytes{1}));
  // One mask with both shows what 255 means in all of them.
  Case mixed = of({0, 255});
  mixed.masks.push_back(mask_of({1, 0, 255}));
  EXPECT_EQ(mixed.run(), (Bytes{0, 255, 1, 0, 255}));
  EXPECT_PRED2(holds, mixed.notes.at(0), "...255, in 2 of 2, is taken for \"not known\"...");
  // Of one bit some, of eight bits others.
  Case unlike = of({0, 255});
  unlike.masks.push_back(mask_of({1, 0}));
  EXPECT_ERROR(unlike.run(),
               "3: a.png: some masks have 0 and 255, others 0 and 1: --mask-threshold "
               "m=1...--mask-unknown m=255...");
  unlike.meaning.threshold = 1;
  EXPECT_EQ(unlike.run(), (Bytes{0, 1, 1, 0}));
}

TEST(MaskValues, BesideClasses255IsNotKnown) {
  Case c = of({0, 1, 255}, 2, Kind::indices);
  EXPECT_EQ(c.run(), (Bytes{0, 1, 255}));
  EXPECT_EQ(of({0, 20, 255}, 21, Kind::indices).run(), (Bytes{0, 20, 255}));
  Case none = of({0, 1, 255});
  none.meaning.all_known = true;
  EXPECT_ERROR(none.run(),
               "3: a.png: 255 (column 2, row 0) is no class of the mask 'm', which has 0 to 1...");
  Case other = of({0, 7, 1});
  other.meaning.unknown = 7;
  EXPECT_EQ(other.run(), (Bytes{0, 255, 1}));
  Case binary = of({0, 7, 255});
  binary.meaning.unknown = 7;
  EXPECT_EQ(binary.run(), (Bytes{0, 255, 1}));
  Case said = of({0, 255});
  said.meaning.unknown = 255;
  EXPECT_EQ(said.run(), (Bytes{0, 255}));
}

TEST(MaskValues, WhatCannotBeToldNamesTheOption) {
  EXPECT_ERROR(of({0, 255}, 2, Kind::indices).run(),
               "3: a.png: the masks have 0 and 255 alone, as indices: --mask-unknown m=255 "
               "if...--mask-values m=0,255...");
  EXPECT_ERROR(of({0, 255}, 5).run(),
               "3: a.png: the masks have 0 and 255 alone: --mask-unknown m=255...");
  Case said = of({0, 255}, 2, Kind::indices);
  said.meaning.values = {0, 255};
  EXPECT_EQ(said.run(), (Bytes{0, 1}));
  EXPECT_ERROR(of({0, 3}, 3).run(),
               "3: a.png: 3 (column 1, row 0)...which has 0 to 2. --mask-values m=A,B...");
  EXPECT_ERROR(of({0, 128}).run(),
               "3: ...--mask-values m=0,128 takes the values that occur for classes 0 to 1");
  EXPECT_ERROR(of({0, 65'535}).run(), "3: ...--mask-values m=0,65535...");
  EXPECT_ERROR(of({0, 40, 200, 255}).run(),
               "3: a.png: 40...borders were smoothed...--mask-threshold m=128...");
}

TEST(MaskValues, ListedValuesAreClassesInTheirOrder) {
  Case c = of({3, 1, 2, 255}, 3);
  c.meaning.values = {1, 2, 3};
  EXPECT_EQ(c.run(), (Bytes{2, 0, 1, 255}));
  Case known = of({128, 255, 0}, 3);
  known.meaning.values = {255, 0, 128};
  EXPECT_EQ(known.run(), (Bytes{2, 0, 1}));
  EXPECT_TRUE(known.notes.empty());
  Case bad = of({1, 9}, 2);
  bad.meaning.values = {1, 2};
  EXPECT_ERROR(
      bad.run(),
      "3: a.png: 9 (column 1, row 0) is no class of the mask 'm', whose values are 1, 2...");
}

TEST(MaskValues, AThresholdPartsTwoClasses) {
  Case c = of({0, 127, 128, 255});
  c.meaning.threshold = 128;
  c.masks[0].lossy = true;
  EXPECT_EQ(c.run(), (Bytes{0, 0, 1, 1}));
  c.meaning.unknown = 0;
  EXPECT_EQ(c.run(), (Bytes{255, 0, 1, 1}));
  Case lossy = of({0, 1});
  lossy.masks[0].lossy = true;
  EXPECT_ERROR(lossy.run(),
               "3: a.png: a mask that is compressed with losses...PNG...--mask-threshold m=128...");
}

TEST(MaskValues, ColoursHaveNames) {
  Case c = of({0x0000FF, 0x808080, 0x0000FE}, 2, Kind::colours);
  c.meaning.colours = parse_colours("sky=#0000ff,road=#808080,sky=#0000FE");
  EXPECT_EQ(c.run(), (Bytes{0, 1, 0}));
  EXPECT_EQ(c.names, (std::vector<std::string>{"sky", "road"}));
  c.masks.push_back(mask_of({0x010203}, Kind::colours));
  EXPECT_ERROR(
      c.run(),
      "3: b.png: #010203 (column 0, row 0) is none of the colours...--mask-unknown 'm=#010203'...");
  c.meaning.unknown = 0x010203;
  EXPECT_EQ(c.run(), (Bytes{0, 1, 0, 255}));
  c.meaning.colours = parse_colours("sky=#0000ff");
  EXPECT_ERROR(c.run(), "2: --mask-colours: 1 classes for the mask 'm', which has 2...");
  Case indexed = of({1, 0, 7}, 2, Kind::indices);
  indexed.masks[0].palette = {0x0000FF, 0x808080};
  indexed.meaning.colours = parse_colours("road=#808080,sky=#0000ff,sky=#000000");
  EXPECT_EQ(indexed.run(), (Bytes{0, 1, 1}));  // an index beyond the palette is black
}

TEST(MaskValues, ColoursWithoutNamesAreListed) {
  EXPECT_EQ(of({0x010101, 0, 0x010101}, 2, Kind::colours).run(),
            (Bytes{1, 0, 1}));  // they are gray
  EXPECT_ERROR(of({0x0000FF, 0xFFFFFF}, 2, Kind::colours).run(),
               "3: a mask in colours, #0000ff, #ffffff: --mask-colours NAME=#rrggbb,...");
}

TEST(MaskValues, TwoManyValuesAreNoMask) {
  Values noise(100'000);
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<std::uint32_t>(i);
  Case c = of(noise, 2, Kind::colours);
  c.meaning.colours = parse_colours("a=#000000,b=#ffffff");
  EXPECT_ERROR(c.run(), "3: a.png: more than 65536 values...");
}

TEST(MaskColours, AreReadFromFilesOfAllKinds) {
  const auto texts = [](std::string_view text) {
    std::string all;
    for (const MaskColour& c : read_colours("colours.txt", text))
      all += c.name + '=' + std::to_string(c.rgb) + ' ';
    return all;
  };
  EXPECT_EQ(texts("name,r,g,b\r\nAnimal,64,128,64\r\nOther 1,0,0,1\r\n"),
            "Animal=4227136 Other 1=1 ");
  EXPECT_EQ(texts("64 128 64\tAnimal\n\n0 0 1\tOther 1"), "Animal=4227136 Other 1=1 ");
  EXPECT_EQ(texts("\xEF\xBB\xBFsky=#0000ff\nroad: #000001\n"), "sky=255 road=1 ");
  EXPECT_EQ(texts("# label:color_rgb:parts:actions\nbackground:0,0,0::\nblack car:1,1,1::\n"),
            "background=0 black car=65793 ");
  EXPECT_ERROR(texts("a,1,2,3\nb,1,2\n"), "3: colours.txt, line 2: 'b,1,2' is not...");
  EXPECT_ERROR(texts("a,1,2,3\n#ffffff\n"), "3: colours.txt, line 2...");
  EXPECT_ERROR(texts("a,1,2,256\n"), "3: colours.txt: no colours of classes");
  EXPECT_ERROR(texts("a,1,2,3\nb,1,2,3\n"),
               "3: colours.txt: #010203 is the colour of 'a' and of 'b'");
  EXPECT_ERROR(parse_colours("a=#12345"), "2: --mask-colours: 'a=#12345' is not NAME=#rrggbb...");
  EXPECT_ERROR(parse_colours("=#123456"), "2: ...");
}

}  // namespace
}  // namespace medley
