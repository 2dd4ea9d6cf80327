// Writes dataset folders: the one place that knows how. The format is described in dataset.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "medley/data/dataset.hpp"
#include "medley/data/source.hpp"
#include "medley/files/atomic_file.hpp"
#include "medley/files/npy.hpp"

namespace medley {

// What a folder holds, as dataset.json says it.
struct DatasetSummary {
  struct Target {
    TargetSpec spec;
    std::vector<std::string> class_names;              // empty where there are none
    std::array<std::vector<std::uint64_t>, 3> counts;  // of each class in each split
    std::array<std::uint64_t, 3> missing{};            // records without the target
  };
  PictureShape shape;
  PixelFormat pixels;
  std::array<std::uint64_t, 3> records{};
  std::vector<Target> targets;
  std::vector<float> mean, deviation;  // of the training split
};

// Writes record after record into a folder ".<name>.partial" beside the final one, and gives it its
// name when all is on the disk: under the final name is always a whole data set or none. Memory
// does not depend on the number of records.
class DatasetWriter {
 public:
  // `replace`: an existing dataset folder is replaced at the end. Throws usage_error if the folder
  // exists and may not be replaced or holds other files, io_error if it cannot be written or
  // another process is writing it.
  DatasetWriter(const std::filesystem::path& folder, PictureShape shape,
                std::span<const TargetSpec> targets, bool replace, PixelFormat pixels = {});
  ~DatasetWriter();  // without finish(): removes what was written
  DatasetWriter(const DatasetWriter&) = delete;
  DatasetWriter& operator=(const DatasetWriter&) = delete;

  void set_class_names(std::size_t target, std::vector<std::string> names);
  // To be called before the first record: each comes with its group.
  void keep_groups();
  // The same of weights.
  void keep_weights();
  // Missing targets: label < 0, values nullptr or with a NaN, mask nullptr. Throws io_error,
  // data_error for a label, mask or weight out of range. Floats of pictures are finite.
  void append(const Record& record, Split split, std::int64_t group = 0, float weight = 1.0f);
  // Throws data_error if there is no record.
  DatasetSummary finish(const nlohmann::json& provenance);

 private:
  void check_replaceable() const;
  void create_files(std::span<const TargetSpec> targets);
  void remove_partial() const;
  void append_target(std::size_t target, const Record::Target& value, std::size_t split);
  void write_description(const nlohmann::json& provenance);
  void publish();

  std::filesystem::path folder_, partial_;
  std::unique_ptr<FileLock> lock_;
  DatasetSummary summary_;
  ChannelStatistics statistics_;
  std::unique_ptr<NpyWriter> images_, split_, groups_, weights_;
  std::vector<std::unique_ptr<NpyWriter>> targets_;
  std::vector<std::byte> scratch_;
  bool replace_, finished_ = false;
};

// Called with how many records of how many are done.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Writes all records of a source (a generator, another folder): training, validation and test
// records, each in their order.
DatasetSummary write_dataset(const Source& source, const std::filesystem::path& folder,
                             PictureShape shape, std::span<const TargetSpec> targets, bool replace,
                             const nlohmann::json& provenance, const Progress& progress = {});

}  // namespace medley
