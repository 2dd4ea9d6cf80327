#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "medley/base/error.hpp"
#include "medley/files/csv.hpp"

namespace medley {
namespace {

constexpr std::string_view candidates = ",;\t|";
constexpr int most_rows = 100;

using Counts = std::array<int, candidates.size()>;  // of each candidate in a row

// Takes the next row that is not empty off the text, and counts candidates outside of quotes. False where the
// text ends within the row, unless it is `whole`.
bool count_row(std::string_view& text, bool whole, Counts& counts) {
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  counts = {};
  bool quoted = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\r' || c == '\n') break;
    if (const std::size_t found = candidates.find(c); found != std::string_view::npos)
      ++counts[found];
  }
  const bool ended = at < text.size() || (whole && at > 0);
  text.remove_prefix(at);
  return ended;
}

std::string shown(char separator) {
  return separator == '\t' ? "tab" : fmt::format("'{}'", separator);
}

}  // namespace

char separator_of(std::string_view text, bool whole, const std::string& name) {
  Counts header{}, row{}, agreeing{};
  if (!count_row(text, whole, header)) return ',';
  for (int i = 0; i < most_rows && count_row(text, whole, row); ++i)
    for (std::size_t k = 0; k < candidates.size(); ++k) agreeing[k] += row[k] == header[k];
  std::vector<std::size_t> best;
  for (std::size_t k = 0; k < candidates.size(); ++k) {
    if (header[k] == 0 || (!best.empty() && agreeing[k] < agreeing[best[0]])) continue;
    if (!best.empty() && agreeing[k] > agreeing[best[0]]) best.clear();
    best.push_back(k);
  }
  if (best.empty()) return ',';
  if (best.size() == 1) return candidates[best[0]];
  std::string found;
  for (const std::size_t k : best) found += (found.empty() ? "" : " or ") + shown(candidates[k]);
  throw data_error(
      fmt::format("{}: its columns may be separated by {}: say which with --separator (such as "
                  "--separator ';')",
                  name, found));
}

}  // namespace medley
