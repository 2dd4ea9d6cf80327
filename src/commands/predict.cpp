// `predict`: what a checkpoint says of records of a data set or of picture files.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <optional>
#include <set>

#include "commands/commands.hpp"
#include "commands/help.hpp"
#include "medley/base/text.hpp"
#include "medley/engine/threads.hpp"
#include "medley/files/csv.hpp"
#include "medley/files/deep_image.hpp"
#include "medley/files/mask_image.hpp"
#include "medley/files/name_reader.hpp"
#include "medley/files/unicode_form.hpp"
#include "medley/run/model.hpp"
#include "medley/run/prediction.hpp"
#include "medley/run/trained_fold.hpp"

namespace medley {

namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

po::options_description describe_predict(const Description& d) {
  po::options_description options("options", 100, 60);
  add_model_options(options, d);
  auto add = options.add_options();
  add("data", po::value<std::string>()->value_name("DIR"),
      "dataset folder, of which only images.npy and split.npy are read (of a run of a --fold, "
      "whose "
      "training or validation records are asked for, all); without it and without pictures the "
      "experiment's own data, if it has any");
  add("split", po::value<std::string>()->value_name("NAME"),
      "train, validation, test or all, in this order (default test, which is what all records of a "
      "folder without split.npy are)");
  add("fit", po::value<std::string>()->value_name("HOW"),
      "pictures of another aspect ratio: crop (scale the short side, keep the middle), stretch, or "
      "pad "
      "(scale the long side, black around); as they were imported (default crop)");
  add("null", po::bool_switch(), "names on stdin end with a zero byte, as from find -print0");
  add("skip-bad", po::bool_switch(),
      "go on after a picture that cannot be read: its row is empty, a message says why; if none "
      "could be read, the exit code is 3");
  add("masks", po::value<std::string>()->value_name("DIR"),
      "write each predicted mask, as large as the network sees the picture, to DIR/<record>.png, "
      "indexed "
      "by class (DIR/<record>.<head>.png if there are several mask heads)");
  add("help", po::bool_switch(), "this text");
  return options;
}

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

// Up to so many records that are predicted at once.
struct Batch {
  Strings names;
  std::vector<Record> records;
  std::vector<std::optional<Error>> problems;  // why a record could not be read
  std::size_t size = 0;
};

// Where the records come from.
class Feed {
 public:
  virtual ~Feed() = default;
  // What the first column is called.
  virtual std::string_view column() const = 0;
  // Fills the batch as far as there are records; size 0: no more.
  virtual void next(Batch& batch) = 0;
};

// Records of a source, split by split in their order.
class SourceFeed final : public Feed {
 public:
  SourceFeed(const Source& source, std::vector<Split> splits, std::size_t batch)
      : source_(source),
        splits_(std::move(splits)),
        scratch_bytes_(source.scratch_bytes()),
        scratch_(batch * scratch_bytes_) {}

  std::string_view column() const override { return "record"; }

  void next(Batch& batch) override {
    batch.size = 0;
    while (batch.size < batch.records.size() && at_ < splits_.size()) {
      if (rank_ == source_.size(splits_[at_])) {
        ++at_;
        rank_ = 0;
        continue;
      }
      const std::uint64_t record = source_.record(splits_[at_], rank_++);
      const std::span<std::byte> scratch(scratch_.data() + batch.size * scratch_bytes_,
                                         scratch_bytes_);
      source_.read(record, scratch, batch.records[batch.size]);
      batch.names[batch.size++] = std::to_string(record);
    }
  }

 private:
  const Source& source_;
  std::vector<Split> splits_;
  std::size_t at_ = 0;
  std::uint64_t rank_ = 0;
  std::size_t scratch_bytes_;
  std::vector<std::byte> scratch_;
};

// Picture files, decoded by all threads.
class PictureFeed final : public Feed {
 public:
  PictureFeed(Strings names, std::optional<char> stdin_end, PictureShape shape, PixelFormat format,
              Fit fit, std::size_t batch, int threads)
      : names_(std::move(names)),
        shape_(shape),
        format_(format),
        fit_(fit),
        pixels_(batch * picture_bytes()),
        workers_(threads) {
    if (stdin_end) stdin_names_.emplace(std::cin, *stdin_end);
  }

  std::string_view column() const override { return "image"; }

  void next(Batch& batch) override {
    batch.size = 0;
    try {
      while (!failure_ && batch.size < batch.names.size() && next_name(batch.names[batch.size]))
        ++batch.size;
    } catch (const Error& error) {  // what was named before comes first
      failure_ = error;
    }
    if (batch.size == 0 && failure_) throw *failure_;
    std::atomic<std::size_t> next{0};
    workers_.run([&](int) {
      for (std::size_t i; (i = next.fetch_add(1)) < batch.size;) load(batch, i);
    });
  }

 private:
  bool next_name(std::string& name) {
    if (stdin_names_) return stdin_names_->next(name);
    if (at_ == names_.size()) return false;
    name = names_[at_++];
    return true;
  }

  void load(Batch& batch, std::size_t i) {
    const std::span<std::byte> pixels(pixels_.data() + i * picture_bytes(), picture_bytes());
    batch.records[i].image = {pixels.data(), format_.type};
    batch.problems[i].reset();
    try {
      load_picture(batch.names[i], fit_, shape_, format_, pixels);
    } catch (const Error& error) {  // a worker must not throw
      const fs::path other = file_in_other_form(batch.names[i]);
      batch.problems[i] =
          other.empty() ? error : Error(error.code(), error.what() + other_form_note(other));
    } catch (const std::exception& error) {
      batch.problems[i] = io_error(batch.names[i] + ": " + error.what());
    }
  }

  Strings names_;
  std::size_t at_ = 0;
  std::optional<NameReader> stdin_names_;
  std::optional<Error> failure_;  // of reading names
  std::size_t picture_bytes() const { return shape_.bytes() * size_of(format_.type); }

  PictureShape shape_;
  PixelFormat format_;
  Fit fit_;
  std::vector<std::byte> pixels_;
  Threads workers_;
};

struct PredictOptions {
  Strings images;
  std::optional<char> stdin_end;  // what ends a name on stdin, if names come from there
  std::string data, masks;
  std::vector<Split> splits{Split::test};
  Fit fit = Fit::crop;
  bool skip_bad = false;
  bool pictures() const { return stdin_end || !images.empty(); }
};

PredictOptions predict_options(const Program& program, const po::variables_map& values) {
  const auto text = [&](const char* name) {
    return values.count(name) > 0 ? values[name].as<std::string>() : std::string{};
  };
  PredictOptions o;
  if (values.count("image") > 0) o.images = values["image"].as<Strings>();
  if (o.images == Strings{"-"}) {
    o.images.clear();
    o.stdin_end = values["null"].as<bool>() ? '\0' : '\n';
  } else if (values["null"].as<bool>()) {
    throw usage_error("predict: --null is for names on stdin: give - as the only picture");
  }
  o.data = text("data");
  o.masks = text("masks");
  o.skip_bad = values["skip-bad"].as<bool>();
  if (values.count("fit") > 0) o.fit = parse_fit(text("fit"));
  const std::string split = text("split");
  if (split == "all") {
    o.splits = {Split::train, Split::validation, Split::test};
  } else if (!split.empty()) {
    o.splits = {parse_split(split)};
  }
  if (o.pictures() && !(o.data.empty() && split.empty()))
    throw usage_error("predict: either pictures or --data and --split");
  if (!o.pictures() && o.data.empty() && !program.generator)
    throw usage_error("predict: name pictures, or a dataset folder with --data DIR");
  if (!o.pictures() && (o.skip_bad || values.count("fit") > 0))
    throw usage_error("predict: --fit and --skip-bad are for pictures");
  return o;
}

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
    for (feed_->next(batch_); batch_.size > 0; feed_->next(batch_)) {
      // What was predicted until then is not lost by a picture that ends the program.
      const std::size_t good = o_.skip_bad ? batch_.size : good_ones();
      predict(good);
      if (good < batch_.size) refuse(*batch_.problems[good]);
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
      feed_ =
          std::make_unique<PictureFeed>(o_.images, o_.stdin_end, shape, model_.source().pixels(),
                                        o_.fit, batch, model_.threads());
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
    batch_.names.resize(size);
    batch_.records.resize(size);
    batch_.problems.resize(size);
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
    mask_heads_ =
        std::ranges::count_if(heads_, [](const auto& h) { return h.second.answers_mask(); });
    if (mask_heads_ == 0)
      throw usage_error(fmt::format("--masks: no head of '{}' answers a mask", d_.name));
    std::error_code error;
    fs::create_directories(o_.masks, error);
    if (error) throw io_error(fmt::format("{} cannot be made: {}", o_.masks, error.message()));
  }

  void print_header() const {
    std::string row(feed_->column());
    for (const auto& [h, head] : heads_) {
      for (const std::string& column : head.columns()) row += "," + csv_field(column);
    }
    fmt::print("{}\n", row);
  }

  // How many records of the batch come before one that could not be read.
  std::size_t good_ones() const {
    const auto end = batch_.problems.begin() + static_cast<std::ptrdiff_t>(batch_.size);
    return static_cast<std::size_t>(
        std::find_if(batch_.problems.begin(), end, [](const auto& p) { return p.has_value(); }) -
        batch_.problems.begin());
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
      if (!batch_.problems[i]) readable_.push_back(batch_.records[i]);
    pointers_.clear();
    for (std::vector<float>& output : outputs_) pointers_.push_back(output.data());
    if (!readable_.empty()) model_.engine().predict(readable_, pointers_);
    std::string rows;
    for (std::size_t i = 0, n = 0; i < size; ++i) {
      rows += csv_field(batch_.names[i]);
      if (!batch_.problems[i]) {
        append_record(batch_.names[i], n++, rows);
      } else {
        fmt::print(stderr, "skipped: {}\n", printable(batch_.problems[i]->what()));
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
      if (mask_heads_ > 0 && head.answers_mask()) save_mask(name, head, output);
    }
  }

  void save_mask(const std::string& name, const HeadPrediction& head,
                 std::span<const float> output) {
    std::string file = o_.pictures() ? fs::path(name).stem().string() : name;
    if (mask_heads_ > 1) file += "." + head.head();
    if (!mask_names_.insert(file).second) {
      throw data_error(fmt::format(
          "{}: another picture's mask is already {}.png in {}; predict them into different folders",
          name, file, o_.masks));
    }
    write_mask(fs::path(o_.masks) / (file + ".png"), head.shape().h, head.shape().w,
               head.mask(output), head.classes());
  }

  const Program& program_;
  const Description& d_;
  PredictOptions o_;
  Model model_;
  std::optional<Dataset> dataset_;
  std::unique_ptr<FoldedSource> folded_;
  std::unique_ptr<Feed> feed_;
  std::vector<std::pair<int, HeadPrediction>> heads_;
  Batch batch_;
  std::vector<Record> readable_;
  std::vector<std::vector<float>> outputs_;  // of each head, for a batch
  std::vector<float*> pointers_;
  std::ptrdiff_t mask_heads_ = 0;  // whose masks are written
  std::set<std::string> mask_names_;
  std::uint64_t done_ = 0, skipped_ = 0;
};

}  // namespace

int predict_command(const Program& program, const Arguments& arguments) {
  const Description& d = program.description;
  const po::options_description options = describe_predict(d);
  po::options_description all = options;
  all.add_options()("image", po::value<Strings>());
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
