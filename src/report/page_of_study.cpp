#include "medley/report/page_of_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "medley/base/number.hpp"
#include "medley/report/html.hpp"
#include "medley/report/page_of_runs.hpp"

namespace medley::page {

namespace fs = std::filesystem;

namespace {

using Strings = std::vector<std::string>;

constexpr std::string_view mean_suffix = ".mean";

Strings lines_of_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Strings lines;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

bool is_marked(const LogTable& settings, std::size_t row, std::string_view column) {
  return settings.cell(row, column) == "1";
}

Section answer_section(const StudyFiles& study) {
  Section section{"answer", "Answer", "", ""};
  for (const std::string& sentence : study.answer) {
    if (!sentence.empty()) section.html += fmt::format("<p>{}</p>\n", escaped(sentence));
  }
  return section;
}

// Of an experiment with several arms each has its chosen setting.
bool is_comparison(const LogTable& settings) {
  std::size_t chosen = 0;
  for (std::size_t r = 0; r < settings.size(); ++r) chosen += is_marked(settings, r, "chosen");
  return chosen > 1;
}

// A row a setting: what was searched, and mean ± standard error of each objective.
Section settings_section(const LogTable& settings) {
  const SettingColumns columns = setting_columns(settings);
  const bool compares = is_comparison(settings);
  const bool has_names = settings.column("name").has_value();
  Strings header{">setting"};
  if (has_names) header.emplace_back("name");
  for (const std::string& name : columns.searched) header.push_back(">" + name);
  header.emplace_back(">trials");
  bool has_rungs = false;  // of successive halving
  for (std::size_t r = 0; r < settings.size(); ++r)
    has_rungs |= !settings.cell(r, "rung").empty() && settings.cell(r, "rung") != "0";
  if (has_rungs) header.emplace_back(">rung");
  for (const std::string& name : columns.objectives) {
    header.push_back(">" + name);
    if (settings.column(name + ".difference")) header.push_back(">difference");
    if (settings.column(name + ".p")) header.push_back(">p");
  }
  header.emplace_back("");
  HtmlTable table("figures sortable", header);
  for (std::size_t r = 0; r < settings.size(); ++r) {
    const auto cell = [&](const std::string& name) { return settings.cell(r, name); };
    Strings row{escaped(cell("setting"))};
    if (has_names) row.push_back(escaped(cell("name")));
    for (const std::string& name : columns.searched) row.push_back(figure(cell(name)));
    row.push_back(escaped(cell("trials")));
    if (has_rungs) row.push_back(escaped(cell("rung")));
    for (const std::string& name : columns.objectives) {
      row.push_back(figure_with_error(cell(name + ".mean"), cell(name + ".standard_error")));
      if (settings.column(name + ".difference"))
        row.push_back(
            figure_with_error(cell(name + ".difference"), cell(name + ".difference_error")));
      if (settings.column(name + ".p")) row.push_back(figure(cell(name + ".p")));
    }
    const bool chosen = is_marked(settings, r, "chosen"),
               front = is_marked(settings, r, "on_front");
    row.push_back(chosen && !compares ? "chosen" : front ? "on the front" : "");
    table.row(row, chosen && !compares ? "chosen" : front ? "front" : "");
  }
  return {
      "settings", "Settings",
      "A row a setting: mean ± standard error over its trials, and the paired difference to the "
      "reference. A column's name sorts by it.",
      table.html()};
}

Section test_section(const LogTable& test) {
  HtmlTable table("figures", {"figure", ">test"});
  for (std::size_t r = 0; r < test.size(); ++r)
    table.row({escaped(test.cell(r, "name")),
               figure_with_error(test.cell(r, "value"), test.cell(r, "standard_error"))});
  return {"test", "Test",
          "The chosen setting, trained on training and validation records together, and measured "
          "once on the test split.",
          table.html()};
}

// All rows as the file has them.
std::string whole_table(const LogTable& file, std::string_view summary) {
  Strings header;
  for (const std::string& name : file.header()) header.push_back(">" + name);
  HtmlTable table("figures sortable", header);
  for (std::size_t r = 0; r < file.size(); ++r) {
    Strings row;
    for (const std::string& field : file.fields(r)) row.push_back(figure(field));
    table.row(row);
  }
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escaped(summary),
                     table.html());
}

Section trials_section(const LogTable& trials) {
  std::size_t diverged = 0, failed = 0;
  for (std::size_t r = 0; r < trials.size(); ++r) {
    const std::string status = trials.cell(r, "status");
    diverged += status == "diverged";
    failed += status == "failed";
  }
  std::string intro = fmt::format("{} trials have ended", trials.size());
  if (diverged + failed > 0)
    intro += fmt::format(", {} of them diverged, {} failed", diverged, failed);
  return {"trials", "Trials", intro + ".", whole_table(trials, "All rows of trials.csv")};
}

Section options_section(const StudyFiles& study) {
  HtmlTable table("options", {"option", "value"});
  for (const auto& [name, value] : study.options) table.row({escaped(name), escaped(value)});
  Section section{"study-options", "The study", "", table.empty() ? "" : table.html()};
  if (study.chosen.empty()) return section;
  section.html += "<h3>chosen.ini, for train --config</h3>\n<pre>";
  for (const std::string& line : study.chosen) section.html += escaped(line) + "\n";
  section.html += "</pre>\n";
  return section;
}

// The trial of a setting that went on longest, the first of those; nothing where none has ended.
std::optional<std::size_t> longest_trial(const LogTable& trials, const std::string& setting) {
  std::optional<std::size_t> found;
  double most = 0.0;
  for (std::size_t r = 0; r < trials.size(); ++r) {
    if (trials.cell(r, "setting") != setting) continue;
    const double epochs = read_number<double>(trials.cell(r, "epochs")).value;
    if (!found || epochs > most) found = r, most = epochs;
  }
  return found;
}

// Settings whose curves are drawn: all of them, or of many the chosen one, the first one, which is the default
// or the reference, and those on the front.
bool has_curves(const LogTable& settings, std::size_t row, std::size_t most) {
  return settings.size() <= most || row == 0 || is_marked(settings, row, "chosen") ||
         is_marked(settings, row, "on_front");
}

}  // namespace

std::vector<RunFiles> trials_to_draw(const StudyFiles& study) {
  constexpr std::size_t most = 14;
  std::vector<RunFiles> runs;
  if (!study.settings || !study.trials) return runs;
  const LogTable &settings = *study.settings, &trials = *study.trials;
  for (std::size_t r = 0; r < settings.size() && runs.size() < most; ++r) {
    const std::string setting = settings.cell(r, "setting"), name = settings.cell(r, "name");
    const std::optional<std::size_t> trial = longest_trial(trials, setting);
    if (!trial || !has_curves(settings, r, most)) continue;
    const fs::path folder = study.folder / "runs" / trials.cell(*trial, "trial");
    if (!is_run(folder)) continue;
    runs.push_back(read_run(folder));
    runs.back().name =
        (name.empty() ? "setting " + setting : name) +
        (is_marked(settings, r, "chosen") && !is_comparison(settings) ? " (chosen)" : "");
  }
  return runs;
}

bool is_study(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(folder / "study.ini", error) ||
         fs::is_regular_file(folder / "settings.csv", error);
}

StudyFiles read_study(const fs::path& folder) {
  StudyFiles study;
  study.folder = folder;
  study.answer = lines_of_file(folder / "answer.txt");
  for (const std::string& line : lines_of_file(folder / "study.ini")) {
    constexpr std::string_view of = " of medley-";  // "# A study of medley-lenet; ..."
    const std::size_t at = line.find(of), end = line.find(';');
    if (line.starts_with("# A ") && at < end && end != std::string::npos)
      study.experiment = line.substr(at + of.size(), end - at - of.size());
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string::npos) continue;
    study.options.emplace_back(stripped(std::string_view(line).substr(0, equals)),
                               stripped(std::string_view(line).substr(equals + 1)));
  }
  study.settings = LogTable::read(folder / "settings.csv");
  study.trials = LogTable::read(folder / "trials.csv");
  study.test = LogTable::read(folder / "test.csv");
  study.timing = LogTable::read(folder / "timing.csv");
  study.range_test = LogTable::read(folder / "range-test.csv");
  study.chosen = lines_of_file(folder / "chosen.ini");
  return study;
}

SettingColumns setting_columns(const LogTable& settings) {
  SettingColumns columns;
  const Strings& header = settings.header();
  const auto at = [&](std::string_view name) {
    return settings.column(name).value_or(header.size());
  };
  const std::size_t begin = settings.column("name") ? at("name") : at("setting");
  for (std::size_t c = begin + 1; c < at("trials"); ++c) {
    bool is_given = false;
    for (std::size_t r = 0; r < settings.size(); ++r) is_given |= !settings.fields(r)[c].empty();
    if (is_given) columns.searched.push_back(header[c]);
  }
  for (const std::string& name : header) {
    if (name.ends_with(mean_suffix))
      columns.objectives.push_back(name.substr(0, name.size() - mean_suffix.size()));
  }
  return columns;
}

Page page_of_study(const StudyFiles& study) {
  Page page;
  page.kind = "Study" + (study.experiment.empty() ? "" : " of " + study.experiment);
  const fs::path path = fs::absolute(study.folder).lexically_normal();
  page.title = (path.has_filename() ? path : path.parent_path()).filename().string();
  page.facts = fmt::format("{} settings, {} trials", study.settings ? study.settings->size() : 0,
                           study.trials ? study.trials->size() : 0);
  const auto add = [&](Section section) {
    if (!section.html.empty()) page.sections.push_back(std::move(section));
  };
  const auto missing = [&](bool is_there, std::string_view sentence) {
    if (!is_there) page.left_out.emplace_back(sentence);
  };
  missing(!study.answer.empty(), "No answer.txt yet: the study has not ended.");
  missing(study.settings.has_value(), "No settings.csv yet, so no table of settings.");
  missing(study.trials.has_value(), "No trials.csv yet: no trial has ended.");

  constexpr std::size_t table_bytes = 400'000;
  nlohmann::json data = nlohmann::json::object();
  add(answer_section(study));
  if (study.test) add(test_section(*study.test));
  if (study.settings) {
    const SettingColumns columns = setting_columns(*study.settings);
    data["settings"] = drawn_table(*study.settings, table_bytes);
    data["searched"] = columns.searched;
    data["objectives"] = columns.objectives;
    if (columns.objectives.size() > 1)
      add({"front", "Trade-off",
           "Each point is a setting, with its standard errors. No setting is better than those on "
           "the front in both figures at once.",
           "<div id=\"front-chart\"></div>\n"});
    add(settings_section(*study.settings));
    if (!columns.searched.empty()) {
      add({"searched", "What was searched",
           "Each objective against each option; bars are standard errors.",
           "<div class=\"charts\" id=\"searched-charts\"></div>\n"});
      add({"parallel", "All at once",
           "A line a setting, over its options to its figures; dark is low and bright is high in "
           "the "
           "first figure, the chosen setting (or the plain sum) is bold.",
           "<div id=\"parallel-chart\"></div>\n"});
    }
  }
  if (const std::vector<RunFiles> runs = trials_to_draw(study); !runs.empty()) {
    Section curves = curves_section(2);
    curves.intro = fmt::format("A trial each of {} settings. ", runs.size()) + curves.intro;
    add(curves);
    add(agreement_section());
    page.data["runs"] = curves_data(runs);
  }
  if (study.trials) {
    add(trials_section(*study.trials));
    data["trials"] = drawn_table(*study.trials, table_bytes);
  }
  if (study.range_test) {
    data["range_test"] = drawn_table(*study.range_test, table_bytes);
    add({"range-test", "Learning-rate range test", "The loss of a short training whose rate rises.",
         "<div id=\"range-test-chart\"></div>\n"});
  }
  add(options_section(study));
  page.data["kind"] = "study";
  page.data["study"] = data;
  return page;
}

}  // namespace medley::page
