#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "medley/base/text.hpp"
#include "medley/files/json.hpp"
#include "medley/run/prediction_writer.hpp"

namespace medley {

namespace {

std::string json_text(std::string_view text) { return print_json(nlohmann::json(text)); }

class JsonPredictions final : public PredictionWriter {
 public:
  JsonPredictions(std::string_view column, const HeadPredictions& heads,
                  const PredictionParts& parts)
      : numbered_(column == "record"), start_("{" + json_text(column) + ":"), parts_(parts) {
    for (const auto& [h, head] : heads) {
      Head& one = heads_.emplace_back(Head{head, json_text(head.head()) + ":{", {}, {}});
      if (head.kind() == TargetKind::values) continue;
      for (int c = 0; c < head.classes(); ++c) one.names.push_back(json_text(head.class_name(c)));
      for (const std::string& name : head.distinct_names()) one.keys.push_back(json_text(name));
    }
  }

  void add(const PredictedRecord& record) override {
    rows_ += start_;
    rows_ += numbered_ ? std::string(record.name) : json_text(record.name);
    if (record.problem) {
      rows_ += ",\"error\":" + json_text(record.problem->what()) + "}\n";
      return;
    }
    rows_ += ",\"heads\":{";
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      if (i > 0) rows_ += ",";
      rows_ += heads_[i].start;
      add(heads_[i], record.heads[i]);
      rows_ += "}";
    }
    rows_ += "}";
    if (!record.features.empty()) {
      rows_ += ",\"features\":";
      add_nested(record.features.data(), parts_.features);
    }
    rows_ += "}\n";
  }

  void flush() override { write_to_stdout(rows_); }

 private:
  struct Head {
    HeadPrediction head;
    std::string start;
    std::vector<std::string> names, keys;  // of classes, quoted
  };

  void add(const Head& one, const PredictedHead& predicted) {
    const HeadPrediction& head = one.head;
    const std::span<const float> outputs = predicted.outputs;
    switch (head.kind()) {
      case TargetKind::classes:
        add_class(one, outputs, head.predicted_class(outputs));
        if (parts_.top > 1) add_top(one, outputs);
        if (parts_.probabilities && head.has_probability()) {
          numbers_.resize(one.keys.size());
          head.probabilities(outputs, numbers_);
          rows_ += ",\"probabilities\":";
          add_object(one.keys, numbers_);
        }
        break;
      case TargetKind::values:
        numbers_.clear();
        for (int c = 0; c < head.shape().c; ++c)
          numbers_.push_back(static_cast<float>(head.value(outputs, c)));
        rows_ += "\"values\":";
        add_list(numbers_.data(), numbers_.size(), 1, [&](const float* x) { add(*x); });
        break;
      case TargetKind::mask: {
        numbers_.clear();
        for (const double share : head.shares(predicted.mask))
          numbers_.push_back(static_cast<float>(share));
        rows_ += "\"shares\":";
        add_object(one.keys, numbers_);
        if (!predicted.file.empty()) rows_ += ",\"mask\":" + json_text(predicted.file);
        break;
      }
    }
    if (parts_.outputs && !outputs.empty()) {
      rows_ += ",\"outputs\":";
      add_nested(outputs.data(), head.shape());
    }
  }

  void add_class(const Head& one, std::span<const float> outputs, int c) {
    rows_ += "\"class\":" + one.names[static_cast<std::size_t>(c)];
    if (one.head.has_probability()) {
      rows_ += ",\"probability\":";
      add(static_cast<float>(one.head.probability(outputs, c)));
    } else {
      rows_ += ",\"score\":";
      add(one.head.score(outputs, c));
    }
  }

  void add_top(const Head& one, std::span<const float> outputs) {
    char before = '[';
    rows_ += ",\"top\":";
    for (const int c : one.head.ranked(outputs, parts_.top)) {
      rows_ += std::exchange(before, ',');
      rows_ += "{";
      add_class(one, outputs, c);
      rows_ += "}";
    }
    rows_ += "]";
  }

  void add_object(const std::vector<std::string>& keys, const std::vector<float>& values) {
    char before = '{';
    for (std::size_t i = 0; i < keys.size(); ++i) {
      rows_ += std::exchange(before, ',');
      rows_ += keys[i] + ":";
      add(values[i]);
    }
    rows_ += "}";
  }

  // A list of `count` parts of `size` floats each.
  template <class F>
  void add_list(const float* values, std::size_t count, std::size_t size, F&& add_one) {
    rows_ += "[";
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) rows_ += ",";
      add_one(values + i * size);
    }
    rows_ += "]";
  }
  void add_nested(const float* values, Shape shape) {
    const auto c = static_cast<std::size_t>(shape.c), h = static_cast<std::size_t>(shape.h),
               w = static_cast<std::size_t>(shape.w);
    const auto number = [&](const float* x) { add(*x); };
    if (h * w == 1) return add_list(values, c, 1, number);
    add_list(values, c, h * w, [&](const float* plane) {
      add_list(plane, h, w, [&](const float* row) { add_list(row, w, 1, number); });
    });
  }
  void add(float number) {
    if (std::isfinite(number)) {
      rows_ += medley::number_text(number);
    } else {
      rows_ += "null";
    }
  }

  bool numbered_;  // records have numbers, not names
  std::string start_;
  PredictionParts parts_;
  std::vector<Head> heads_;
  std::string rows_;
  std::vector<float> numbers_;
};

}  // namespace

std::unique_ptr<PredictionWriter> json_predictions(std::string_view column,
                                                   const HeadPredictions& heads,
                                                   const PredictionParts& parts) {
  return std::make_unique<JsonPredictions>(column, heads, parts);
}

}  // namespace medley
