#include "medley/data/dataset.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "medley/base/error.hpp"
#include "medley/data/array_hints.hpp"
#include "medley/files/json.hpp"

namespace medley {
namespace {

// The element of an integer array as a label; what does not fit is a huge one, so that the range
// check finds it.
template <class T>
std::int64_t wide(T value) {
  if constexpr (sizeof(T) == 8 && !std::is_signed_v<T>)
    return value > static_cast<T>(INT64_MAX) ? INT64_MAX : static_cast<std::int64_t>(value);
  else
    return static_cast<std::int64_t>(value);
}

// Calls visit(pointer to the first element) with the C++ type of an integer array.
template <class Visit>
auto with_integers(const NpyFile& file, Visit visit) {
  switch (file.dtype()) {
    case DType::i8:
      return visit(file.as<std::int8_t>());
    case DType::i16:
      return visit(file.as<std::int16_t>());
    case DType::i32:
      return visit(file.as<std::int32_t>());
    case DType::i64:
      return visit(file.as<std::int64_t>());
    case DType::u16:
      return visit(file.as<std::uint16_t>());
    case DType::u32:
      return visit(file.as<std::uint32_t>());
    case DType::u64:
      return visit(file.as<std::uint64_t>());
    default:
      return visit(file.as<std::uint8_t>());  // u8, bool
  }
}

bool is_integer(DType dtype) { return dtype < DType::f16; }

// Without the C library's classification, which may trap or depend on flags.
bool is_nan(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7FFFFFFFu) > 0x7F800000u; }
bool is_infinite(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7FFFFFFFu) == 0x7F800000u; }

// Blocks of a fixed length let the compiler look at many at once.
std::uint64_t first_not_finite(const float* pixels, std::uint64_t count) {
  constexpr std::uint64_t block = 64;
  constexpr std::uint32_t infinity = 0x7F800000u;
  const auto size = [&](std::uint64_t i) {
    return std::bit_cast<std::uint32_t>(pixels[i]) & 0x7FFFFFFFu;
  };
  std::uint64_t i = 0;
  for (; i + block <= count; i += block) {
    std::uint32_t most = 0;
    for (std::uint64_t k = 0; k < block; ++k) most = std::max(most, size(i + k));
    if (most >= infinity) break;
  }
  while (i < count && size(i) < infinity) ++i;
  return i;
}

std::optional<PixelType> pixel_type(DType dtype) {
  if (dtype == DType::u8) return PixelType::u8;
  if (dtype == DType::u16) return PixelType::u16;
  if (dtype == DType::f32) return PixelType::f32;
  return std::nullopt;
}

bool any_nan(const float* row, int size) {
  for (int i = 0; i < size; ++i)
    if (is_nan(row[i])) return true;
  return false;
}

// The first mask pixel that is neither below `size` nor 255, or `count`. One more than a pixel, in
// eight bits, is 0 for 255; blocks of a fixed length let the compiler compare many at once.
std::uint64_t skip_valid(const std::uint8_t* pixels, std::uint64_t count, int size) {
  constexpr std::uint64_t block = 64;
  const auto successor = [&](std::uint64_t i) { return static_cast<std::uint8_t>(pixels[i] + 1); };
  std::uint64_t i = 0;
  for (; i + block <= count; i += block) {
    std::uint8_t most = 0;
    for (std::uint64_t k = 0; k < block; ++k) most = std::max(most, successor(i + k));
    if (most > size) break;
  }
  while (i < count && successor(i) <= size) ++i;
  return i;
}

}  // namespace

std::string target_file(std::string_view target) {
  const bool plain = !target.empty() && target.front() != '.' &&
                     target.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
  if (!plain || target == "images" || target == "split" || target == "group" || target == "weight")
    throw usage_error(fmt::format("a target cannot be named '{}': it names a file", target));
  return fmt::format("{}.npy", target);
}

std::string checksum_text(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

std::string checksum_text(std::span<const std::byte> file) {
  return checksum_text(XXH3_64bits(file.data(), file.size()));
}

// --- opening -------------------------------------------------------------------------------------

Dataset::Dataset(const std::filesystem::path& folder, PictureShape shape,
                 std::span<const TargetSpec> targets, const DatasetOptions& options)
    : folder_(folder), shape_(shape), class_names_(targets.size()) {
  if (targets.size() > static_cast<std::size_t>(max_targets))
    throw usage_error(fmt::format("more than {} targets", max_targets));
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder_, ignored))
    throw io_error(
        fmt::format("{} is not a folder: make a dataset folder with `import`", folder_.string()));
  open_images();
  open_split(options.split_required);
  if (options.reads_groups) {
    open_groups();
    open_weights();
  }
  for (const TargetSpec& spec : targets) {
    targets_.push_back({spec, {}});
    open_target(targets_.back(), options);
    if (options.checks_contents)
      targets_.back().complete = all_labelled(static_cast<int>(targets_.size()) - 1);
  }
  if (options.checks_contents) apply_description(read_description(), options.verify_images_up_to);
  fingerprint_ = std::async(std::launch::deferred, [this] { return compute_fingerprint(); });
}

Dataset::~Dataset() { stop_hashing_ = true; }

void Dataset::begin_fingerprint() {
  fingerprint_ = std::async(std::launch::async, [this] { return compute_fingerprint(); });
}

void Dataset::open_images() {
  images_ = NpyFile(folder_ / "images.npy", true);
  const auto shape = images_.shape();
  const std::array<std::uint64_t, 3> expected{static_cast<std::uint64_t>(shape_.channels),
                                              static_cast<std::uint64_t>(shape_.height),
                                              static_cast<std::uint64_t>(shape_.width)};
  const std::optional<PixelType> type = pixel_type(images_.dtype());
  if (!type)
    throw data_error(fmt::format("{} has dtype {}, not uint8: {}", images_.name(),
                                 to_string(images_.dtype()), images_hint(images_, shape_)));
  pixels_ = PixelFormat::of(*type);
  if (shape.size() != 4 || !std::equal(expected.begin(), expected.end(), shape.begin() + 1))
    throw data_error(fmt::format(
        "{} has shape {}, but the experiment reads (N, {}): channels, height, width: {}",
        images_.name(), shape_text(shape), fmt::join(expected, ", "),
        images_hint(images_, shape_)));
  records_ = shape[0];
  if (records_ == 0) throw data_error(images_.name() + " holds no pictures");
}

// Throws where a pixel is NaN or infinite.
void Dataset::check_floats() const {
  const float* const pixels = images_.as<float>();
  for (std::uint64_t i = 0; i < records_; ++i) {
    const std::uint64_t wrong = first_not_finite(pixels + i * shape_.bytes(), shape_.bytes());
    if (wrong == shape_.bytes()) continue;
    throw data_error(
        fmt::format("{}, record {}: a pixel of {} (channel {}): every pixel must be a number; "
                    "np.nan_to_num(x, nan=..., posinf=..., neginf=...) replaces such ones",
                    images_.name(), i, pixels[i * shape_.bytes() + wrong],
                    wrong / (shape_.bytes() / static_cast<std::size_t>(shape_.channels))));
  }
}

void Dataset::open_split(bool required) {
  std::error_code ignored;
  has_split_ = required || std::filesystem::exists(folder_ / "split.npy", ignored);
  if (!has_split_) {
    ranks_[index(Split::test)].size = records_;
    return;
  }
  if (!std::filesystem::exists(folder_ / "split.npy", ignored))
    throw data_error(
        fmt::format("{} is missing: save a uint8 array with one number a record (0 train, 1 "
                    "validation, 2 test)",
                    path("split.npy")));
  split_ = NpyFile(folder_ / "split.npy", true);
  if (split_.dtype() != DType::u8 || split_.shape().size() != 1 || split_.shape()[0] != records_)
    throw data_error(
        fmt::format("{} is {} of shape {}, not uint8 of shape ({},) as images.npy wants{}",
                    split_.name(), to_string(split_.dtype()), shape_text(split_.shape()), records_,
                    split_.elements() == records_ ? ": " + split_hint(split_) : std::string{}));
  build_ranks();
}

void Dataset::build_ranks() {
  const std::uint8_t* const split = split_.as<std::uint8_t>();
  for (std::uint64_t i = 0; i < records_; ++i) {
    if (split[i] > 2)
      throw data_error(
          fmt::format("{}, record {}: {} is no split (0 is train, 1 validation, 2 test)",
                      split_.name(), i, split[i]));
    ++ranks_[split[i]].size;
  }
  for (Ranks& ranks : ranks_)
    ranks.stride = std::max<std::uint64_t>(1, (ranks.size + Ranks::entries - 1) / Ranks::entries);
  std::array<std::uint64_t, 3> seen{};
  for (std::uint64_t i = 0; i < records_; ++i) {
    Ranks& ranks = ranks_[split[i]];
    const std::uint64_t rank = seen[split[i]]++;
    if (rank % ranks.stride == 0) ranks.position[rank / ranks.stride] = i;
  }
}

void Dataset::open_groups() {
  std::error_code ignored;
  has_groups_ = std::filesystem::exists(folder_ / "group.npy", ignored);
  if (!has_groups_) return;
  groups_ = NpyFile(folder_ / "group.npy", true);
  if (is_integer(groups_.dtype()) && groups_.shape().size() == 1 && groups_.shape()[0] == records_)
    return;
  throw data_error(fmt::format(
      "{} is {} of shape {}, not integers of shape ({},), one a record: for names of groups, save "
      "np.unique(names, return_inverse=True)[1]; or remove it if records belong to no groups",
      groups_.name(), to_string(groups_.dtype()), shape_text(groups_.shape()), records_));
}

void Dataset::open_weights() {
  std::error_code ignored;
  has_weights_ = std::filesystem::exists(folder_ / "weight.npy", ignored);
  if (!has_weights_) return;
  weights_ = NpyFile(folder_ / "weight.npy", true);
  const DType dtype = weights_.dtype();
  if ((dtype != DType::f32 && dtype != DType::f64) || weights_.shape().size() != 1 ||
      weights_.shape()[0] != records_)
    throw data_error(
        fmt::format("{} is {} of shape {}, not float32 of shape ({},), one weight a record{}",
                    weights_.name(), to_string(dtype), shape_text(weights_.shape()), records_,
                    weights_.elements() == records_
                        ? ": save x.reshape(-1).astype('float32'), where x is the array"
                        : ""));
  for (std::uint64_t i = 0; i < records_; ++i)
    if (const float found = weight(i); !is_weight(found))
      throw data_error(fmt::format("{}, record {}: a weight of {}, which is neither 0 nor {}",
                                   weights_.name(), i, found, weight_range));
}

float Dataset::weight(std::uint64_t record) const {
  if (!has_weights_) return 1.0f;
  return weights_.dtype() == DType::f32 ? weights_.as<float>()[record]
                                        : static_cast<float>(weights_.as<double>()[record]);
}

void Dataset::open_target(Target& target, const DatasetOptions& options) {
  const std::string file = target_file(target.spec.name);
  std::error_code ignored;
  target.present = std::filesystem::exists(folder_ / file, ignored);
  if (!target.present) {
    if (!options.targets_required) return;
    throw data_error(fmt::format("{} is missing: the experiment has a target '{}' ({} of size {})",
                                 path(file), target.spec.name,
                                 target_kind_names[static_cast<std::size_t>(target.spec.kind)],
                                 target.spec.size));
  }
  target.file = NpyFile(folder_ / file, true);
  if (target.file.shape().empty() || target.file.shape()[0] != records_)
    throw data_error(fmt::format("{} has shape {}, but images.npy has {} records",
                                 target.file.name(), shape_text(target.file.shape()), records_));
  if (!options.checks_contents) return;
  switch (target.spec.kind) {
    case TargetKind::classes:
      return check_labels(target);
    case TargetKind::values:
      return check_values(target);
    case TargetKind::mask:
      return check_mask(target);
  }
}

void Dataset::check_labels(const Target& target) const {
  const NpyFile& file = target.file;
  if (!is_integer(file.dtype()))
    throw data_error(fmt::format("{} has dtype {}, but class numbers are whole: {}", file.name(),
                                 to_string(file.dtype()), labels_hint(file, target.spec.size)));
  if (file.shape().size() != 1)
    throw data_error(fmt::format("{} has shape {}, not ({},), one class number a record: {}",
                                 file.name(), shape_text(file.shape()), records_,
                                 labels_hint(file, target.spec.size)));
  with_integers(file, [&](const auto* labels) {
    for (std::uint64_t i = 0; i < records_; ++i)
      if (wide(labels[i]) >= target.spec.size)
        throw data_error(fmt::format(
            "{}, record {}: class {}, but the experiment has {} classes, 0 to {} (negative is "
            "missing)",
            file.name(), i, labels[i], target.spec.size, target.spec.size - 1));
  });
}

void Dataset::check_values(const Target& target) const {
  const NpyFile& file = target.file;
  if (file.dtype() != DType::f32)
    throw data_error(fmt::format("{} has dtype {}, not float32: {}", file.name(),
                                 to_string(file.dtype()), values_hint(file, target.spec.size)));
  const auto size = static_cast<std::uint64_t>(target.spec.size);
  const auto shape = file.shape();
  if (!(shape.size() == 2 && shape[1] == size) && !(shape.size() == 1 && size == 1))
    throw data_error(fmt::format("{} has shape {}, not ({}, {}): {}", file.name(),
                                 shape_text(shape), records_, size,
                                 values_hint(file, target.spec.size)));
  const float* const values = file.as<float>();
  for (std::uint64_t i = 0; i < records_ * size; ++i)
    if (is_infinite(values[i]))
      throw data_error(
          fmt::format("{}, record {}: an infinite value; a missing one is written as NaN",
                      file.name(), i / size));
}

void Dataset::check_mask(const Target& target) const {
  const NpyFile& file = target.file;
  const auto plane =
      static_cast<std::uint64_t>(shape_.height) * static_cast<std::uint64_t>(shape_.width);
  const auto shape = file.shape();
  if (file.dtype() != DType::u8 && file.dtype() != DType::boolean)
    throw data_error(fmt::format("{} has dtype {}, not uint8: {}", file.name(),
                                 to_string(file.dtype()),
                                 mask_hint(file, shape_, target.spec.size)));
  if (shape.size() != 3 || shape[1] != static_cast<std::uint64_t>(shape_.height) ||
      shape[2] != static_cast<std::uint64_t>(shape_.width))
    throw data_error(fmt::format("{} has shape {}, not ({}, {}, {}) as the pictures: {}",
                                 file.name(), shape_text(shape), records_, shape_.height,
                                 shape_.width, mask_hint(file, shape_, target.spec.size)));
  const std::uint8_t* const pixels = file.as<std::uint8_t>();
  const int size = target.spec.size;
  const std::uint64_t count = records_ * plane;
  const std::uint64_t i = skip_valid(pixels, count, size);
  if (i < count)
    throw data_error(fmt::format(
        "{}, record {}: a pixel of class {}, but the experiment has {} classes, 0 to {} (255 is "
        "missing)",
        file.name(), i / plane, pixels[i], size, size - 1));
}

// --- reading -------------------------------------------------------------------------------------

Split Dataset::split_of(std::uint64_t record) const {
  return has_split_ ? static_cast<Split>(split_.as<std::uint8_t>()[record]) : Split::test;
}

void Dataset::each_record(Split split, const std::function<void(std::uint64_t)>& visit) const {
  for (std::uint64_t i = 0; i < records_; ++i)
    if (split_of(i) == split) visit(i);
}

std::uint64_t Dataset::record(Split split, std::uint64_t rank) const {
  if (!has_split_) return rank;
  const Ranks& ranks = ranks_[index(split)];
  const std::uint8_t* const splits = split_.as<std::uint8_t>();
  const auto wanted = static_cast<std::uint8_t>(split);
  std::uint64_t record = ranks.position[rank / ranks.stride];
  for (std::uint64_t left = rank % ranks.stride; left > 0;) left -= splits[++record] == wanted;
  return record;
}

std::int64_t Dataset::group(std::uint64_t record) const {
  if (!has_groups_) return 0;
  return with_integers(
      groups_, [&](const auto* groups) { return static_cast<std::int64_t>(groups[record]); });
}

std::int32_t Dataset::label(std::uint64_t record, int target) const {
  const Target& entry = targets_[static_cast<std::size_t>(target)];
  if (!entry.present) return -1;
  const std::int64_t label =
      with_integers(entry.file, [&](const auto* labels) { return wide(labels[record]); });
  return label < 0 ? -1 : static_cast<std::int32_t>(label);
}

bool Dataset::labelled(std::uint64_t record, int target) const {
  const Target& entry = targets_[static_cast<std::size_t>(target)];
  if (!entry.present) return false;
  if (entry.spec.kind == TargetKind::classes) return label(record, target) >= 0;
  if (entry.spec.kind == TargetKind::values) {
    const auto size = static_cast<std::uint64_t>(entry.spec.size);
    return !any_nan(entry.file.as<float>() + record * size, entry.spec.size);
  }
  const auto plane =
      static_cast<std::size_t>(shape_.height) * static_cast<std::size_t>(shape_.width);
  const std::uint8_t* const mask = entry.file.as<std::uint8_t>() + record * plane;
  return std::any_of(mask, mask + plane, [](std::uint8_t pixel) { return pixel != 255; });
}

bool Dataset::all_labelled(int target) const {
  const Target& entry = targets_[static_cast<std::size_t>(target)];
  if (entry.present && entry.spec.kind == TargetKind::mask) {
    return std::memchr(entry.file.as<std::uint8_t>(), 255, entry.file.elements()) == nullptr;
  }
  for (std::uint64_t i = 0; i < records_; ++i)
    if (!labelled(i, target)) return false;
  return true;
}

Pixels Dataset::picture(std::uint64_t record) const {
  return {images_.as<std::byte>() + record * shape_.bytes() * size_of(pixels_.type), pixels_.type};
}

void Dataset::read(std::uint64_t record, std::span<std::byte>, Record& out) const {
  out.image = picture(record);
  const auto plane =
      static_cast<std::uint64_t>(shape_.height) * static_cast<std::uint64_t>(shape_.width);
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const Target& entry = targets_[t];
    Record::Target& target = out.targets[t];
    target = {};
    if (!entry.present) continue;
    const auto size = static_cast<std::uint64_t>(entry.spec.size);
    switch (entry.spec.kind) {
      case TargetKind::classes:
        target.label = label(record, static_cast<int>(t));
        break;
      case TargetKind::values:
        if (labelled(record, static_cast<int>(t)))
          target.values = entry.file.as<float>() + record * size;
        break;
      case TargetKind::mask:
        target.mask = entry.file.as<std::uint8_t>() + record * plane;
        break;
    }
  }
}

}  // namespace medley
