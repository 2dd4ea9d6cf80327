#include "medley/study/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "medley/base/error.hpp"
#include "medley/base/exact_math.hpp"
#include "medley/base/number.hpp"
#include "medley/files/csv.hpp"

namespace medley {

namespace {

constexpr auto whole_numbers = std::to_array<std::string_view>({"epochs", "steps", "batch-size"});
// Options that no setting of a study can differ in, and why.
struct Refused {
  std::string_view option, reason;
};
constexpr auto refused = std::to_array<Refused>({
    {"seed", "each setting is repeated with --seeds N"},
    {"fold", "each setting is trained on all folds of --folds K"},
    {"fold-seed", "folds are the same for all settings"},
    {"out", "trials have folders of their own"},
    {"data", "settings are compared on the same data"},
    {"test", "the test split stays untouched until the end"},
    {"config", "a study takes one --config"},
    {"threads", "results do not depend on it"},
    {"isa", "results do not depend on it"},
    {"keep", "results do not depend on it"},
    {"resume", "trials go on by themselves"},
    {"force", "trials go on by themselves"},
    {"help", "it is no setting"},
});

std::string rounded_text(const Dimension& d, double value) {
  if (d.is_integer) return fmt::format("{:.0f}", value);
  if (d.is_log) return fmt::format("{:.3g}", value);
  int digits = 0;  // behind the point
  for (double step = (d.high - d.low) / 1000; step < 1.0 && digits < 300; step *= 10) ++digits;
  std::string text = fmt::format("{:.{}f}", value, digits);
  if (digits == 0) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

// Within the range whatever rounding did.
std::string within(const Dimension& d, double value) {
  const std::string text = rounded_text(d, value);
  const double read = read_number<double>(text).value;
  return read <= d.low ? d.low_text : read >= d.high ? d.high_text : text;
}

double between(const Dimension& d, double low, double high, double place) {
  if (!d.is_log) return low + place * (high - low);
  const double from = natural_log(low);
  return exponential(from + place * (natural_log(high) - from));
}

void read_range(Dimension& d, std::string_view text, std::size_t dots) {
  const std::string_view rest = text.substr(dots + 2);
  const std::size_t comma = std::min(rest.find(','), rest.size());
  const std::string_view scale = stripped(rest.substr(std::min(comma + 1, rest.size())));
  if (scale == "log") {
    d.is_log = true;
  } else if (scale != "" && scale != "linear") {
    throw usage_error(
        fmt::format("a range ends in ,log or ,linear or its end, not in '{}'", scale));
  }
  d.low_text = stripped(text.substr(0, dots));
  d.high_text = stripped(rest.substr(0, comma));
  d.is_integer = std::ranges::find(whole_numbers, d.option) != whole_numbers.end();
  const auto end = [&](const std::string& number) {
    const auto read = read_number<double>(number);
    if (!read || read.value != read.value)
      throw usage_error(fmt::format("the end '{}' of the range is not a finite number", number));
    if (d.is_integer && !read_number<std::uint64_t>(number))
      throw usage_error(fmt::format("--{} takes whole numbers, not {}", d.option, number));
    return read.value;
  };
  d.low = end(d.low_text);
  d.high = end(d.high_text);
  if (!(d.low < d.high)) throw usage_error("the range ends where it begins, or before");
  if (d.is_log && !(d.low >= 1e-300)) throw usage_error("a range with log begins above 0");
}

void read_list(Dimension& d, std::string_view text) {
  if (text.find('|') != std::string_view::npos) {
    for (std::size_t end = 0; end != std::string_view::npos;) {
      end = text.find('|');
      d.values.emplace_back(stripped(text.substr(0, end)));
      if (end != std::string_view::npos) text.remove_prefix(end + 1);
    }
  } else {
    std::optional<std::vector<std::string>> cells = csv_fields(text);
    if (!cells)
      throw usage_error("the list has quotes out of place: they stand around a whole value");
    d.values = *std::move(cells);
  }
  for (std::size_t i = 0; i < d.values.size(); ++i) {
    if (d.values[i].empty()) throw usage_error("a value of the list is empty");
    if (std::find(d.values.begin(), d.values.begin() + static_cast<std::ptrdiff_t>(i),
                  d.values[i]) != d.values.begin() + static_cast<std::ptrdiff_t>(i))
      throw usage_error(fmt::format("the list has '{}' twice", d.values[i]));
  }
}

Dimension parse(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    throw usage_error("it is not of the form NAME=FROM..TO[,log] or NAME=VALUE,VALUE,...");
  Dimension d;
  d.name = text.substr(0, equals);
  if (d.name == "mode") d.name = "steps-mode";
  const std::size_t point = std::min(d.name.find('.'), d.name.size());
  d.option = d.name.substr(0, point);
  d.key = d.name.substr(std::min(point + 1, d.name.size()));
  if (point < d.name.size() && d.key.empty())
    throw usage_error(fmt::format("the name '{}' ends in its point", d.name));
  for (const Refused& r : refused) {
    if (d.option == r.option)
      throw usage_error(fmt::format("--{} cannot be searched: {}", r.option, r.reason));
  }
  if (d.name == "epochs") d.name = "epochs.planned";  // a row of a trial has those that were done
  const std::string_view what = text.substr(equals + 1);
  const std::size_t dots = what.find("..");
  if (dots == std::string_view::npos) {
    read_list(d, what);
  } else {
    read_range(d, what, dots);
  }
  return d;
}

}  // namespace

std::string Dimension::at(double place) const {
  if (is_list()) {
    const auto index = static_cast<std::size_t>(place * static_cast<double>(values.size()));
    return values[std::min(index, values.size() - 1)];
  }
  // Whole numbers have equal shares, those at the ends too.
  if (is_integer && is_log) return within(*this, floor_of(between(*this, low, high + 1, place)));
  if (is_integer) return within(*this, low + floor_of(place * (high - low + 1)));
  return within(*this, between(*this, low, high, place));
}

std::vector<std::string> Dimension::grid(int points) const {
  if (is_list()) return values;
  std::vector<std::string> texts;
  for (int i = 0; i < points; ++i) {
    const double place = points == 1 ? 0.5 : static_cast<double>(i) / (points - 1);
    const double value = between(*this, low, high, place);
    const std::string text = within(*this, is_integer ? floor_of(value + 0.5) : value);
    if (texts.empty() || texts.back() != text) texts.push_back(text);
  }
  return texts;
}

Arguments Dimension::arguments(const std::string& value) const {
  return {"--" + option, key.empty() ? value : key + "=" + value};
}

Dimension parse_search(const std::string& text) {
  try {
    return parse(text);
  } catch (const Error& error) {
    throw usage_error(fmt::format("--search {}: {}", text, error.what()));
  }
}

}  // namespace medley
