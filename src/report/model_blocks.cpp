#include "medley/report/model_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include "medley/report/ranking.hpp"
#include "medley/report/reliability.hpp"
#include "medley/report/sample_records.hpp"
#include "medley/run/metrics.hpp"
#include "medley/run/model.hpp"
#include "medley/run/prediction.hpp"
#include "medley/run/record_results.hpp"
#include "medley/run/run_checkpoints.hpp"
#include "medley/run/train_options.hpp"
#include "medley/run/trained_fold.hpp"
#include "medley/run/uncertainty.hpp"

namespace medley {

namespace {

// Of heads on classes that tell probabilities, those of so many have a curve for each class.
constexpr int most_curves = 10;
// What names of terms begin with among metrics.
constexpr std::string_view term_start = "term.";

std::filesystem::path checkpoint_to_show(const ModelBlocksOptions& o) {
  if (!o.checkpoint.empty()) return o.checkpoint;
  std::error_code error;
  if (const auto best = o.run / "best"; std::filesystem::exists(best, error)) return best;
  if (!std::filesystem::exists(o.run / "last", error) && checkpoints_of(o.run).empty())
    throw data_error(fmt::format("{} has no checkpoint yet", o.run.string()));
  return o.run;
}

// By rising score; those that are not numbers are last.
void sort_scores(std::vector<Score>& scores) {
  std::ranges::sort(scores, [](const Score& a, const Score& b) {
    return std::isnan(b.value) ? !std::isnan(a.value) : a.value < b.value;
  });
}

// What is said of one head against the target that it answers, beside its metrics.
struct AnsweredPair {
  std::string name;             // of its metrics
  std::size_t head, target;     // indices in the description
  const HeadPrediction* reads;  // its outputs
  Reliability reliability;
  std::vector<std::vector<Score>>
      scores{};  // of each class against the others, where it has curves
};

class ModelBlocks {
 public:
  ModelBlocks(const Program& program, const ModelBlocksOptions& options)
      : d_(program.description),
        o_(options),
        model_(program, checkpoint_to_show(options),
               options.threads > 0 ? options.threads : available_threads(),
               options.instruction_set) {
    open_records(program);
    require_records(*records_, o_.split, from_);
    model_.start_evaluation(*records_, from_, {});
    std::vector<std::vector<std::string>> class_names;
    for (int t = 0; t < static_cast<int>(d_.targets.size()); ++t) {
      const auto names = model_.source().class_names(t);
      class_names.emplace_back(names.begin(), names.end());
    }
    heads_ = head_predictions(d_, class_names);
    list_pairs();
  }

  nlohmann::json block() {
    nlohmann::json block = {{"checkpoint", model_.checkpoint().path.string()},
                            {"step", model_.checkpoint().state.position.step},
                            {"data", from_},
                            {"split", to_string(o_.split)}};
    evaluate(block);
    read_records(block);
    return block;
  }

 private:
  // The records as the run had them, unless others are given.
  void open_records(const Program& program) {
    const TrainOptions run =
        parse_train_options({"--out", o_.run.string(), "--resume"}, program.description);
    from_ = o_.data.empty() ? run.data : o_.data;
    if (from_.empty()) {
      from_ = "the experiment's own data";
      records_ = program.generator;
      if (!records_)
        throw data_error("the run does not say where its data set is; give --data DIR");
    } else {
      open_dataset();
    }
    if (o_.split == Split::test) return;
    folded_ = trained_fold(model_.checkpoint(), d_, *records_, from_);
    if (folded_) records_ = &*folded_;
  }

  void open_dataset() {
    std::error_code error;
    if (!std::filesystem::exists(from_, error)) {
      throw io_error(fmt::format(
          "{}: is not there; if the data set of this run has moved, say where with --data DIR",
          from_));
    }
    dataset_.emplace(from_, PictureShape{d_.input.c, d_.input.h, d_.input.w}, d_.targets,
                     DatasetOptions{.split_required = false});
    records_ = &*dataset_;
    if (o_.data.empty() && dataset_->fingerprint() != model_.checkpoint().data) {
      throw data_error(fmt::format(
          "{}: the data are others than those that the run was trained on (--data DIR takes them "
          "all the same)",
          from_));
    }
  }

  void list_pairs() {
    for (std::size_t i = 0; i < d_.metrics.size(); ++i) {
      const MetricInfo& info = d_.metrics[i];
      const auto found = std::ranges::find_if(heads_, [&](const auto& head) {
        return head.first == info.head_index && head.second.target() == info.target_index;
      });
      if (found == heads_.end() || info.kind == TargetKind::values ||
          !found->second.has_probability())
        continue;
      pairs_.push_back({.name = metric_prefix(d_, i),
                        .head = static_cast<std::size_t>(info.head_index),
                        .target = static_cast<std::size_t>(info.target_index),
                        .reads = &found->second,
                        .reliability = {}});
      if (info.kind == TargetKind::classes && info.classes > 2 && info.classes <= most_curves)
        pairs_.back().scores.resize(static_cast<std::size_t>(info.classes));
    }
  }

  nlohmann::json named(std::size_t head, std::size_t target, const std::string& name) const {
    return {{"head", d_.heads[head].name}, {"target", d_.targets[target].name}, {"name", name}};
  }

  std::string class_name(std::size_t target, std::size_t c) const {
    const auto names = model_.source().class_names(static_cast<int>(target));
    return c < names.size() ? names[c] : std::to_string(c);
  }

  nlohmann::json curve(std::size_t head, std::size_t target, const std::string& name, std::size_t c,
                       std::span<const Score> rising) const {
    nlohmann::json curve = named(head, target, name);
    curve["class"] = class_name(target, c);
    curve.update(ranking_block(rising));
    return curve;
  }

  // Terms, metrics and the curves of two classes, of the whole split.
  void evaluate(nlohmann::json& block) {
    const Assessment all = assess(model_.engine(), model_.source(), d_, o_.split, model_.threads());
    block["records"] = all.evaluation.records;
    nlohmann::json& terms = block["terms"] = nlohmann::json::array();
    nlohmann::json& list = block["metrics"] = nlohmann::json::array();
    std::map<std::string, double> errors;
    for (const Metric& m : all.metrics) {
      if (m.name == "total") continue;  // it is of the weights of a run
      const bool is_term = m.name.starts_with(term_start);
      (is_term ? terms : list)
          .push_back({{"name", is_term ? m.name.substr(term_start.size()) : m.name},
                      {"value", m.value},
                      {"standard_error", m.error},
                      {"low", m.low},
                      {"high", m.high}});
      errors[m.name] = m.error;
    }
    nlohmann::json& curves = block["curves"] = nlohmann::json::array();
    for (std::size_t i = 0; i < d_.metrics.size(); ++i) {
      const MetricInfo& info = d_.metrics[i];
      if (!info.scored) continue;
      const std::string name = metric_prefix(d_, i);
      curves.push_back(curve(static_cast<std::size_t>(info.head_index),
                             static_cast<std::size_t>(info.target_index), name, 1,
                             all.evaluation.metrics[i].scores));
      curves.back()["standard_error"] = errors.at(name + ".auc");
    }
  }

  // What takes outputs or losses of single records.
  void read_records(nlohmann::json& block) {
    const std::uint64_t size = records_->size(o_.split);
    SampleRecords samples(d_, heads_, o_, size, shades_of(model_.source()));
    if (o_.samples > 0) {
      const RecordLosses losses = record_losses(model_.engine(), d_, model_.source(), o_.split);
      for (std::uint64_t rank = 0; rank < size; ++rank) samples.choose(rank, losses.of(rank));
    }
    each_output(model_.engine(), d_, model_.source(), o_.split,
                [&](std::uint64_t rank, std::uint64_t record, const Record& content,
                    std::span<const std::span<const float>> outputs) {
                  for (AnsweredPair& pair : pairs_)
                    add(pair, content.targets[pair.target], outputs[pair.head]);
                  if (samples.chosen(rank)) draw(samples, rank, record, content, outputs);
                });
    block["samples"] = samples.block();
    nlohmann::json& reliability = block["reliability"] = nlohmann::json::array();
    for (AnsweredPair& pair : pairs_) {
      const bool pixels = pair.reads->answers_mask();
      nlohmann::json of_pair = named(pair.head, pair.target, pair.name);
      of_pair["unit"] = pixels ? "pixels" : "records";
      of_pair.update(pair.reliability.block(!pixels));
      reliability.push_back(std::move(of_pair));
      for (std::size_t c = 0; c < pair.scores.size(); ++c) {
        sort_scores(pair.scores[c]);
        block["curves"].push_back(curve(pair.head, pair.target, pair.name, c, pair.scores[c]));
      }
    }
  }

  void draw(SampleRecords& samples, std::uint64_t rank, std::uint64_t record, const Record& content,
            std::span<const std::span<const float>> outputs) const {
    std::array<bool, max_targets> labelled{};
    for (std::size_t t = 0; t < d_.targets.size(); ++t)
      labelled[t] = records_->labelled(record, static_cast<int>(t));
    samples.draw(rank, record, content, labelled, outputs);
  }

  static void add(AnsweredPair& pair, const Record::Target& target,
                  std::span<const float> outputs) {
    const HeadPrediction& reads = *pair.reads;
    const auto add_prediction = [&](int label, int pixel) {
      const int chosen = reads.predicted_class(outputs, pixel);
      pair.reliability.add(reads.probability(outputs, chosen, pixel), chosen == label);
    };
    if (reads.answers_mask()) {
      for (int p = 0; target.mask && p < reads.shape().pixels(); ++p) {
        if (target.mask[p] != 255) add_prediction(target.mask[p], p);
      }
      return;
    }
    if (target.label < 0) return;
    add_prediction(target.label, 0);
    for (std::size_t c = 0; c < pair.scores.size(); ++c) {
      const int own = static_cast<int>(c);
      pair.scores[c].push_back(
          {static_cast<float>(reads.log_odds(outputs, own)), target.label == own});
    }
  }

  const Description& d_;
  const ModelBlocksOptions& o_;
  Model model_;
  std::string from_;
  std::optional<Dataset> dataset_;
  std::unique_ptr<FoldedSource> folded_;
  const Source* records_ = nullptr;
  SampleRecords::Heads heads_;
  std::vector<AnsweredPair> pairs_;
};

}  // namespace

nlohmann::json model_blocks(const Program& program, const ModelBlocksOptions& options) {
  program.variant(options.instruction_set);
  try {
    return ModelBlocks(program, options).block();
  } catch (const Error& error) {
    return {{"left_out", error.what()}};
  }
}

}  // namespace medley
