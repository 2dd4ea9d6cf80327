// What TensorBoard shows, as the bytes of a Summary.Value (src/export/event.proto).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medley/files/image.hpp"

namespace medley {

// PyTorch: SummaryWriter.add_scalar. F32, as all writers of event files have it.
std::string scalar_value(std::string_view tag, float value);

// Count, sum, sum of squares, least and greatest value, and how many values are in each of 30
// buckets of the same width between these; one bucket where all values are equal. Empty if there are
// no values, or one is not finite. PyTorch: SummaryWriter.add_histogram; numpy.histogram(values, 30).
std::string histogram_value(std::string_view tag, std::span<const float> values);

// A PNG. The title stands above it instead of the tag, the description (Markdown) behind its sign.
struct BoardImage {
  std::string png;
  int height = 0, width = 0;
  std::string title, description;
};
std::string image_value(std::string_view tag, const BoardImage& image);

// Markdown. PyTorch: SummaryWriter.add_text.
std::string text_value(std::string_view tag, std::string_view text);

// Of the plugin HPARAMS: what a run was trained with, texts that are numbers as such; and that it
// has ended.
using BoardOptions = std::vector<std::pair<std::string, std::string>>;
std::string options_value(const BoardOptions& options, double start);
std::string ended_value(bool diverged);
inline constexpr std::string_view options_tag = "_hparams_/session_start_info",
                                  ended_tag = "_hparams_/session_end_info";

// A table of counts, rows true and columns predicted classes, as a picture: the darker a cell, the
// larger its share of its row. Markdown of the counts is its description. `names` has a name a class.
BoardImage confusion_image(std::span<const std::vector<double>> counts,
                           std::span<const std::string> names);

}  // namespace medley
