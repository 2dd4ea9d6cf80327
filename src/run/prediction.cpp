#include "medley/run/prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "medley/base/exact_math.hpp"
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

std::string printed(double probability) { return fmt::format("{:.6g}", probability); }

// e^x of any x, to within what a probability shows.
double power_of_e(double x) {
  if (std::isnan(x)) return x;
  return x < -700.0 ? 0.0 : exponential(std::min(x, 700.0));
}

double sigmoid(float x) { return 1.0 / (1.0 + power_of_e(-static_cast<double>(x))); }

}  // namespace

HeadPrediction::HeadPrediction(const Description& d, int head, std::vector<std::string> class_names)
    : head_(d.heads[static_cast<std::size_t>(head)].name),
      shape_(d.heads[static_cast<std::size_t>(head)].shape),
      class_names_(std::move(class_names)) {
  const TermInfo& first = *first_term(d, head);
  const TargetSpec& target = d.targets[static_cast<std::size_t>(first.target_index)];
  target_ = first.target_index;
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

std::vector<std::string> HeadPrediction::distinct_names() const {
  std::vector<std::string> names;
  for (int c = 0; c < classes_; ++c) names.push_back(class_name(c));
  if (std::set<std::string>(names.begin(), names.end()).size() == names.size()) return names;
  for (int c = 0; c < classes_; ++c) names[static_cast<std::size_t>(c)] = std::to_string(c);
  return names;
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
  if (shape_.c == 1) return at(outputs, 0, pixel) > threshold(outputs_);
  int best = 0;
  for (int c = 1; c < shape_.c; ++c) {
    if (at(outputs, c, pixel) > at(outputs, best, pixel)) best = c;
  }
  return best;
}

int HeadPrediction::class_of(std::span<const float> pixel) const {
  if (shape_.c == 1) return pixel[0] > threshold(outputs_);
  return static_cast<int>(std::ranges::max_element(pixel) - pixel.begin());
}

void HeadPrediction::scores(std::span<const float> outputs, std::span<float> scores) const {
  if (shape_.c > 1 && has_probability()) return probabilities(outputs, scores);
  std::ranges::copy(outputs, scores.begin());
  if (shape_.c > 1) return;
  for (float& score : scores)
    score =
        has_probability() ? static_cast<float>(sigmoid(score) - 0.5) : score - threshold(outputs_);
}

int HeadPrediction::class_of_scores(std::span<const float> pixel) const {
  if (shape_.c == 1) return pixel[0] > 0.0f;
  return static_cast<int>(std::ranges::max_element(pixel) - pixel.begin());
}

double HeadPrediction::probability(std::span<const float> outputs, int c, int pixel) const {
  if (shape_.c == 1) return sigmoid(c == 1 ? at(outputs, 0, pixel) : -at(outputs, 0, pixel));
  if (outputs_ == Outputs::sigmoid) return sigmoid(at(outputs, c, pixel));
  const double own = at(outputs, c, pixel);
  double sum = 0.0;
  for (int other = 0; other < shape_.c; ++other)
    sum += power_of_e(static_cast<double>(at(outputs, other, pixel)) - own);
  return 1.0 / sum;
}

void HeadPrediction::probabilities(std::span<const float> outputs, std::span<float> all) const {
  const int pixels = shape_.pixels();
  std::vector<double> power(static_cast<std::size_t>(classes_));
  for (int p = 0; p < pixels; ++p) {
    const auto to = [&](int c) -> float& { return all[static_cast<std::size_t>(c * pixels + p)]; };
    if (shape_.c == 1 || outputs_ == Outputs::sigmoid) {
      for (int c = 0; c < classes_; ++c) to(c) = static_cast<float>(probability(outputs, c, p));
      continue;
    }
    const double most = at(outputs, predicted_class(outputs, p), p);
    double sum = 0.0;
    for (int c = 0; c < classes_; ++c)
      sum += power[static_cast<std::size_t>(c)] = power_of_e(at(outputs, c, p) - most);
    for (int c = 0; c < classes_; ++c)
      to(c) = static_cast<float>(power[static_cast<std::size_t>(c)] / sum);
  }
}

std::vector<int> HeadPrediction::ranked(std::span<const float> outputs, int most) const {
  std::vector<int> order(static_cast<std::size_t>(classes_));
  std::iota(order.begin(), order.end(), 0);
  if (shape_.c > 1) {
    const auto rank = [&](int c) {
      const float x = at(outputs, c, 0);
      return std::isnan(x) ? -std::numeric_limits<float>::infinity() : x;
    };
    std::ranges::stable_sort(order, [&](int a, int b) { return rank(a) > rank(b); });
  }
  const auto first = std::ranges::find(order, predicted_class(outputs));
  std::rotate(order.begin(), first, first + 1);
  order.resize(static_cast<std::size_t>(std::min(most, classes_)));
  return order;
}

double HeadPrediction::log_odds(std::span<const float> outputs, int c) const {
  const double own = at(outputs, shape_.c == 1 ? 0 : c, 0);
  if (shape_.c == 1) return c == 1 ? own : -own;
  if (outputs_ == Outputs::sigmoid) return own;
  double most = -std::numeric_limits<double>::infinity(), sum = 0.0;
  for (int other = 0; other < shape_.c; ++other) {
    if (other != c) most = std::max<double>(most, at(outputs, other, 0));
  }
  for (int other = 0; other < shape_.c; ++other) {
    if (other != c) sum += power_of_e(at(outputs, other, 0) - most);
  }
  return own - (most + natural_log(sum));
}

float HeadPrediction::score(std::span<const float> outputs, int c) const {
  if (shape_.c == 1) {
    const float limit = threshold(outputs_);
    return c == 1 ? outputs[0] - limit : limit - outputs[0];
  }
  float next = -std::numeric_limits<float>::infinity();
  for (int other = 0; other < shape_.c; ++other) {
    if (other != c) next = std::max(next, at(outputs, other, 0));
  }
  return at(outputs, c, 0) - next;
}

double HeadPrediction::value(std::span<const float> outputs, int c) const {
  const float x = at(outputs, c, 0);
  return outputs_ == Outputs::sigmoid ? sigmoid(x) : static_cast<double>(x);
}

void HeadPrediction::append_cells(std::span<const float> outputs, std::string& row) const {
  const auto add = [&](std::string_view cell) { row.append(",").append(cell); };
  switch (kind_) {
    case TargetKind::classes: {
      const int chosen = predicted_class(outputs, 0);
      add(csv_field(class_name(chosen)));
      add(has_probability() ? printed(probability(outputs, chosen))
                            : number_text(score(outputs, chosen)));
      break;
    }
    case TargetKind::values:
      for (const float x : outputs)
        add(outputs_ == Outputs::sigmoid ? printed(sigmoid(x)) : number_text(x));
      break;
    case TargetKind::mask:
      append_shares(mask(outputs), row);
      break;
  }
}

void HeadPrediction::append_shares(std::span<const std::uint8_t> mask, std::string& row) const {
  for (const double share : shares(mask)) row.append(",").append(printed(share));
}

std::vector<double> HeadPrediction::shares(std::span<const std::uint8_t> mask) const {
  std::array<std::uint64_t, 256> counts{};
  for (const std::uint8_t c : mask) ++counts[c];
  const auto classes = static_cast<std::size_t>(classes_);
  const std::uint64_t known =
      std::accumulate(counts.begin(), counts.begin() + classes_, std::uint64_t{0});
  std::vector<double> shares;
  for (std::size_t c = 0; c < classes; ++c)
    shares.push_back(static_cast<double>(counts[c]) / static_cast<double>(known));
  return shares;
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
