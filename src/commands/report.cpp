// `report`: one page about a run, several runs or a study, and the same tables as CSV.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "medley/files/atomic_file.hpp"
#include "medley/files/csv.hpp"
#include "medley/report/model_blocks.hpp"
#include "medley/report/page_of_model.hpp"
#include "medley/report/page_of_runs.hpp"
#include "medley/report/page_of_study.hpp"
#include "medley/report/tidy.hpp"
#include "medley/run/model.hpp"

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
  add("data", po::value<std::string>()->value_name("DIR"),
      "dataset folder for samples and curves of the model, where it has moved (default: the "
      "run's)");
  add("split", po::value<std::string>()->value_name("NAME"),
      "split that samples are taken from (validation)");
  add("samples", po::value<std::string>()->value_name("N"),
      "records shown with their predictions, of a single run (24); 0: nothing is computed with the "
      "model");
  add("threads", po::value<std::string>()->value_name("T"),
      "at most so many threads for that (default: the processors at hand)");
  add("isa", po::value<std::string>()->value_name("NAME"),
      "instruction set for that, also MEDLEY_ISA (default: the best of this processor)");
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

std::string text_option(const po::variables_map& values, const char* name) {
  return values.count(name) > 0 ? values[name].as<std::string>() : std::string{};
}

template <class T>
T number_option(const po::variables_map& values, const char* name, T otherwise) {
  const std::string text = text_option(values, name);
  return text.empty() ? otherwise : parse_number<T>(text, name);
}

// Network and memory of this binary's experiment.
void add_structure(const Description& d, page::Page& page) {
  page.sections.push_back(page::network_section(network_block(d)));
  page.data["arena"] = arena_block(d);
  page.sections.push_back(page::arena_section(page.data["arena"]));
}

page::Page study_page(const Description& d, const std::string& folder, const std::string& csv) {
  const page::StudyFiles study = page::read_study(folder);
  page::Page page = page::page_of_study(study);
  if (study.experiment == d.name) add_structure(d, page);
  if (!csv.empty()) page::write_tidy(study, csv);
  return page;
}

page::Page runs_page(const Program& program, const Strings& folders,
                     const po::variables_map& values) {
  std::vector<page::RunFiles> runs;
  for (const std::string& folder : folders) {
    if (page::is_study(folder))
      throw data_error(folder + " is a study, and a page is of one study alone, or of runs");
    runs.push_back(page::read_run(folder));
  }
  page::name_apart(runs);
  page::Page page = page::page_of_runs(runs);
  const std::string split = text_option(values, "split");
  ModelBlocksOptions options;
  options.run = runs[0].folder;
  options.data = text_option(values, "data");
  if (!split.empty()) options.split = parse_split(split);
  options.samples = number_option(values, "samples", options.samples);
  options.threads = number_option(values, "threads", options.threads);
  options.instruction_set = text_option(values, "isa");
  if (runs.size() == 1 && options.samples > 0)
    page::add_model_sections(model_blocks(program, options), page);
  const Description& d = program.description;
  if (std::ranges::all_of(runs, [&](const auto& run) { return run.experiment == d.name; })) {
    add_structure(d, page);
  } else {
    page.left_out.push_back(fmt::format(
        "Network and memory: not all runs are of '{}', which is all that this program knows.",
        d.name));
  }
  page.sections.push_back(page::options_section(runs));
  if (values.count("csv") > 0) page::write_tidy(runs, values["csv"].as<std::string>());
  return page;
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
  const page::Page page = folders.size() == 1 && page::is_study(folders[0])
                              ? study_page(d, folders[0], text_option(values, "csv"))
                              : runs_page(program, folders, values);
  const fs::path out = values.count("out") > 0 ? fs::path(values["out"].as<std::string>())
                       : folders.size() == 1   ? fs::path(folders[0]) / "report.html"
                                               : fs::path("report.html");
  const std::string text = page::html(page);
  write_file(out, text);
  fmt::print("name,value\npage,{}\nbytes,{}\n", csv_field(out.string()), text.size());
  return 0;
}

}  // namespace medley
