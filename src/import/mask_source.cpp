#include "medley/import/mask_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "medley/files/mapped_file.hpp"
#include "medley/files/options.hpp"
#include "medley/import/folders_source.hpp"
#include "medley/import/import_folders.hpp"

namespace medley {
namespace {

using MaskTargets = std::map<std::string, MaskFolder, std::less<>>;

// The targets that are masks.
std::vector<std::string> mask_targets(std::span<const TargetSpec> targets) {
  std::vector<std::string> names;
  for (const TargetSpec& spec : targets)
    if (spec.kind == TargetKind::mask) names.emplace_back(spec.name);
  return names;
}

// Splits [TARGET=]TEXT; of an experiment with one mask target, that one where none is named.
std::pair<std::string, std::string> of_target(std::string_view option, const std::string& text,
                                              const std::vector<std::string>& targets) {
  for (const std::string& name : targets)
    if (text.starts_with(name + '=') && text[name.size() + 1] != '#')
      return {name, text.substr(name.size() + 1)};
  if (targets.size() == 1) return {targets[0], text};
  if (targets.empty())
    throw usage_error(fmt::format("--{}: the experiment has no target that is a mask", option));
  throw usage_error(fmt::format("--{}: '{}' begins with none of the masks of this experiment: {}=",
                                option, text, fmt::join(targets, "=, ")));
}

// Calls f(files, text) for each [TARGET=]TEXT of an option.
template <class F>
void each_mask_option(const OptionValues& values, const char* option,
                      const std::vector<std::string>& targets, MaskTargets& masks, F&& f) {
  if (values.count(option) == 0) return;
  for (const std::string& given : values[option].as<std::vector<std::string>>()) {
    const auto [target, text] = of_target(option, given, targets);
    const auto found = masks.find(target);
    if (found == masks.end())
      throw usage_error(fmt::format("--{}: there is no --masks {}=DIR", option, target));
    if (text.empty()) throw usage_error(fmt::format("--{}: nothing for '{}'", option, target));
    f(found->second, text);
  }
}

std::vector<std::uint32_t> mask_value_list(const std::string& text) {
  std::vector<std::uint32_t> values;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(',', from), text.size());
    values.push_back(parse_number<std::uint32_t>(text.substr(from, end - from), "mask-values"));
    from = end + 1;
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    if (std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i), values[i]) !=
        values.begin() + static_cast<std::ptrdiff_t>(i))
      throw usage_error(fmt::format("--mask-values: {} twice", values[i]));
  return values;
}

// A list, or the file of one.
std::vector<MaskColour> mask_colour_list(const std::string& text) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(text, ignored)) return parse_colours(text);
  const MappedFile file(text);
  const auto bytes = file.bytes();
  return read_colours(file.name(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void read_unknown(const std::string& text, MaskMeaning& meaning) {
  if (text == "none") {
    meaning.all_known = true;
  } else if (text.starts_with('#')) {
    meaning.unknown = parse_colours("unknown=" + text)[0].rgb;
  } else {
    meaning.unknown = parse_number<std::uint32_t>(text, "mask-unknown");
  }
}

// Of a target's options those that go together.
void check_meaning(const std::string& name, const MaskMeaning& meaning, int classes) {
  if (!meaning.colours.empty() + !meaning.values.empty() + meaning.threshold.has_value() > 1)
    throw usage_error(fmt::format(
        "--mask-colours, --mask-values and --mask-threshold exclude each other, for '{}'", name));
  if (meaning.threshold && classes != 2)
    throw usage_error(
        fmt::format("--mask-threshold: the mask '{}' has {} classes, and a threshold parts two",
                    name, classes));
  if (!meaning.values.empty() && meaning.values.size() != static_cast<std::size_t>(classes))
    throw usage_error(fmt::format("--mask-values: {} for the mask '{}', which has {} classes",
                                  meaning.values.size(), name, classes));
}

// What the options say of masks and tiles.
void read_masks(const OptionValues& values, std::span<const TargetSpec> targets,
                ImportRequest& request) {
  const std::vector<std::string> names = mask_targets(targets);
  MaskTargets& masks = request.masks.targets;
  if (values.count("masks") != 0)
    for (const std::string& given : values["masks"].as<std::vector<std::string>>()) {
      const auto [target, folder] = of_target("masks", given, names);
      if (folder.empty()) throw usage_error("--masks: a folder without a name");
      if (!masks.emplace(target, MaskFolder{folder, {}, {}}).second)
        throw usage_error(fmt::format("--masks: the target '{}' twice", target));
    }
  const auto each = [&](const char* option, auto&& f) {
    each_mask_option(values, option, names, masks, f);
  };
  each("mask-names", [](MaskFolder& m, const std::string& text) { m.naming = parse_naming(text); });
  each("mask-values",
       [](MaskFolder& m, const std::string& text) { m.meaning.values = mask_value_list(text); });
  each("mask-colours",
       [](MaskFolder& m, const std::string& text) { m.meaning.colours = mask_colour_list(text); });
  each("mask-threshold", [](MaskFolder& m, const std::string& text) {
    m.meaning.threshold = parse_number<std::uint32_t>(text, "mask-threshold");
  });
  each("mask-unknown",
       [](MaskFolder& m, const std::string& text) { read_unknown(text, m.meaning); });
  for (const TargetSpec& spec : targets)
    if (const auto found = masks.find(spec.name); found != masks.end())
      check_meaning(found->first, found->second.meaning, spec.size);
  request.masks.allow_unmasked = values["allow-unmasked"].as<bool>();
  request.tile = values["tile"].as<bool>();
  request.tile_overlap =
      parse_number<int>(values["tile-overlap"].as<std::string>(), "tile-overlap");
  if (request.tile_overlap > 0 && !request.tile)
    throw usage_error("--tile-overlap needs --tile, which cuts pictures into tiles");
}

}  // namespace

void MaskSource::describe(OptionsDescription& options) {
  using Texts = std::vector<std::string>;
  auto add = options.add_options();
  const auto text = [](const char* name) {
    return po::value<Texts>()->value_name(name)->composing();
  };
  add("masks", text("[TARGET=]DIR"),
      "instead of a CSV file, or besides: folder of a target's masks, a picture of the same name "
      "for each picture below --images (repeatable; TARGET where the experiment has several "
      "masks)");
  add("mask-names", text("[TARGET=]PATTERN"),
      "how masks are called, if not as pictures or with a usual affix: * is the picture's name, as "
      "in '*_mask'");
  add("mask-values", text("[TARGET=]A,B,..."),
      "indices or gray values of class 0, 1, ..., if not these numbers");
  add("mask-colours", text("[TARGET=]FILE|NAME=#rrggbb,..."),
      "colours of classes, in order, and their names; a file has a line each");
  add("mask-threshold", text("[TARGET=]N"),
      "gray values from N on are class 1, all others 0: masks with smoothed borders, or JPEGs");
  add("mask-unknown", text("[TARGET=]VALUE"),
      "value, or #rrggbb, of pixels of which the class is not known; none: no value is (default "
      "255, but in masks of 0 and 255)");
  add("allow-unmasked", po::bool_switch(),
      "of a picture without a mask nothing is known; without it the first one is an error");
  add("tile", po::bool_switch(),
      "cut pictures into tiles of the size that the experiment reads, instead of scaling them");
  add("tile-overlap", po::value<std::string>()->value_name("N")->default_value("0"),
      "pixels that neighbouring tiles share at least");
}

MaskSource MaskSource::parse(const OptionValues& values, std::span<const TargetSpec> targets) {
  MaskSource source;
  ImportRequest& request = source.request;
  if (values.count("csv") != 0) {
    request = CsvSource::parse(values, targets).request;
  } else if (values.count("folders") != 0) {
    request = FoldersSource::parse(values, targets).request;
  } else {
    request.folders = required(values, "images");
    if (values.count("labels") != 0) request.labels = required(values, "labels");
    read_table_options(values, targets, request);
  }
  read_masks(values, targets, request);
  if (request.tile && !values["fit"].defaulted())
    throw usage_error("--tile cuts pictures as they are, and --fit scales them: give one of them");
  return source;
}

DatasetSummary MaskSource::run(const ImportContext& context) const {
  ImportRequest complete = request;
  complete.shape = context.shape;
  complete.progress = context.progress;
  const bool is_table = !request.csv.empty();
  return tell_table(is_table ? import_csv(complete) : import_folders(complete),
                    is_table ? "rows" : "pictures", context);
}

}  // namespace medley
