// `predict`: what a checkpoint says of records of a data set or of picture files.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "commands/predict_options.hpp"
#include "medley/base/text.hpp"
#include "medley/files/csv.hpp"
#include "medley/run/mask_files.hpp"
#include "medley/run/model.hpp"
#include "medley/run/picture_feed.hpp"
#include "medley/run/prediction.hpp"
#include "medley/run/trained_fold.hpp"

namespace medley {

namespace {

const HelpText predict_help{
    "predict",
    "one row a record\n\n"
    "stdout: CSV with the record's number or the picture's name, then for each head: the class and "
    "its\n"
    "probability (or score, where the loss has no probabilities), the values, or the share of "
    "pixels of\n"
    "each class. IMAGE is a JPEG or PNG file; a single - reads names from stdin, one "
    "a line.",
    {"--checkpoint FILE|RUN IMAGE... [options]", "--checkpoint FILE|RUN - [options] < NAMES",
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
    print_header();
    for (feed_->next(*batch_); batch_->size > 0; feed_->next(*batch_)) {
      // What was predicted until then is not lost by a picture that ends the program.
      const std::size_t good = o_.skip_bad ? batch_->size : batch_->good_ones();
      predict(good);
      if (good < batch_->size) refuse(*batch_->problems[good]);
    }
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
    const std::size_t batch = model_.engine().predict_batch();
    const PictureShape shape{d_.input.c, d_.input.h, d_.input.w};
    if (o_.pictures()) {
      model_.start_prediction(nullptr, {});
      feed_ = std::make_unique<PictureFeed>(o_.images, o_.stdin_end, shape, o_.fit, batch,
                                            model_.threads());
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

  void prepare() {
    const std::size_t size = model_.engine().predict_batch();
    batch_.emplace(size);
    std::vector<std::vector<std::string>> class_names;
    for (int t = 0; t < static_cast<int>(d_.targets.size()); ++t) {
      const auto names = model_.source().class_names(t);
      class_names.emplace_back(names.begin(), names.end());
    }
    heads_ = head_predictions(d_, class_names);
    for (const HeadInfo& head : d_.heads) {
      outputs_.emplace_back(size * static_cast<std::size_t>(head.shape.elements()));
    }
    if (o_.masks.empty()) return;
    const auto mask_heads =
        std::ranges::count_if(heads_, [](const auto& h) { return h.second.answers_mask(); });
    if (mask_heads == 0)
      throw usage_error(fmt::format("--masks: no head of '{}' answers a mask", d_.name));
    masks_.emplace(o_.masks, mask_heads);
  }

  void print_header() const {
    std::string row(feed_->column());
    for (const auto& [h, head] : heads_) {
      for (const std::string& column : head.columns()) row += "," + csv_field(column);
    }
    fmt::print("{}\n", row);
  }

  [[noreturn]] static void refuse(const Error& problem) {
    throw Error(problem.code(),
                fmt::format("{} (--skip-bad goes on without such pictures)", problem.what()));
  }

  // Predicts those of the first `size` records of the batch that could be read, and prints a row
  // for each.
  void predict(std::size_t size) {
    readable_.clear();
    for (std::size_t i = 0; i < size; ++i)
      if (!batch_->problems[i]) readable_.push_back(batch_->records[i]);
    pointers_.clear();
    for (std::vector<float>& output : outputs_) pointers_.push_back(output.data());
    if (!readable_.empty()) model_.engine().predict(readable_, pointers_);
    std::string rows;
    for (std::size_t i = 0, n = 0; i < size; ++i) {
      rows += csv_field(batch_->names[i]);
      if (!batch_->problems[i]) {
        append_record(batch_->names[i], n++, rows);
      } else {
        fmt::print(stderr, "skipped: {}\n", printable(batch_->problems[i]->what()));
        ++skipped_;
        for (const auto& [h, head] : heads_) rows.append(head.columns().size(), ',');
      }
      rows += "\n";
    }
    fmt::print("{}", rows);
    done_ += size;
  }

  void append_record(const std::string& name, std::size_t n, std::string& row) {
    for (const auto& [h, head] : heads_) {
      const auto elements = static_cast<std::size_t>(head.shape().elements());
      const std::span<const float> output(
          outputs_[static_cast<std::size_t>(h)].data() + n * elements, elements);
      head.append_cells(output, row);
      if (masks_ && head.answers_mask()) masks_->save(name, head, output);
    }
  }

  const Program& program_;
  const Description& d_;
  PredictOptions o_;
  Model model_;
  std::optional<Dataset> dataset_;
  std::unique_ptr<FoldedSource> folded_;
  std::unique_ptr<RecordFeed> feed_;
  std::vector<std::pair<int, HeadPrediction>> heads_;
  std::optional<RecordBatch> batch_;
  std::vector<Record> readable_;
  std::vector<std::vector<float>> outputs_;  // of each head, for a batch
  std::vector<float*> pointers_;
  std::optional<MaskFiles> masks_;
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
