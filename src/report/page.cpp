#include "medley/report/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "medley/report/html.hpp"

// src/report/page/embedded.S
extern "C" {
extern const char medley_page_html[], medley_page_html_end[];
extern const char medley_page_css[], medley_page_css_end[];
extern const char medley_page_js[], medley_page_js_end[];
extern const char medley_chart_js[], medley_chart_js_end[];
}

namespace medley::page {

namespace {

using Parts = std::vector<std::pair<std::string_view, std::string>>;

// The template with what stands for each {{name}}. What was put in is not looked at again.
std::string filled(std::string_view text, const Parts& parts) {
  std::string all;
  for (std::size_t open; (open = text.find("{{")) != std::string_view::npos;) {
    const std::size_t close = text.find("}}", open);
    const std::string_view name = text.substr(open + 2, close - open - 2);
    all += text.substr(0, open);
    for (const auto& [known, content] : parts) {
      if (known == name) all += content;
    }
    text.remove_prefix(close + 2);
  }
  return all += text;
}

std::string section_html(const Section& section) {
  const std::string intro =
      section.intro.empty() ? ""
                            : fmt::format("<p class=\"intro\">{}</p>\n", escaped(section.intro));
  return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}{}</section>\n", section.id,
                     escaped(section.title), intro, section.html);
}

std::string list_html(const std::vector<std::string>& sentences) {
  if (sentences.empty()) return {};
  std::string html = "<section id=\"left-out\">\n<h2>Not in this page</h2>\n<ul>\n";
  for (const std::string& sentence : sentences)
    html += fmt::format("<li>{}</li>\n", escaped(sentence));
  return html + "</ul>\n</section>\n";
}

}  // namespace

std::string html(const Page& page) {
  std::string links, body;
  for (const Section& section : page.sections) {
    links += fmt::format("<a href=\"#{}\">{}</a>\n", section.id, escaped(section.title));
    body += section_html(section);
  }
  return filled({medley_page_html, medley_page_html_end},
                {{"title", escaped(page.title)},
                 {"kind", escaped(page.kind)},
                 {"facts", escaped(page.facts)},
                 {"links", links},
                 {"sections", body + list_html(page.left_out)},
                 {"data", script_json(page.data)},
                 {"css", std::string(medley_page_css, medley_page_css_end)},
                 {"chart", std::string(medley_chart_js, medley_chart_js_end)},
                 {"script", std::string(medley_page_js, medley_page_js_end)}});
}

nlohmann::json drawn_table(const LogTable& table, std::size_t bytes) {
  constexpr std::size_t most_rows = 2000, least_rows = 64;
  const std::size_t each = table.bytes() / (table.size() + 1) + 2;
  const std::size_t bound = std::clamp(bytes / each, least_rows, most_rows);
  const std::vector<std::size_t> rows = thinned(table, bound);
  return {{"file", table.name()},
          {"rows", table.size()},
          {"drawn", rows.size()},
          {"csv", table.csv(rows)}};
}

}  // namespace medley::page
