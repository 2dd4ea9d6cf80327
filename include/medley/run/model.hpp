// A trained model as `eval` and `predict` use it: a checkpoint in the arena, an engine that runs
// it, and records that are normalized as those it was trained on.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "medley/data/dataset.hpp"
#include "medley/engine/engine.hpp"
#include "medley/files/options.hpp"
#include "medley/run/checkpoint.hpp"
#include "medley/run/session.hpp"

namespace medley {

// The records of a source, if there are any, with a model's own normalization and names of classes.
// A network sees pictures as it was trained to see them: never by the mean of the data at hand.
class ModelSource final : public Source {
 public:
  // Takes from `records`, which may be null, what the checkpoint does not know (one that another
  // framework wrote). `from` names the records in messages. Throws data_error if there is no
  // normalization, if the pixels are of another type or range than the model was trained on, or,
  // where the targets are to be read, if the records number their classes in another order than the
  // model does.
  ModelSource(const Checkpoint& checkpoint, const Description& description, const Source* records,
              const std::string& from, bool reads_targets);

  std::uint64_t size(Split split) const override { return records_ ? records_->size(split) : 0; }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    return records_->record(split, rank);
  }
  void read(std::uint64_t record, std::span<std::byte> scratch, Record& out) const override {
    records_->read(record, scratch, out);
  }
  std::size_t scratch_bytes() const override { return records_ ? records_->scratch_bytes() : 0; }
  // As the model was trained on them.
  PixelFormat pixels() const override { return pixels_; }
  std::int32_t label(std::uint64_t record, int target) const override {
    return records_->label(record, target);
  }
  bool labelled(std::uint64_t record, int target) const override {
    return records_->labelled(record, target);
  }
  // Where targets are read: of records that are only predicted, nothing else is.
  std::string folder() const override {
    return records_ && reads_targets_ ? records_->folder() : std::string{};
  }
  bool has_weights() const override { return records_ && records_->has_weights(); }
  float weight(std::uint64_t record) const override { return records_->weight(record); }
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }
  std::span<const std::string> class_names(int target) const override {
    return class_names_[static_cast<std::size_t>(target)];
  }

 private:
  void take_pixels(const Checkpoint& checkpoint, const std::string& from);
  void take_normalization(const Checkpoint& checkpoint, const std::string& from);
  void take_class_names(const Checkpoint& checkpoint, const Description& description,
                        const std::string& from);

  const Source* records_;
  bool reads_targets_;
  PixelFormat pixels_;
  std::vector<float> mean_, deviation_;
  std::vector<std::vector<std::string>> class_names_;
};

// --checkpoint, --threads and --isa.
void add_model_options(po::options_description& options, const Description& description);

class Model {
 public:
  // Loads what --checkpoint names into the arena.
  Model(const Program& program, std::string_view command, const po::variables_map& values);
  // Loads this file, or the last checkpoint of this run folder. `instruction_set` may be empty.
  Model(const Program& program, const std::filesystem::path& checkpoint, int threads,
        std::string_view instruction_set);

  // Starts the engine on records with targets, which `from` names in messages. `settings` may hold
  // weights.
  void start_evaluation(const Source& records, const std::string& from, const Settings& settings);
  // Starts it on records, which may be null, whose targets are not looked at.
  void start_prediction(const Source* records, const std::string& from);

  Engine& engine() { return session_.engine(); }
  const Description& description() const { return session_.description(); }
  const Source& source() const { return *source_; }
  const Checkpoint& checkpoint() const { return checkpoint_; }
  int threads() const { return threads_; }
  std::string_view isa() const { return session_.instruction_set(); }

 private:
  void start(Settings settings);

  Session session_;
  int threads_;
  Checkpoint checkpoint_;
  std::unique_ptr<ModelSource> source_;
};

// The split of that name, or a usage error.
Split parse_split(std::string_view text);

// Throws data_error telling the sizes if the split has no records.
void require_records(const Source& source, Split split, const std::string& from);

}  // namespace medley
