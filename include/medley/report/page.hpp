// One page about a run, several runs or a study: a single HTML file that needs nothing beside it.
//
// What is text or a table is HTML and can be read without a script. What is drawn comes from a block of
// JSON (<script id="medley-data">): the rows of CSV files as texts, with the digits of the files, and the
// page's own script draws them with Chart.js. All of it is embedded in the binary (src/report/page).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "medley/report/log_table.hpp"

namespace medley::page {

struct Section {
  std::string id;     // of the element, and what a link at the top leads to
  std::string title;  // text
  std::string intro;  // text: what is seen
  std::string html;
};

struct Page {
  std::string kind;   // text above the title: "run of experiment lenet"
  std::string title;  // text
  std::string facts;  // text below it
  std::vector<Section> sections;
  std::vector<std::string> left_out;  // sentences: what is not there, and why
  nlohmann::json data = nlohmann::json::object();
};

// The whole file.
std::string html(const Page& page);

// {"file", "rows": of the file, "drawn": of them, "csv"}: of the rows about as many as fit into `bytes`.
nlohmann::json drawn_table(const LogTable& table, std::size_t bytes);

}  // namespace medley::page
