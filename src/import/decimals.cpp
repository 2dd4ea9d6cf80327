#include "medley/import/decimals.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace medley {
namespace {

// Whether a number with a comma may have it between thousands: 1,234 but neither 0,123 nor 12,34.
bool may_be_thousands(std::string_view text) {
  text = stripped(text);
  while (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  const std::size_t comma = text.find(',');
  return comma >= 1 && comma <= 3 && text[0] != '0' && text.size() == comma + 4 &&
         std::ranges::all_of(text, [](char c) { return c == ',' || (c >= '0' && c <= '9'); });
}

void keep_first(std::string& kept, std::string_view text) {
  if (kept.empty()) kept = text;
}

}  // namespace

std::string with_decimal_point(std::string_view text) {
  std::string point(text);
  std::ranges::replace(point, ',', '.');
  return point;
}

NumberRead<float> Decimals::read(std::string_view text) {
  const auto commas = std::ranges::count(text, ',');
  const bool has_point = text.find('.') != std::string_view::npos;
  if (commas > 0 && has_point)
    return {{}, "has both a point and a comma: write numbers without marks between thousands"};
  if (commas == 0 || mark_ == '.') {
    const NumberRead<float> number = read_number<float>(text);
    if (!number || !has_point) return number;
    if (mark_ == ',') return {{}, "has a decimal point, not the comma of --decimal"};
    keep_first(point_, text);
    return number;
  }
  const NumberRead<float> number = read_number<float>(with_decimal_point(text));
  if (number) keep_first(may_be_thousands(text) ? doubtful_ : comma_, text);
  return number;
}

std::string Decimals::problem() const {
  const std::string& comma = comma_.empty() ? doubtful_ : comma_;
  if (mark_ != 0 || comma.empty()) return {};
  if (!point_.empty())
    return fmt::format(
        "numbers with a decimal point ('{}') and with a comma ('{}'): say which with --decimal . "
        "or "
        "--decimal ,",
        point_, comma);
  if (!comma_.empty()) return {};
  return fmt::format(
      "'{0}' may be {1} or, with a comma between thousands, {2}: if the comma is a decimal one "
      "give "
      "--decimal , and else write numbers without it",
      doubtful_, with_decimal_point(doubtful_), [&] {
        std::string whole = doubtful_;
        std::erase(whole, ',');
        return whole;
      }());
}

}  // namespace medley
