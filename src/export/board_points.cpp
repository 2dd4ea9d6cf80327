#include "medley/export/board_points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"
#include "medley/export/summary_values.hpp"
#include "medley/files/json.hpp"
#include "medley/files/safetensors.hpp"
#include "medley/run/run_checkpoints.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

using page::Confusion;
using page::LogTable;
using page::RunFiles;

// When a step was done.
class Clock {
 public:
  explicit Clock(const RunFiles& run) {
    std::error_code error;
    const auto written = fs::last_write_time(run.folder / "config.ini", error);
    if (!error)
      start_ =
          std::chrono::duration<double>(std::chrono::file_clock::to_sys(written).time_since_epoch())
              .count();
    double seconds = 0.0;
    for (std::size_t r = 0; run.timing && r < run.timing->size(); ++r) {
      const auto step = read_number<double>(run.timing->cell(r, "step"));
      const auto epoch = read_number<double>(run.timing->cell(r, "seconds"));
      if (!step || !epoch) continue;
      seconds += epoch.value;
      seconds_[step.value] = seconds;
    }
  }

  double start() const { return start_; }
  // Between two epochs' ends in proportion, after the last one as fast as before it.
  double at(std::int64_t step) const {
    const double x = static_cast<double>(step);
    std::pair<double, double> before{0.0, 0.0}, after{0.0, 0.0};
    for (const auto& point : seconds_) {
      before = after;
      after = point;
      if (point.first >= x) break;
    }
    if (after.first <= before.first) return start_;
    return start_ + before.second +
           (x - before.first) * (after.second - before.second) / (after.first - before.first);
  }

 private:
  double start_ = 0.0;
  std::map<double, double> seconds_;  // that went by up to a step
};

constexpr std::string_view train_split = "train";

// The tag of a column of losses.csv.
std::string loss_tag(std::string_view column) {
  using Ending = std::pair<std::string_view, std::string_view>;
  if (column.starts_with("cosine."))
    return fmt::format("cosine/{}", column.substr(std::string_view("cosine.").size()));
  for (const auto& [end, group] : {Ending{".value", "loss"}, Ending{".weight", "weight"},
                                   Ending{".gradient_norm", "gradient_norm"}}) {
    if (column.ends_with(end))
      return fmt::format("{}/{}", group, column.substr(0, column.size() - end.size()));
  }
  return fmt::format("loss/{}", column);
}

template <class Tag>
void add_table(const std::optional<LogTable>& table, const Clock& clock, Tag&& tag,
               BoardPoints& points) {
  if (!table || !table->column("step")) return;
  const std::size_t step_column = *table->column("step");
  const auto split_column = table->column("split");
  for (std::size_t r = 0; r < table->size(); ++r) {
    const std::vector<std::string> fields = table->fields(r);
    const auto step = read_number<std::int64_t>(fields[step_column]);
    if (!step) continue;
    auto& list = points[split_column ? fields[*split_column] : std::string(train_split)];
    for (std::size_t c = 0; c < fields.size(); ++c) {
      const std::string& name = table->header()[c];
      if (c == step_column || c == split_column || name == "epoch" || fields[c].empty()) continue;
      const auto value = read_number<double>(fields[c]);
      if (!value || std::fabs(value.value) > std::numeric_limits<float>::max()) continue;
      const std::string of = tag(name);
      list.push_back({of, step.value, clock.at(step.value),
                      scalar_value(of, static_cast<float>(value.value))});
    }
  }
}

auto in_group(std::string group) {
  return [group = std::move(group)](std::string_view column) {
    return fmt::format("{}/{}", group, column);
  };
}

void add_histograms(const fs::path& path, const Clock& clock, std::vector<EventPoint>& points) {
  const auto step = static_cast<std::int64_t>(step_of_checkpoint(path).value());
  const SafetensorsFile file(path);
  (void)file.verify_checksum();
  for (const SafetensorsFile::Tensor& tensor : file.tensors()) {
    if (!tensor.name.starts_with("trunk.") && !tensor.name.starts_with("heads.")) continue;
    const std::string tag = "weights/" + tensor.name;
    std::string value = histogram_value(tag, tensor.values);
    if (!value.empty()) points.push_back({tag, step, clock.at(step), std::move(value)});
  }
}

// A run that is still going removes checkpoints.
void add_weights(const RunFiles& run, const Clock& clock, BoardPoints& points) {
  for (const fs::path& path : checkpoints_of(run.folder)) {
    std::vector<EventPoint> found;
    try {
      add_histograms(path, clock, found);
    } catch (const Error&) {
      std::error_code error;
      if (fs::exists(path, error)) throw;
      continue;
    }
    auto& list = points[std::string(train_split)];
    list.insert(list.end(), found.begin(), found.end());
  }
}

void add_confusion(const RunFiles& run, const Confusion& confusion, const Clock& clock,
                   BoardPoints& points) {
  const LogTable& table = confusion.counts;
  std::vector<std::string> names(table.header().begin() + 1, table.header().end());
  std::vector<std::vector<double>> counts;
  for (std::size_t r = 0; r < table.size(); ++r) {
    const std::vector<std::string> fields = table.fields(r);
    std::vector<double>& row = counts.emplace_back();
    for (std::size_t c = 1; c < fields.size(); ++c) {
      const auto count = read_number<double>(fields[c]);
      row.push_back(count ? count.value : 0.0);
    }
  }
  constexpr std::size_t most_classes = 2048;  // a pixel each
  if (counts.empty() || counts.size() != names.size() || counts.size() > most_classes) return;
  const std::string tag = "confusion/" + confusion.target;
  BoardImage image = confusion_image(counts, names);
  image.title =
      fmt::format("{}: true classes in rows, predicted ones in columns", confusion.target);
  const auto step = static_cast<std::int64_t>(run.steps_done());
  points[confusion.split].push_back({tag, step, clock.at(step), image_value(tag, image)});
}

// Options by name; what is a group's or a term's has that in its name: lr.all, weight.size.
BoardOptions options_of(const RunFiles& run) {
  constexpr std::array<std::string_view, 4> keyed{"lr", "lr-scale", "weight", "mix"};
  BoardOptions options;
  for (const auto& [name, text] : run.options) {
    if (name == "out") continue;
    const std::string_view start = std::string_view(text).substr(0, text.find(':'));
    const std::size_t equals = start.find('=');
    const bool of_one = equals != std::string_view::npos && std::ranges::count(keyed, name) > 0;
    const std::string key = of_one ? name + "." + text.substr(0, equals) : name;
    const std::string value = of_one ? text.substr(equals + 1) : text;
    const auto same = std::ranges::find(options, key, &BoardOptions::value_type::first);
    if (same == options.end()) {
      options.emplace_back(key, value);
    } else {
      same->second += ", " + value;
    }
  }
  return options;
}

void add_options(const RunFiles& run, const Clock& clock, BoardPoints& points) {
  std::vector<EventPoint>& list = points[""];
  const BoardOptions options = options_of(run);
  std::string text =
      fmt::format("Experiment `{}`.\n\n| option | value |\n|---|---|\n", run.experiment);
  for (const auto& [name, value] : options) text += fmt::format("| `{}` | `{}` |\n", name, value);
  list.push_back({"options", 0, clock.start(), text_value("options", text)});
  list.push_back(
      {std::string(options_tag), 0, clock.start(), options_value(options, clock.start())});
  if (run.digest.empty() && !run.diverged) return;
  const auto last = static_cast<std::int64_t>(run.steps_done());
  list.push_back({std::string(ended_tag), 0, clock.at(last), ended_value(run.diverged)});
}

// --- samples ---------------------------------------------------------------------------------------

// The bytes behind "data:image/png;base64,".
std::string png_of(std::string_view uri) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : uri.substr(uri.find(',') + 1)) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) break;  // padding
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((count += 6) < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

std::string text_of(const nlohmann::json& value) {
  if (value.is_null()) return "not known";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return fmt::format("{:.4g}", value.get<double>());
  std::string text;
  for (const auto& number : value) text += (text.empty() ? "" : " ") + text_of(number);
  return text;
}

// "digit: 7, is 9 (0.82)".
std::string told(const nlohmann::json& head, const nlohmann::json& of_record) {
  std::string text = head["head"].get<std::string>() + ": " + text_of(of_record["prediction"]);
  if (of_record.contains("probability"))
    text += fmt::format(" ({:.2f})", of_record["probability"].get<double>());
  return text + ", true " + text_of(of_record["truth"]);
}

}  // namespace

BoardPoints board_points(const RunFiles& run) {
  BoardPoints points;
  const Clock clock(run);
  add_options(run, clock, points);
  add_table(run.losses, clock, loss_tag, points);
  add_table(run.metrics, clock, in_group("metric"), points);
  add_table(run.diagnostics, clock, in_group("diagnostics"), points);
  add_table(run.timing, clock, in_group("time"), points);
  add_table(run.range_test, clock, in_group("range_test"), points);
  if (run.losses)
    add_table(
        page::learning_rates(run, run.losses->all_rows()), clock,
        [](std::string_view column) {
          return fmt::format("learning_rate/{}", column.substr(std::string_view("rate.").size()));
        },
        points);
  add_weights(run, clock, points);
  for (const Confusion& confusion : run.confusions) add_confusion(run, confusion, clock, points);
  return points;
}

void add_samples(const RunFiles& run, const nlohmann::json& model, BoardPoints& points) {
  const nlohmann::json& samples = model["samples"];
  const auto step = model["step"].get<std::int64_t>();
  const double time = Clock(run).at(step);
  std::vector<EventPoint>& list = points[model["split"].get<std::string>()];
  BoardImage image;
  image.height = samples["picture"]["height"].get<int>();
  image.width = samples["picture"]["width"].get<int>();
  const auto add = [&](const std::string& tag, const nlohmann::json& uri, std::string title) {
    image.png = png_of(uri.get<std::string>());
    image.title = std::move(title);
    list.push_back({tag, step, time, image_value(tag, image)});
  };
  const auto add_record = [&](const std::string& group, const nlohmann::json& record) {
    const std::string tag = fmt::format("{}/record {}", group, print_json(record["record"]));
    std::string title = fmt::format("record {}", print_json(record["record"]));
    for (std::size_t h = 0; h < samples["heads"].size(); ++h) {
      if (samples["heads"][h]["kind"] != "mask")
        title += "; " + told(samples["heads"][h], record["heads"][h]);
    }
    add(tag, record["picture"], title);
    for (std::size_t h = 0; h < samples["heads"].size(); ++h) {
      if (samples["heads"][h]["kind"] != "mask") continue;
      for (const char* what : {"prediction", "truth"}) {
        const nlohmann::json& mask = record["heads"][h][what];
        const std::string name = samples["heads"][h]["head"].get<std::string>();
        if (!mask.is_null())
          add(fmt::format("{} {} {}", tag, name, what), mask,
              fmt::format("record {}: {} of {}", print_json(record["record"]), what, name));
      }
    }
  };
  for (const auto& index : samples["shown"])
    add_record("samples", samples["records"][index.get<std::size_t>()]);
  for (const auto& worst : samples["worst"]) {
    for (const auto& index : worst["records"])
      add_record("worst by " + worst["term"].get<std::string>(),
                 samples["records"][index.get<std::size_t>()]);
  }
}

}  // namespace medley
