#include "medley/import/mask_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"

namespace medley {
namespace {

constexpr std::uint32_t not_known_value = 255;
constexpr std::size_t most_values = 65'536;  // of a mask; a picture has more

std::string colour_text(std::uint32_t rgb) { return fmt::format("#{:06x}", rgb); }

// "#rrggbb", or nothing.
std::optional<std::uint32_t> colour_of(std::string_view text) {
  if (text.size() != 7 || text[0] != '#') return std::nullopt;
  std::uint32_t rgb = 0;
  for (const char c : text.substr(1)) {
    constexpr std::string_view digits = "0123456789abcdef";
    const std::size_t digit = digits.find(static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c));
    if (digit == std::string_view::npos) return std::nullopt;
    rgb = rgb << 4 | static_cast<std::uint32_t>(digit);
  }
  return rgb;
}

// The words between any of the separators.
std::vector<std::string> words(std::string_view text, std::string_view separators) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) found.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

std::optional<std::uint32_t> channel_of(const std::string& word) {
  const NumberRead<std::uint32_t> read = read_number<std::uint32_t>(word);
  if (!read || read.value > 255) return std::nullopt;
  return read.value;
}

// Name and colour of a line; nothing where there is no colour.
std::optional<MaskColour> colour_line(std::string_view line) {
  std::vector<std::string> parts = words(line, ",; \t=:\r");
  const auto name = [&] { return fmt::format("{}", fmt::join(parts, " ")); };
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (const auto rgb = colour_of(parts[i])) {
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
      return MaskColour{name(), *rgb};
    }
  // Three numbers at either end; a name may have numbers of its own.
  for (const bool at_end : {true, false}) {
    if (parts.size() < 3) break;
    const std::size_t from = at_end ? parts.size() - 3 : 0;
    const auto r = channel_of(parts[from]), g = channel_of(parts[from + 1]),
               b = channel_of(parts[from + 2]);
    if (!r || !g || !b) continue;
    const auto begin = parts.begin() + static_cast<std::ptrdiff_t>(from);
    parts.erase(begin, begin + 3);
    return MaskColour{name(), *r << 16 | *g << 8 | *b};
  }
  return std::nullopt;
}

// Throws unless each colour stands for one class.
void require_distinct(const std::string& where, const std::vector<MaskColour>& colours) {
  for (std::size_t i = 0; i < colours.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (colours[i].rgb == colours[j].rgb && colours[i].name != colours[j].name)
        throw data_error(fmt::format("{}: {} is the colour of '{}' and of '{}'", where,
                                     colour_text(colours[i].rgb), colours[j].name,
                                     colours[i].name));
}

}  // namespace

std::vector<MaskColour> parse_colours(std::string_view list) {
  std::vector<MaskColour> colours;
  for (const std::string& part : words(list, ",")) {
    const std::size_t at = part.rfind('=');
    const auto rgb = at == std::string::npos ? std::nullopt : colour_of(part.substr(at + 1));
    if (!rgb || at == 0)
      throw usage_error(fmt::format(
          "--mask-colours: '{}' is not NAME=#rrggbb, nor is there such a file of colours", part));
    colours.push_back({part.substr(0, at), *rgb});
  }
  require_distinct("--mask-colours", colours);
  return colours;
}

std::vector<MaskColour> read_colours(const std::string& name, std::string_view text) {
  std::vector<MaskColour> colours;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::optional<MaskColour> colour = colour_line(content);
    if (colour && !colour->name.empty()) {
      colours.push_back(*colour);
    } else if (line > 1) {
      throw data_error(fmt::format(
          "{}, line {}: '{}' is not the name of a class and its colour, #rrggbb or three numbers "
          "from 0 to 255",
          name, line, content));
    }
  }
  if (colours.empty()) throw data_error(fmt::format("{}: no colours of classes", name));
  require_distinct(name, colours);
  return colours;
}

void MaskCensus::File::look_at(const MaskPicture& mask) {
  first.clear();
  kind = mask.kind;
  lossy = mask.lossy;
  too_many = false;
  width = mask.width;
  std::optional<std::uint32_t> before;
  for (std::size_t i = 0; i < mask.values.size() && !too_many; ++i) {
    if (mask.values[i] == before) continue;
    before = mask.values[i];
    first.try_emplace(*before, i);
    too_many = first.size() > most_values;
  }
}

void MaskCensus::count(std::size_t number, const File& file) {
  ++files;
  indexed += file.kind == MaskPicture::Kind::indices;
  one_beside_255 = one_beside_255 || (file.first.contains(1) && file.first.contains(255));
  if (file.lossy && !lossy) lossy = number;
  if (file.too_many && !too_many) too_many = number;
  for (const auto& [value, pixel] : file.first) {
    if (values.size() > most_values && !values.contains(value)) continue;
    Value& known = values[value];
    if (known.files++ > 0) continue;
    known.file = number;
    known.pixel = pixel;
    widths[number] = file.width;
  }
}

void MaskClasses::prepare(const MaskMeaning& meaning, MaskPicture& mask) {
  if (!meaning.colours.empty()) return to_colours(mask);
  if (to_numbers(mask)) return;
  std::vector<std::string> found;
  for (const std::uint32_t value : mask.values) {
    std::string text = colour_text(value);
    if (std::ranges::find(found, text) == found.end()) found.push_back(std::move(text));
    if (found.size() > 8) break;
  }
  if (found.size() > 8) found.back() = "and others";
  throw data_error(
      fmt::format("a mask in colours, {}: --mask-colours NAME=#rrggbb,... says which class each is",
                  fmt::join(found, ", ")));
}

namespace {

// Finds out what numbers mean, or says why they cannot be told.
class NumberRule {
 public:
  NumberRule(const TargetSpec& spec, const MaskMeaning& meaning, const MaskCensus& census,
             const std::function<std::string(std::size_t)>& file)
      : spec_(spec), meaning_(meaning), census_(census), file_(file) {}

  std::unordered_map<std::uint32_t, std::uint8_t> classes(std::vector<std::string>& notes) {
    if (census_.lossy && !meaning_.threshold) refuse_lossy();
    for (const std::uint32_t value : meaning_.values)
      if (value == not_known_value) explicit_255_ = true;
    decide(notes);
    std::unordered_map<std::uint32_t, std::uint8_t> result;
    for (const auto& [value, where] : census_.values) result[value] = class_of(value, where);
    return result;
  }

 private:
  bool is_binary() const {
    return spec_.size == 2 && meaning_.values.empty() && !meaning_.threshold && has(255) &&
           std::ranges::all_of(census_.values, [&](const auto& entry) {
             return entry.first == 0 || entry.first == 255 || entry.first == meaning_.unknown;
           });
  }
  bool has(std::uint32_t value) const { return census_.values.contains(value); }
  bool decided_255() const {
    return meaning_.all_known || meaning_.unknown || meaning_.threshold || explicit_255_;
  }

  // What 255 means.
  void decide(std::vector<std::string>& notes) {
    unknown_ = meaning_.unknown;
    binary_ = is_binary() && unknown_ != not_known_value;
    if (decided_255() || !has(255)) return;
    const bool alone = std::ranges::all_of(
        census_.values, [](const auto& entry) { return entry.first == 0 || entry.first == 255; });
    const MaskCensus::Value& where = census_.values.at(255);
    if (alone && meaning_.values.empty() && (!binary_ || census_.indexed > 0))
      throw data_error(fmt::format(
          "{}: the masks have 0 and 255 alone{}: --mask-unknown {}255 if 255 means \"not known\", "
          "--mask-values {}0,255 if it is a class",
          file_(where.file), census_.indexed > 0 ? ", as indices" : "", prefix(), prefix()));
    if (spec_.size == 2 && meaning_.values.empty() && has(1) && !census_.one_beside_255)
      throw data_error(
          fmt::format("{}: some masks have 0 and 255, others 0 and 1: --mask-threshold {}1 if both "
                      "are class 1, "
                      "--mask-unknown {}255 if 255 means \"not known\"",
                      file_(where.file), prefix(), prefix()));
    if (binary_) {
      notes.push_back(fmt::format(
          "masks of '{}': 0 and 255 are taken for classes 0 and 1 (--mask-unknown {}255 if 255 "
          "means \"not known\")",
          spec_.name, prefix()));
      return;
    }
    unknown_ = not_known_value;
    notes.push_back(fmt::format(
        "masks of '{}': 255, in {} of {}, is taken for \"not known\" (--mask-unknown {}none if it "
        "is not)",
        spec_.name, where.files, census_.files, prefix()));
  }

  std::uint8_t class_of(std::uint32_t value, const MaskCensus::Value& where) const {
    if (value == unknown_) return 255;
    if (meaning_.threshold) return value >= *meaning_.threshold ? 1 : 0;
    if (!meaning_.values.empty()) {
      const auto found = std::ranges::find(meaning_.values, value);
      if (found == meaning_.values.end()) refuse(value, where);
      return static_cast<std::uint8_t>(found - meaning_.values.begin());
    }
    if (binary_) return value == 255 ? 1 : 0;
    if (value >= static_cast<std::uint32_t>(spec_.size)) refuse(value, where);
    return static_cast<std::uint8_t>(value);
  }

  [[noreturn]] void refuse_lossy() const {
    throw data_error(
        fmt::format("{}: a mask that is compressed with losses, so that values at borders are "
                    "those of no class: "
                    "save masks as PNG{}",
                    file_(*census_.lossy), threshold_hint()));
  }
  std::string threshold_hint() const {
    return spec_.size == 2
               ? fmt::format(", or give --mask-threshold {}128: class 1 from there on", prefix())
               : std::string{};
  }
  [[noreturn]] void refuse(std::uint32_t value, const MaskCensus::Value& where) const {
    const int width = census_.widths.at(where.file);
    const auto columns = static_cast<std::size_t>(width);
    throw data_error(fmt::format("{}: {} (column {}, row {}) is no class of the mask '{}', {}{}",
                                 file_(where.file), value, where.pixel % columns,
                                 where.pixel / columns, spec_.name, wanted(), hint()));
  }
  std::string wanted() const {
    return meaning_.values.empty()
               ? fmt::format("which has 0 to {}", spec_.size - 1)
               : fmt::format("whose values are {}", fmt::join(meaning_.values, ", "));
  }
  std::string hint() const {
    const auto& values = census_.values;
    std::vector<std::uint32_t> known;
    for (const auto& [value, where] : values)
      if (value != unknown_) known.push_back(value);
    if (spec_.size == 2 && known.size() > 2 && has(0) && known.back() > 2)
      return fmt::format(
          ". The masks have {} values between 0 and {}, as where borders were smoothed: save them "
          "without antialiasing{}",
          known.size() - 2, values.rbegin()->first, threshold_hint());
    if (known.size() == static_cast<std::size_t>(spec_.size))
      return fmt::format(". --mask-values {}{} takes the values that occur for classes 0 to {}",
                         prefix(), fmt::join(known, ","), spec_.size - 1);
    return fmt::format(
        ". --mask-values {}A,B,... lists what is class 0, 1, ...; --mask-unknown what is not known",
        prefix());
  }
  std::string prefix() const { return fmt::format("{}=", spec_.name); }

  const TargetSpec& spec_;
  const MaskMeaning& meaning_;
  const MaskCensus& census_;
  const std::function<std::string(std::size_t)>& file_;
  std::optional<std::uint32_t> unknown_;
  bool binary_ = false, explicit_255_ = false;
};

}  // namespace

MaskClasses::MaskClasses(const TargetSpec& spec, const MaskMeaning& meaning,
                         const MaskCensus& census,
                         const std::function<std::string(std::size_t)>& file,
                         std::vector<std::string>& notes) {
  if (census.too_many)
    throw data_error(fmt::format("{}: more than {} values, as of a picture, not of a mask",
                                 file(*census.too_many), most_values));
  if (meaning.colours.empty()) {
    classes_ = NumberRule(spec, meaning, census, file).classes(notes);
    return;
  }
  std::unordered_map<std::uint32_t, std::uint8_t> listed;
  for (const MaskColour& colour : meaning.colours) {
    auto place = std::ranges::find(names_, colour.name);
    if (place == names_.end()) place = names_.insert(place, colour.name);
    listed[colour.rgb] = static_cast<std::uint8_t>(place - names_.begin());
  }
  if (names_.size() != static_cast<std::size_t>(spec.size))
    throw usage_error(
        fmt::format("--mask-colours: {} classes for the mask '{}', which has {} in this experiment",
                    names_.size(), spec.name, spec.size));
  if (meaning.unknown) listed[*meaning.unknown] = 255;
  for (const auto& [value, where] : census.values) {
    const auto known = listed.find(value);
    if (known == listed.end()) {
      const auto columns = static_cast<std::size_t>(census.widths.at(where.file));
      throw data_error(fmt::format(
          "{}: {} (column {}, row {}) is none of the colours of --mask-colours{}; --mask-unknown "
          "'{}={}' if it is not known",
          file(where.file), colour_text(value), where.pixel % columns, where.pixel / columns,
          census.lossy ? ", as the mask is compressed with losses" : "", spec.name,
          colour_text(value)));
    }
    classes_[value] = known->second;
  }
}

void MaskClasses::map(const MaskPicture& mask, std::vector<std::uint8_t>& classes) const {
  classes.resize(mask.values.size());
  auto known = classes_.end();
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (known == classes_.end() || known->first != mask.values[i])
      known = classes_.find(mask.values[i]);
    if (known == classes_.end()) throw data_error("the file changed while it was read");
    classes[i] = known->second;
  }
}

}  // namespace medley
