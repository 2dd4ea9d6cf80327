// A log and a settings.csv of unknown origin, as a page: markup stays the page's own; as what TensorBoard
// is told; and as one of its event files.
#include <string>

#include "medley/export/board_points.hpp"
#include "medley/export/event_file.hpp"
#include "medley/report/page.hpp"
#include "medley/report/page_of_study.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace medley;

namespace {

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

// Rows of any kind are points or none.
void check_points(const page::LogTable& table) {
  page::RunFiles run;
  run.folder = "run";
  run.losses = run.metrics = run.timing = table;
  run.confusions.push_back({"target", "test", table});
  run.options = {{"lr", "all=0.1"}, {"schedule", "constant"}};
  run.planned_steps = 3;
  for (const auto& [split, points] : board_points(run)) {
    for (const EventPoint& point : points)
      fuzz::require(!point.tag.empty() && !point.value.empty(), "a point has a tag and a value");
  }
}

// What is read as an event file has these bytes and no others.
void check_events(const std::string& text) {
  const auto records = read_event_records(text);
  std::string again;
  for (std::size_t i = 0; records && i < records->size(); ++i) again += event_record((*records)[i]);
  fuzz::require(!records || again == text, "records of events are framed in one way");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_events(text);
  page::StudyFiles study;
  study.folder = "study";
  study.answer = {text};
  study.settings = page::LogTable("settings.csv", text);
  study.trials = study.settings;
  const page::LogTable& table = *study.settings;
  for (std::size_t row = 0; row < table.size(); ++row)
    fuzz::require(table.fields(row).size() == table.header().size(),
                  "a row has as many fields as the header");
  const std::vector<std::size_t> rows = page::thinned(table, 4);
  for (std::size_t i = 1; i < rows.size(); ++i)
    fuzz::require(rows[i - 1] < rows[i], "rows to draw are rising");
  if (table.header().empty()) return 0;
  check_points(table);
  const std::string html = page::html(page::page_of_study(study));
  fuzz::require(count(html, "</script") == 4, "no text ends a script");
  fuzz::require(count(html, "<script") == 4, "no text begins a script");
  return 0;
}
