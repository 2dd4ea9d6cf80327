// `import`: from pictures and a CSV file to a dataset folder.
#include "medley/import/import.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "medley/data/dataset.hpp"
#include "tests/files_helpers.hpp"
#include "tests/pictures_helpers.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

constexpr PictureShape shape{1, 4, 4};
constexpr TargetSpec kind_and_kids[]{{"kind", TargetKind::classes, 2},
                                     {"kids", TargetKind::classes, 2}};
constexpr TargetSpec kind_only[]{{"kind", TargetKind::classes, 2}};

class Import : public ::testing::Test {
 protected:
  Import() {
    fs::create_directories(folder_ / "images/sub");
    for (int i = 0; i < 6; ++i) picture("p" + std::to_string(i) + ".png", i);
  }
  // A picture all of whose pixels are `value`.
  void picture(const std::string& name, int value) {
    write_text(folder_ / "images" / name,
               make_png(make_image({1, 5, 7}, [&](int, int, int) { return value; })));
  }
  ImportRequest request(std::string_view csv, std::span<const TargetSpec> targets) {
    write_text(folder_ / "t.csv", csv);
    ImportRequest request;
    request.shape = shape;
    request.targets = targets;
    request.csv = folder_ / "t.csv";
    request.images = folder_ / "images";
    request.extension = ".png";
    request.out = folder_ / "out";
    return request;
  }
  std::string error(const ImportRequest& request) {
    return error_of([&] { import_csv(request); });
  }
  // The pixel of each record: which picture it is.
  std::vector<int> pictures(const Dataset& data) const {
    std::vector<int> out;
    for (std::uint64_t i = 0; i < data.size(); ++i) {
      Record record;
      data.read(i, {}, record);
      out.push_back(record.image[0]);
    }
    return out;
  }
  std::vector<int> labels(const Dataset& data, int target) const {
    std::vector<int> out;
    for (std::uint64_t i = 0; i < data.size(); ++i) out.push_back(data.label(i, target));
    return out;
  }
  TemporaryFolder folder_;
};

using Ints = std::vector<int>;

TEST_F(Import, ClassesInTheOrderOfTheirNames) {
  ImportRequest r = request(
      "image,kind,kids\r\np0,shoe,True\r\np1,\"hat, \"\"big\"\"\",False\r\n"
      "p2,shoe,\r\np3,,False\r\n",
      kind_and_kids);
  const ImportReport report = import_csv(r);
  EXPECT_EQ(report.rows, 4u);
  const Dataset data(r.out, shape, kind_and_kids);
  EXPECT_EQ(pictures(data), (Ints{0, 1, 2, 3}));
  EXPECT_EQ(labels(data, 0), (Ints{1, 0, 1, -1}));
  EXPECT_EQ(labels(data, 1), (Ints{1, 0, -1, 0}));
  EXPECT_EQ(data.class_names(0)[0], "hat, \"big\"");
  EXPECT_EQ(data.class_names(1)[0], "False");
}

TEST_F(Import, BooleansAndNumbersAreOrderedByMeaning) {
  ImportRequest r =
      request("image,kind,kids\np0,10,TRUE\np1,9,false\np2,9,1\np3,10,no\n", kind_and_kids);
  import_csv(r);
  const Dataset data(r.out, shape, kind_and_kids);
  EXPECT_EQ(labels(data, 0), (Ints{1, 0, 0, 1}));  // 9 before 10
  EXPECT_EQ(labels(data, 1), (Ints{1, 0, 1, 0}));
  EXPECT_EQ(data.class_names(1)[0], "false");
  EXPECT_EQ(data.class_names(1)[1], "TRUE");
}

TEST_F(Import, NamesOfOtherAlphabets) {
  picture("пальто.png", 77);
  ImportRequest r = request("\xEF\xBB\xBFимя,kind\nпальто,Größe\np1,Ärmel\n", kind_only);
  r.image_column = "имя";
  import_csv(r);
  const Dataset data(r.out, shape, kind_only);
  EXPECT_EQ(pictures(data), (Ints{77, 1}));
  EXPECT_EQ(data.class_names(0)[1], "Ärmel");  // bytewise: G before Ä
  fs::remove_all(r.out);
  EXPECT_PRED2(holds,
               error(request("image,kind\np0,Gr\xF6\xDF"
                             "e\n",
                             kind_only)),
               "3: ...row 2: ...'kind' is not UTF-8");
}

TEST_F(Import, FindsFilesByNameAndExtension) {
  fs::rename(folder_ / "images/p1.png", folder_ / "images/sub/p1.png");
  fs::rename(folder_ / "images/p2.png", folder_ / "images/p2.JPG");  // told by its content
  for (const std::string extension : {"", ".jpg", ".png"}) {
    ImportRequest r = request("image,kind\np0.png,a\nsub/p1,b\np2,a\n./p3,a\n" +
                                  (folder_ / "images/p4.png").string() + ",a\n",
                              kind_only);
    r.extension = extension;
    r.force = true;
    import_csv(r);
    EXPECT_EQ(pictures(Dataset(r.out, shape, kind_only)), (Ints{0, 1, 2, 3, 4})) << extension;
  }
}

TEST_F(Import, AnyNumberOfThreadsGivesTheSameBytesAndMessages) {
  std::string rows = "image,kind\n";
  for (int i = 0; i < 200; ++i) {
    const std::string name = "q" + std::to_string(i);
    picture(name + ".png", i);
    if (i == 90 || i == 120) write_text(folder_ / "images" / (name + ".png"), "broken");
    rows += name + "," + (i % 2 == 0 ? "a" : "b") + "\n";
  }
  ImportRequest r = request(rows, kind_only);
  const std::string first = error(r);
  EXPECT_PRED2(holds, first, "3: ...row 92: picture ...q90.png");
  r.skip_bad = true;
  r.force = true;
  const std::vector<std::string> skipped = import_csv(r).skipped;
  const std::string images = read_text(r.out / "images.npy"),
                    split = read_text(r.out / "split.npy");
  for (const int threads : {2, 5}) {
    r.threads = threads;
    std::uint64_t last = 0;
    r.progress = [&](std::uint64_t done, std::uint64_t total) {
      EXPECT_EQ(done, last + 1);
      EXPECT_EQ(total, 200u);
      last = done;
    };
    EXPECT_EQ(import_csv(r).skipped, skipped);
    EXPECT_EQ(last, 200u);  // also where rows are left out
    EXPECT_EQ(read_text(r.out / "images.npy"), images);
    EXPECT_EQ(read_text(r.out / "split.npy"), split);
    r.skip_bad = false;
    r.progress = {};
    EXPECT_EQ(error(r), first);
    r.skip_bad = true;
  }
}

TEST_F(Import, NothingOutsideOfTheFolderIsOpened) {
  for (const char* name : {"secret.png", "images.png"})
    write_text(folder_ / name, make_png(make_image({1, 5, 7}, [](int, int, int) { return 9; })));
  for (const std::string& name :
       {std::string("../secret"), std::string("sub/../../secret.png"), std::string("sub/../p0"),
        (folder_ / "secret.png").string(), (folder_ / "images/../secret.png").string(),
        (folder_ / "images").string(), (folder_ / "images/.").string(), std::string("/dev/zero")})
    EXPECT_PRED2(holds, error(request("image,kind\np0,a\n" + name + ",b\n", kind_only)),
                 "3: ...t.csv, row 3: '...leaves the folder")
        << name;
  EXPECT_PRED2(holds, error(request("image,kind\nsub,b\n", kind_only)),
               "3: ...there is no picture");
  EXPECT_PRED2(holds, error(request(std::string_view("image,kind\np0\0x,b\n", 19), kind_only)),
               "3: ...zero byte");
}

TEST_F(Import, BadRowsStopTheImport) {
  write_text(folder_ / "images/broken.png", read_text(folder_ / "images/p0.png").substr(0, 60));
  const auto message = [&](std::string_view rows) {
    const std::string found = error(request("image,kind\np0,a\n" + std::string(rows), kind_only));
    EXPECT_FALSE(fs::exists(folder_ / "out"));
    return found;
  };
  EXPECT_PRED2(holds, message("gone,b\n"),
               "3: ...t.csv, row 3: there is no picture ...gone.png...--skip-bad");
  EXPECT_PRED2(holds, message("broken,b\n"), "3: ...row 3: picture ...broken.png: damaged PNG");
  EXPECT_PRED2(holds, message("p1\n"), "3: ...row 3: 1 fields where the header has 2");
  EXPECT_PRED2(holds, message("p1,b,c\n"), "3: ...row 3: 3 fields");
  EXPECT_PRED2(holds, message("p1,\"b\"c\n"), "3: ...row 3: text after the closing quote");
  EXPECT_PRED2(holds, message(",b\n"), "3: ...row 3: ");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 2);  // csv, images
}

TEST_F(Import, SkippedRowsAreCountedAndListed) {
  write_text(folder_ / "images/broken.png", "nonsense");
  ImportRequest r = request(
      "image,kind\ngone,b\np0,a\nbroken,b\np1\n../x,a\np2,b\n\np3,\"a\"\"\"b\np4,a\n", kind_only);
  r.skip_bad = true;
  const ImportReport report = import_csv(r);
  EXPECT_EQ(report.rows, 8u);
  ASSERT_EQ(report.skipped.size(), 5u);
  EXPECT_PRED2(holds, report.skipped[0], "...t.csv, row 2: there is no picture");
  EXPECT_PRED2(holds, report.skipped[1], "...row 5: 1 fields");
  EXPECT_PRED2(holds, report.skipped[2], "...row 6: '../x' leaves");
  EXPECT_PRED2(holds, report.skipped[3], "...row 9: text after the closing quote");
  EXPECT_PRED2(holds, report.skipped[4], "...row 4: picture ...broken.png: neither");
  const Dataset data(r.out, shape, kind_only);
  EXPECT_EQ(pictures(data), (Ints{0, 2, 4}));
  EXPECT_EQ(labels(data, 0), (Ints{0, 1, 0}));
  const auto json = nlohmann::json::parse(read_text(r.out / "dataset.json"));
  EXPECT_EQ(json["provenance"]["rows"]["skipped"], 5);
}

TEST_F(Import, ExcludesThenRareClasses) {
  ImportRequest r = request(
      "image,kind,who\np0,a,1\np1,b,1\np2,c,1\np3,c,2\np4,a,1\np5,b,1\ngone,d,3\n", kind_only);
  r.excludes = {{"who", "2"}, {"who", "3"}};  // an excluded row may be bad
  r.min_counts["kind"] = 2;
  const ImportReport report = import_csv(r);
  EXPECT_EQ(report.excluded, 2u);
  EXPECT_EQ(report.rare, 1u);  // c had two rows before the exclusion
  const Dataset data(r.out, shape, kind_only);
  EXPECT_EQ(pictures(data), (Ints{0, 1, 4, 5}));
}

TEST_F(Import, TheNumberOfClassesMustBeTheExperiments) {
  EXPECT_PRED2(
      holds, error(request("image,kind\np0,a\np1,b\np2,c\np3,c\n", kind_only)),
      "3: ...'kind' has 3 classes, but the experiment's target 'kind' has 2...a (1), b (1), c (2)");
  EXPECT_PRED2(holds, error(request("image,kind\np0,a\n", kind_only)), "3: ...has 1 class, ");
}

TEST_F(Import, Values) {
  constexpr TargetSpec specs[]{{"at", TargetKind::values, 2}};
  ImportRequest r = request("image,x,y\np0,1.5,-2e-3\np1,,4\np2,nan,1\n", specs);
  r.columns["at"] = {"x", "y"};
  import_csv(r);
  const Dataset data(r.out, shape, specs);
  Record record;
  data.read(0, {}, record);
  EXPECT_EQ(record.targets[0].values[0], 1.5f);
  EXPECT_EQ(record.targets[0].values[1], -2e-3f);
  EXPECT_FALSE(data.labelled(1, 0));
  EXPECT_FALSE(data.labelled(2, 0));
  for (const std::string_view cell : {"1,5x", "inf", "1e99", "0x10", "1 5", "NA"}) {
    ImportRequest bad = request("image,x,y\np0,1,\"" + std::string(cell) + "\"\n", specs);
    bad.force = true;
    bad.columns["at"] = {"x", "y"};
    EXPECT_PRED2(holds, error(bad), "3: ...row 2: '" + std::string(cell) + "' in column 'y'");
  }
  EXPECT_PRED2(holds, error(request("image,at\n", specs)), "2: ...'at' needs 2 columns, not 1");
}

TEST_F(Import, ValuesAsOtherProgramsWriteThem) {
  constexpr TargetSpec specs[]{{"at", TargetKind::values, 1}};
  ImportRequest r =
      request("image,at\np0,+0.5\np1, 0.5\np2,\".5 \"\np3,1e-50\np4,-1e-40\np5,  \n", specs);
  import_csv(r);
  const Dataset data(r.out, shape, specs);
  Record record;
  for (const auto& [i, expected] :
       std::map<std::uint64_t, float>{{0, 0.5f}, {1, 0.5f}, {2, 0.5f}, {3, 0.0f}, {4, -1e-40f}}) {
    data.read(i, {}, record);
    EXPECT_EQ(record.targets[0].values[0], expected) << i;
  }
  EXPECT_FALSE(data.labelled(5, 0));
  r.force = true;
  const auto message = [&](const std::string& cell) {
    ImportRequest bad = request("image,at\np0," + cell + "\n", specs);
    bad.force = true;
    return error(bad);
  };
  EXPECT_PRED2(holds, message("1e99"), "3: ...'1e99' in column 'at' is beyond the range");
  EXPECT_PRED2(holds, message("inf"), "3: ...'inf' in column 'at' is not a finite number");
  EXPECT_PRED2(holds, message("NA"), "3: ...'NA' in column 'at' is not a number...--missing NA");
}

TEST_F(Import, ClassesThatAreNumbersComeByValue) {
  constexpr TargetSpec three[]{{"kind", TargetKind::classes, 3}};
  ImportRequest r = request("image,kind\np0,10.0\np1,2.0\np2,1.0\np3,2\np4,+1\n", three);
  const ImportReport report = import_csv(r);
  const Dataset data(r.out, shape, three);
  EXPECT_EQ(labels(data, 0), (Ints{2, 1, 0, 1, 0}));
  EXPECT_EQ(data.class_names(0)[2], "10.0");
  ASSERT_EQ(report.notes.size(), 2u);
  EXPECT_PRED2(holds, report.notes[0], "...t.csv: '2.0' and '2' in column 'kind' are one class");
}

TEST_F(Import, WhatOtherProgramsCallNotKnownIsNoClass) {
  const std::string rows = "image,kind,kids\np0,a,NA\np1,b,True\np2,a,NA\np3,b,True\n";
  EXPECT_PRED2(
      holds, error(request(rows, kind_and_kids)),
      "3: ...t.csv: 'NA' in column 'kids' (2 rows) would be a class...--missing 'NA'...--classes");
  for (const char* text : {"None", "null", "N/A", "nan"})
    EXPECT_PRED2(holds,
                 error(request("image,kind\np0,a\np1," + std::string(text) + "\n", kind_only)),
                 "3: ...'" + std::string(text) + "' in column 'kind' (1 rows)")
        << text;
  ImportRequest r = request(rows + "p4,a,?\np5,b,no\n", kind_and_kids);
  r.missing = {"NA", "?"};
  import_csv(r);
  EXPECT_EQ(labels(Dataset(r.out, shape, kind_and_kids), 1), (Ints{-1, 1, -1, 1, -1, 0}));
  ImportRequest asked = request(rows, kind_and_kids);
  asked.classes["kids"] = {"NA", "True"};
  asked.force = true;
  import_csv(asked);
  EXPECT_EQ(labels(Dataset(r.out, shape, kind_and_kids), 1), (Ints{0, 1, 0, 1}));
}

TEST_F(Import, MissingTextsAreForValuesAndGroupsToo) {
  constexpr TargetSpec specs[]{{"at", TargetKind::values, 1}};
  ImportRequest r = request("image,at,who\np0,-1,a\np1,NA,b\np2,2,a\n", specs);
  r.missing = {"NA", "-1"};
  import_csv(r);
  const Dataset data(r.out, shape, specs);
  EXPECT_FALSE(data.labelled(0, 0) || data.labelled(1, 0));
  EXPECT_TRUE(data.labelled(2, 0));
  ImportRequest grouped = request("image,at,who\np0,1,NA\n", specs);
  grouped.missing = {"NA"};
  grouped.group_column = "who";
  grouped.force = true;
  EXPECT_PRED2(holds, error(grouped), "3: ...row 2: the cell of column 'who' is not known");
}

TEST_F(Import, ListedClassesComeInTheirOrder) {
  constexpr TargetSpec three[]{{"kind", TargetKind::classes, 3}};
  const std::string rows = "image,kind\np0,large\np1,small\np2,\np3,small\n";
  ImportRequest r = request(rows, three);
  r.classes["kind"] = {"small", "medium", "large"};  // of which one has no row here
  import_csv(r);
  const Dataset data(r.out, shape, three);
  EXPECT_EQ(labels(data, 0), (Ints{2, 0, -1, 0}));
  EXPECT_EQ(data.class_names(0)[1], "medium");
  const auto json = nlohmann::json::parse(read_text(r.out / "dataset.json"));
  EXPECT_EQ(json["provenance"]["classes"]["kind"][2], "large");
  ImportRequest found = request(rows, three);
  found.force = true;
  EXPECT_PRED2(holds, error(found), "3: ...has 2 classes...--classes");

  ImportRequest other = request(rows + "p4,tiny\n", three);
  other.classes = r.classes;
  other.force = true;
  EXPECT_PRED2(holds, error(other),
               "3: ...row 6: 'tiny' in column 'kind' is none of...'small', 'medium', 'large'");
  other.skip_bad = true;
  EXPECT_EQ(import_csv(other).skipped.size(), 1u);
}

TEST_F(Import, ListsOfClassesMustFit) {
  const auto message = [&](std::vector<std::string> classes) {
    ImportRequest r = request("image,kind\np0,a\n", kind_only);
    r.classes["kind"] = std::move(classes);
    return error(r);
  };
  EXPECT_PRED2(holds, message({"a"}), "2: --classes: 1 for the target 'kind', which has 2");
  EXPECT_PRED2(holds, message({"a", "a"}), "2: --classes: 'a' twice");
  EXPECT_PRED2(holds, message({"a", ""}), "2: --classes: '' of the target 'kind'...not known");
  ImportRequest rare = request("image,kind\np0,a\n", kind_only);
  rare.classes["kind"] = {"a", "b"};
  rare.min_counts["kind"] = 2;
  EXPECT_PRED2(holds, error(rare), "2: --classes and --min-count");
}

TEST_F(Import, AnotherUnicodeFormIsTold) {
  picture("cafe\u0301.png", 9);
  EXPECT_PRED2(holds, error(request("image,kind\ncaf\u00E9,a\n", kind_only)),
               "3: ...row 2: there is no picture ...caf\u00E9.png; ...cafe\u0301.png may be "
               "meant...Unicode form");
}

TEST_F(Import, APictureThatIsAPointerOfGitLfs) {
  write_text(folder_ / "images/p0.png",
             "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
  EXPECT_PRED2(holds, error(request("image,kind\np0,a\np1,b\n", kind_only)),
               "3: ...row 2: ...p0.png is a pointer of Git LFS...git lfs pull");
}

TEST_F(Import, AGroupIsInOneSplitOnly) {
  std::string csv = "image,kind,who\n";
  for (int i = 0; i < 100; ++i) {
    picture("g" + std::to_string(i) + ".png", i % 23);  // the pixel is the group
    csv +=
        "g" + std::to_string(i) + "," + (i % 2 ? "a" : "b") + ",w" + std::to_string(i % 23) + "\n";
  }
  ImportRequest r = request(csv, kind_only);
  r.group_column = "who";
  import_csv(r);
  const Dataset data(r.out, shape, kind_only);
  const std::vector<int> groups = pictures(data);
  std::array<std::set<int>, 3> seen;
  for (std::uint64_t i = 0; i < data.size(); ++i)
    seen[static_cast<std::size_t>(data.split_of(i))].insert(groups[i]);
  EXPECT_EQ(seen[0].size() + seen[1].size() + seen[2].size(), 23u);
  std::map<std::int64_t, std::set<int>> kept;
  ASSERT_TRUE(data.has_groups());
  for (std::uint64_t i = 0; i < data.size(); ++i) kept[data.group(i)].insert(groups[i]);
  EXPECT_EQ(kept.size(), 23u);
  for (const auto& [group, of] : kept) EXPECT_EQ(of.size(), 1u) << group;
  EXPECT_NEAR(static_cast<double>(data.size(Split::train)), 70, 6);
  EXPECT_NEAR(static_cast<double>(data.size(Split::validation)), 15, 6);
  // The same picture in two rows is in one split without a column of groups, too.
  std::string twice = "image,kind\n";
  for (int i = 0; i < 100; ++i)
    twice += "g" + std::to_string(i % 50) + "," + (i % 2 ? "a" : "b") + "\n";
  ImportRequest r2 = request(twice, kind_only);
  r2.force = true;
  import_csv(r2);
  const Dataset data2(r2.out, shape, kind_only);
  for (std::uint64_t i = 0; i < 50; ++i) EXPECT_EQ(data2.split_of(i), data2.split_of(i + 50)) << i;
  for (std::uint64_t i = 0; i < 50; ++i) EXPECT_EQ(data2.group(i), data2.group(i + 50)) << i;
  // No two rows belong together: there are no groups.
  ImportRequest alone = request("image,kind\ng1,a\ng2,b\n", kind_only);
  alone.force = true;
  import_csv(alone);
  EXPECT_FALSE(Dataset(alone.out, shape, kind_only).has_groups());
  // An unknown group could be anybody's.
  ImportRequest r3 = request("image,kind,who\np0,a,\n", kind_only);
  r3.group_column = "who";
  r3.force = true;
  EXPECT_PRED2(holds, error(r3), "3: ...row 2: the cell of column 'who' is empty");
}

TEST_F(Import, OtherNumbersOfChannelsAreRefused) {
  for (const int channels : {2, 4, 17}) {
    ImportRequest r = request("image,kind\np0,a\np1,b\n", kind_only);
    r.shape.channels = channels;
    EXPECT_PRED2(holds, error(r), "2: this experiment reads...NumPy");
    EXPECT_FALSE(fs::exists(r.out));
  }
}

TEST_F(Import, TheSameTwiceIsTheSameBytes) {
  ImportRequest r = request("image,kind\np0,a\np1,b\np2,a\np3,b\n", kind_only);
  import_csv(r);
  const std::string json = read_text(r.out / "dataset.json"),
                    images = read_text(r.out / "images.npy");
  r.force = true;
  import_csv(r);
  EXPECT_EQ(read_text(r.out / "dataset.json"), json);
  EXPECT_EQ(read_text(r.out / "images.npy"), images);
}

// --- splits --------------------------------------------------------------------------------------

struct Groups {
  std::vector<std::string> names;
  std::vector<std::uint64_t> sizes;
  std::vector<std::vector<std::uint32_t>> classes;
  void add(std::uint64_t size, std::vector<std::uint32_t> in = {}) {
    names.push_back("g" + std::to_string(names.size()));
    sizes.push_back(size);
    classes.push_back(std::move(in));
  }
  std::vector<Split> assign(SplitFractions fractions = {700'000, 150'000, 150'000},
                            std::uint64_t seed = 1) const {
    return assign_splits(names, sizes, classes, fractions, seed);
  }
  std::array<std::uint64_t, 3> sums(const std::vector<Split>& splits) const {
    std::array<std::uint64_t, 3> out{};
    for (std::size_t i = 0; i < sizes.size(); ++i)
      out[static_cast<std::size_t>(splits[i])] += sizes[i];
    return out;
  }
};

TEST(AssignSplits, SingleRowsMeetTheFractionsExactly) {
  Groups groups;
  for (int i = 0; i < 1000; ++i) groups.add(1);
  EXPECT_EQ(groups.sums(groups.assign()), (std::array<std::uint64_t, 3>{700, 150, 150}));
  EXPECT_EQ(groups.sums(groups.assign({800'000, 200'000, 0})),
            (std::array<std::uint64_t, 3>{800, 200, 0}));
  EXPECT_NE(groups.assign(), groups.assign({700'000, 150'000, 150'000}, 2));
  EXPECT_EQ(groups.assign(), groups.assign());
}

TEST(AssignSplits, VeryUnequalGroupsComeNearAndNoneDominates) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Groups groups;
    for (const std::uint64_t size : {646, 509, 342, 288, 201, 175, 159, 129}) groups.add(size);
    for (int i = 0; i < 340; ++i) groups.add(static_cast<std::uint64_t>(1 + i % 16));
    const auto splits = groups.assign({700'000, 150'000, 150'000}, seed);
    const auto sums = groups.sums(splits);
    const double total = static_cast<double>(std::accumulate(sums.begin(), sums.end(), 0ull));
    EXPECT_NEAR(static_cast<double>(sums[0]) / total, 0.70, 0.02) << seed;
    EXPECT_NEAR(static_cast<double>(sums[1]) / total, 0.15, 0.02) << seed;
    for (std::size_t i = 0; i < splits.size(); ++i)
      EXPECT_TRUE(splits[i] == Split::train ||
                  static_cast<double>(groups.sizes[i]) <= 0.15 * total / 4)
          << seed;
  }
}

TEST(AssignSplits, TrainingHasEveryClass) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Groups groups;
    for (std::uint32_t i = 0; i < 60; ++i) groups.add(1, {i % 30});
    groups.add(1, {99});  // in one group only
    const auto splits = groups.assign({400'000, 300'000, 300'000}, seed);
    std::set<std::uint32_t> trained;
    for (std::size_t i = 0; i < splits.size(); ++i)
      if (splits[i] == Split::train) trained.insert(groups.classes[i][0]);
    EXPECT_EQ(trained.size(), 31u) << seed;
  }
}

TEST(AssignSplits, FewGroupsGoToTraining) {
  Groups one;
  one.add(50);
  EXPECT_EQ(one.assign(), std::vector{Split::train});
  EXPECT_TRUE(Groups{}.assign().empty());
}

// --- the subcommand ------------------------------------------------------------------------------

class ImportCommand : public Import {
 protected:
  std::vector<std::string> options(std::vector<std::string> more = {}) {
    write_text(folder_ / "t.csv", "image,label,kids\np0,a,True\np1,b,False\np2,\"c,d\",True\n");
    std::vector<std::string> out{"--csv",    (folder_ / "t.csv").string(),
                                 "--images", (folder_ / "images").string(),
                                 "--out",    (folder_ / "out").string()};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  std::string error(const std::vector<std::string>& arguments) {
    ::testing::internal::CaptureStderr();
    const std::string found = error_of([&] { import_command(shape, kind_and_kids, arguments); });
    ::testing::internal::GetCapturedStderr();
    return found;
  }
};

TEST_F(ImportCommand, PrintsATableForPipelines) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int exit = import_command(
      shape, kind_and_kids,
      options({"--target", "kind=label", "--exclude", "label=a", "--split-fractions", "1,0,0"}));
  const std::string err = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(exit, 0);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            "target,class,train,validation,test\n,,2,0,0\nkind,b,1,0,0\nkind,\"c,d\",1,0,0\n"
            "kids,False,1,0,0\nkids,True,1,0,0\n");
  EXPECT_PRED2(holds, err, "3 rows: 2 written, 1 excluded");
}

TEST_F(ImportCommand, WrongOptionsAreUsageErrors) {
  EXPECT_PRED2(holds, error({}), "2: import needs --csv");
  EXPECT_PRED2(holds, error(options({"--nonsense"})), "2: ...nonsense");
  EXPECT_PRED2(holds, error(options({"extra"})), "2: ");
  EXPECT_PRED2(holds, error(options({"--skip"})), "2: ");  // no abbreviations
  EXPECT_PRED2(holds, error(options()), "2: ...has no column 'kind'...--target kind=COLUMN");
  EXPECT_PRED2(holds, error(options({"--target", "kind"})),
               "2: --target: 'kind' is not of the form name=value");
  EXPECT_PRED2(holds, error(options({"--target", "x=label"})), "2: ...no target 'x'...kind, kids");
  EXPECT_PRED2(holds, error(options({"--classes", "x=a,b"})), "2: --classes: ...no target 'x'");
  EXPECT_PRED2(holds, error(options({"--target", "kind=label", "--classes", "kind=a,\"b"})),
               "2: --classes: a quote out of place");
  EXPECT_PRED2(holds, error(options({"--seed", "-1"})), "2: --seed");
  EXPECT_PRED2(holds, error(options({"--seed", "1x"})), "2: --seed");
  EXPECT_PRED2(holds, error(options({"--fit", "squash"})), "2: --fit");
  EXPECT_PRED2(holds, error(options({"--threads", "0"})), "2: --threads: at least 1");
  EXPECT_PRED2(holds, error(options({"--threads", "two"})), "2: --threads");
  EXPECT_PRED2(holds, error(options({"--generated"})), "2: ");  // no generator here
  for (const char* text : {"0.5,0.5", "0.5,0.5,0.5", "0,0.5,0.5", "a,b,c", "0.7,0.15,0.15,0",
                           "1.5,-0.5,0", "nan,0,0", ""})
    EXPECT_PRED2(holds, error(options({"--split-fractions", text})), "2: --split-fractions")
        << text;
  EXPECT_PRED2(holds, error(options({"--target", "kind=label", "--min-count", "kind=x"})),
               "2: --min-count");
  EXPECT_PRED2(holds, error(options({"--target", "kind=label", "--min-count", "size=3"})),
               "2: --min-count: no target 'size'");
  EXPECT_PRED2(holds, error(options({"--target", "kind=label", "--split-by", "who"})),
               "3: ...has no column 'who'");
}

TEST_F(ImportCommand, TakesOrderAndMissingTexts) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  import_command(
      shape, kind_and_kids,
      options({"--target", "kind=label", "--classes", "kind=\"c,d\"", "--classes", "kind=b",
               "--missing", "?", "--missing", "a", "--split-fractions", " +1, 0,0"}));
  ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            "target,class,train,validation,test\n,,3,0,0\nkind,\"c,d\",1,0,0\nkind,b,1,0,0\n"
            "kind,,1,0,0\nkids,False,1,0,0\nkids,True,2,0,0\n");
}

TEST_F(ImportCommand, WritesWhatIsGenerated) {
  ImportRequest r = request("image,kind,kids\np0,a,yes\np1,b,no\n", kind_and_kids);
  import_csv(r);
  const Dataset source(r.out, shape, kind_and_kids);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const std::string out = (folder_ / "made").string();
  EXPECT_EQ(import_command(shape, kind_and_kids, {"--generated", "--out", out}, &source), 0);
  ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(::testing::internal::GetCapturedStdout().substr(0, 34),
            "target,class,train,validation,test");
  EXPECT_EQ(read_text(fs::path(out) / "kids.npy"), read_text(r.out / "kids.npy"));
  EXPECT_ERROR(
      import_command(shape, kind_and_kids, {"--generated", "--csv", "x", "--out", out}, &source),
      "2: import --generated takes no --csv");
}

TEST_F(ImportCommand, HelpListsTheOptions) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(import_command(shape, kind_and_kids, {"--help"}), 0);
  EXPECT_NE(::testing::internal::GetCapturedStdout().find("--split-fractions"), std::string::npos);
}

// --- real pictures -------------------------------------------------------------------------------

TEST(ImportClothing, GivesFourteenCategories) {
  const fs::path source = "../shared/data/clothing";
  if (!fs::exists(source / "images.csv")) {
    std::cout << "SKIPPED: " << source << " is not here\n";
    return;
  }
  const TemporaryFolder folder;
  constexpr TargetSpec specs[]{{"category", TargetKind::classes, 14},
                               {"kids", TargetKind::classes, 2}};
  ImportRequest r;
  r.shape = {3, 64, 64};
  r.targets = specs;
  r.csv = source / "images.csv";
  r.images = source / "images";
  r.extension = ".jpg";
  r.columns["category"] = {"label"};
  r.group_column = "sender_id";
  r.excludes = {{"label", "Not sure"}, {"label", "Other"}, {"label", "Skip"}};
  r.min_counts["category"] = 100;
  r.threads = 2;
  r.out = folder / "clothing";
  const ImportReport report = import_csv(r);
  EXPECT_EQ(report.rows, 5398u);
  EXPECT_EQ(report.excluded, 302u);
  EXPECT_EQ(report.rare, 135u);
  const Dataset data(r.out, r.shape, specs);
  EXPECT_EQ(data.size(), 4961u);
  EXPECT_EQ(data.class_names(0)[0], "Blazer");
  for (const auto& count : report.summary.targets[0].counts[0]) EXPECT_GE(count, 50u);
  EXPECT_NEAR(static_cast<double>(data.size(Split::validation)), 0.15 * 4961, 10);
  // Decoding, resizing and splitting give these bytes on every machine.
  const auto json = nlohmann::json::parse(read_text(r.out / "dataset.json"));
  EXPECT_EQ(json["checksums"]["images.npy"], "c96a1703f15144d5");
  EXPECT_EQ(json["checksums"]["split.npy"], "2ffa4cbed171b210");
}

}  // namespace
}  // namespace medley
