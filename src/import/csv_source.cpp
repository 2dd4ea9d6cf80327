#include "medley/import/csv_source.hpp"

#include <fmt/format.h>

#include <cctype>

#include "medley/files/csv.hpp"
#include "medley/files/options.hpp"

namespace medley {
namespace {

using Strings = std::vector<std::string>;

// The columns of each target that has others than that of its own name.
std::map<std::string, Strings, std::less<>> columns(const OptionValues& values,
                                                    std::span<const TargetSpec> targets) {
  std::map<std::string, Strings, std::less<>> result;
  for (const auto& [target, column] : pairs(values, "target")) {
    require_target("target", target, targets);
    result[target].push_back(column);
  }
  return result;
}

// The classes of each target whose classes are listed; a repeated option goes on with the list.
std::map<std::string, Strings, std::less<>> classes(const OptionValues& values,
                                                    std::span<const TargetSpec> targets) {
  std::map<std::string, Strings, std::less<>> result;
  for (const auto& [target, text] : pairs(values, "classes")) {
    require_target("classes", target, targets);
    const std::optional<Strings> names = csv_fields(text);
    if (!names) throw usage_error(fmt::format("--classes: a quote out of place in '{}'", text));
    result[target].insert(result[target].end(), names->begin(), names->end());
  }
  return result;
}

// A mark of one letter, such as a separator, or 0 without the option.
char mark(const OptionValues& values, const char* option, std::string_view what,
          bool (*allowed)(char)) {
  if (values.count(option) == 0) return 0;
  const std::string text = values[option].as<std::string>();
  const std::string one = text == "tab" || text == "\\t" ? "\t" : text;
  if (one.size() != 1 || !allowed(one[0]))
    throw usage_error(fmt::format("--{}: '{}' is not {}", option, text, what));
  return one[0];
}

bool may_separate(char c) {
  return c == '\t' || (c > ' ' && c < 127 && c != '"' && std::isalnum(c) == 0);
}

}  // namespace

void CsvSource::describe(OptionsDescription& options) {
  auto add = options.add_options();
  add("csv", po::value<std::string>()->value_name("FILE"),
      "CSV file with a header and a row a picture");
  add("separator", po::value<std::string>()->value_name("C"),
      "what is between its columns: , ; | tab or another character; without it found out");
  add("decimal", po::value<std::string>()->value_name("C"),
      "the decimal mark of its numbers: . or , ; without it found out");
  add("images", po::value<std::string>()->value_name("DIR"),
      "folder of the picture files; none outside of it is opened");
  add("image", po::value<std::string>()->value_name("COLUMN")->default_value("image"),
      "column that names the picture");
  add("extension", po::value<std::string>()->value_name("TEXT")->default_value(""),
      "appended to the name, such as .jpg; without such a file the name as it is, then .jpg, .jpeg "
      "and others are tried");
  add("target", po::value<Strings>()->value_name("NAME=COLUMN")->composing(),
      "column of a target, if its name is another (repeatable; for a target of several values once "
      "for each, in order; NAME= without a column: nothing is known of it)");
  add("split-by", po::value<std::string>()->value_name("COLUMN"),
      "rows with the same text in this column go into the same split (such as the person who took "
      "the picture); without it, rows of the same picture");
  add("weight-column", po::value<std::string>()->value_name("COLUMN"),
      "column of numbers, 0 or more, that say how much each row counts in the losses (weight.npy)");
  add("exclude", po::value<Strings>()->value_name("COLUMN=VALUE")->composing(),
      "leave out the rows with this text in this column (repeatable)");
  add("min-count", po::value<Strings>()->value_name("TARGET=N")->composing(),
      "leave out the classes of a target that have fewer than N rows, counted after --exclude "
      "(repeatable)");
  add("classes", po::value<Strings>()->value_name("TARGET=A,B,...")->composing(),
      "all classes of a target, as the cells have them, in this order: the first is class 0; a row "
      "with another text is bad (repeatable; quotes as in CSV)");
  add("positive", po::value<Strings>()->value_name("TARGET=TEXT")->composing(),
      "of a target of two classes the one that becomes 1, which F1 and AUC are of (repeatable)");
  add("missing", po::value<Strings>()->value_name("TEXT")->composing(),
      "cells of targets with this text are not known, as empty ones are (repeatable)");
  add("skip-bad", po::bool_switch(),
      "leave out rows that cannot be read or whose picture is missing or damaged, and list them; "
      "without it the first one is an error");
}

void read_table_options(const OptionValues& values, std::span<const TargetSpec> targets,
                        ImportRequest& request) {
  request.separator = mark(values, "separator", "a character to separate columns", may_separate);
  request.decimal = mark(values, "decimal", "a decimal mark, which is . or a comma",
                         [](char c) { return c == '.' || c == ','; });
  request.image_column = required(values, "image");
  request.extension = values["extension"].as<std::string>();
  request.columns = columns(values, targets);
  if (values.count("split-by") != 0) request.group_column = required(values, "split-by");
  if (values.count("weight-column") != 0) request.weight_column = required(values, "weight-column");
  request.excludes = pairs(values, "exclude");
  for (const auto& [name, count] : pairs(values, "min-count"))
    request.min_counts[name] = parse_number<std::uint64_t>(count, "min-count");
  request.classes = classes(values, targets);
  for (const auto& [target, text] : pairs(values, "positive")) {
    require_target("positive", target, targets);
    if (text.empty()) throw usage_error(fmt::format("--positive {}=: which class?", target));
    if (!request.positive.emplace(target, text).second)
      throw usage_error(fmt::format("--positive: the target '{}' twice", target));
  }
  if (values.count("missing") != 0) request.missing = values["missing"].as<Strings>();
  request.skip_bad = values["skip-bad"].as<bool>();
}

CsvSource CsvSource::parse(const OptionValues& values, std::span<const TargetSpec> targets) {
  CsvSource source;
  source.request.csv = required(values, "csv");
  source.request.images = required(values, "images");
  read_table_options(values, targets, source.request);
  return source;
}

DatasetSummary tell_table(ImportReport report, std::string_view rows,
                          const ImportContext& context) {
  for (const std::string& line : report.skipped) context.tell("skipped: " + line);
  for (const std::string& line : report.notes) context.tell(line);
  const auto& records = report.summary.records;
  context.tell(fmt::format("{} {}: {} written, {} excluded, {} of rare classes, {} bad and skipped",
                           report.rows, rows, records[0] + records[1] + records[2], report.excluded,
                           report.rare, report.skipped.size()));
  return std::move(report.summary);
}

DatasetSummary CsvSource::run(const ImportContext& context) const {
  ImportRequest complete = request;
  complete.shape = context.shape;
  complete.progress = context.progress;
  return tell_table(import_csv(complete), "rows", context);
}

}  // namespace medley
