#include "medley/export/summary_values.hpp"

#include <event.pb.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "medley/base/number.hpp"
#include "medley/base/text.hpp"
#include "medley/files/png.hpp"

namespace medley {

namespace {

constexpr int float_tensor = 1, text_tensor = 7, class_of_tensors = 2, class_of_files = 3;
constexpr std::size_t buckets = 30;

board::Summary::Value named(std::string_view tag) {
  board::Summary::Value value;
  value.set_tag(std::string(tag));
  return value;
}

void set_texts(board::Tensor& tensor, const std::vector<std::string>& texts) {
  tensor.set_dtype(text_tensor);
  tensor.mutable_tensor_shape()->add_dim()->set_size(static_cast<std::int64_t>(texts.size()));
  for (const std::string& text : texts) tensor.add_string_val(text);
}

std::string hparams_value(std::string_view tag, const board::HParams& content) {
  board::Summary::Value value = named(tag);
  auto& metadata = *value.mutable_metadata();
  metadata.mutable_plugin_data()->set_plugin_name("hparams");
  metadata.mutable_plugin_data()->set_content(content.SerializeAsString());
  metadata.set_data_class(class_of_tensors);
  value.mutable_tensor()->set_dtype(float_tensor);  // of no element
  value.mutable_tensor()->mutable_tensor_shape()->add_dim();
  return value.SerializeAsString();
}

// The cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\' || c == '<' || c == '*' || c == '_' || c == '`') out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

// From white to a dark blue, of a share from 0 to 1.
std::array<std::uint8_t, 3> shade(double share) {
  constexpr std::array<double, 3> dark{8, 48, 107};
  std::array<std::uint8_t, 3> color{};
  for (std::size_t c = 0; c < 3; ++c)
    color[c] = static_cast<std::uint8_t>(255.0 + (dark[c] - 255.0) * share);
  return color;
}

std::string count_table(std::span<const std::vector<double>> counts,
                        std::span<const std::string> names) {
  std::string text = "| true \\ predicted |", line = "|---|";
  for (const std::string& name : names) {
    text += " " + cell(name) + " |";
    line += "---|";
  }
  text += "\n" + line + "\n";
  for (std::size_t r = 0; r < counts.size(); ++r) {
    text += "| " + cell(names[r]) + " |";
    for (const double count : counts[r]) text += " " + number_text(count) + " |";
    text += "\n";
  }
  return text;
}

}  // namespace

std::string scalar_value(std::string_view tag, float number) {
  board::Summary::Value value = named(tag);
  value.set_simple_value(number);
  return value.SerializeAsString();
}

std::string histogram_value(std::string_view tag, std::span<const float> values) {
  if (values.empty() || !std::ranges::all_of(values, [](float x) { return std::isfinite(x); }))
    return {};
  board::Summary::Value value = named(tag);
  board::Histogram& histogram = *value.mutable_histo();
  const auto [least, greatest] = std::ranges::minmax(values);
  const double low = least, high = greatest;
  std::vector<double> limits, counts;  // ends of buckets
  for (std::size_t i = 1; i < buckets && low < high; ++i)
    limits.push_back(low + (high - low) * static_cast<double>(i) / static_cast<double>(buckets));
  limits.push_back(high);
  counts.resize(limits.size());
  double sum = 0.0, squares = 0.0;
  for (const double x : values) {
    sum += x;
    squares += x * x;
    // A value at a border is in the bucket that begins there, the greatest in the last one.
    const auto place = std::upper_bound(limits.begin(), limits.end() - 1, x);
    counts[static_cast<std::size_t>(place - limits.begin())] += 1.0;
  }
  histogram.set_min(low);
  histogram.set_max(high);
  histogram.set_num(static_cast<double>(values.size()));
  histogram.set_sum(sum);
  histogram.set_sum_squares(squares);
  for (const double limit : limits) histogram.add_bucket_limit(limit);
  for (const double count : counts) histogram.add_bucket(count);
  return value.SerializeAsString();
}

// As a tensor of texts: width, height, file. (Of the older message for pictures, TensorBoard's data
// server forgets title and description.)
std::string image_value(std::string_view tag, const BoardImage& image) {
  board::Summary::Value value = named(tag);
  value.mutable_metadata()->mutable_plugin_data()->set_plugin_name("images");
  value.mutable_metadata()->set_display_name(image.title);
  value.mutable_metadata()->set_summary_description(image.description);
  value.mutable_metadata()->set_data_class(class_of_files);
  set_texts(*value.mutable_tensor(),
            {std::to_string(image.width), std::to_string(image.height), image.png});
  return value.SerializeAsString();
}

std::string text_value(std::string_view tag, std::string_view text) {
  board::Summary::Value value = named(tag);
  value.mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  value.mutable_metadata()->set_data_class(class_of_tensors);
  set_texts(*value.mutable_tensor(), {std::string(text)});
  return value.SerializeAsString();
}

std::string options_value(const BoardOptions& options, double start) {
  board::HParams content;
  content.mutable_session_start_info()->set_start_time_secs(start);
  for (const auto& [name, text] : options) {
    auto& entry = *content.mutable_session_start_info()->add_hparams();
    entry.set_key(name);
    if (const NumberRead<double> number = read_number<double>(text)) {
      entry.mutable_value()->set_number_value(number.value);
    } else {
      entry.mutable_value()->set_string_value(text);
    }
  }
  return hparams_value(options_tag, content);
}

std::string ended_value(bool diverged) {
  board::HParams content;
  content.mutable_session_end_info()->set_status(diverged ? 2 : 1);
  return hparams_value(ended_tag, content);
}

BoardImage confusion_image(std::span<const std::vector<double>> counts,
                           std::span<const std::string> names) {
  const int classes = static_cast<int>(counts.size());
  const int side = std::clamp(320 / std::max(classes, 1), 1, 32);  // of a cell
  Image image{{3, classes * side, classes * side}, {}};
  for (int y = 0; y < image.shape.height; ++y) {
    const std::vector<double>& row = counts[static_cast<std::size_t>(y / side)];
    double sum = 0.0;
    for (const double count : row) sum += count;
    for (int x = 0; x < image.shape.width; ++x) {
      const double count = row[static_cast<std::size_t>(x / side)];
      const auto color = shade(sum > 0.0 ? count / sum : 0.0);
      image.pixels.insert(image.pixels.end(), color.begin(), color.end());
    }
  }
  const std::vector<std::byte> png = encode_png(image);
  return {{reinterpret_cast<const char*>(png.data()), png.size()},
          image.shape.height,
          image.shape.width,
          {},
          count_table(counts, names)};
}

}  // namespace medley
