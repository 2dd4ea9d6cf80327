// What of a model does not depend on the experiment that the binary was built for.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "medley/data/dataset.hpp"
#include "medley/run/model.hpp"

namespace medley {

ModelSource::ModelSource(const Checkpoint& checkpoint, const Description& d, const Source* records,
                         const std::string& from, bool reads_targets)
    : records_(records), reads_targets_(reads_targets) {
  take_pixels(checkpoint, from);
  take_normalization(checkpoint, from);
  class_names_ = checkpoint.class_names;
  class_names_.resize(d.targets.size());
  if (records_ && reads_targets) take_class_names(checkpoint, d, from);
}

void ModelSource::take_pixels(const Checkpoint& checkpoint, const std::string& from) {
  const PixelFormat here = records_ ? records_->pixels() : PixelFormat{};
  pixels_ = checkpoint.pixels.value_or(here);
  if (!records_ || pixels_ == here) return;
  const auto text = [](const PixelFormat& format) {
    return fmt::format("{} (black {}, white {})", to_string(format.type), format.low, format.high);
  };
  throw data_error(fmt::format(
      "{}: its pixels are {}, but {} was trained on {}: to the network these would be other "
      "pictures; import them with --pixels {}{}, or bring images.npy to that",
      from, text(here), checkpoint.path.string(), text(pixels_), to_string(pixels_.type),
      pixels_.type == PixelType::f32 ? fmt::format(" --range {}..{}", pixels_.low, pixels_.high)
                                     : std::string{}));
}

void ModelSource::take_normalization(const Checkpoint& checkpoint, const std::string& from) {
  const std::string file = checkpoint.path.string();
  mean_ = checkpoint.mean;
  deviation_ = checkpoint.deviation;
  if (mean_.empty() && records_ && !records_->mean().empty()) {
    fmt::print(stderr, "{}: no input.mean and input.deviation; taking those of {}\n", file, from);
    mean_.assign(records_->mean().begin(), records_->mean().end());
    deviation_.assign(records_->deviation().begin(), records_->deviation().end());
  }
  if (mean_.empty()) {
    throw data_error(fmt::format(
        "{}: no tensors input.mean and input.deviation (one number a channel, in units of "
        "the pixels), and no training records to take them from: save them with the weights",
        file));
  }
  for (const float mean : mean_) {
    if (!std::isfinite(mean))
      throw data_error(fmt::format("{}: {} in input.mean is not a finite number", file, mean));
  }
  for (const float deviation : deviation_) {
    if (!(deviation >= least_deviation && std::isfinite(deviation)))
      throw data_error(
          fmt::format("{}: {} in input.deviation is not a positive number", file, deviation));
  }
}

void ModelSource::take_class_names(const Checkpoint& checkpoint, const Description& d,
                                   const std::string& from) {
  for (std::size_t t = 0; t < d.targets.size(); ++t) {
    const auto here = records_->class_names(static_cast<int>(t));
    if (class_names_[t].empty()) class_names_[t].assign(here.begin(), here.end());
    if (here.empty() || std::ranges::equal(here, class_names_[t])) continue;
    throw data_error(
        fmt::format("{}: the classes of target '{}' are not those that {} was trained on: {}; "
                    "trained on: {}. Import "
                    "the data with the same classes (--classes lists them in order)",
                    from, d.targets[t].name, checkpoint.path.string(), fmt::join(here, ", "),
                    fmt::join(class_names_[t], ", ")));
  }
}

Split parse_split(std::string_view text) {
  for (std::size_t s = 0; s < split_names.size(); ++s) {
    if (text == split_names[s]) return static_cast<Split>(s);
  }
  throw usage_error(fmt::format("--split: '{}' is none of {}", text, fmt::join(split_names, ", ")));
}

void require_records(const Source& source, Split split, const std::string& from) {
  if (source.size(split) > 0) return;
  throw data_error(
      fmt::format("{}: no record is of the split {} (train {}, validation {}, test {}); choose "
                  "another --split",
                  from, to_string(split), source.size(Split::train), source.size(Split::validation),
                  source.size(Split::test)));
}

}  // namespace medley
