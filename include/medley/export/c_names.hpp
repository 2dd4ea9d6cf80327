// Identifiers, numbers and texts of C.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace medley {

// The text with _ for each character that an identifier has not; m_ before it where it begins with a
// digit or _, which are the implementation's.
std::string c_identifier(std::string_view text);
std::string c_macro(std::string_view identifier);  // in capitals

// Gives each text an identifier of its own, such as size_2 where there is a size already. Identifiers
// that differ by capitals alone count as the same, as macros are made of them.
class CNames {
 public:
  std::string unique(std::string_view text);

 private:
  std::set<std::string> taken_;
};

// The constant of the fewest digits that reads back to the same float; it must be finite.
std::string c_number(float value);

// The text as a string of C, in quotes; all but plain ASCII as octal escapes.
std::string c_string(std::string_view text);

}  // namespace medley
