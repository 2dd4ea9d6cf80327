// Texts of a column that become classes: which of them are one class, and in which order they come.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace medley {

// 0, 1, or nothing if the text is no spelling of a boolean.
std::optional<int> boolean_of(std::string_view text);

// For each text the index of the first one that means the same: all of them are numbers, and two
// have the same value ("1", "1.0", "+1"); or they are the spellings of the two booleans, where
// `two_classes` are wanted. Else each stands for itself.
// Numbers have a decimal comma where that is said.
std::vector<std::uint32_t> same_classes(std::span<const std::string> texts, bool two_classes,
                                        bool decimal_comma = false);

// Numbers by value where all are numbers, the two booleans false first, all else bytewise.
void sort_class_texts(std::vector<std::string>& texts, bool decimal_comma = false);

// Puts the one of two classes last that is `positive`, or that means the same. False where none does.
bool put_positive_last(std::vector<std::string>& texts, const std::string& positive,
                       bool decimal_comma = false);

// Whether programs write this where a value is not known: NA, N/A, NaN, None, null, ...
bool spells_missing(std::string_view text);

}  // namespace medley
