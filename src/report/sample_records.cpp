#include "medley/report/sample_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "medley/files/png.hpp"

namespace medley {

namespace {

// Okabe and Ito, "Color Universal Design" (2008), without black: people who confuse red and green tell
// these apart too. The first class of a mask is clear; classes after the eighth take them again, darker.
constexpr std::array<std::array<int, 3>, 7> mask_hues{{{230, 159, 0},
                                                       {86, 180, 233},
                                                       {0, 158, 115},
                                                       {240, 228, 66},
                                                       {0, 114, 178},
                                                       {213, 94, 0},
                                                       {204, 121, 167}}};
constexpr double mask_opacity = 0.55;  // that a page draws them with
constexpr PaletteColor unknown_color{128, 128, 128, 255};

PaletteColor color_of_class(int c) {
  if (c == 0) return {0, 0, 0, 0};
  const auto& hue = mask_hues[static_cast<std::size_t>(c - 1) % mask_hues.size()];
  const int round = (c - 1) / static_cast<int>(mask_hues.size());
  PaletteColor color{0, 0, 0, 255};
  for (std::size_t i = 0; i < hue.size(); ++i)
    color[i] = static_cast<std::uint8_t>(hue[i] * 3 / (3 + round));
  return color;
}

std::string color_text(const PaletteColor& color) {
  return fmt::format("#{:02x}{:02x}{:02x}", color[0], color[1], color[2]);
}

// Pixels of `from` before the middle of pixel i of `to`.
int nearest(int i, int from, int to) { return (2 * i + 1) * from / (2 * to); }

// Gray or colour: which of a picture's channels are drawn.
int drawn_channels(int channels) { return channels >= 3 ? 3 : 1; }

int drawn_side(int side, int longest, int most) {
  return longest <= most ? side : std::max(1, (side * most + longest / 2) / longest);
}

nlohmann::json mask_legend(const HeadPrediction& head) {
  nlohmann::json classes = nlohmann::json::array();
  for (int c = 0; c < head.classes(); ++c) {
    classes.push_back({{"name", head.class_name(c)}, {"color", color_text(color_of_class(c))}});
  }
  return classes;
}

}  // namespace

Shades shades_of(const Source& source) {
  const PixelFormat pixels = source.pixels();
  if (pixels.type == PixelType::u8) return {};
  Shades shades;
  constexpr float reach = 3.0f;
  for (std::size_t c = 0; c < source.mean().size(); ++c) {
    const float mean = source.mean()[c], side = reach * source.deviation()[c];
    const float low = std::max(pixels.low, mean - side), high = std::min(pixels.high, mean + side);
    shades.push_back(is_range(low, high) ? PixelFormat{pixels.type, low, high} : pixels);
  }
  return shades;
}

PictureView::PictureView(Shape input, int most_side, Shades shades)
    : input_(input),
      height_(drawn_side(input.h, std::max(input.h, input.w), most_side)),
      width_(drawn_side(input.w, std::max(input.h, input.w), most_side)),
      shades_(std::move(shades)) {}

nlohmann::json PictureView::block() const {
  const int c = input_.c;
  return {{"width", width_},
          {"height", height_},
          {"reduced", height_ < input_.h || width_ < input_.w},
          {"shown", (c == 1   ? "in gray"
                     : c == 2 ? "channel 1 of 2, in gray"
                     : c == 3 ? "in colour"
                              : fmt::format("channels 1, 2, 3 of {} as red, green, blue", c)) +
                        (shades_.empty() ? "" : ", within three deviations of the mean")}};
}

// The first channels as bytes.
std::vector<std::uint8_t> PictureView::shaded(Pixels image, int channels) const {
  const auto pixels = static_cast<std::size_t>(input_.pixels());
  std::vector<std::uint8_t> bytes;
  with_pixel_type(image.type(), [&]<class T>(T) {
    const T* const planes = image.as<T>();
    for (std::size_t i = 0; i < static_cast<std::size_t>(channels) * pixels; ++i) {
      const PixelFormat& shade = shades_[i / pixels];
      const float share = (static_cast<float>(planes[i]) - shade.low) / (shade.high - shade.low);
      bytes.push_back(static_cast<std::uint8_t>(std::clamp(share, 0.0f, 1.0f) * 255.0f + 0.5f));
    }
  });
  return bytes;
}

std::string PictureView::picture(Pixels image) const {
  Image picture{{drawn_channels(input_.c), input_.h, input_.w}, {}};
  // Planes to pixels.
  const auto interleave = [&](const std::uint8_t* planes) {
    const std::size_t channels = static_cast<std::size_t>(picture.shape.channels),
                      pixels = picture.shape.bytes() / channels;
    picture.pixels.resize(picture.shape.bytes());
    for (std::size_t p = 0; p < pixels; ++p) {
      for (std::size_t c = 0; c < channels; ++c)
        picture.pixels[p * channels + c] = planes[c * pixels + p];
    }
  };
  if (const std::uint8_t* const bytes = image)
    interleave(bytes);
  else
    interleave(shaded(image, picture.shape.channels).data());
  if (height_ < input_.h || width_ < input_.w) {
    const PictureShape smaller{picture.shape.channels, height_, width_};
    std::vector<std::uint8_t> planes(smaller.bytes());
    fit_image(picture, Fit::stretch, smaller, planes);
    picture.shape = smaller;
    interleave(planes.data());
  }
  return png_uri(encode_png(picture));
}

std::string PictureView::mask(std::span<const std::uint8_t> mask, int classes) const {
  std::vector<PaletteColor> colors;
  for (int c = 0; c < classes; ++c) colors.push_back(color_of_class(c));
  colors.push_back(unknown_color);
  std::vector<std::uint8_t> indices;
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x) {
      const int at = nearest(y, input_.h, height_) * input_.w + nearest(x, input_.w, width_);
      indices.push_back(
          static_cast<std::uint8_t>(std::min<int>(mask[static_cast<std::size_t>(at)], classes)));
    }
  }
  return png_uri(encode_indexed_png(height_, width_, indices, colors));
}

SampleRecords::SampleRecords(const Description& d, const Heads& heads,
                             const ModelBlocksOptions& options, std::uint64_t records,
                             Shades shades)
    : d_(d),
      heads_(heads),
      view_(d.input, options.most_side, std::move(shades)),
      worst_count_(std::min(options.worst, options.samples / 2)),
      worst_(d.terms.size()) {
  const std::uint64_t count = std::min<std::uint64_t>(options.samples, records);
  for (std::uint64_t i = 0; i < count; ++i) shown_.push_back((2 * i + 1) * records / (2 * count));
}

bool SampleRecords::is_shown(std::uint64_t rank) const {
  return std::ranges::binary_search(shown_, rank);
}

// Forgets a record that is among no term's worst any longer.
void SampleRecords::drop(std::uint64_t rank) {
  const auto has = [&](const Ranks& ranks) {
    return std::ranges::find(ranks, rank) != ranks.end();
  };
  if (!is_shown(rank) && std::ranges::none_of(worst_, has)) records_.erase(rank);
}

void SampleRecords::choose(std::uint64_t rank, std::span<const double> losses) {
  Ranks pushed_out;
  bool wanted = is_shown(rank);
  for (std::size_t k = 0; k < worst_.size(); ++k) {
    if (std::isnan(losses[k])) continue;
    Ranks& worst = worst_[k];
    // Of equal losses, the record that comes first is first.
    const auto place = std::ranges::find_if(worst, [&](std::uint64_t other) {
      const double than = records_.at(other).losses[k];
      return than < losses[k] || (than == losses[k] && other > rank);
    });
    if (static_cast<std::size_t>(place - worst.begin()) >= worst_count_) continue;
    worst.insert(place, rank);
    wanted = true;
    if (worst.size() <= worst_count_) continue;
    pushed_out.push_back(worst.back());
    worst.pop_back();
  }
  if (wanted) records_.emplace(rank, Chosen{.losses = {losses.begin(), losses.end()}});
  for (const std::uint64_t other : pushed_out) drop(other);
}

nlohmann::json SampleRecords::head_block(const HeadPrediction& head, const Record::Target& target,
                                         bool labelled, std::span<const float> outputs) const {
  switch (head.kind()) {
    case TargetKind::classes: {
      const int chosen = head.predicted_class(outputs);
      nlohmann::json block = {
          {"truth", nullptr}, {"prediction", head.class_name(chosen)}, {"right", nullptr}};
      if (labelled) {
        block["truth"] = head.class_name(target.label);
        block["right"] = target.label == chosen;
      }
      if (head.has_probability()) {
        block["probability"] = head.probability(outputs, chosen);
      } else {
        block["score"] = head.score(outputs, chosen);
      }
      return block;
    }
    case TargetKind::values: {
      nlohmann::json block = {{"truth", nullptr}, {"prediction", nlohmann::json::array()}};
      for (int c = 0; c < head.shape().c; ++c)
        block["prediction"].push_back(head.value(outputs, c));
      if (labelled)
        block["truth"] = std::span(target.values, static_cast<std::size_t>(head.classes()));
      return block;
    }
    case TargetKind::mask: {
      nlohmann::json block = {{"truth", nullptr},
                              {"prediction", view_.mask(head.mask(outputs), head.classes())}};
      if (labelled) {
        const std::span mask(target.mask, static_cast<std::size_t>(d_.input.pixels()));
        block["truth"] = view_.mask(mask, head.classes());
      }
      return block;
    }
  }
  return {};
}

void SampleRecords::draw(std::uint64_t rank, std::uint64_t record, const Record& content,
                         std::span<const bool> labelled,
                         std::span<const std::span<const float>> outputs) {
  nlohmann::json& drawn = records_.at(rank).drawn;
  drawn["record"] = record;
  drawn["picture"] = view_.picture(content.image);
  drawn["heads"] = nlohmann::json::array();
  for (const auto& [h, head] : heads_) {
    const auto t = static_cast<std::size_t>(head.target());
    drawn["heads"].push_back(
        head_block(head, content.targets[t], labelled[t], outputs[static_cast<std::size_t>(h)]));
  }
}

nlohmann::json SampleRecords::block() const {
  nlohmann::json heads = nlohmann::json::array(), records = nlohmann::json::array();
  for (const auto& [h, head] : heads_) {
    const auto& target = d_.targets[static_cast<std::size_t>(head.target())];
    heads.push_back({{"head", head.head()},
                     {"target", target.name},
                     {"kind", target_kind_names[static_cast<std::size_t>(head.kind())]}});
    if (!head.answers_mask()) continue;
    heads.back()["classes"] = mask_legend(head);
    heads.back()["opacity"] = mask_opacity;
    heads.back()["unknown"] = color_text(unknown_color);
  }
  std::map<std::uint64_t, std::size_t> index;  // of a rank in the list
  for (const auto& [rank, chosen] : records_) {
    index[rank] = records.size();
    records.push_back(chosen.drawn);
    records.back()["losses"] = chosen.losses;
  }
  const auto indices = [&](const Ranks& ranks) {
    nlohmann::json list = nlohmann::json::array();
    for (const std::uint64_t rank : ranks) list.push_back(index.at(rank));
    return list;
  };
  nlohmann::json worst = nlohmann::json::array();
  for (std::size_t k = 0; k < d_.terms.size(); ++k) {
    if (d_.terms[k].is_penalty) continue;
    worst.push_back({{"term", d_.terms[k].name}, {"records", indices(worst_[k])}});
  }
  return {{"picture", view_.block()},
          {"heads", heads},
          {"records", records},
          {"shown", indices(shown_)},
          {"worst", worst}};
}

}  // namespace medley
