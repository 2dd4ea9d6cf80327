#include "medley/import/target_columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"
#include "medley/base/text.hpp"
#include "medley/data/dataset.hpp"
#include "medley/import/class_texts.hpp"

namespace medley {

TargetColumns::TargetColumns(const ImportRequest& request, const PictureTable& table)
    : request_(request), table_(table), decimals_(request.decimal) {
  for (const TargetSpec& spec : request.targets) add_target(spec);
  for (const auto& [name, count] : request.min_counts) find_classes("--min-count", name);
  for (const auto& [name, classes] : request.classes) list_classes(name, classes);
  for (const auto& [name, text] : request.positive) check_positive(name);
}

void TargetColumns::add_target(const TargetSpec& spec) {
  Column target{spec, {}, {}, {}, {}, {}, {}, {}};
  const auto given = request_.columns.find(spec.name);
  const bool has_masks = request_.masks.targets.contains(spec.name);
  if (has_masks && given != request_.columns.end())
    throw usage_error(fmt::format("--target {0}: there is --masks {0}={1} for it", spec.name,
                                  request_.masks.targets.find(spec.name)->second.folder.string()));
  if (has_masks ||
      (given != request_.columns.end() && given->second == std::vector<std::string>{""})) {
    targets_.push_back(std::move(target));
    return;
  }
  if (spec.kind == TargetKind::mask)
    throw usage_error(fmt::format(
        "the target '{0}' is a mask, which a table cannot give: give --masks {0}=DIR, or --target "
        "{0}= if nothing is known of it",
        spec.name));
  const std::vector<std::string> names =
      given == request_.columns.end() ? std::vector{std::string(spec.name)} : given->second;
  const std::size_t wanted =
      spec.kind == TargetKind::values ? static_cast<std::size_t>(spec.size) : 1;
  if (names.size() != wanted)
    throw usage_error(
        fmt::format("the target '{0}' needs {1} column{2}, not {3}: give --target "
                    "{0}=COLUMN {1} time{2}, in order",
                    spec.name, wanted, wanted == 1 ? "" : "s", names.size()));
  for (const std::string& name : names) {
    if (given == request_.columns.end() && !table_.has_column(name))
      throw usage_error(fmt::format(
          "{0} has no column '{1}' for that target: give --target {1}=COLUMN, or --target {1}= if "
          "nothing is known of it (its columns: {2})",
          table_.name(), name, fmt::join(table_.header(), ", ")));
    target.columns.push_back(table_.column(name));
  }
  targets_.push_back(std::move(target));
}

TargetColumns::Column& TargetColumns::find_classes(std::string_view option, std::string_view name) {
  for (Column& target : targets_)
    if (target.spec.name == name && target.spec.kind == TargetKind::classes) return target;
  throw usage_error(fmt::format("{}: no target '{}' that has classes", option, name));
}

void TargetColumns::list_classes(const std::string& name, const std::vector<std::string>& classes) {
  Column& target = find_classes("--classes", name);
  if (classes.size() != static_cast<std::size_t>(target.spec.size))
    throw usage_error(
        fmt::format("--classes: {} for the target '{}', which has {} in this experiment",
                    classes.size(), name, target.spec.size));
  if (request_.min_counts.contains(name))
    throw usage_error(fmt::format(
        "--classes and --min-count: the classes of '{}' are either listed or chosen by count",
        name));
  for (const std::string& text : classes) {
    if (not_known(text))
      throw usage_error(
          fmt::format("--classes: '{}' of the target '{}' stands for \"not known\"", text, name));
    if (!target.index.try_emplace(text, static_cast<std::uint32_t>(target.names.size())).second)
      throw usage_error(fmt::format("--classes: '{}' twice for the target '{}'", text, name));
    target.names.push_back(text);
    target.counts.push_back(0);
  }
  target.listed = true;
}

void TargetColumns::check_positive(const std::string& name) {
  if (const Column& target = find_classes("--positive", name);
      target.listed || target.spec.size != 2)
    throw usage_error(
        fmt::format("--positive: the target '{}' {}", name,
                    target.listed ? "has the order of --classes" : "has more than two classes"));
}

// Whether numbers among the texts of classes are written with a comma.
bool TargetColumns::decimal_comma() const {
  return decimals_.has_comma() || (table_.separator() != ',' && !decimals_.has_point());
}

// Whether a cell says that its row's value is not known.
bool TargetColumns::not_known(std::string_view cell) const {
  const std::string_view text = stripped(cell);
  return text.empty() || std::find(request_.missing.begin(), request_.missing.end(), text) !=
                             request_.missing.end();
}

std::string TargetColumns::read_weight(std::size_t column, const std::string& text, float& weight) {
  const std::string& name = table_.header()[column];
  if (not_known(text)) return fmt::format("the weight in column '{}' is not known", name);
  const NumberRead<float> read = decimals_.read(text);
  weight = read.value;
  if (!read) return fmt::format("'{}' in column '{}' {}", text, name, read.fault);
  if (is_weight(weight)) return {};
  return fmt::format("'{}' in column '{}' is no weight, which is 0 or {}", text, name,
                     weight_range);
}

// Reads the cells of all targets, or changes nothing and says what is wrong with one.
std::string TargetColumns::read(const std::vector<std::string>& fields) {
  std::vector<float> values;
  for (const Column& target : targets_) {
    std::string problem;
    if (target.spec.kind == TargetKind::values) {
      problem = read_values(fields, target, values);
    } else if (target.has_classes()) {
      problem = check_text(fields, target);
    }
    if (!problem.empty()) return problem;
  }
  std::size_t next = 0;
  for (Column& target : targets_) {
    if (target.spec.kind == TargetKind::values) {
      for (int i = 0; i < target.spec.size; ++i) target.values.push_back(values[next++]);
    } else if (target.has_classes()) {
      read_text(fields[target.columns[0]], target);
    }
  }
  return {};
}

void TargetColumns::read_text(const std::string& text, Column& target) {
  if (not_known(text)) {
    target.texts.push_back(missing_class);
    return;
  }
  const auto [entry, added] =
      target.index.try_emplace(text, static_cast<std::uint32_t>(target.names.size()));
  if (added) {
    target.names.push_back(text);
    target.counts.push_back(0);
  }
  target.texts.push_back(entry->second);
  ++target.counts[entry->second];
}

std::string TargetColumns::check_text(const std::vector<std::string>& fields,
                                      const Column& target) const {
  const std::string& text = fields[target.columns[0]];
  const std::string& column = column_name(target);
  if (!is_utf8(text))
    return fmt::format("the cell of column '{}' is not UTF-8: convert the file with iconv", column);
  if (!target.listed || not_known(text) || target.index.contains(text)) return {};
  return fmt::format("'{}' in column '{}' is none of the classes of --classes: '{}'", text, column,
                     fmt::join(target.names, "', '"));
}

std::string TargetColumns::read_values(const std::vector<std::string>& fields, const Column& target,
                                       std::vector<float>& out) {
  if (target.columns.empty())
    out.insert(out.end(), static_cast<std::size_t>(target.spec.size),
               std::numeric_limits<float>::quiet_NaN());
  for (const std::size_t column : target.columns) {
    const std::string& text = fields[column];
    NumberRead<float> read{std::numeric_limits<float>::quiet_NaN()};
    if (!not_known(text)) read = decimals_.read(text);
    if (!read)
      return fmt::format("'{}' in column '{}' {}{}", text, table_.header()[column], read.fault,
                         spells_missing(text)
                             ? ": if it stands for \"not known\", give --missing " + text
                             : std::string{});
    out.push_back(read.value);
  }
  return {};
}

// Texts that mean the same become one class, whose name is the spelling that came first.
void TargetColumns::merge_same(Column& target, const std::function<void(std::string)>& note) {
  if (!target.has_classes() || target.listed) return;
  const std::vector<std::uint32_t> same =
      same_classes(target.names, target.spec.size == 2, decimal_comma());
  for (std::uint32_t& text : target.texts)
    if (text != missing_class) text = same[text];
  for (std::uint32_t i = 0; i < same.size(); ++i) {
    if (same[i] == i) continue;
    target.counts[same[i]] += std::exchange(target.counts[i], 0);
    note(fmt::format("{}: '{}' and '{}' in column '{}' are one class", table_.name(),
                     target.names[same[i]], target.names[i], column_name(target)));
  }
}

// Throws where a class is called as other programs call a value that is not known.
void TargetColumns::refuse_missing(const Column& target,
                                   std::span<const std::uint64_t> counts) const {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::string& name = target.names[i];
    if (counts[i] == 0 || !spells_missing(name)) continue;
    throw data_error(fmt::format(
        "{}: '{}' in column '{}' ({} rows) would be a class: give --missing '{}' if it stands for "
        "\"not known\", or list it with the others in --classes if it is one",
        table_.name(), name, column_name(target), counts[i], name));
  }
}

std::vector<std::string> TargetColumns::number(std::size_t target,
                                               const std::function<bool(std::size_t)>& kept) {
  Column& own = targets_[target];
  std::vector<std::string> names = own.names;  // listed, or none
  if (own.has_classes() && !own.listed) names = found_classes(own, kept);
  own.numbers.assign(own.names.size(), -1);
  for (std::size_t i = 0; i < names.size(); ++i)
    own.numbers[own.index.at(names[i])] = static_cast<std::int32_t>(i);
  return names;
}

// The names of the classes of the records that are kept, in order.
std::vector<std::string> TargetColumns::found_classes(
    const Column& target, const std::function<bool(std::size_t)>& kept) const {
  std::vector<std::uint64_t> counts(target.names.size());
  for (std::size_t i = 0; i < target.texts.size(); ++i)
    if (target.texts[i] != missing_class && kept(i)) ++counts[target.texts[i]];
  refuse_missing(target, counts);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) names.push_back(target.names[i]);
  sort_class_texts(names, decimal_comma());
  if (const auto positive = request_.positive.find(target.spec.name);
      positive != request_.positive.end() &&
      !put_positive_last(names, positive->second, decimal_comma()))
    throw data_error(fmt::format("{}: --positive: column '{}' has no '{}'; it has: '{}'",
                                 table_.name(), column_name(target), positive->second,
                                 fmt::join(names, "', '")));
  if (names.size() == static_cast<std::size_t>(target.spec.size)) return names;
  std::string found;
  for (const std::string& name : names)
    found +=
        fmt::format("{}{} ({})", found.empty() ? "" : ", ", name, counts[target.index.at(name)]);
  throw data_error(fmt::format(
      "{}: column '{}' has {} class{}, but the experiment's target '{}' has {}: leave some out "
      "with --exclude or --min-count, list them with --classes if some have no row here, or change "
      "the experiment. Found: {}",
      table_.name(), column_name(target), names.size(), names.size() == 1 ? "" : "es",
      target.spec.name, target.spec.size, found));
}

void TargetColumns::finish(const std::function<void(std::string)>& note) {
  if (const std::string problem = decimals_.problem(); !problem.empty())
    throw data_error(fmt::format("{}: {}", table_.name(), problem));
  for (Column& target : targets_) merge_same(target, note);
}

bool TargetColumns::is_rare(std::size_t record) const {
  return std::ranges::any_of(targets_, [&](const Column& target) {
    const auto least = request_.min_counts.find(target.spec.name);
    if (least == request_.min_counts.end() || !target.has_classes()) return false;
    const std::uint32_t text = target.texts[record];
    return text != missing_class && target.counts[text] < least->second;
  });
}

void TargetColumns::fill(std::size_t record, Record& out) const {
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const Column& target = targets_[t];
    if (target.spec.kind == TargetKind::values)
      out.targets[t].values = &target.values[record * static_cast<std::size_t>(target.spec.size)];
    else if (target.has_classes() && target.texts[record] != missing_class)
      out.targets[t].label = target.numbers[target.texts[record]];
  }
}

void TargetColumns::classes(std::size_t record, std::vector<std::uint32_t>& out) const {
  std::uint32_t first = 0;
  for (const Column& target : targets_) {
    if (target.spec.kind != TargetKind::classes) continue;
    if (target.has_classes() && target.texts[record] != missing_class)
      out.push_back(first + static_cast<std::uint32_t>(target.numbers[target.texts[record]]));
    first += static_cast<std::uint32_t>(target.spec.size);
  }
}

std::optional<std::size_t> TargetColumns::column_of_classes(std::size_t target) const {
  if (!targets_[target].has_classes()) return std::nullopt;
  return targets_[target].columns[0];
}

nlohmann::json TargetColumns::provenance() const {
  nlohmann::json json;
  for (const Column& target : targets_)
    for (const std::size_t column : target.columns)
      json["target"][std::string(target.spec.name)].push_back(table_.header()[column]);
  json["min_count"] = request_.min_counts;
  if (!request_.missing.empty()) json["missing"] = request_.missing;
  if (!request_.classes.empty()) json["classes"] = request_.classes;
  if (!request_.positive.empty()) json["positive"] = request_.positive;
  if (decimals_.has_comma()) json["decimal"] = ",";
  return json;
}

}  // namespace medley
