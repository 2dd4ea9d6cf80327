// `report`: one page about a run, several runs or a study, and the same tables as CSV.
#include <fmt/format.h>

#include <filesystem>
#include <span>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "medley/files/atomic_file.hpp"
#include "medley/files/csv.hpp"
#include "medley/report/page_of_runs.hpp"
#include "medley/report/page_of_study.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

using Strings = std::vector<std::string>;

po::options_description describe_report() {
  po::options_description options("options", 100, 60);
  auto add = options.add_options();
  add("folder", po::value<Strings>()->composing()->value_name("RUN"),
      "run folder, or a single study folder (repeatable); also without the name");
  add("out", po::value<std::string>()->value_name("FILE"),
      "the page (default: report.html in the run or study folder; of several runs, in the current "
      "folder)");
  add("csv", po::value<std::string>()->value_name("DIR"),
      "besides, write the tables behind the page to DIR, a value a row");
  add("help", po::bool_switch(), "this text");
  return options;
}

const HelpText report_help{
    "report",
    "one HTML page about a run, several runs or a study\n\n"
    "The page needs no network and nothing beside it. It is made of what the folders hold now,\n"
    "also while a run or a study is still going.\n"
    "stdout: CSV of names and values: the page, and how many rows there are and are drawn.",
    {"RUN... [options]", "STUDY [options]"},
    "runs/a runs/b --out comparison.html"};

void write_page(const fs::path& path, std::string_view text) {
  const Folder folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
  AtomicFile file(folder);
  (void)file.begin(path.filename().string());
  (void)file.write(std::as_bytes(std::span(text)));
  file.commit().or_throw();
}

// Throws data_error where the folders are not what a page can be of.
page::Page page_of(const Strings& folders) {
  if (folders.size() == 1 && page::is_study(folders[0]))
    return page::page_of_study(page::read_study(folders[0]));
  std::vector<page::RunFiles> runs;
  for (const std::string& folder : folders) {
    if (page::is_study(folder))
      throw data_error(folder + " is a study, and a page is of one study alone, or of runs");
    runs.push_back(page::read_run(folder));
  }
  page::name_apart(runs);
  return page::page_of_runs(runs);
}

}  // namespace

int report_command(const Program& program, const Arguments& arguments) {
  const Description& d = program.description;
  const po::options_description options = describe_report();
  po::positional_options_description positional;
  positional.add("folder", -1);
  const po::variables_map values = parse_options("report", options, arguments, &positional);
  if (values["help"].as<bool>()) {
    fmt::print("{}", help(d.name, report_help, options));
    return 0;
  }
  if (values.count("folder") == 0)
    throw usage_error(
        "report: a run or study folder is missing ('report --help' lists the options)");
  const Strings folders = values["folder"].as<Strings>();
  const page::Page page = page_of(folders);
  const fs::path out = values.count("out") > 0 ? fs::path(values["out"].as<std::string>())
                       : folders.size() == 1   ? fs::path(folders[0]) / "report.html"
                                               : fs::path("report.html");
  const std::string text = page::html(page);
  write_page(out, text);
  fmt::print("name,value\npage,{}\nbytes,{}\n", csv_field(out.string()), text.size());
  return 0;
}

}  // namespace medley
