// The numbers of a table, which has a decimal point or, as spreadsheets of many countries write it, a
// decimal comma.
#pragma once

#include <string>
#include <string_view>

#include "medley/base/number.hpp"

namespace medley {

class Decimals {
 public:
  // '.', ',' or 0: found out from the numbers, which must agree.
  explicit Decimals(char mark = 0) : mark_(mark) {}

  // The number that a cell holds. Where the mark is to be found out, one comma is a decimal comma.
  NumberRead<float> read(std::string_view text);
  // After all cells: why the mark could not be told, or nothing. 1.5 and 1,5 in one table contradict each
  // other, and 1,234 may be more than a thousand unless another cell shows what commas are.
  std::string problem() const;
  // Of class texts, too: whether a comma is the mark.
  bool has_comma() const { return mark_ == ',' || (mark_ == 0 && !comma_.empty()); }
  bool has_point() const { return mark_ == '.' || (mark_ == 0 && !point_.empty()); }

 private:
  char mark_;
  std::string point_, comma_, doubtful_;  // the first numbers of each kind
};

// The text with a decimal point in place of its comma.
std::string with_decimal_point(std::string_view text);

}  // namespace medley
