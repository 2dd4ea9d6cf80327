// Event files: framing and CRC beside known values, and what an update makes of a file that is there.
#include "medley/export/event_file.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "medley/base/error.hpp"
#include "medley/export/summary_values.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

std::string bytes_of(std::string_view hexadecimal) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hexadecimal.substr(i, 2)), nullptr, 16));
  return bytes;
}

// The check value of the catalogue of CRCs, and those of RFC 3720, B.4.
TEST(Crc32c, IsCastagnolis) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(""), 0u);
}

// Of tensorboard.summary.writer.record_writer.RecordWriter (TensorBoard 2.21): "medley", then nothing.
const char* const records_of_tensorboard =
    "06000000000000007369d5376d65646c65792377b509000000000000000029039807d8ea82a2";

TEST(EventRecord, IsTensorBoards) {
  EXPECT_EQ(event_record("medley") + event_record(""), bytes_of(records_of_tensorboard));
}

TEST(EventRecord, ReadsBackAndNoByteMayBeWrong) {
  const std::string file = bytes_of(records_of_tensorboard);
  EXPECT_EQ(read_event_records(file), (std::vector<std::string>{"medley", ""}));
  EXPECT_EQ(read_event_records(""), std::vector<std::string>{});
  for (std::size_t i = 0; i < file.size(); ++i) {
    std::string wrong = file;
    wrong[i] = static_cast<char>(wrong[i] ^ 4);
    EXPECT_EQ(read_event_records(wrong), std::nullopt) << i;
    if (i == 0 || i == 22) continue;  // where records end
    EXPECT_EQ(read_event_records(std::string_view(file).substr(0, i)), std::nullopt) << i;
  }
}

class EventFile : public ::testing::Test {
 protected:
  static EventPoint point(const std::string& tag, std::int64_t step, float value) {
    return {tag, step, 2.5, scalar_value(tag, value)};
  }
  static EventPoint histogram(std::int64_t step, float value) {
    return {"w", step, 2.5, histogram_value("w", std::array{value, 1.0f})};
  }
  EventUpdate update(const std::vector<EventPoint>& points) {
    return update_event_file(folder_.path(), points);
  }
  std::string file() const { return read_text(folder_ / "events.out.tfevents.medley"); }
  std::size_t events() const { return read_event_records(file()).value().size(); }

  TemporaryFolder folder_;
};

// Event(wall_time=2.5, step=7, summary of loss/total = 0.1) and file_version, as Python's protobuf
// writes them with TensorBoard's own definitions.
TEST_F(EventFile, HasTheBytesThatTensorBoardWrites) {
  EXPECT_EQ(update({point("loss/total", 7, 0.1f)}), EventUpdate::begun);
  EXPECT_EQ(file(), event_record(bytes_of("0900000000000004401a0d627261696e2e4576656e743a32")) +
                        event_record(bytes_of(
                            "09000000000000044010072a130a110a0a6c6f73732f746f74616c15cdcccc3d")));
}

TEST_F(EventFile, GoesOnWithoutSayingAnythingTwice) {
  std::vector<EventPoint> points{point("a", 2, 1), point("a", 1, 0.5f)};
  update(points);
  const std::string before = file();
  EXPECT_EQ(events(), 3u);
  EXPECT_EQ(update(points), EventUpdate::none);
  EXPECT_EQ(file(), before);
  points.push_back(point("b", 2, 1));
  points.push_back(point("a", 3, 1));
  points.push_back(points.back());  // the same again
  EXPECT_EQ(update(points), EventUpdate::appended);
  EXPECT_EQ(file().substr(0, before.size()), before);
  EXPECT_EQ(events(), 5u);
}

TEST_F(EventFile, BeginsAnewWithARunThatDid) {
  update({point("a", 1, 1), point("a", 2, 1)});
  EXPECT_EQ(update({point("a", 1, 1)}), EventUpdate::begun);  // fewer steps
  EXPECT_EQ(events(), 2u);
  EXPECT_EQ(update({point("a", 1, -1)}), EventUpdate::begun);  // another value
  EXPECT_EQ(events(), 2u);
  EXPECT_EQ(update({}), EventUpdate::begun);
  EXPECT_FALSE(has_event_file(folder_.path()));
  EXPECT_EQ(update({}), EventUpdate::none);
}

TEST_F(EventFile, KeepsWhatCheckpointsGaveThatAreGone) {
  update({point("a", 1, 1), histogram(1, 0)});
  EXPECT_EQ(update({point("a", 1, 1), histogram(2, 0)}), EventUpdate::appended);
  EXPECT_EQ(events(), 4u);
  EXPECT_EQ(update({point("a", 1, 1), histogram(2, 0.5f)}), EventUpdate::begun);
  EXPECT_EQ(events(), 3u);
}

TEST_F(EventFile, ADamagedFileIsWrittenAnew) {
  update({point("a", 1, 1), point("a", 2, 1)});
  const std::string whole = file();
  for (const std::string& text : {whole.substr(0, whole.size() - 3), std::string("no events"),
                                  event_record("no event"), std::string{}}) {
    write_text(folder_ / "events.out.tfevents.medley", text);
    EXPECT_EQ(update({point("a", 1, 1), point("a", 2, 1)}), EventUpdate::begun);
    EXPECT_EQ(file(), whole);
  }
}

TEST_F(EventFile, AFolderThatIsNotThereIsTold) {
  EXPECT_THROW(update_event_file(folder_ / "none", {point("a", 1, 1)}), Error);
}

}  // namespace
}  // namespace medley
