// `import --folders`: class folders, folders of splits, and labels joined by file name.
#include "medley/import/import_folders.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "medley/data/dataset.hpp"
#include "medley/import/picture_folders.hpp"
#include "tests/files_helpers.hpp"
#include "tests/pictures_helpers.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

constexpr PictureShape folder_shape{1, 4, 4};
constexpr TargetSpec one_class[]{{"kind", TargetKind::classes, 2}};
constexpr TargetSpec three_targets[]{{"kind", TargetKind::classes, 2},
                                     {"big", TargetKind::classes, 2},
                                     {"place", TargetKind::values, 2}};
using Ints = std::vector<int>;
using Strings = std::vector<std::string>;

class ImportFolders : public ::testing::Test {
 protected:
  // A picture all of whose pixels are `value`.
  void picture(const std::string& name, int value = 7) {
    fs::create_directories((folder_ / "in" / name).parent_path());
    write_text(folder_ / "in" / name,
               make_png(make_image({1, 5, 5}, [&](int, int, int) { return value; })));
  }
  void pictures(const std::string& folder, int count, int first = 0) {
    for (int i = 0; i < count; ++i)
      picture(folder + "/" + std::to_string(first + i) + ".png", first + i);
  }
  ImportRequest request(std::span<const TargetSpec> targets = one_class) const {
    ImportRequest r;
    r.shape = folder_shape;
    r.targets = targets;
    r.folders = folder_ / "in";
    r.out = folder_ / "out";
    r.threads = 2;
    return r;
  }
  ImportRequest labelled(std::string_view csv, std::span<const TargetSpec> targets = one_class) {
    write_text(folder_ / "labels.csv", csv);
    ImportRequest r = request(targets);
    r.labels = folder_ / "labels.csv";
    return r;
  }
  static std::string error(const ImportRequest& r) {
    return error_of([&] { import_folders(r); });
  }
  // {pixel, label of the first target, split} of each record.
  static std::vector<std::array<int, 3>> records(const ImportRequest& r) {
    const Dataset data(r.out, r.shape, r.targets);
    std::vector<std::array<int, 3>> out(data.size());
    for (std::uint64_t i = 0; i < data.size(); ++i) {
      Record record;
      data.read(i, {}, record);
      out[i] = {record.image[0], data.label(i, 0), -1};
    }
    for (const Split split : {Split::train, Split::validation, Split::test})
      data.each_record(split, [&](std::uint64_t i) { out[i][2] = static_cast<int>(split); });
    return out;
  }
  static Strings class_names(const ImportRequest& r, int target = 0) {
    const Dataset data(r.out, r.shape, r.targets);
    const auto names = data.class_names(target);
    return {names.begin(), names.end()};
  }
  TemporaryFolder folder_;
};

using Records = std::vector<std::array<int, 3>>;

TEST_F(ImportFolders, AFolderIsAClass) {
  pictures("dog", 10);
  pictures("Cat", 10, 10);
  ImportRequest r = request();
  const ImportReport report = import_folders(r);
  EXPECT_EQ(report.rows, 20u);
  EXPECT_EQ(class_names(r), (Strings{"Cat", "dog"}));
  EXPECT_EQ(report.summary.records, (std::array<std::uint64_t, 3>{14, 3, 3}));
  for (const auto& [pixel, label, split] : records(r)) EXPECT_EQ(label, pixel < 10 ? 1 : 0);
  EXPECT_EQ(records(r)[0][0], 10);  // Cat/10.png is the first
}

TEST_F(ImportFolders, NumbersByValueAndOrderOfTheUser) {
  pictures("10", 3);
  pictures("9", 3, 3);
  ImportRequest r = request();
  import_folders(r);
  EXPECT_EQ(class_names(r), (Strings{"9", "10"}));
  r.classes["kind"] = {"10", "9"};
  r.force = true;
  import_folders(r);
  EXPECT_EQ(class_names(r), (Strings{"10", "9"}));
  r.classes["kind"] = {"10", "11"};
  EXPECT_PRED2(holds, error(r), "3: ...in/9/3.png: '9' in column 'folder' is none of the classes");
}

TEST_F(ImportFolders, FoldersOfSplits) {
  for (const char* names : {"train,val,test", "Training,valid,TEST", "train,validation,testing"}) {
    fs::remove_all(folder_ / "in");
    Strings split(3);
    std::istringstream text(names);
    for (std::string& name : split) std::getline(text, name, ',');
    for (int s = 0; s < 3; ++s) {
      pictures(split[static_cast<std::size_t>(s)] + "/a", 2, 10 * s);
      pictures(split[static_cast<std::size_t>(s)] + "/b", 1, 10 * s + 5);
    }
    ImportRequest r = request();
    r.force = true;
    import_folders(r);
    EXPECT_EQ(records(r), (Records{{0, 0, 0},
                                   {1, 0, 0},
                                   {5, 1, 0},
                                   {10, 0, 1},
                                   {11, 0, 1},
                                   {15, 1, 1},
                                   {20, 0, 2},
                                   {21, 0, 2},
                                   {25, 1, 2}}))
        << names;
  }
}

TEST_F(ImportFolders, MissingValidationIsTakenFromTraining) {
  pictures("train/a", 50);
  pictures("train/b", 50, 50);
  pictures("test/a", 7, 100);
  pictures("test/b", 3, 110);
  ImportRequest r = request();
  r.fractions = {600'000, 200'000, 200'000};
  EXPECT_EQ(import_folders(r).summary.records, (std::array<std::uint64_t, 3>{80, 20, 10}));
  for (const auto& [pixel, label, split] : records(r)) EXPECT_EQ(split == 2, pixel >= 100);
  r.force = true;
  r.fractions = {900'000, 0, 100'000};
  EXPECT_EQ(import_folders(r).summary.records, (std::array<std::uint64_t, 3>{100, 0, 10}));
  // Without a folder of test there is no test split; of training alone all are made.
  fs::rename(folder_ / "in/test", folder_ / "in/val");
  EXPECT_EQ(import_folders(r).summary.records, (std::array<std::uint64_t, 3>{100, 10, 0}));
  fs::remove_all(folder_ / "in/val");
  r.fractions = {600'000, 200'000, 200'000};
  EXPECT_EQ(import_folders(r).summary.records, (std::array<std::uint64_t, 3>{60, 20, 20}));
}

TEST_F(ImportFolders, AClassMayBeCalledTrain) {
  pictures("train", 2);
  pictures("bus", 2, 5);
  ImportRequest r = request();
  import_folders(r);
  EXPECT_EQ(class_names(r), (Strings{"bus", "train"}));
}

TEST_F(ImportFolders, SplitsWithOtherClasses) {
  pictures("train/a", 3);
  pictures("train/b", 3, 3);
  pictures("test/a", 3, 10);
  ImportRequest r = request();
  r.force = true;
  import_folders(r);  // a class that test lacks
  pictures("test/B", 1, 20);
  const std::string told = error(r);
  EXPECT_PRED2(holds, told,
               "3: ...in/test/B: the class 'B' is not among the training pictures...--exclude "
               "'folder=B'");
  r.excludes = {{"folder", "B"}};
  EXPECT_EQ(import_folders(r).excluded, 1u);
  r.excludes.clear();
  fs::rename(folder_ / "in/test/B", folder_ / "in/test/unlabelled");
  r.missing = {"unlabelled"};
  EXPECT_EQ(import_folders(r).summary.targets[0].missing[2], 1u);
  fs::remove_all(folder_ / "in/train/b");
  r.missing.clear();
  fs::rename(folder_ / "in/test/unlabelled", folder_ / "in/test/b");
  r.classes["kind"] = {"a", "b"};
  import_folders(r);  // the user has said that there is such a class
  // The same letters in other bytes.
  r.classes.clear();
  fs::remove_all(folder_ / "in/test/b");
  pictures("train/\xC3\xA9", 2, 3);
  pictures("test/e\xCC\x81", 2, 3);
  EXPECT_PRED2(holds, error(r), "3: ...is not among the training pictures...Unicode form");
}

TEST_F(ImportFolders, WhatIsNoPictureIsPassedOverAndCounted) {
  pictures("a", 2);
  pictures("b", 2, 2);
  fs::rename(folder_ / "in/a/0.png", folder_ / "in/a/0.PNG");
  fs::rename(folder_ / "in/a/1.png", folder_ / "in/a/one");  // told by its content
  write_text(folder_ / "in/.DS_Store", "x");
  write_text(folder_ / "in/a/README", "x");
  write_text(folder_ / "in/a/._0.PNG", "resource fork");
  write_text(folder_ / "in/b/Thumbs.db", "x");
  picture("b/.ipynb_checkpoints/2.png");
  fs::create_directories(folder_ / "in/empty");
  ImportRequest r = request();
  const ImportReport report = import_folders(r);
  EXPECT_EQ(report.rows, 4u);
  ASSERT_EQ(report.notes.size(), 2u);
  EXPECT_PRED2(holds, report.notes[0], "...in: 5 left out, as they are no pictures: ...and 2 more");
  EXPECT_PRED2(holds, report.notes[1], "...in: no picture in empty");
  EXPECT_EQ(class_names(r), (Strings{"a", "b"}));
}

TEST_F(ImportFolders, ABrokenPictureIsToldOrSkipped) {
  pictures("a", 3);
  pictures("b", 3, 3);
  write_text(folder_ / "in/b/4.png", "broken");
  write_text(folder_ / "in/a/x.gif", "GIF89a");
  fs::create_symlink("nowhere.png", folder_ / "in/b/link.png");
  ImportRequest r = request();
  EXPECT_PRED2(holds, error(r), "3: ...in/a/x.gif: ...mend it, or leave out such pictures");
  EXPECT_FALSE(fs::exists(r.out));
  r.skip_bad = true;
  const ImportReport report = import_folders(r);
  ASSERT_EQ(report.skipped.size(), 3u);
  EXPECT_PRED2(holds, report.skipped[1], "...in/b/4.png: ...");
  EXPECT_PRED2(holds, report.skipped[2], "...in/b/link.png: cannot open");
  EXPECT_EQ(report.summary.records[0] + report.summary.records[1] + report.summary.records[2], 5u);
}

TEST_F(ImportFolders, LinksAreFollowedUntilTheyLeadBack) {
  pictures("a", 2);
  picture("../elsewhere/9.png", 9);
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "in/b");
  fs::create_symlink(folder_ / "in/a/1.png", folder_ / "in/a/2.png");
  ImportRequest r = request();
  import_folders(r);
  EXPECT_EQ(records(r).size(), 4u);
  fs::create_directory_symlink("../..", folder_ / "in/a/up");
  r.force = true;
  EXPECT_PRED2(holds, error(r), "3: ...is a link that leads back to a folder around it");
}

TEST_F(ImportFolders, WhatCannotBe) {
  ImportRequest r = request();
  EXPECT_PRED2(holds, error(r), "4: ...in is not a folder of pictures");
  fs::create_directories(folder_ / "in");
  EXPECT_PRED2(holds, error(r), "3: ...in: no picture is there");
  picture("1.png");
  EXPECT_PRED2(holds, error(r), "2: ...in has no folders of classes: give --labels FILE.csv");
  pictures("a", 2);
  pictures("b", 2);
  EXPECT_PRED2(holds, error(r), "3: ...in/1.png: it lies beside the folders of the classes");
  fs::remove(folder_ / "in/1.png");
  pictures("c", 1);
  EXPECT_PRED2(holds, error(r), "3: ...has 3 classes...'kind' has 2...a (2), b (2), c (1)");
  fs::rename(folder_ / "in/c", folder_ / "in/None");
  EXPECT_PRED2(holds, error(r), "3: ...'None' in column 'folder' (1 rows) would be a class");
  fs::rename(folder_ / "in/None", folder_ / "in/\xFF");
  EXPECT_PRED2(holds, error(r), "3: ...the name of the folder is not UTF-8");
  fs::remove_all(folder_ / "in");
  pictures("train/a", 1);
  pictures("train/b", 1);
  pictures("val/a", 1);
  picture("x.png");
  EXPECT_PRED2(holds, error(r),
               "3: ...in/x.png: the picture lies beside the folders of the splits");
  fs::remove(folder_ / "in/x.png");
  pictures("valid/a", 1);
  EXPECT_PRED2(holds, error(r), "3: ...in: val and valid are folders of the same split");
  EXPECT_PRED2(holds, error(request(three_targets)),
               "3: ...val and valid");  // before any question of targets
  fs::remove_all(folder_ / "in/valid");
  EXPECT_PRED2(holds, error(request(three_targets)), "2: ...of which target, kind or big?");
}

TEST_F(ImportFolders, LabelsAreJoinedByName) {
  for (const char* names : {"0,1,2,3", "0.png,1.png,2.png,3.png", "a/0,a/1,b/2,b/3.png",
                            "in/train/a/0.png,train/a/1,in\\train\\b\\2.png,./3"}) {
    fs::remove_all(folder_ / "in");
    pictures("train/a", 2);
    pictures("train/b", 2, 2);
    Strings name(4);
    std::istringstream text(names);
    for (std::string& one : name) std::getline(text, one, ',');
    ImportRequest r = labelled("file;big;x;y;who\n" + name[3] + ";yes;1,5;2;m\n" + name[0] +
                                   ";no;3;4;n\n" + name[1] + ";;;;n\n" + name[2] + ";no;;1;m\n",
                               three_targets);
    r.image_column = "file";
    r.columns["place"] = {"x", "y"};
    r.group_column = "who";
    r.fractions = {1'000'000, 0, 0};
    r.force = true;
    import_folders(r);
    const Dataset data(r.out, r.shape, three_targets);
    ASSERT_EQ(data.size(), 4u) << names;
    EXPECT_EQ((Ints{data.label(0, 0), data.label(2, 0)}), (Ints{0, 1}));  // of the folders
    EXPECT_EQ((Ints{data.label(0, 1), data.label(1, 1), data.label(2, 1), data.label(3, 1)}),
              (Ints{0, -1, 0, 1}));
    Record record;
    data.read(3, {}, record);
    EXPECT_EQ(record.targets[2].values[0], 1.5f);
    EXPECT_TRUE(data.has_groups());
    EXPECT_EQ(data.group(0), data.group(1));
    EXPECT_NE(data.group(1), data.group(2));
  }
}

TEST_F(ImportFolders, FlatFoldersHaveTheirTargetsFromLabels) {
  pictures(".", 3);
  picture("more/deep/3.png", 3);
  ImportRequest r = labelled("image,kind\n0,x\n1,y\n2,x\n3,y\n");
  r.fractions = {1'000'000, 0, 0};
  import_folders(r);
  Ints labels;
  for (const auto& record : records(r)) labels.push_back(record[0] % 2 == record[1]);
  EXPECT_EQ(labels, (Ints{1, 1, 1, 1}));
}

TEST_F(ImportFolders, LabelsThatDoNotFit) {
  pictures("a", 2);
  pictures("b", 1);
  ImportRequest r = labelled("image,kind\na/0,x\na/1,y\n");
  EXPECT_PRED2(holds, error(r), "3: ...in/b/0.png: ...labels.csv has no row for it");
  r = labelled("image,kind\n0,x\na/1,y\n");
  EXPECT_PRED2(holds, error(r), "3: ...in/b/0.png: row 2 of ...labels.csv is that of a/0.png, too");
  r = labelled("image,kind\na/0,x\na/1,y\nb/0,y\nb/1,y\nb/0,x\nq\n");
  EXPECT_PRED2(holds, error(r), "3: ...labels.csv, row 5: there is no picture that it names");
  r.skip_bad = true;
  const ImportReport report = import_folders(r);
  ASSERT_EQ(report.skipped.size(), 3u);
  EXPECT_PRED2(holds, report.skipped[1], "...row 6: it names the picture that row 4 does");
  EXPECT_PRED2(holds, report.skipped[2], "...row 7: 1 fields where the header has 2");
  r = labelled("image,folder\n0,x\n");
  EXPECT_PRED2(holds, error(r), "2: ...labels.csv: column 'folder' is called as one that folders");
  r = labelled("name,kind\n0,x\n");
  EXPECT_PRED2(holds, error(r), "3: ...labels.csv has no column 'image'");
}

TEST_F(ImportFolders, GroupsThatTheFoldersPartAreTold) {
  pictures("train/a/p1", 2);
  pictures("train/b/p2", 2);
  pictures("test/a/p1", 2, 5);
  ImportRequest r = request();
  r.group_column = "subfolder";
  const ImportReport report = import_folders(r);
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_PRED2(holds, report.notes[0], "1 of 2 groups of column 'subfolder' are in more than one");
  EXPECT_TRUE(Dataset(r.out, r.shape, r.targets).has_groups());
}

TEST_F(ImportFolders, NothingMayBeKnownOfATarget) {
  constexpr TargetSpec with_mask[]{{"kind", TargetKind::classes, 2},
                                   {"mask", TargetKind::mask, 2},
                                   {"place", TargetKind::values, 2}};
  pictures("a", 2);
  pictures("b", 2);
  ImportRequest r = request(with_mask);
  EXPECT_PRED2(holds, error(r), "2: ...'mask' is a mask...--target mask=");
  r.columns["mask"] = {""};
  r.columns["place"] = {""};
  const DatasetSummary summary = import_folders(r).summary;
  EXPECT_EQ(summary.targets[1].missing, summary.records);
  EXPECT_EQ(summary.targets[2].missing, summary.records);
  EXPECT_EQ(summary.targets[0].missing[0], 0u);
  r.columns["kind"] = {""};
  r.min_counts["kind"] = 2;
  r.force = true;
  EXPECT_EQ(import_folders(r).summary.targets[0].missing[0], 3u);
}

// tests/golden/image_folder.py has made the list.
TEST_F(ImportFolders, TheOrderIsThatOfTorchvision) {
  std::istringstream golden(read_text("tests/golden/image_folder.txt"));
  Strings paths, folders;
  int number = 0;
  for (std::string path; golden >> number && golden.get() == ' ' && std::getline(golden, path);) {
    fs::create_directories((folder_ / "in" / path).parent_path());
    write_text(folder_ / "in" / path, "");
    paths.push_back(path);
    const std::string folder = path.substr(0, path.find('/'));
    if (folders.size() == static_cast<std::size_t>(number)) folders.push_back(folder);
    EXPECT_EQ(folders.back(), folder);
  }
  ASSERT_EQ(paths.size(), 16u);
  write_text(folder_ / "in/apple/notes.txt", "");
  Strings found;
  for (const FolderPicture& picture : list_pictures(folder_ / "in").pictures)
    found.push_back(picture.path);
  EXPECT_EQ(found, paths);
}

}  // namespace
}  // namespace medley
