#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "medley/files/atomic_file.hpp"
#include "medley/files/csv.hpp"
#include "medley/files/npy.hpp"
#include "medley/run/prediction_writer.hpp"

namespace medley {

namespace {

namespace fs = std::filesystem;

fs::path made(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw io_error(fmt::format("{} cannot be made: {}", folder.string(), error.message()));
  return folder;
}

// An array that gets its name when it is whole.
class Array {
 public:
  Array(const fs::path& folder, const std::string& name, DType dtype,
        std::vector<std::uint64_t> shape)
      : path_(folder / (name + ".npy")),
        partial_(folder / ("." + name + ".npy.partial")),
        file_(std::make_unique<NpyWriter>(partial_, dtype, std::move(shape))) {}
  ~Array() {
    if (!file_) return;
    file_.reset();
    std::error_code ignored;
    fs::remove(partial_, ignored);
  }
  Array(Array&&) = default;

  template <class T>
  void append(std::span<const T> record) {
    file_->append(std::as_bytes(record));
  }
  // As many bytes of this value as a record has.
  template <class T>
  void fill(T value) {
    const std::vector<T> record(file_->record_bytes() / sizeof(T), value);
    append(std::span<const T>(record));
  }
  void finish() {
    file_->finish();
    std::error_code error;
    fs::rename(partial_, path_, error);
    if (error)
      throw io_error(fmt::format("{} cannot be written: {}", path_.string(), error.message()));
    file_.reset();
  }

 private:
  fs::path path_, partial_;
  std::unique_ptr<NpyWriter> file_;
};

std::vector<std::uint64_t> dims(int channels, Shape shape) {
  const auto c = static_cast<std::uint64_t>(channels), h = static_cast<std::uint64_t>(shape.h),
             w = static_cast<std::uint64_t>(shape.w);
  if (h * w == 1) return {c};
  return {c, h, w};
}

class ArrayPredictions final : public PredictionWriter {
 public:
  ArrayPredictions(const fs::path& folder, std::string_view column, const HeadPredictions& heads,
                   const PredictionParts& parts)
      : heads_(heads), parts_(parts), folder_(made(folder)), names_(folder_) {
    names_.begin("names.csv").or_throw();
    write_name(fmt::format("{},error\n", column));
    for (const auto& [h, head] : heads_) {
      own_.push_back(prediction_array(folder, head));
      if (tells_probabilities(head))
        probabilities_.emplace_back(folder, head.head() + ".probabilities", DType::f32,
                                    dims(head.classes(), head.shape()));
      if (parts_.outputs)
        outputs_.emplace_back(folder, head.head() + ".outputs", DType::f32,
                              dims(head.shape().c, head.shape()));
    }
    if (parts_.features.c > 0)
      features_.emplace_back(folder, "features", DType::f32,
                             dims(parts_.features.c, parts_.features));
  }

  void add(const PredictedRecord& record) override {
    write_name(csv_field(record.name) + "," +
               csv_field(record.problem ? record.problem->what() : "") + "\n");
    std::size_t probabilities = 0;
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      const HeadPrediction& head = heads_[i].second;
      Array* const all = tells_probabilities(head) ? &probabilities_[probabilities++] : nullptr;
      if (record.problem) {
        fill(own_[i], head.kind());
      } else {
        add(head, record.heads[i], own_[i], all);
        if (parts_.outputs) outputs_[i].append(record.heads[i].outputs);
      }
    }
    if (!record.problem) {
      for (Array& array : features_) array.append(record.features);
      return;
    }
    for (auto* arrays : {&probabilities_, &outputs_, &features_})
      for (Array& array : *arrays) array.fill(not_known);
  }

  void flush() override {}

  void finish() override {
    for (auto* arrays : {&own_, &probabilities_, &outputs_, &features_})
      for (Array& array : *arrays) array.finish();
    names_.commit().or_throw();
  }

 private:
  static constexpr float not_known = std::numeric_limits<float>::quiet_NaN();

  static Array prediction_array(const fs::path& folder, const HeadPrediction& head) {
    const auto h = static_cast<std::uint64_t>(head.shape().h),
               w = static_cast<std::uint64_t>(head.shape().w);
    switch (head.kind()) {
      case TargetKind::classes:
        return {folder, head.head(), DType::i32, {}};
      case TargetKind::values:
        return {folder, head.head(), DType::f32, {static_cast<std::uint64_t>(head.shape().c)}};
      case TargetKind::mask:
        break;
    }
    return {folder, head.head(), DType::u8, {h, w}};
  }

  bool tells_probabilities(const HeadPrediction& head) const {
    return parts_.probabilities && head.kind() != TargetKind::values && head.has_probability();
  }

  static void fill(Array& array, TargetKind kind) {
    switch (kind) {
      case TargetKind::classes:
        return array.fill(std::int32_t{-1});
      case TargetKind::values:
        return array.fill(not_known);
      case TargetKind::mask:
        return array.fill(std::uint8_t{255});
    }
  }

  void add(const HeadPrediction& head, const PredictedHead& predicted, Array& own, Array* all) {
    numbers_.clear();
    switch (head.kind()) {
      case TargetKind::classes: {
        const std::int32_t c = head.predicted_class(predicted.outputs);
        own.append(std::span(&c, 1));
        break;
      }
      case TargetKind::values:
        for (int c = 0; c < head.shape().c; ++c)
          numbers_.push_back(static_cast<float>(head.value(predicted.outputs, c)));
        own.append(std::span<const float>(numbers_));
        break;
      case TargetKind::mask:
        own.append(predicted.mask);
        break;
    }
    if (!all) return;
    numbers_.resize(static_cast<std::size_t>(head.classes() * head.shape().pixels()));
    head.probabilities(predicted.outputs, numbers_);
    all->append(std::span<const float>(numbers_));
  }

  void write_name(const std::string& row) {
    names_.write(std::as_bytes(std::span<const char>(row))).or_throw();
  }

  const HeadPredictions& heads_;
  PredictionParts parts_;
  Folder folder_;
  AtomicFile names_;
  // One a head, or one a head that has such; one at most.
  std::vector<Array> own_, outputs_, probabilities_, features_;
  std::vector<float> numbers_;
};

}  // namespace

std::unique_ptr<PredictionWriter> array_predictions(const fs::path& folder, std::string_view column,
                                                    const HeadPredictions& heads,
                                                    const PredictionParts& parts) {
  for (const auto& [h, head] : heads) {
    if (parts.features.c > 0 && head.head() == "features")
      throw usage_error(
          "predict: a head is called 'features', whose array would be features.npy too; ask for "
          "features with --format jsonl");
  }
  return std::make_unique<ArrayPredictions>(folder, column, heads, parts);
}

}  // namespace medley
