// A log and a settings.csv of unknown origin, as a page: markup stays the page's own.
#include <string>

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
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
  const std::string html = page::html(page::page_of_study(study));
  fuzz::require(count(html, "</script") == 4, "no text ends a script");
  fuzz::require(count(html, "<script") == 4, "no text begins a script");
  return 0;
}
