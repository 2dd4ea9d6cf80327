// What a study searches over: ranges and lists of options of `train`.
//
//   lr=1e-4..1e-2,log                    a range; log: evenly in the logarithm
//   weight.size=0.1..10,log              an option with a key: --weight size=X
//   epochs=5..20                         whole numbers, for options that take these
//   batch-size=16,32,64                  a list; cells that hold commas are quoted as in CSV, or
//   mix=upgrad|cagrad:c=0.2,length=match values stand between |
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "medley/base/arguments.hpp"

namespace medley {

struct Dimension {
  std::string name;                 // the column: as searched ("mode" is "steps-mode")
  std::string option, key;          // of `train`: "weight", "size"; the key may be empty
  std::vector<std::string> values;  // of a list; empty for a range
  std::string low_text, high_text;  // of a range, as they were written
  double low = 0.0, high = 0.0;
  bool is_log = false, is_integer = false;

  bool is_list() const { return !values.empty(); }
  // The value at a place from 0 to 1. Values of ranges are rounded: to three digits where the range
  // is logarithmic, else to a thousandth of it or less. The same text on every machine.
  std::string at(double place) const;
  // So many values, evenly from one end to the other, each once; all of a list.
  std::vector<std::string> grid(int points) const;
  // The options of `train` for a value.
  Arguments arguments(const std::string& value) const;
};

// Throws usage_error, which begins with the text, where it says nothing that can be searched.
Dimension parse_search(const std::string& text);

}  // namespace medley
