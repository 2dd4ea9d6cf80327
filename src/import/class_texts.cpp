#include "medley/import/class_texts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include "medley/base/number.hpp"
#include "medley/import/decimals.hpp"

namespace medley {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// A number as texts are ordered by it; large whole numbers are not rounded.
struct Value {
  double number = 0;
  std::int64_t whole = 0;  // where it is one, else 0
  auto operator<=>(const Value&) const = default;
};

// The values of texts all of which are finite numbers, else nothing.
std::vector<Value> values_of(std::span<const std::string> texts, bool decimal_comma) {
  std::vector<Value> values;
  for (const std::string& written : texts) {
    const std::string text = decimal_comma ? with_decimal_point(written) : written;
    const NumberRead<double> number = read_number<double>(text);
    if (!number || std::isnan(number.value)) return {};
    const NumberRead<std::int64_t> whole = read_number<std::int64_t>(text);
    // 1.0 is the 1 of another spelling.
    const bool small = std::fabs(number.value) < 0x1p53;
    values.push_back({number.value + 0.0, whole && !small ? whole.value : 0});
  }
  return values;
}

}  // namespace

std::optional<int> boolean_of(std::string_view text) {
  const std::string word = lower(text);
  for (const std::string_view no : {"0", "f", "false", "n", "no"})
    if (word == no) return 0;
  for (const std::string_view yes : {"1", "t", "true", "y", "yes"})
    if (word == yes) return 1;
  return std::nullopt;
}

std::vector<std::uint32_t> same_classes(std::span<const std::string> texts, bool two_classes,
                                        bool decimal_comma) {
  std::vector<std::uint32_t> same(texts.size());
  std::iota(same.begin(), same.end(), 0u);
  std::map<Value, std::uint32_t> first;
  if (const std::vector<Value> values = values_of(texts, decimal_comma); !values.empty()) {
    for (std::uint32_t i = 0; i < texts.size(); ++i)
      same[i] = first.try_emplace(values[i], i).first->second;
    return same;
  }
  if (!two_classes || texts.size() <= 2) return same;
  if (!std::all_of(texts.begin(), texts.end(), [](const auto& t) { return boolean_of(t); }))
    return same;
  for (std::uint32_t i = 0; i < texts.size(); ++i) {
    const Value value{static_cast<double>(*boolean_of(texts[i]))};
    same[i] = first.try_emplace(value, i).first->second;
  }
  return same;
}

void sort_class_texts(std::vector<std::string>& texts, bool decimal_comma) {
  std::sort(texts.begin(), texts.end());
  const std::vector<Value> values = values_of(texts, decimal_comma);
  if (!values.empty()) {
    std::vector<std::size_t> order(texts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<std::string> sorted;
    for (const std::size_t i : order) sorted.push_back(std::move(texts[i]));
    texts = std::move(sorted);
  }
  if (texts.size() != 2) return;
  const std::optional<int> first = boolean_of(texts[0]), second = boolean_of(texts[1]);
  if (first && second && *first > *second) std::swap(texts[0], texts[1]);
}

bool put_positive_last(std::vector<std::string>& texts, const std::string& positive,
                       bool decimal_comma) {
  auto found = std::ranges::find(texts, positive);
  if (found == texts.end()) {
    std::vector<std::string> all = texts;
    all.push_back(positive);
    found = texts.begin() + std::min<std::ptrdiff_t>(same_classes(all, true, decimal_comma).back(),
                                                     std::ssize(texts));
  }
  if (found == texts.end()) return false;
  std::rotate(found, found + 1, texts.end());
  return true;
}

bool spells_missing(std::string_view text) {
  // As R, Python, SQL and spreadsheets write it; the last are errors of formulas. ("none" may well be a
  // class: of no defect, or of no one in the picture.)
  constexpr auto spellings = std::to_array<std::string_view>(
      {"NA",  "N/A",  "n/a",   "#N/A",    "#NA",     "<NA>",  "NaN",  "nan",
       "NAN", "-NaN", "-nan",  "None",    "NULL",    "Null",  "null", "<null>",
       "#NV", "?",    "#REF!", "#VALUE!", "#DIV/0!", "#NAME?"});
  const std::string_view word = stripped(text);
  return std::find(spellings.begin(), spellings.end(), word) != spellings.end();
}

}  // namespace medley
