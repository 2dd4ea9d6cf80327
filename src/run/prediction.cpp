#include "medley/run/prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "medley/base/text.hpp"
#include "medley/files/csv.hpp"

namespace medley {

namespace {

// The first term on a head, or null. What it compares with is what the head answers.
const TermInfo* first_term(const Description& d, int head) {
  const auto found = std::find_if(d.terms.begin(), d.terms.end(), [&](const TermInfo& term) {
    return !term.is_penalty && term.head_index == head;
  });
  return found == d.terms.end() ? nullptr : &*found;
}

// Probabilities are for reading: the C library's exp may differ in the last bits from one machine
// to the next, so they are printed with 6 digits and nothing else is computed from them.
std::string printed(double probability) { return fmt::format("{:.6g}", probability); }

double sigmoid(float x) { return 1.0 / (1.0 + std::exp(-static_cast<double>(x))); }

}  // namespace

HeadPrediction::HeadPrediction(const Description& d, int head, std::vector<std::string> class_names)
    : head_(d.heads[static_cast<std::size_t>(head)].name),
      shape_(d.heads[static_cast<std::size_t>(head)].shape),
      class_names_(std::move(class_names)) {
  const TermInfo& first = *first_term(d, head);
  const TargetSpec& target = d.targets[static_cast<std::size_t>(first.target_index)];
  kind_ = target.kind;
  classes_ = target.size;
  for (const TermInfo& term : d.terms) {
    if (term.is_penalty || term.head_index != head || term.target_index != first.target_index)
      continue;
    outputs_ = std::max(outputs_, term.outputs);
  }
}

std::string HeadPrediction::class_name(int c) const {
  const auto index = static_cast<std::size_t>(c);
  return index < class_names_.size() ? class_names_[index] : std::to_string(c);
}

std::vector<std::string> HeadPrediction::columns() const {
  switch (kind_) {
    case TargetKind::classes:
      return {head_, head_ + (has_probability() ? ".probability" : ".score")};
    case TargetKind::values: {
      if (shape_.c == 1) return {head_};
      std::vector<std::string> names;
      for (int c = 0; c < shape_.c; ++c) names.push_back(fmt::format("{}.{}", head_, c));
      return names;
    }
    case TargetKind::mask: {
      std::vector<std::string> names;
      for (int c = 0; c < classes_; ++c)
        names.push_back(fmt::format("{}.{}", head_, class_name(c)));
      return names;
    }
  }
  return {};
}

int HeadPrediction::predicted_class(std::span<const float> outputs, int pixel) const {
  const auto at = [&](int c) {
    return outputs[static_cast<std::size_t>(c * shape_.pixels() + pixel)];
  };
  if (shape_.c == 1) return at(0) > threshold(outputs_);
  int best = 0;
  for (int c = 1; c < shape_.c; ++c) {
    if (at(c) > at(best)) best = c;
  }
  return best;
}

std::string HeadPrediction::confidence(std::span<const float> outputs, int chosen) const {
  if (shape_.c == 1) {
    const float distance = std::fabs(outputs[0] - threshold(outputs_));
    return has_probability() ? printed(sigmoid(distance)) : number_text(distance);
  }
  const float best = outputs[static_cast<std::size_t>(chosen)];
  if (outputs_ == Outputs::sigmoid) return printed(sigmoid(best));
  if (outputs_ == Outputs::softmax) {
    double sum = 0.0;
    for (const float x : outputs)
      sum += std::exp(static_cast<double>(x) - static_cast<double>(best));
    return printed(1.0 / sum);
  }
  float next = -std::numeric_limits<float>::infinity();
  for (std::size_t c = 0; c < outputs.size(); ++c) {
    if (static_cast<int>(c) != chosen) next = std::max(next, outputs[c]);
  }
  return number_text(best - next);
}

void HeadPrediction::append_cells(std::span<const float> outputs, std::string& row) const {
  const auto add = [&](std::string_view cell) { row.append(",").append(cell); };
  switch (kind_) {
    case TargetKind::classes: {
      const int chosen = predicted_class(outputs, 0);
      add(csv_field(class_name(chosen)));
      add(confidence(outputs, chosen));
      break;
    }
    case TargetKind::values:
      for (const float x : outputs)
        add(outputs_ == Outputs::sigmoid ? printed(sigmoid(x)) : number_text(x));
      break;
    case TargetKind::mask: {
      const std::vector<std::uint8_t> pixels = mask(outputs);
      for (int c = 0; c < classes_; ++c) {
        const auto count = std::count(pixels.begin(), pixels.end(), static_cast<std::uint8_t>(c));
        add(printed(static_cast<double>(count) / static_cast<double>(pixels.size())));
      }
      break;
    }
  }
}

std::vector<std::uint8_t> HeadPrediction::mask(std::span<const float> outputs) const {
  std::vector<std::uint8_t> pixels;
  for (int p = 0; p < shape_.pixels(); ++p) {
    pixels.push_back(static_cast<std::uint8_t>(predicted_class(outputs, p)));
  }
  return pixels;
}

std::vector<std::pair<int, HeadPrediction>> head_predictions(
    const Description& d, const std::vector<std::vector<std::string>>& class_names) {
  std::vector<std::pair<int, HeadPrediction>> list;
  for (int h = 0; h < static_cast<int>(d.heads.size()); ++h) {
    const TermInfo* term = first_term(d, h);
    if (!term) continue;
    list.emplace_back(
        h, HeadPrediction(d, h, class_names[static_cast<std::size_t>(term->target_index)]));
  }
  return list;
}

}  // namespace medley
