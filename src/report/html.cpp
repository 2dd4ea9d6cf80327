#include "medley/report/html.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "medley/base/number.hpp"
#include "medley/base/text.hpp"
#include "medley/files/json.hpp"

namespace medley::page {

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string script_json(const nlohmann::ordered_json& json) {
  const std::string text = print_json(json);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {  // outside of strings, JSON has no `<`
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string rounded(std::string_view number) {
  const NumberRead<double> read = read_number<double>(number);
  if (!read || std::isnan(read.value)) return std::string(number);
  const double size = std::fabs(read.value);
  const bool whole = number.find_first_of(".eE") == std::string_view::npos;
  if (size == 0.0 || whole) return std::string(number);
  if (size >= 1e-3 && size < 1e3) return fmt::format("{:.4f}", read.value);
  return size >= 1e-4 && size < 1e6 ? fmt::format("{:.4g}", read.value)
                                    : fmt::format("{:.3e}", read.value);
}

namespace {

std::string data_element(std::string_view number, std::string_view shown) {
  return fmt::format(R"(<data value="{}">{}</data>)", escaped(number), escaped(shown));
}

bool is_number(std::string_view text) {
  const NumberRead<double> read = read_number<double>(text);
  return read && !std::isnan(read.value);
}

}  // namespace

std::string figure(std::string_view number) {
  return is_number(number) ? data_element(number, rounded(number)) : escaped(number);
}

std::string figure_with_error(std::string_view number, std::string_view error) {
  if (!is_number(number) || !is_number(error)) return figure(number);
  const double value = read_number<double>(number).value,
               deviation = read_number<double>(error).value;
  const bool fixed = std::fabs(value) < 1e3 && (deviation == 0.0 || std::fabs(deviation) >= 5e-5);
  const auto text = [&](std::string_view digits, double x) {
    return data_element(digits, fixed ? fmt::format("{:.4f}", x) : rounded(digits));
  };
  return fmt::format(R"({} <span class="error">± {}</span>)", text(number, value),
                     text(error, deviation));
}

std::string_view HtmlTable::cell_class(std::size_t column) const {
  return columns_[column].starts_with('>') ? R"( class="number")" : "";
}

void HtmlTable::row(const std::vector<std::string>& cells, std::string_view mark) {
  body_ += mark.empty() ? "<tr>" : fmt::format(R"(<tr class="{}">)", mark);
  for (std::size_t c = 0; c < cells.size(); ++c)
    body_ += fmt::format("<td{}>{}</td>", cell_class(c), cells[c]);
  body_ += "</tr>\n";
}

std::string HtmlTable::html() const {
  std::string head;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::string_view name = columns_[c];
    if (name.starts_with('>')) name.remove_prefix(1);
    head += fmt::format("<th scope=\"col\"{}>{}</th>", cell_class(c), escaped(name));
  }
  return fmt::format(
      "<div class=\"frame\"><table class=\"{}\"><thead><tr>{}</tr></thead><tbody>\n"
      "{}</tbody></table></div>\n",
      kind_, head, body_);
}

}  // namespace medley::page
