// What is told of predictions as CSV, JSON lines and arrays.
#include "medley/run/prediction_writer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "description_helpers.hpp"
#include "medley/files/csv.hpp"
#include "medley/files/npy.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

const float infinite = std::numeric_limits<float>::infinity(), not_known = std::nanf("");

// Heads on classes, with and without probabilities, on values and on a mask.
class Heads {
 public:
  Heads() {
    Description d;
    d.targets = {{"kind", TargetKind::classes, 3},
                 {"twice", TargetKind::classes, 2},
                 {"margin", TargetKind::classes, 2},
                 {"place", TargetKind::values, 2},
                 {"outline", TargetKind::mask, 2}};
    add_term(d, "kind", "kind", "softmax_cross_entropy", {3, 1, 1});
    add_term(d, "twice", "twice", "binary_cross_entropy", {1, 1, 1});
    add_term(d, "margin", "margin", "hinge", {2, 1, 1});
    add_term(d, "place", "place", "mean_squared_error", {2, 1, 1});
    add_term(d, "outline", "outline", "binary_cross_entropy", {1, 2, 2});
    list = head_predictions(d, {{"a \"b\"\n", "ü, c", "\x01"}, {"same", "same"}, {}, {}, {}});
  }

  PredictedRecord record(std::string_view name) {
    predicted = {{kind, {}, 0, 0, {}},
                 {twice, {}, 0, 0, {}},
                 {margin, {}, 0, 0, {}},
                 {place, {}, 0, 0, {}},
                 {outline, mask, 2, 2, {}}};
    return {name, nullptr, predicted, features};
  }

  HeadPredictions list;
  std::vector<PredictedHead> predicted;
  std::vector<float> kind{0.0f, std::log(6.0f), std::log(3.0f)}, twice{std::log(3.0f)},
      margin{-0.5f, 1.0f}, place{0.1f, 1e10f}, outline{1, -1, -1, -1}, features{1, 2, 3, 4};
  std::vector<std::uint8_t> mask{1, 0, 0, 0};
  Error problem = data_error("bad.png: neither \"this\" nor \xFF that");
};

template <class Make>
std::string written(Heads& heads, const PredictionParts& parts, Make&& make,
                    std::string_view column = "image", std::string_view name = "a,b.png") {
  ::testing::internal::CaptureStdout();
  const std::unique_ptr<PredictionWriter> writer = make(column, heads.list, parts);
  writer->add(heads.record(name));
  writer->add({"bad.png", &heads.problem, {}, {}});
  writer->finish();
  return ::testing::internal::GetCapturedStdout();
}

TEST(CsvPredictions, AreAsBeforeWithoutAnyPart) {
  Heads heads;
  EXPECT_EQ(
      written(heads, {}, csv_predictions),
      "image,kind,kind.probability,twice,twice.probability,margin,margin.score,place.0,place.1,"
      "outline.0,outline.1\n"
      "\"a,b.png\",\"ü, c\",0.6,same,0.75,1,1.5,0.1,1e+10,0.75,0.25\n"
      "bad.png,,,,,,,,,,\n");
}

TEST(CsvPredictions, TellParts) {
  Heads heads;
  const std::string text = written(heads, {true, 2, true, {}}, csv_predictions);
  const auto rows = [&] {
    std::vector<std::vector<std::string>> all;
    const TemporaryFolder folder;
    write_text(folder / "a.csv", text);
    CsvReader reader(folder / "a.csv");
    all.push_back(reader.header());
    for (CsvRow row; reader.next(row);) {
      EXPECT_EQ(row.problem, "");
      all.push_back(row.fields);
    }
    return all;
  }();
  ASSERT_EQ(rows.size(), 3u);
  std::map<std::string, std::string> cells;
  for (std::size_t i = 0; i < rows[0].size(); ++i) cells[rows[0][i]] = rows[1][i];
  EXPECT_EQ(cells.size(), rows[0].size());
  EXPECT_EQ(cells["kind.top2"], "\x01");
  EXPECT_NEAR(std::stod(cells["kind.top2.probability"]), 0.3, 1e-7);
  EXPECT_EQ(cells.count("kind.top3"), 0u);
  EXPECT_NEAR(std::stod(cells["kind.probability.a \"b\"\n"]), 0.1, 1e-7);
  EXPECT_NEAR(std::stod(cells["twice.probability.0"]), 0.25, 1e-7);  // names are alike
  EXPECT_EQ(cells["twice.top2"], "same");
  EXPECT_EQ(cells["margin.top2.score"], "-1.5");
  EXPECT_EQ(cells.count("margin.probability.0"), 0u);
  EXPECT_EQ(std::stof(cells["kind.output.1"]), heads.kind[1]);
  EXPECT_EQ(cells["place.output.1"], "1e+10");
  EXPECT_EQ(cells.count("outline.output.0"), 0u);
}

TEST(JsonPredictions, AreAnObjectALine) {
  Heads heads;
  heads.place = {not_known, infinite};
  heads.predicted.clear();
  const std::string text =
      written(heads, {true, 2, true, {1, 2, 2}}, json_predictions, "image", "n\"\n\xFF ü");
  ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  const auto line = nlohmann::json::parse(text.substr(0, text.find('\n')));
  EXPECT_EQ(line["image"], "n\"\n\xEF\xBF\xBD ü");
  const auto& kind = line["heads"]["kind"];
  EXPECT_EQ(kind["class"], "ü, c");
  EXPECT_NEAR(kind["probability"].get<double>(), 0.6, 1e-7);
  EXPECT_EQ(kind["top"].size(), 2u);
  EXPECT_EQ(kind["top"][1]["class"], "\x01");
  EXPECT_NEAR(kind["probabilities"]["a \"b\"\n"].get<double>(), 0.1, 1e-7);
  EXPECT_EQ(kind["outputs"].get<std::vector<float>>(), heads.kind);
  EXPECT_NEAR(line["heads"]["twice"]["probabilities"]["1"].get<double>(), 0.75, 1e-7);
  EXPECT_EQ(line["heads"]["margin"].count("probabilities"), 0u);
  EXPECT_EQ(line["heads"]["margin"]["score"], 1.5);
  EXPECT_EQ(line["heads"]["place"]["values"], (nlohmann::json{nullptr, nullptr}));
  EXPECT_EQ(line["heads"]["outline"]["shares"], (nlohmann::json{{"0", 0.75}, {"1", 0.25}}));
  EXPECT_EQ(line["heads"]["outline"]["outputs"],
            nlohmann::json::parse("[[[1.0,-1.0],[-1.0,-1.0]]]"));
  EXPECT_EQ(line["features"], nlohmann::json::parse("[[[1.0,2.0],[3.0,4.0]]]"));
  const auto bad = nlohmann::json::parse(text.substr(text.find('\n')));
  EXPECT_EQ(bad, (nlohmann::json{{"image", "bad.png"},
                                 {"error", "bad.png: neither \"this\" nor \xEF\xBF\xBD that"}}));
}

TEST(JsonPredictions, TellNoMoreThanIsAsked) {
  Heads heads;
  heads.features.clear();
  const std::string text = written(heads, {}, json_predictions, "record", "17");
  const auto line = nlohmann::json::parse(text.substr(0, text.find('\n')));
  EXPECT_EQ(line["record"], 17);
  EXPECT_EQ(line.size(), 2u);
  EXPECT_EQ(line["heads"]["kind"].size(), 2u);
  EXPECT_EQ(line["heads"]["outline"].size(), 1u);
}

template <class T>
std::vector<T> array(const std::string& path, const std::vector<std::uint64_t>& shape) {
  const NpyFile file(path);
  EXPECT_EQ(std::vector(file.shape().begin(), file.shape().end()), shape) << path;
  return {file.as<T>(), file.as<T>() + file.elements()};
}

TEST(ArrayPredictions, AreOneAHead) {
  const TemporaryFolder folder;
  Heads heads;
  const auto make = [&](auto... arguments) {
    return array_predictions(folder / "out", arguments...);
  };
  EXPECT_EQ(written(heads, {true, 1, true, {1, 2, 2}}, make), "");
  const std::string out = (folder / "out").string() + "/";
  EXPECT_EQ(read_text(out + "names.csv"),
            "image,error\n\"a,b.png\",\nbad.png,\"bad.png: neither \"\"this\"\" nor \xFF that\"\n");
  EXPECT_EQ(array<std::int32_t>(out + "kind.npy", {2}), (std::vector<std::int32_t>{1, -1}));
  EXPECT_EQ(array<std::int32_t>(out + "twice.npy", {2}), (std::vector<std::int32_t>{1, -1}));
  EXPECT_EQ(array<std::uint8_t>(out + "outline.npy", {2, 2, 2}),
            (std::vector<std::uint8_t>{1, 0, 0, 0, 255, 255, 255, 255}));
  const auto place = array<float>(out + "place.npy", {2, 2});
  EXPECT_EQ(place[1], 1e10f);
  EXPECT_TRUE(std::isnan(place[3]));
  const auto probabilities = array<float>(out + "kind.probabilities.npy", {2, 3});
  EXPECT_NEAR(probabilities[1], 0.6f, 1e-7);
  EXPECT_TRUE(std::isnan(probabilities[5]));
  EXPECT_NEAR(array<float>(out + "outline.probabilities.npy", {2, 2, 2, 2})[4], 0.7310586f, 1e-6);
  EXPECT_FALSE(std::filesystem::exists(out + "margin.probabilities.npy"));
  EXPECT_EQ(array<float>(out + "kind.outputs.npy", {2, 3})[1], heads.kind[1]);
  array<float>(out + "outline.outputs.npy", {2, 1, 2, 2});
  EXPECT_EQ(array<float>(out + "features.npy", {2, 1, 2, 2})[3], 4.0f);
}

TEST(ArrayPredictions, AreThereWholeOrNotAtAll) {
  const TemporaryFolder folder;
  Heads heads;
  write_text(folder / "kind.npy", "old");
  {
    const auto writer = array_predictions(folder.path(), "image", heads.list, {});
    writer->add(heads.record("a"));
  }
  EXPECT_EQ(read_text(folder / "kind.npy"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(ArrayPredictions, RefuseAHeadThatIsCalledAsTheFeatures) {
  Description d;
  d.targets = {{"features", TargetKind::classes, 2}};
  add_term(d, "features", "features", "hinge", {2, 1, 1});
  const HeadPredictions heads = head_predictions(d, {{}});
  EXPECT_ERROR(array_predictions("nowhere", "image", heads, {false, 1, false, {3, 1, 1}}),
               "2: ...'features'...jsonl");
}

}  // namespace
}  // namespace medley
