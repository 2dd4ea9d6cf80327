#include <fmt/format.h>

#include <cstdio>

#include "medley/base/text.hpp"
#include "medley/files/csv.hpp"
#include "medley/run/prediction_writer.hpp"

namespace medley {

namespace {

class CsvPredictions final : public PredictionWriter {
 public:
  CsvPredictions(std::string_view column, const HeadPredictions& heads,
                 const PredictionParts& parts)
      : heads_(heads), parts_(parts) {
    rows_ = column;
    for (const auto& [h, head] : heads_) {
      for (const std::string& name : columns(head)) {
        rows_ += "," + csv_field(name);
        ++columns_;
      }
    }
    rows_ += "\n";
  }

  void add(const PredictedRecord& record) override {
    rows_ += csv_field(record.name);
    if (record.problem) {
      rows_.append(columns_, ',');
    } else {
      for (std::size_t i = 0; i < heads_.size(); ++i) add(heads_[i].second, record.heads[i]);
    }
    rows_ += "\n";
  }

  void flush() override { write_to_stdout(rows_); }

 private:
  std::vector<std::string> columns(const HeadPrediction& head) const {
    std::vector<std::string> names = head.columns();
    const bool classes = head.kind() == TargetKind::classes;
    for (int i = 2; classes && i <= std::min(parts_.top, head.classes()); ++i) {
      names.push_back(fmt::format("{}.top{}", head.head(), i));
      names.push_back(names.back() + (head.has_probability() ? ".probability" : ".score"));
    }
    if (tells_probabilities(head)) {
      for (const std::string& name : head.distinct_names())
        names.push_back(fmt::format("{}.probability.{}", head.head(), name));
    }
    for (int i = 0; tells_outputs(head) && i < head.shape().elements(); ++i)
      names.push_back(fmt::format("{}.output.{}", head.head(), i));
    return names;
  }

  bool tells_probabilities(const HeadPrediction& head) const {
    return parts_.probabilities && head.kind() == TargetKind::classes && head.has_probability();
  }
  bool tells_outputs(const HeadPrediction& head) const {
    return parts_.outputs && !head.answers_mask();
  }

  void add(const HeadPrediction& head, const PredictedHead& predicted) {
    if (head.answers_mask()) return head.append_shares(predicted.mask, rows_);
    head.append_cells(predicted.outputs, rows_);
    if (parts_.top > 1 && head.kind() == TargetKind::classes) {
      const std::vector<int> best = head.ranked(predicted.outputs, parts_.top);
      for (std::size_t i = 1; i < best.size(); ++i) {
        rows_ += ",";
        rows_ += csv_field(head.class_name(best[i]));
        add(head.has_probability()
                ? static_cast<float>(head.probability(predicted.outputs, best[i]))
                : head.score(predicted.outputs, best[i]));
      }
    }
    if (tells_probabilities(head)) {
      probabilities_.resize(static_cast<std::size_t>(head.classes()));
      head.probabilities(predicted.outputs, probabilities_);
      for (const float p : probabilities_) add(p);
    }
    if (tells_outputs(head)) {
      for (const float x : predicted.outputs) add(x);
    }
  }
  void add(float number) { rows_.append(",").append(medley::number_text(number)); }

  const HeadPredictions& heads_;
  PredictionParts parts_;
  std::size_t columns_ = 0;  // but the first
  std::string rows_;
  std::vector<float> probabilities_;
};

}  // namespace

std::unique_ptr<PredictionWriter> csv_predictions(std::string_view column,
                                                  const HeadPredictions& heads,
                                                  const PredictionParts& parts) {
  return std::make_unique<CsvPredictions>(column, heads, parts);
}

void write_to_stdout(std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  text.clear();
  if (!written || std::fflush(stdout) != 0) throw io_error("stdout: cannot be written");
}

}  // namespace medley
