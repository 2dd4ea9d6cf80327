// What dataset.json says of a dataset folder, and the fingerprint over its files.
#include <fmt/format.h>
#define XXH_STATIC_LINKING_ONLY  // for a state without allocation
#include <xxhash.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "medley/base/error.hpp"
#include "medley/data/array_hints.hpp"
#include "medley/data/dataset.hpp"
#include "medley/files/json.hpp"

namespace medley {
namespace {

// A member of dataset.json, or a null value where there is none.
const nlohmann::json& member(const nlohmann::json& json, std::string_view key) {
  static const nlohmann::json nothing;
  if (!json.is_object()) return nothing;
  const auto found = json.find(key);
  return found == json.end() ? nothing : *found;
}

}  // namespace

nlohmann::json Dataset::read_description() const {
  std::error_code ignored;
  if (!std::filesystem::exists(folder_ / "dataset.json", ignored)) return nlohmann::json::object();
  const MappedFile file(folder_ / "dataset.json");
  nlohmann::json json = parse_json(
      {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, file.name());
  if (!json.is_object()) throw data_error(file.name() + " is not a JSON object");
  return json;
}

void Dataset::apply_description(const nlohmann::json& json, std::uint64_t verify_images_up_to) {
  const auto& format = member(json, "format");
  const auto& version = member(json, "version");
  if ((!format.is_null() && format != dataset_format) ||
      (!version.is_null() && version != dataset_version))
    throw data_error(fmt::format("{} is of another format or version than {} {}",
                                 path("dataset.json"), dataset_format, dataset_version));
  verify_checksums(member(json, "checksums"), verify_images_up_to);
  apply_classes(member(json, "targets"));
  if (pixels_.type == PixelType::f32) {
    apply_range(member(json, "range"));
    // As checksums are: where nobody has looked yet, or it does not take long.
    if (member(json, "mean").is_null() || images_.bytes().size() <= verify_images_up_to)
      check_floats();
  }
  apply_statistics(json);
}

void Dataset::verify_checksums(const nlohmann::json& json, std::uint64_t up_to) {
  const auto verify = [&](const NpyFile& file, std::string_view name) {
    const auto& expected = member(json, name);
    if (expected.is_null()) return;
    const std::uint64_t hash = XXH3_64bits(file.bytes().data(), file.bytes().size());
    if (&file == &images_) images_hash_ = hash;
    if (expected == checksum_text(hash)) return;
    throw data_error(fmt::format(
        "{} is not the file that dataset.json describes: its checksum differs. Import it again, or "
        "if it was changed on purpose remove dataset.json",
        file.name()));
  };
  if (has_split_) verify(split_, "split.npy");
  if (has_groups_) verify(groups_, "group.npy");
  if (has_weights_) verify(weights_, "weight.npy");
  for (const Target& target : targets_)
    if (target.present) verify(target.file, target_file(target.spec.name));
  if (images_.bytes().size() <= up_to) verify(images_, "images.npy");
}

void Dataset::apply_classes(const nlohmann::json& json) {
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const TargetSpec& spec = targets_[t].spec;
    const auto& names = member(member(json, spec.name), "classes");
    if (names.is_null() || spec.kind == TargetKind::values) continue;
    const auto refuse = [&](std::string_view what) {
      return data_error(
          fmt::format("{}: the classes of target '{}' {}", path("dataset.json"), spec.name, what));
    };
    if (!names.is_array()) throw refuse("are not a list");
    if (names.size() != static_cast<std::size_t>(spec.size))
      throw refuse(fmt::format("are {}, but the experiment has {}", names.size(), spec.size));
    for (const auto& name : names) {
      if (!name.is_string() || name.get_ref<const std::string&>().empty())
        throw refuse("are not all text of a letter or more");
      class_names_[t].push_back(name.get<std::string>());
    }
  }
}

void Dataset::apply_range(const nlohmann::json& range) {
  if (range.is_null())
    throw data_error(
        fmt::format("{} has dtype {}, not uint8: {}; or keep the floats and say in {} which are "
                    "black and white, "
                    "such as {{\"range\": [0, 1]}}",
                    images_.name(), to_string(images_.dtype()), images_hint(images_, shape_),
                    path("dataset.json")));
  const bool numbers =
      range.is_array() && range.size() == 2 && range[0].is_number() && range[1].is_number();
  if (numbers) {
    pixels_.low = static_cast<float>(range[0].get<double>());
    pixels_.high = static_cast<float>(range[1].get<double>());
  }
  if (!numbers || !is_range(pixels_.low, pixels_.high))
    throw data_error(
        fmt::format("{}: \"range\" is not two numbers, black and a greater white, such as [0, 1]",
                    path("dataset.json")));
}

void Dataset::apply_statistics(const nlohmann::json& json) {
  const auto read = [&](std::string_view key, std::vector<float>& out, bool positive) {
    const auto& list = member(json, key);
    if (list.is_null()) return;
    const auto refuse = [&] {
      return data_error(fmt::format("{}: \"{}\" is not a list of {} {}", path("dataset.json"), key,
                                    shape_.channels,
                                    positive ? "positive numbers (1e-30 at least)" : "numbers"));
    };
    if (!list.is_array() || list.size() != static_cast<std::size_t>(shape_.channels))
      throw refuse();
    for (const auto& number : list) {
      if (!number.is_number()) throw refuse();
      const auto value = static_cast<float>(number.get<double>());
      if (!std::isfinite(value) || (positive && !(value >= least_deviation))) throw refuse();
      out.push_back(value);
    }
  };
  read("mean", mean_, false);
  read("deviation", deviation_, true);
  if (mean_.empty() || deviation_.empty()) compute_statistics();
}

void Dataset::compute_statistics() {
  ChannelStatistics statistics(shape_, pixels_.type);
  for (std::uint64_t i = 0; i < records_; ++i)
    if (split_of(i) == Split::train) statistics.add(picture(i));
  mean_ = statistics.mean();
  deviation_ = statistics.deviation();
}

// Neither allocates nor throws: a training may be under way.
std::uint64_t Dataset::compute_fingerprint() const {
  std::uint64_t hash = records_;
  const auto mix = [&](std::span<const std::byte> bytes) {
    hash = XXH3_64bits_withSeed(bytes.data(), bytes.size(), hash);
  };
  const std::uint64_t pictures = images_hash_ ? *images_hash_ : hash_in_parts(images_.bytes());
  mix(std::as_bytes(std::span(&pictures, 1)));
  mix(split_.bytes());
  for (const Target& target : targets_) {
    const std::uint64_t labels = hash_in_parts(target.file.bytes());
    mix(std::as_bytes(std::span(&labels, 1)));
  }
  if (has_groups_) {
    const std::uint64_t groups = hash_in_parts(groups_.bytes());
    mix(std::as_bytes(std::span(&groups, 1)));
  }
  if (has_weights_) {
    const std::uint64_t weights = hash_in_parts(weights_.bytes());
    mix(std::as_bytes(std::span(&weights, 1)));
  }
  const std::array range{pixels_.low, pixels_.high};
  if (pixels_.type == PixelType::f32) mix(std::as_bytes(std::span(range)));
  mix(std::as_bytes(std::span(mean_)));
  mix(std::as_bytes(std::span(deviation_)));
  return hash;
}

// XXH3-64 of the bytes; of none further once nobody waits for it any more.
std::uint64_t Dataset::hash_in_parts(std::span<const std::byte> bytes) const {
  constexpr std::size_t part = std::size_t{1} << 24;
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  while (!bytes.empty() && !stop_hashing_) {
    const auto next = bytes.first(std::min(part, bytes.size()));
    XXH3_64bits_update(&state, next.data(), next.size());
    bytes = bytes.subspan(next.size());
  }
  return XXH3_64bits_digest(&state);
}

}  // namespace medley
