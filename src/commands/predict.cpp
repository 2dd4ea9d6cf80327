// `predict`: what a checkpoint says of records of a data set or of picture files.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "commands/predict_options.hpp"
#include "medley/base/text.hpp"
#include "medley/run/mask_files.hpp"
#include "medley/run/model.hpp"
#include "medley/run/picture_feed.hpp"
#include "medley/run/prediction_writer.hpp"
#include "medley/run/trained_fold.hpp"
#include "medley/run/whole_masks.hpp"

namespace medley {

namespace {

const HelpText predict_help{
    "predict",
    "one row a record\n\n"
    "stdout: CSV with the record's number or the picture's name, then for each head: the class and "
    "its\n"
    "probability (or score, where the loss has no probabilities), the values, or the share of "
    "pixels of\n"
    "each class; --format has other forms. IMAGE is a picture file; a single - reads names from "
    "stdin,\none a line, and --stream answers each before the next.",
    {"--checkpoint FILE|RUN IMAGE... [options]", "--checkpoint FILE|RUN - [options] < NAMES",
     "--checkpoint FILE|RUN --stream [options]",
     "--checkpoint FILE|RUN [--data DIR] [--split NAME] [options]"},
    "--checkpoint runs/first photos/*.jpg > predictions.csv"};

class PredictCommand {
 public:
  PredictCommand(const Program& program, const po::variables_map& values)
      : program_(program),
        d_(program.description),
        o_(predict_options(program, values)),
        model_(program, "predict", values) {}

  int run() {
    open();
    prepare();
    const auto start = std::chrono::steady_clock::now();
    writer_->flush();
    for (feed_->next(*batch_); batch_->size > 0; feed_->next(*batch_)) {
      // What was predicted until then is not lost by a picture that ends the program.
      const std::size_t good = o_.skip_bad ? batch_->size : batch_->good_ones();
      predict(good);
      if (good < batch_->size) refuse(*batch_->problems[good]);
    }
    writer_->finish();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fmt::print(stderr, "{}: {} records in {:.2f} s{} ({}, {} threads)\n",
               model_.checkpoint().path.string(), done_, seconds.count(),
               skipped_ > 0 ? fmt::format(", {} skipped", skipped_) : std::string{}, model_.isa(),
               model_.threads());
    if (skipped_ == 0 || skipped_ < done_) return 0;
    throw data_error("none of the pictures could be read");
  }

 private:
  void open() {
    const std::size_t batch = batch_size();
    const PictureShape shape{d_.input.c, d_.input.h, d_.input.w};
    if (o_.pictures()) {
      model_.start_prediction(nullptr, {});
      feed_ = std::make_unique<PictureFeed>(o_.images, shape, model_.source().pixels(), o_.fit,
                                            o_.tile || o_.own_size, batch, model_.threads());
      return;
    }
    const Source* records = program_.generator;
    std::string from = "the experiment's own data";
    if (!o_.data.empty()) {
      from = o_.data;
      // Only folds depend on more than pictures and splits.
      const bool folds = wants_fold();
      dataset_.emplace(
          from, shape,
          folds ? std::span<const TargetSpec>(d_.targets) : std::span<const TargetSpec>{},
          DatasetOptions{
              .targets_required = false, .split_required = false, .reads_groups = folds});
      records = &*dataset_;
    }
    if (wants_fold()) folded_ = trained_fold(model_.checkpoint(), d_, *records, from);
    if (folded_) records = &*folded_;
    if (o_.splits.size() == 1) require_records(*records, o_.splits[0], from);
    model_.start_prediction(records, from);
    feed_ = std::make_unique<SourceFeed>(model_.source(), o_.splits, batch);
  }

  bool wants_fold() const {
    return is_of_fold(model_.checkpoint()) &&
           std::ranges::any_of(o_.splits, [](Split split) { return split != Split::test; });
  }

  // Pictures that are kept as they are may be large: not more than there are workers to decode them.
  std::size_t batch_size() {
    const std::size_t most = model_.engine().predict_batch();
    return o_.tile || o_.own_size ? std::min<std::size_t>(most, model_.threads()) : most;
  }

  void prepare() {
    const std::size_t size = batch_size();
    batch_.emplace(size);
    std::vector<std::vector<std::string>> class_names;
    for (int t = 0; t < static_cast<int>(d_.targets.size()); ++t) {
      const auto names = model_.source().class_names(t);
      class_names.emplace_back(names.begin(), names.end());
    }
    heads_ = head_predictions(d_, class_names);
    predicted_.resize(heads_.size());
    mask_memory_.resize(heads_.size());
    for (const HeadInfo& head : d_.heads)
      outputs_.emplace_back(size * static_cast<std::size_t>(head.shape.elements()));
    for (std::vector<float>& output : outputs_) pointers_.push_back(output.data());
    PredictionParts parts{o_.probabilities, o_.top, o_.outputs, {}};
    if (o_.features) {
      layer_.layer = feature_layer(d_, o_.layer);
      parts.features = d_.layers[static_cast<std::size_t>(layer_.layer)].output;
      features_.resize(size * static_cast<std::size_t>(parts.features.elements()));
      layer_.values = features_.data();
      feature_elements_ = static_cast<std::size_t>(parts.features.elements());
    }
    if (o_.tile) tiles_.emplace(model_.engine(), d_, heads_, o_.overlap);
    if (!o_.masks.empty()) {
      const auto masks =
          std::ranges::count_if(heads_, [](const auto& h) { return h.second.answers_mask(); });
      masks_.emplace(o_.masks, masks, o_.images.every_line);
    }
    make_writer(parts);
  }

  void make_writer(const PredictionParts& parts) {
    switch (o_.format) {
      case PredictionFormat::csv:
        writer_ = csv_predictions(feed_->column(), heads_, parts);
        break;
      case PredictionFormat::jsonl:
        writer_ = json_predictions(feed_->column(), heads_, parts);
        break;
      case PredictionFormat::npy:
        writer_ = array_predictions(o_.out, feed_->column(), heads_, parts);
        break;
    }
  }

  [[noreturn]] static void refuse(const Error& problem) {
    throw Error(problem.code(),
                fmt::format("{} (--skip-bad goes on without such pictures)", problem.what()));
  }

  // Predicts those of the first `size` records of the batch that could be read, and tells each.
  void predict(std::size_t size) {
    readable_.clear();
    for (std::size_t i = 0; i < size; ++i)
      if (!batch_->problems[i]) readable_.push_back(batch_->records[i]);
    if (!readable_.empty()) model_.engine().predict(readable_, pointers_, layer_);
    for (std::size_t i = 0, n = 0; i < size; ++i) {
      if (batch_->problems[i]) {
        skip(i);
      } else {
        tell(i, n++);
      }
    }
    writer_->flush();
    done_ += size;
  }

  // CSV has no place for the reason.
  void skip(std::size_t i) {
    const Error& problem = *batch_->problems[i];
    if (o_.format == PredictionFormat::csv)
      fmt::print(stderr, "skipped: {}\n", printable(problem.what()));
    ++skipped_;
    writer_->add({batch_->names[i], &problem, {}, {}});
  }

  // Record i of the batch, which is the n-th that could be read.
  void tell(std::size_t i, std::size_t n) {
    const auto* const tiled = tiles_ ? &tiles_->predict(batch_->pictures[i]) : nullptr;
    std::size_t masks = 0;
    for (std::size_t k = 0; k < heads_.size(); ++k) {
      const auto& [h, head] = heads_[k];
      const auto elements = static_cast<std::size_t>(head.shape().elements());
      const std::span<const float> output(
          outputs_[static_cast<std::size_t>(h)].data() + n * elements, elements);
      if (!head.answers_mask()) {
        predicted_[k].outputs = output;
      } else if (tiled) {
        const PictureShape shape = batch_->pictures[i].shape();
        predicted_[k] = {{}, (*tiled)[masks++], shape.height, shape.width, {}};
      } else {
        mask_memory_[k] = head.mask(output);
        predicted_[k] = {output, mask_memory_[k], head.shape().h, head.shape().w, {}};
      }
      if (masks_ && head.answers_mask()) save_mask(i, head, output, predicted_[k]);
    }
    const std::span<const float> features(features_.data() + n * feature_elements_,
                                          feature_elements_);
    writer_->add({batch_->names[i], nullptr, predicted_, features});
  }

  void save_mask(std::size_t i, const HeadPrediction& head, std::span<const float> output,
                 PredictedHead& predicted) {
    const std::string& name = batch_->names[i];
    if (!o_.own_size || o_.tile) {
      predicted.file = masks_->save(name, head, predicted.height, predicted.width, predicted.mask);
      return;
    }
    const PictureShape shape = batch_->pictures[i].shape();
    predicted.file = masks_->save(name, head, shape.height, shape.width,
                                  mask_in_own_size(head, output, o_.fit, shape));
  }

  const Program& program_;
  const Description& d_;
  PredictOptions o_;
  Model model_;
  std::optional<Dataset> dataset_;
  std::unique_ptr<FoldedSource> folded_;
  std::unique_ptr<RecordFeed> feed_;
  HeadPredictions heads_;
  std::optional<RecordBatch> batch_;
  std::vector<Record> readable_;
  std::vector<std::vector<float>> outputs_;  // of each head, for a batch
  std::vector<float*> pointers_;
  std::vector<float> features_;  // of a batch
  std::size_t feature_elements_ = 0;
  LayerOutput layer_;
  std::vector<PredictedHead> predicted_;  // of a record
  std::vector<std::vector<std::uint8_t>> mask_memory_;
  std::optional<TiledMasks> tiles_;
  std::optional<MaskFiles> masks_;
  std::unique_ptr<PredictionWriter> writer_;
  std::uint64_t done_ = 0, skipped_ = 0;
};

}  // namespace

int predict_command(const Program& program, const Arguments& arguments) {
  const Description& d = program.description;
  const po::options_description options = describe_predict(d);
  po::options_description all = options;
  all.add_options()("image", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("image", -1);
  const po::variables_map values = parse_options("predict", all, arguments, &positional);
  if (values["help"].as<bool>()) {
    fmt::print("{}", help(d.name, predict_help, options));
    return 0;
  }
  return PredictCommand(program, values).run();
}

}  // namespace medley
