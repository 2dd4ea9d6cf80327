// Text on its way into a page. Names of classes, files, runs and columns are anybody's.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace medley::page {

// For the text of an element or an attribute between double quotes: & < > " ' as references, what is
// no UTF-8 or steers a terminal as printable() shows it.
std::string escaped(std::string_view text);

// For a <script> of data: JSON in which no `<` is left that could end the element or begin a comment.
// Bytes that are no UTF-8 become U+FFFD.
std::string script_json(const nlohmann::ordered_json& json);

// Four decimals for numbers from 0.001 to 1000, four digits for others, whole numbers as they are; what is
// no number as it stands.
std::string rounded(std::string_view number);

// `<data value="the number's own digits">rounded</data>`; other text escaped.
std::string figure(std::string_view number);
// "number ± error", both with four decimals where that shows the error; without one the number alone.
std::string figure_with_error(std::string_view number, std::string_view error);

// A table of cells that are HTML. A column whose name begins with '>' is flushed right.
class HtmlTable {
 public:
  HtmlTable(std::string_view kind, std::vector<std::string> columns)
      : kind_(kind), columns_(std::move(columns)) {}

  // `mark` is a class of the row, or nothing.
  void row(const std::vector<std::string>& cells, std::string_view mark = {});
  bool empty() const { return body_.empty(); }
  // In a frame of its own, which is what scrolls where the table is wider than the page.
  std::string html() const;

 private:
  std::string_view cell_class(std::size_t column) const;

  std::string kind_;
  std::vector<std::string> columns_;
  std::string body_;
};

}  // namespace medley::page
