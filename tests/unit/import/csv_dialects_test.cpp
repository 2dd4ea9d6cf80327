// Tables as pandas and spreadsheets write them (tests/golden/csv_dialects.py), and those that could be read in
// two ways.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "medley/data/dataset.hpp"
#include "medley/import/decimals.hpp"
#include "medley/import/import.hpp"
#include "tests/files_helpers.hpp"
#include "tests/pictures_helpers.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

constexpr PictureShape tiny{1, 2, 2};
constexpr TargetSpec graded[]{{"grade", TargetKind::classes, 3}, {"size", TargetKind::values, 1}};
constexpr TargetSpec two_specs[]{{"kind", TargetKind::classes, 2}};

class CsvDialects : public ::testing::Test {
 protected:
  CsvDialects() {
    fs::create_directories(folder_ / "images");
    for (int i = 0; i < 6; ++i)
      write_text(folder_ / "images" / ("p" + std::to_string(i) + ".png"),
                 make_png(make_image({1, 2, 2}, [&](int, int, int) { return i; })));
  }
  ImportRequest request(const fs::path& csv) const {
    ImportRequest request;
    request.shape = tiny;
    request.targets = graded;
    request.csv = csv;
    request.images = folder_ / "images";
    request.columns["size"] = {"größe in cm"};
    request.out = folder_ / "out";
    request.force = true;
    return request;
  }
  ImportRequest request_of(std::string_view text) const {
    write_text(folder_ / "t.csv", text);
    ImportRequest r = request(folder_ / "t.csv");
    r.columns["size"] = {"size"};
    return r;
  }
  std::vector<float> sizes(const ImportRequest& r) const {
    import_csv(r);
    const Dataset data(r.out, tiny, graded);
    std::vector<float> sizes;
    for (std::uint64_t i = 0; i < data.size(); ++i) {
      Record record;
      data.read(i, {}, record);
      sizes.push_back(*record.targets[1].values);
    }
    return sizes;
  }
  std::vector<std::string> kinds(std::string_view text, const std::string& positive) const {
    ImportRequest r = request_of(text);
    r.targets = two_specs;
    r.columns.clear();
    if (!positive.empty()) r.positive["kind"] = positive;
    import_csv(r);
    const Dataset data(r.out, tiny, two_specs);
    return {data.class_names(0).begin(), data.class_names(0).end()};
  }
  TemporaryFolder folder_;
};

TEST_F(CsvDialects, OneTableHoweverItIsWritten) {
  const fs::path folder = "tests/golden/csv_dialects";
  std::ifstream file(folder / "table.json");
  ASSERT_TRUE(file) << "tests run from the project's folder, where tests/golden is";
  const auto table = nlohmann::json::parse(file);
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") continue;
    SCOPED_TRACE(entry.path());
    ++files;
    const ImportReport report = import_csv(request(entry.path()));
    EXPECT_EQ(report.rows, 6u);
    const Dataset data(folder_ / "out", tiny, graded);
    ASSERT_EQ(data.size(), 6u);
    ASSERT_EQ(data.class_names(0).size(), 3u);
    for (std::uint64_t i = 0; i < 6; ++i) {
      Record record;
      data.read(i, {}, record);
      EXPECT_EQ(record.image[0], i);
      const auto& size = table["größe in cm"][i];
      ASSERT_EQ(record.targets[1].values == nullptr, size.is_null());
      if (!size.is_null()) {
        EXPECT_EQ(*record.targets[1].values, size.get<float>());
      }
      const auto& grade = table["grade"][i];
      const int wanted = grade.is_null() ? -1 : grade == 1.0 ? 0 : grade == 2.0 ? 1 : 2;
      EXPECT_EQ(record.targets[0].label, wanted);  // by value: 10 is the last
    }
  }
  EXPECT_EQ(files, 12);
}

TEST_F(CsvDialects, BlanksAroundNamesAndCells) {
  const ImportRequest r = request_of(
      "\t image ,grade , \"size\" \r\n p0 , a, 1 \r\np1,\" a\",+2\r\np2, \"b\" ,3\np3,a,4\n");
  EXPECT_EQ(sizes(r), (std::vector<float>{1, 2, 3, 4}));
  const Dataset data(r.out, tiny, graded);
  EXPECT_EQ(data.class_names(0)[0], " a");  // within quotes they count
  EXPECT_EQ(data.class_names(0)[1], "a");
}

TEST_F(CsvDialects, WhatMayBeReadInTwoWaysNamesTheOption) {
  const auto error = [&](std::string_view text, char separator = 0, char decimal = 0) {
    ImportRequest r = request_of(text);
    r.separator = separator;
    r.decimal = decimal;
    return error_of([&] { import_csv(r); });
  };
  const std::string both = "image;size;grade, as text\np0;1,5;a\np1;2,5;b\np2;3,5;c\n";
  EXPECT_PRED2(holds, error(both), "3: ...separated by ',' or ';'...--separator");
  EXPECT_PRED2(holds, error("image;size;grade\np0;1.5;a\np1;2,5;b\np2;3;c\n"),
               "3: ...'1.5'...'2,5'...--decimal");
  EXPECT_PRED2(holds, error("image;size;grade\np0;1,234;a\np1;2;b\np2;3;c\n"),
               "3: ...'1,234' may be 1.234 or...1234...--decimal ,");
  EXPECT_PRED2(holds, error("image;size;grade\np0;1.234,5;a\n"),
               "3: ...row 2: '1.234,5'...both a point and a comma");
  EXPECT_PRED2(holds, error("image;size;grade\np0;1.5;a\n", 0, ','),
               "3: ...row 2: '1.5'...--decimal");
  EXPECT_PRED2(holds, error("image;size;grade\np0;1,5;a\n", 0, '.'), "3: ...row 2: '1,5'...number");
  EXPECT_PRED2(holds, error("image;size;grade\np0;1;a\n", '|'),
               "3: ...no column 'image'; its columns are: image;size;grade");
}

TEST_F(CsvDialects, AnOptionDecides) {
  ImportRequest r = request_of("image;size;grade, as text\np0;1,5;a\np1;2,5;b\np2;3,5;c\n");
  r.separator = ';';
  r.columns["grade"] = {"grade, as text"};
  EXPECT_EQ(sizes(r), (std::vector<float>{1.5, 2.5, 3.5}));
  r = request_of("image;size;grade\np0;1,234;a\np1;2;b\np2;3;c\n");
  r.decimal = ',';
  EXPECT_EQ(sizes(r), (std::vector<float>{1.234f, 2, 3}));
  // Another cell tells as well.
  EXPECT_EQ(sizes(request_of("image;size;grade\np0;1,234;a\np1;2,5;b\np2;3;c\n")),
            (std::vector<float>{1.234f, 2.5, 3}));
  r = request_of("image#size#grade\np0#1#a\np1#2#b\np2#3#c\n");
  r.separator = '#';
  EXPECT_EQ(sizes(r), (std::vector<float>{1, 2, 3}));
}

TEST_F(CsvDialects, AColumnOfWeights) {
  ImportRequest r = request_of("image;grade;size;worth\np0;a;1;0,5\np1;b;2;0\np2;c;3;2\n");
  import_csv(r);
  EXPECT_FALSE(Dataset(r.out, tiny, graded).has_weights());
  r.weight_column = "worth";
  import_csv(r);
  const Dataset data(r.out, tiny, graded);
  for (std::uint64_t i = 0; i < 3; ++i)
    EXPECT_EQ(data.weight(i), (std::array{0.5f, 0.0f, 2.0f})[i]);
  const auto json = nlohmann::json::parse(read_text(r.out / "dataset.json"));
  EXPECT_EQ(json["provenance"]["weight_column"], "worth");
  const auto error = [&](std::string_view cell) {
    ImportRequest bad =
        request_of("image,grade,size,worth\np0,a,1,1\np1,b,2," + std::string(cell) + "\n");
    bad.weight_column = "worth";
    return error_of([&] { import_csv(bad); });
  };
  EXPECT_PRED2(holds, error("-1"),
               "3: ...row 3: '-1' in column 'worth' is no weight, which is 0 or from");
  EXPECT_PRED2(holds, error("nan"), "3: ...row 3: 'nan' in column 'worth' is no weight");
  EXPECT_PRED2(holds, error(""), "3: ...row 3: the weight in column 'worth' is not known");
  EXPECT_PRED2(holds, error("much"), "3: ...row 3: 'much' in column 'worth' is not a number");
}

TEST_F(CsvDialects, ThePositiveClassIs1) {
  using Texts = std::vector<std::string>;
  const std::string text = "image,kind\np0,normal\np1,abnormal\np2,normal\n";
  EXPECT_EQ(kinds(text, ""), (Texts{"abnormal", "normal"}));
  EXPECT_EQ(kinds(text, "abnormal"), (Texts{"normal", "abnormal"}));
  EXPECT_EQ(kinds(text, "normal"), (Texts{"abnormal", "normal"}));
  EXPECT_EQ(kinds("image,kind\np0,True\np1,False\n", "no"), (Texts{"True", "False"}));
  EXPECT_EQ(kinds("image,kind\np0,10.0\np1,9.0\n", "9"), (Texts{"10.0", "9.0"}));
  EXPECT_EQ(kinds("image;kind\np0;10,0\np1;9,0\n", "9"), (Texts{"10,0", "9,0"}));
  EXPECT_PRED2(holds, error_of([&] { kinds(text, "sick"); }),
               "3: ...--positive: column 'kind' has no 'sick'; it has: 'abnormal', 'normal'");
  ImportRequest r = request_of("image,grade,size\np0,a,1\n");
  r.positive["grade"] = "a";
  EXPECT_ERROR(import_csv(r), "2: --positive: the target 'grade' has more than two classes");
  r.targets = two_specs;
  r.columns["kind"] = {"grade"};
  r.positive = {{"kind", "a"}};
  r.classes["kind"] = {"a", "b"};
  EXPECT_ERROR(import_csv(r), "2: --positive: the target 'kind' has the order of --classes");
}

TEST(Decimals, ThousandsAreDoubtful) {
  const auto problem = [](std::initializer_list<const char*> texts) {
    Decimals decimals;
    for (const char* text : texts) EXPECT_TRUE(decimals.read(text)) << text;
    return decimals.problem();
  };
  for (const char* text : {"1,234", "-12,345", "+999,000"}) EXPECT_NE(problem({text}), "") << text;
  for (const char* text : {"0,123", "12,34", "1234,567", "1,2345", ",5", "1,", "-0,500"})
    EXPECT_EQ(problem({text}), "") << text;
  EXPECT_EQ(problem({"1", "2.5", "1e3", "nan"}), "");
  EXPECT_NE(problem({"1,5", "1.5"}), "");
  for (const char* text : {"1,234,567", "1,5,", "a,b", ","})
    EXPECT_FALSE(Decimals().read(text)) << text;
}

}  // namespace
}  // namespace medley
