#include "medley/import/mask_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "medley/base/error.hpp"
#include "medley/files/exif.hpp"
#include "medley/files/mapped_file.hpp"
#include "medley/import/in_order.hpp"

namespace medley {
namespace {

std::vector<std::string> files_of(const std::filesystem::path& folder) {
  std::vector<std::string> files;
  for (FolderPicture& picture : list_pictures(folder).pictures)
    files.push_back(std::move(picture.path));
  return files;
}

std::string size_text(const PictureShape& shape) {
  return fmt::format("{} x {}", shape.width, shape.height);
}

}  // namespace

MaskSet::MaskSet(std::span<const TargetSpec> targets, MaskRequest request)
    : request_(std::move(request)) {
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const auto given = request_.targets.find(targets[t].name);
    if (given == request_.targets.end()) continue;
    if (targets[t].kind != TargetKind::mask)
      throw usage_error(fmt::format("--masks: the target '{}' is no mask", targets[t].name));
    targets_.push_back({t, targets[t], given->second, {}, {}});
  }
}

void MaskSet::find(const std::filesystem::path& folder, std::span<const std::string> pictures,
                   int threads, Notes& notes) {
  problems_.assign(pictures.size(), {});
  for (Target& target : targets_) {
    pair(target, folder, pictures, notes);
    look_at(target, threads, notes);
  }
}

void MaskSet::pair(Target& target, const std::filesystem::path& pictures_folder,
                   std::span<const std::string> pictures, Notes& notes) {
  const std::string folder = target.files.folder.string();
  std::vector<std::string> files = files_of(target.files.folder);
  // In the pictures' own folder, they and other targets' masks are no masks without a picture.
  std::error_code ignored;
  const bool shared = std::filesystem::equivalent(target.files.folder, pictures_folder, ignored);
  if (shared) {
    const std::unordered_set<std::string_view> known(pictures.begin(), pictures.end());
    std::erase_if(files, [&](const std::string& file) { return known.contains(file); });
  }
  try {
    target.pairs = pair_masks(pictures, files, target.files.naming);
  } catch (const Error& error) {
    if (error.code() != Exit::data) throw;
    throw data_error(fmt::format("{}: {}", folder, error.what()));
  }
  const MaskPairs& pairs = target.pairs;
  if (!target.files.naming && pairs.naming.text() != "*")
    notes.push_back(
        fmt::format("masks of '{}' are called '{}', where the star is the picture's name",
                    target.spec.name, pairs.naming.text()));
  if (!pairs.alone.empty() && !shared)
    notes.push_back(fmt::format("{}: {} mask{} without a picture left out, such as {}", folder,
                                pairs.alone.size(), pairs.alone.size() == 1 ? "" : "s",
                                pairs.alone[0]));
  std::uint64_t without = 0;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (!pairs.masks[i].empty()) continue;
    ++without;
    if (!request_.allow_unmasked && problems_[i].empty())
      problems_[i] = fmt::format(
          "there is no mask of '{}' in {} called '{}' (--allow-unmasked takes it as one of which "
          "nothing is known)",
          target.spec.name, folder, pairs.naming.text());
  }
  if (without > 0 && request_.allow_unmasked)
    notes.push_back(fmt::format("{} of {} pictures have no mask of '{}': nothing is known of it",
                                without, pictures.size(), target.spec.name));
}

void MaskSet::decode(const Target& target, std::size_t picture, MaskPicture& out) {
  const std::string path = target.path(picture);
  const MappedFile file(path);
  try {
    decode_mask(file.bytes(), out);
    MaskClasses::prepare(target.files.meaning, out);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("mask {}: {}", path, error.what()));
  }
}

void MaskSet::look_at(Target& target, int threads, Notes& notes) {
  std::vector<std::size_t> with;
  for (std::size_t i = 0; i < problems_.size(); ++i)
    if (problems_[i].empty() && !target.pairs.masks[i].empty()) with.push_back(i);
  struct Look {
    MaskPicture mask;
    MaskCensus::File file;
    std::string problem;
  };
  MaskCensus census;
  in_order<Look>(
      threads, with.size(),
      [&](std::uint64_t k, Look& look) {
        look.problem.clear();
        try {
          decode(target, with[k], look.mask);
          look.file.look_at(look.mask);
        } catch (const Error& error) {
          look.problem = error.what();
        }
      },
      [&](std::uint64_t k, Look& look) {
        if (look.problem.empty()) return census.count(with[k], look.file);
        problems_[with[k]] = std::move(look.problem);
      });
  target.classes.emplace(
      target.spec, target.files.meaning, census,
      [&](std::size_t picture) { return target.path(picture); }, notes);
}

void MaskSet::read(std::size_t picture, const Image& decoded, bool exact,
                   std::vector<ReadMask>& out) const {
  out.resize(targets_.size());
  MaskPicture mask;
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const Target& target = targets_[t];
    ReadMask& read = out[t];
    read.target = target.number;
    read.turned = read.scaled = false;
    read.classes.pixels.clear();
    if (target.pairs.masks[picture].empty()) continue;
    decode(target, picture, mask);
    read.classes.shape = {1, mask.height, mask.width};
    target.classes->map(mask, read.classes.pixels);
    const PictureShape& wanted = decoded.shape;
    const PictureShape& shape = read.classes.shape;
    if (shape.height == wanted.height && shape.width == wanted.width) continue;
    if (decoded.orientation >= 5 && shape.height == wanted.width && shape.width == wanted.height) {
      apply_orientation(decoded.orientation, read.classes);  // drawn on what the camera saved
      read.turned = true;
      continue;
    }
    read.scaled =
        std::int64_t{shape.height} * wanted.width == std::int64_t{shape.width} * wanted.height;
    if (exact || !read.scaled)
      throw data_error(fmt::format("mask {}: {} pixels, but the picture has {}{}",
                                   target.path(picture), size_text(shape), size_text(wanted),
                                   decoded.orientation >= 5 ? ", turned as its Exif tells" : ""));
  }
}

std::vector<std::string> MaskSet::class_names(std::size_t target) const {
  for (const Target& own : targets_)
    if (own.number == target && own.classes) return own.classes->names();
  return {};
}

void MaskSet::leave_out_masks(const std::filesystem::path& folder,
                              std::vector<FolderPicture>& pictures) const {
  std::error_code ignored;
  std::vector<std::string> files;
  for (const FolderPicture& picture : pictures) files.push_back(picture.path);
  std::vector<bool> is_mask(files.size());
  for (const Target& target : targets_) {
    if (!std::filesystem::equivalent(target.files.folder, folder, ignored)) continue;
    const std::vector<bool> own = masks_among(files, target.files.naming);
    for (std::size_t i = 0; i < files.size(); ++i) is_mask[i] = is_mask[i] || own[i];
  }
  std::size_t next = 0;
  std::erase_if(pictures, [&](const FolderPicture&) { return is_mask[next++]; });
}

nlohmann::json MaskSet::provenance() const {
  nlohmann::json json = nlohmann::json::object();
  for (const Target& target : targets_) {
    const MaskMeaning& meaning = target.files.meaning;
    auto& entry = json[std::string(target.spec.name)];
    entry["folder"] = target.files.folder.string();
    entry["names"] = target.pairs.naming.text();
    for (const MaskColour& colour : meaning.colours)
      entry["colours"][fmt::format("#{:06x}", colour.rgb)] = colour.name;
    if (!meaning.values.empty()) entry["values"] = meaning.values;
    if (meaning.threshold) entry["threshold"] = *meaning.threshold;
    if (meaning.unknown) entry["unknown"] = *meaning.unknown;
    if (meaning.all_known) entry["unknown"] = "none";
  }
  return json;
}

}  // namespace medley
