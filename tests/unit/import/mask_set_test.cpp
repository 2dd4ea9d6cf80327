// Masks as their pictures lie: turned, of another size, in one folder with them.
#include "medley/import/mask_set.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/files_helpers.hpp"
#include "tests/pictures_helpers.hpp"

namespace medley {
namespace {

constexpr TargetSpec masked[]{{"kind", TargetKind::classes, 2}, {"mask", TargetKind::mask, 2}};

// A WebP file that is 19 x 11 and turned by its Exif (tests/golden/formats.py).
std::string turned_picture() {
  std::ifstream text("tests/golden/formats.json");
  const auto json = nlohmann::json::parse(text);
  for (const auto& row : json["files"])
    if (row["name"] == "webp turned Pillow") return from_base64(row["file"].get<std::string>());
  return {};
}

// Black but for its first row.
std::string mask_file(int height, int width) {
  return make_png(make_image({1, height, width}, [](int y, int, int) { return y == 0 ? 255 : 0; }));
}

class Masks : public ::testing::Test {
 protected:
  Masks() { std::filesystem::create_directories(folder_ / "masks"); }
  // The mask of the only picture, as it is read beside it.
  ReadMask read(const Image& picture, bool exact) {
    MaskSet set(masked, {{{"mask", {folder_ / "masks", {}, {}}}}, false});
    MaskSet::Notes notes;
    set.find(folder_.path(), std::vector<std::string>{"a.webp"}, 1, notes);
    EXPECT_EQ(set.problem(0), "");
    std::vector<ReadMask> masks;
    set.read(0, picture, exact, masks);
    EXPECT_EQ(masks.at(0).target, 1u);
    return masks.at(0);
  }
  void mask(int height, int width) {
    write_text(folder_ / "masks/a.png", mask_file(height, width));
  }
  TemporaryFolder folder_;
};

TEST_F(Masks, OfAPictureThatExifTurns) {
  Image picture;
  decode_image(bytes_of(turned_picture()), 3, picture);
  EXPECT_EQ(picture.shape, (PictureShape{3, 19, 11}));
  mask(19, 11);  // of the picture as viewers show it
  ReadMask found = read(picture, true);
  EXPECT_FALSE(found.turned);
  EXPECT_EQ(found.classes.pixels[10], 1);
  EXPECT_EQ(found.classes.pixels[11], 0);
  mask(11, 19);  // of what the camera saved: orientation 6 takes its first row to the right
  found = read(picture, true);
  EXPECT_TRUE(found.turned);
  EXPECT_EQ(found.classes.shape, (PictureShape{1, 19, 11}));
  for (std::size_t i = 0; i < 19 * 11; ++i) EXPECT_EQ(found.classes.pixels[i], i % 11 == 10) << i;
  mask(11, 18);
  EXPECT_ERROR(read(picture, true),
               "3: mask ...masks/a.png: 18 x 11 pixels, but the picture has 11 x 19, turned as its "
               "Exif tells");
}

TEST_F(Masks, OfAnotherSize) {
  const Image picture = make_image({1, 20, 30}, [](int, int, int) { return 9; });
  mask(10, 15);
  const ReadMask found = read(picture, false);
  EXPECT_TRUE(found.scaled);
  EXPECT_EQ(found.classes.shape, (PictureShape{1, 10, 15}));
  EXPECT_ERROR(read(picture, true), "3: ...15 x 10 pixels, but the picture has 30 x 20");
  mask(10, 16);
  EXPECT_ERROR(read(picture, false), "3: ...16 x 10 pixels, but the picture has 30 x 20");
}

TEST_F(Masks, AreOfTargetsThatAreMasks) {
  EXPECT_ERROR(MaskSet(masked, {{{"kind", {folder_ / "masks", {}, {}}}}, false}),
               "2: --masks: the target 'kind' is no mask");
  EXPECT_ERROR(read({}, true), "3: ...masks: no mask is called like a picture...");
}

TEST_F(Masks, InTheFolderOfThePictures) {
  MaskSet set(masked, {{{"mask", {folder_ / "masks", {}, {}}}}, false});
  std::vector<FolderPicture> files{
      {"a.jpg", {}, {}, {}}, {"a_mask.png", {}, {}, {}}, {"b.jpg", {}, {}, {}}};
  set.leave_out_masks(folder_ / "masks/.", files);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[1].path, "b.jpg");
  set.leave_out_masks(folder_.path(), files);
  EXPECT_EQ(files.size(), 2u);
  // Only a.webp has a mask; neither picture is one.
  write_text(folder_ / "masks/a.webp", turned_picture());
  write_text(folder_ / "masks/a_mask.png", mask_file(19, 11));
  write_text(folder_ / "masks/b.webp", turned_picture());
  MaskSet::Notes notes;
  set.find(folder_ / "masks", std::vector<std::string>{"a.webp", "b.webp"}, 1, notes);
  EXPECT_EQ(set.problem(0), "");
  EXPECT_PRED2(holds, set.problem(1),
               "there is no mask of 'mask' in...'*_mask'...--allow-unmasked...");
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_PRED2(holds, notes[0], "masks of 'mask' are called '*_mask'...");
}

}  // namespace
}  // namespace medley
