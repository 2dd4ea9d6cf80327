#include "medley/data/data_warnings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "medley/base/text.hpp"
#include "medley/data/equal_pictures.hpp"

namespace medley {
namespace {

constexpr std::array all_splits{Split::train, Split::validation, Split::test};
constexpr std::uint64_t most_looked_at = 256;
constexpr std::uint64_t most_drawn = 16;  // of a generator, which draws each of them
constexpr std::uint64_t unequal = 100;    // times as many records of one class as of another
constexpr int least_contrast = 3;         // of all pixels together, of integers
constexpr std::uint64_t few_groups = 3;   // fewer tell nothing of others
constexpr std::size_t most_weights = 20;  // that a sentence lists

constexpr std::string_view float_remedy =
    "if they were made of floats from 0 to 1, save (x * 255).round().astype('uint8')";

// "1, 2 and 7", or the first of many.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 6;
  if (names.size() > most)
    return fmt::format("{} and {} others", fmt::join(names.begin(), names.begin() + most, ", "),
                       names.size() - most);
  if (names.size() == 1) return names[0];
  return fmt::format("{} and {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
}

class Inspection {
 public:
  Inspection(const Source& source, PictureShape shape, std::span<const TargetSpec> targets)
      : source_(source), shape_(shape), targets_(targets), scratch_(source.scratch_bytes()) {}

  // Of all pictures that lie there; none of those that are drawn when they are read.
  std::uint64_t stored_bytes() const {
    std::uint64_t records = 0;
    for (const Split split : all_splits) records += source_.size(split);
    return scratch_.empty() ? records * shape_.bytes() * size_of(source_.pixels().type)
                            : ~std::uint64_t{0};
  }

  void empty_splits() {
    if (source_.size(Split::validation) == 0)
      say("the validation split is empty: nothing tells which checkpoint is best");
    if (source_.size(Split::test) == 0)
      say("the test split is empty: nothing tells how the result does on new records");
  }

  // Groups with records in several splits.
  void groups_apart() {
    if (!source_.has_groups()) return;
    std::unordered_map<std::int64_t, unsigned> splits;  // a bit a split
    for (const Split split : all_splits)
      source_.each_record(split, [&](std::uint64_t record) {
        splits[source_.group(record)] |= 1u << static_cast<unsigned>(split);
      });
    const auto apart = std::ranges::count_if(
        splits, [](const auto& entry) { return std::popcount(entry.second) > 1; });
    if (apart == 0) return;
    say(
        fmt::format("{} of {} groups (group.npy) {} records in several splits: what is measured on "
                    "records akin to those of training looks better than it is",
                    apart, splits.size(), apart == 1 ? "has" : "have"));
  }

  // Splits that rest on a group or two, though their records are more.
  void few_groups_in_a_split() {
    if (!source_.has_groups()) return;
    for (const Split split : all_splits) {
      std::unordered_set<std::int64_t> groups;
      source_.each_record(split,
                          [&](std::uint64_t record) { groups.insert(source_.group(record)); });
      if (groups.empty() || groups.size() >= few_groups || source_.size(split) == groups.size())
        continue;
      say(fmt::format("the {} records of the {} split are of {} group{} (group.npy): {}",
                      source_.size(split), to_string(split), groups.size(),
                      groups.size() == 1 ? "" : "s",
                      split == Split::train ? "what is learned of so few may not hold for others"
                                            : "what is measured on so few tells little of others"));
    }
  }

  // Pictures of a split that are in another one, too.
  void pictures_in_two_splits() {
    constexpr std::array<std::array<Split, 2>, 3> pairs{{{Split::train, Split::validation},
                                                         {Split::train, Split::test},
                                                         {Split::validation, Split::test}}};
    for (const auto& [first, second] : pairs) {
      const EqualPictures equal = equal_pictures(source_, shape_, first, second);
      if (equal.count == 0) continue;
      say(fmt::format(
          "{} of the {} pictures of the {} split {} in the {} split too (records {} and {} are "
          "equal in "
          "every pixel): what is measured on {} looks better than it is",
          equal.count, source_.size(second), to_string(second), equal.count == 1 ? "is" : "are",
          first == Split::train ? "training" : to_string(first), equal.example[0], equal.example[1],
          equal.count == 1 ? "it" : "them"));
    }
  }

  // Looks into records here and there, for all that follows.
  void look_at(Split split) {
    split_ = split;
    pictures_ = {};
    masks_.assign(targets_.size(), {});
    const std::uint64_t size = source_.size(split);
    const std::uint64_t count = std::min(size, scratch_.empty() ? most_looked_at : most_drawn);
    Record record;
    for (std::uint64_t i = 0; i < count; ++i) {
      source_.read(source_.record(split, size / count * i + size % count * i / count), scratch_,
                   record);
      look_at_picture(record);
      for (std::size_t t = 0; t < targets_.size(); ++t)
        if (targets_[t].kind == TargetKind::mask) look_at_mask(record.targets[t].mask, masks_[t]);
    }
  }

  void alike_pictures() {
    if (pictures_.count == 0) return;
    const std::string which = fmt::format(
        "{} of the {} split{}", pictures_.count == 1 ? "the picture" : "all pictures",
        to_string(split_),
        pictures_.count < source_.size(split_) ? fmt::format(" ({} looked at)", pictures_.count)
                                               : std::string{});
    const auto are = [&](std::string_view what) {
      return fmt::format("{} {} {}", which, pictures_.count == 1 ? "is" : "are", what);
    };
    const bool floats = source_.pixels().type == PixelType::f32;
    const PixelFormat format = source_.pixels();
    if (floats && (pictures_.low < format.low || pictures_.high > format.high))
      say(fmt::format("{}, but their range in dataset.json is {} to {}",
                      are(fmt::format("of pixels from {} to {}", pictures_.low, pictures_.high)),
                      format.low, format.high));
    if (pictures_.high == 0 && pictures_.low == 0) {
      say(floats ? are("black") : fmt::format("{}: {}", are("black"), float_remedy));
    } else if (pictures_.high == pictures_.low) {
      say(are(fmt::format("of one colour, {} in every pixel", pictures_.low)));
    } else if (!floats && pictures_.high - pictures_.low < least_contrast) {
      say(fmt::format("{}: {}",
                      are(fmt::format("nearly of one colour, {} to {} in every pixel",
                                      pictures_.low, pictures_.high)),
                      float_remedy));
    } else if (pictures_.flat == pictures_.count && shape_.height * shape_.width > 1) {
      say(are("of one colour throughout, each of its own"));
    } else if (pictures_.count > 1 && pictures_.repeated == pictures_.count) {
      say(are("the same picture"));
    }
  }

  // Of the split that was looked at last. Returns whether it has a label.
  bool unlabelled(std::size_t t) {
    const int target = static_cast<int>(t);
    const bool weighted = source_.has_weights();
    bool found = source_.size(split_) == 0 ||
                 (!weighted && (source_.complete(target) || masks_[t].known > 0));
    if (!found)
      source_.each_record(split_, [&](std::uint64_t record) {
        found = found || (source_.labelled(record, target) && source_.weight(record) > 0.0f);
      });
    if (!found)
      say(fmt::format("target '{}' has no label in the {} split{}: {}", targets_[t].name,
                      to_string(split_), weighted ? " of a record that counts (weight.npy)" : "",
                      split_ == Split::train ? "nothing is learned of it"
                                             : "its terms and metrics are empty there"));
    return found;
  }

  // Classes of the training split, which was looked at last.
  void classes(std::size_t t) {
    if (targets_[t].kind == TargetKind::classes) label_classes(t);
    if (targets_[t].kind == TargetKind::mask) mask_classes(t);
  }

  std::vector<std::string> warnings;

 private:
  struct Pictures {
    std::uint64_t count = 0, flat = 0;  // flat: each channel the same in all pixels
    std::uint64_t repeated = 0;         // as the first one, whose bytes are kept
    std::vector<std::byte> first;
    float low = std::numeric_limits<float>::max(), high = -low;
  };
  struct Masks {
    std::uint64_t pixels = 0, known = 0;
    std::array<std::uint64_t, 256> counts{};
  };

  void say(std::string text) { warnings.push_back(std::move(text)); }

  void look_at_picture(const Record& record) {
    const Pixels picture = record.image;
    const auto plane = static_cast<std::ptrdiff_t>(shape_.height) * shape_.width;
    const std::span bytes = picture_bytes(record, shape_);
    if (pictures_.first.empty()) pictures_.first.assign(bytes.begin(), bytes.end());
    pictures_.repeated += std::memcmp(pictures_.first.data(), bytes.data(), bytes.size()) == 0;
    bool flat = true;
    with_pixel_type(picture.type(), [&]<class T>(T) {
      const T* pixels = picture.as<T>();
      for (int c = 0; c < shape_.channels; ++c, pixels += plane) {
        const auto [low, high] = std::minmax_element(pixels, pixels + plane);
        flat = flat && *low == *high;
        pictures_.low = std::min(pictures_.low, static_cast<float>(*low));
        pictures_.high = std::max(pictures_.high, static_cast<float>(*high));
      }
    });
    ++pictures_.count;
    pictures_.flat += flat;
  }

  void look_at_mask(const std::uint8_t* mask, Masks& masks) const {
    if (!mask) return;
    const auto plane =
        static_cast<std::uint64_t>(shape_.height) * static_cast<std::uint64_t>(shape_.width);
    for (std::uint64_t i = 0; i < plane; ++i) ++masks.counts[mask[i]];
    masks.pixels += plane;
    masks.known = masks.pixels - masks.counts[255];
  }

  // "3", or "3 ('Hat')".
  std::string class_name(std::size_t t, std::size_t label) const {
    const auto names = source_.class_names(static_cast<int>(t));
    return names.empty() ? std::to_string(label)
                         : fmt::format("{} ('{}')", label, printable(names[label]));
  }

  std::vector<std::string> absent(std::size_t t, std::span<const std::uint64_t> counts) const {
    std::vector<std::string> names;
    for (std::size_t k = 0; k < counts.size(); ++k)
      if (counts[k] == 0) names.push_back(class_name(t, k));
    return names;
  }

  void label_classes(std::size_t t) {
    std::vector<std::uint64_t> counts(static_cast<std::size_t>(targets_[t].size));
    source_.each_record(split_, [&](std::uint64_t record) {
      const std::int32_t label = source_.label(record, static_cast<int>(t));
      if (label >= 0) ++counts[static_cast<std::size_t>(label)];
    });
    if (const auto names = absent(t, counts); !names.empty()) {
      say(fmt::format("target '{}': class{} {} never occur{} in the training split",
                      targets_[t].name, names.size() == 1 ? "" : "es", listed(names),
                      names.size() == 1 ? "s" : ""));
      return;
    }
    const auto [least, most] = std::ranges::minmax_element(counts);
    if (*most < unequal * *least) return;
    say(fmt::format(
        "target '{}': the training split has {} record{} of class {} and {} of class {}: weights "
        "that level the classes are {}",
        targets_[t].name, *least, *least == 1 ? "" : "s",
        class_name(t, static_cast<std::size_t>(least - counts.begin())), *most,
        class_name(t, static_cast<std::size_t>(most - counts.begin())), leveling_weights(counts)));
  }

  // n / (C n_c) for each class c, as scikit-learn's class_weight="balanced", in an experiment's words.
  static std::string leveling_weights(std::span<const std::uint64_t> counts) {
    const auto n =
        static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
    std::vector<std::string> weights;
    for (const std::uint64_t count : counts)
      weights.push_back(fmt::format("{:.3g}", n / static_cast<double>(counts.size() * count)));
    if (weights.size() > most_weights)
      return "n / (C n_c), of n records in C classes n_c of class c";
    std::string text =
        fmt::format("SoftmaxCrossEntropy{{.class_weights = {{{}}}}}", fmt::join(weights, ", "));
    if (counts.size() == 2)
      text += fmt::format(", of one output BinaryCrossEntropy{{.positive_weight = {:.3g}}}",
                          static_cast<double>(counts[0]) / static_cast<double>(counts[1]));
    return text;
  }

  void mask_classes(std::size_t t) {
    const Masks& masks = masks_[t];
    const auto size = static_cast<std::size_t>(targets_[t].size);
    const auto names = absent(t, std::span(masks.counts).first(size));
    if (masks.known == 0 || names.empty()) return;
    const std::string where =
        pictures_.count < source_.size(split_)
            ? fmt::format("in the {} training masks looked at", pictures_.count)
            : "in the training split";
    std::string text = fmt::format("target '{}': class{} {} never occur{} {}", targets_[t].name,
                                   names.size() == 1 ? "" : "es", listed(names),
                                   names.size() == 1 ? "s" : "", where);
    if (masks.counts[255] > 0 && masks.known == masks.counts[0])
      text += fmt::format(
          ", and {:.2g} % of the pixels are 255 (not known): if 255 is meant as class 1, divide "
          "the masks by 255",
          100.0 * static_cast<double>(masks.counts[255]) / static_cast<double>(masks.pixels));
    say(std::move(text));
  }

  const Source& source_;
  PictureShape shape_;
  std::span<const TargetSpec> targets_;
  std::vector<std::byte> scratch_;
  Split split_ = Split::train;
  Pictures pictures_;
  std::vector<Masks> masks_;
};

}  // namespace

std::vector<std::string> data_warnings(const Source& source, PictureShape shape,
                                       std::span<const TargetSpec> targets,
                                       std::uint64_t compared_up_to) {
  Inspection inspection(source, shape, targets);
  inspection.empty_splits();
  inspection.groups_apart();
  inspection.few_groups_in_a_split();
  if (inspection.stored_bytes() <= compared_up_to) inspection.pictures_in_two_splits();
  for (const Split split : all_splits) {
    inspection.look_at(split);
    if (split == Split::train) inspection.alike_pictures();
    for (std::size_t t = 0; t < targets.size(); ++t)
      if (inspection.unlabelled(t) && split == Split::train && source.size(split) > 0)
        inspection.classes(t);
  }
  return std::move(inspection.warnings);
}

std::vector<std::string> evaluation_warnings(const Source& source, PictureShape shape,
                                             std::span<const TargetSpec> targets, Split split) {
  Inspection inspection(source, shape, targets);
  inspection.look_at(split);
  inspection.alike_pictures();
  for (std::size_t t = 0; t < targets.size(); ++t) inspection.unlabelled(t);
  return std::move(inspection.warnings);
}

std::vector<std::string> normalization_warnings(const Description& description,
                                                std::uint64_t records, std::uint64_t batch_size) {
  std::vector<std::string> layers;
  for (const LayerInfo& layer : description.layers)
    if (layer.type == "ghost_batch_norm" && layer.output.pixels() == 1)
      layers.push_back(fmt::format("'{}'", layer.path));
  const auto shard = static_cast<std::uint64_t>(description.memory.shard);
  const std::uint64_t batch = std::min(batch_size, records), rest = records % batch_size;
  if (layers.empty() || batch == 0) return {};
  const auto leaves_one = [&](std::uint64_t samples) { return shard == 1 || samples % shard == 1; };
  std::string where;
  if (shard == 1) {
    where = "in every shard, which has one sample (Memory::shard)";
  } else if (batch == 1) {
    where = "in every batch, which has one sample";
  } else if (leaves_one(batch)) {
    where =
        fmt::format("in the last shard of every batch ({} records in shards of {})", batch, shard);
  } else if (rest > 0 && leaves_one(rest)) {
    where = fmt::format(
        "in the last shard of every epoch ({} records in batches of {} and shards "
        "of {})",
        records, batch_size, shard);
  } else {
    return {};
  }
  return {fmt::format(
      "{} (ghost_batch_norm of 1 x 1 maps): one number a channel to normalize {}: "
      "the result is the layer's bias, whatever the picture shows. Choose {}",
      listed(layers), where,
      shard == 1 ? "larger shards" : "a --batch-size that leaves no shard of one sample")};
}

std::vector<std::string> training_warnings(const Source& source, const Description& d,
                                           std::uint64_t batch_size) {
  std::vector<std::string> all =
      data_warnings(source, {d.input.c, d.input.h, d.input.w}, d.targets);
  for (std::string& text : normalization_warnings(d, source.size(Split::train), batch_size))
    all.push_back(std::move(text));
  return all;
}

}  // namespace medley
