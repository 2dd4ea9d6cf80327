// The dataset folder: plain NumPy files that `import` or a user's own script writes and `train`
// maps.
//
//   images.npy     uint8, uint16 or float32, N x C x H x W; C as the experiment has it, such as 1
//                  (gray) or 3 (red, green, blue). Floats are finite
//   <target>.npy   one for each target, N records in the same order:
//                    classes  integers of any width, or bool; N. Negative: missing (unsigned types
//                             have no missing)
//                    values   float32; N x D, or N where D = 1. A row with any NaN: missing
//                    mask     uint8 or bool; N x H x W. 255: missing pixel
//   split.npy      uint8, N: 0 train, 1 validation, 2 test
//   group.npy      may be absent: integers of any width, N. Records of the same number belong together,
//                  such as the pictures of one person: folds never part them (folds.hpp), and
//                  uncertainty counts them as one (run/uncertainty.hpp)
//   weight.npy     may be absent: float32 or float64, N, >= 0. How much a record counts in the losses:
//                  each is a weighted mean over the records that have its target. 0: not at all, and
//                  neither in metrics, which count all others alike
//   dataset.json   may be absent in a folder made by hand; every member may be absent too:
//     format       "medley-dataset", with version 1
//     shape        [C, H, W]
//     records      {"train": n, "validation": n, "test": n}
//     range        [black, white] of floats, which must be there for them
//     mean, deviation   of each channel over the training split, in units of the pixels (uint8: 0..255);
//                  a deviation is at least 1e-30; where they are absent they are computed when the
//                  folder is opened
//     targets      {name: {"kind", "size", "classes": [names], "counts": {split: [n of each
//     class]},
//                  "missing": {split: n}}}
//     checksums    {file name: XXH3-64 of the whole file, 16 hexadecimal digits}
//     provenance   how the folder came about
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/data/channel_statistics.hpp"
#include "medley/data/source.hpp"
#include "medley/files/image.hpp"
#include "medley/files/npy.hpp"

namespace medley {

inline constexpr std::string_view dataset_format = "medley-dataset";
inline constexpr int dataset_version = 1;

// "<target>.npy". Throws usage_error for a name that is no plain file name or that another file of
// the folder has.
std::string target_file(std::string_view target);

// XXH3-64 of a whole file as dataset.json holds it.
std::string checksum_text(std::span<const std::byte> file);
std::string checksum_text(std::uint64_t hash);

struct DatasetOptions {
  // false: a target without a file is missing for all records (for `predict`).
  bool targets_required = true;
  // false: without split.npy all records are of the test split.
  bool split_required = true;
  // false: group.npy and weight.npy are not looked at (for `predict`).
  bool reads_groups = true;
  // false: somebody else has held all of this folder against its checksums and looked at every pixel, mask
  // and value, and knows mean, deviation and which targets are complete. Nothing of the pictures is read.
  bool checks_contents = true;
  // Files of targets, splits, groups and weights are always held against their checksums; images.npy up to this
  // size, so that a folder larger than memory opens at once.
  std::uint64_t verify_images_up_to = std::uint64_t{1} << 30;
};

// A dataset folder, mapped. Everything is checked when it is opened, so that reading cannot fail.
// Memory does not depend on the number of records. Only the files named above are opened.
class Dataset final : public Source {
 public:
  // `shape` and `targets` are what the experiment expects; `targets` is copied, its names must
  // outlive the dataset. Throws io_error or data_error naming file, record and remedy.
  Dataset(const std::filesystem::path& folder, PictureShape shape,
          std::span<const TargetSpec> targets, const DatasetOptions& options = {});
  Dataset(const Dataset&) = delete;  // the mean's span points into it
  Dataset& operator=(const Dataset&) = delete;
  ~Dataset() override;

  std::uint64_t size() const { return records_; }
  std::uint64_t size(Split split) const override { return ranks_[index(split)].size; }
  std::uint64_t record(Split split, std::uint64_t rank) const override;
  void each_record(Split split, const std::function<void(std::uint64_t)>& visit) const override;
  // Pointers into the mapped files. A target that the record has not: label -1, values nullptr,
  // mask nullptr (without a file) or all 255.
  void read(std::uint64_t record, std::span<std::byte> scratch, Record& out) const override;
  std::int32_t label(std::uint64_t record, int target) const override;
  bool labelled(std::uint64_t record, int target) const override;
  bool complete(int target) const override {
    return targets_[static_cast<std::size_t>(target)].complete;
  }
  // Empty if there is neither a training record nor a mean in dataset.json.
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }
  PixelFormat pixels() const override { return pixels_; }
  std::string folder() const override { return folder_.string(); }
  bool has_groups() const override { return has_groups_; }
  std::int64_t group(std::uint64_t record) const override;
  bool has_weights() const override { return has_weights_; }
  float weight(std::uint64_t record) const override;
  std::span<const std::string> class_names(int target) const override {
    return class_names_[static_cast<std::size_t>(target)];
  }
  Split split_of(std::uint64_t record) const;
  // XXH3-64 over the files of pictures, splits, groups, weights and targets, every byte of them, and over mean and
  // deviation. Sizes and times of files are not trusted in its place: they tell nothing of a copy,
  // and times can be set. It is computed when it is first asked for, which takes a fraction of a
  // second a gigabyte, or as fast as the disk reads: `eval` and `predict` never ask.
  std::uint64_t fingerprint() const override { return fingerprint_.get(); }
  // Begins to compute it beside other work, so that a training of more data than memory holds
  // starts at once: the first checkpoint waits for the rest.
  void begin_fingerprint();

 private:
  // Where each stride-th record of a split is, so that a rank is found by a short scan.
  struct Ranks {
    static constexpr std::size_t entries = 4096;
    std::uint64_t size = 0, stride = 1;
    std::array<std::uint64_t, entries> position{};
  };
  struct Target {
    TargetSpec spec;
    NpyFile file;
    bool present = false, complete = false;
  };
  static std::size_t index(Split split) { return static_cast<std::size_t>(split); }

  void open_images();
  void check_floats() const;
  void open_split(bool required);
  void build_ranks();
  void open_groups();
  void open_weights();
  void open_target(Target& target, const DatasetOptions& options);
  void check_labels(const Target& target) const;
  void check_values(const Target& target) const;
  void check_mask(const Target& target) const;
  bool all_labelled(int target) const;
  nlohmann::json read_description() const;
  void apply_description(const nlohmann::json& json, std::uint64_t verify_images_up_to);
  void apply_classes(const nlohmann::json& json);
  void apply_range(const nlohmann::json& json);
  void apply_statistics(const nlohmann::json& json);
  void verify_checksums(const nlohmann::json& json, std::uint64_t verify_images_up_to);
  void compute_statistics();
  Pixels picture(std::uint64_t record) const;
  std::uint64_t compute_fingerprint() const;
  std::uint64_t hash_in_parts(std::span<const std::byte> bytes) const;
  std::string path(std::string_view file) const { return (folder_ / file).string(); }

  std::filesystem::path folder_;
  PictureShape shape_;
  std::uint64_t records_ = 0;
  NpyFile images_;
  PixelFormat pixels_;
  NpyFile split_;
  bool has_split_ = false;
  NpyFile groups_;
  bool has_groups_ = false;
  NpyFile weights_;
  bool has_weights_ = false;
  std::vector<Target> targets_;
  std::vector<std::vector<std::string>> class_names_;
  std::array<Ranks, 3> ranks_;
  std::vector<float> mean_, deviation_;
  std::optional<std::uint64_t> images_hash_;  // where it was held against a checksum
  std::atomic<bool> stop_hashing_{false};
  std::shared_future<std::uint64_t> fingerprint_;  // last: it waits for what reads the others
};

}  // namespace medley
