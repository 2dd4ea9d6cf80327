// What `predict` says of a head's outputs: cells of a CSV row, and masks.
//
//   classes   <head>               name or number of the predicted class
//             <head>.probability   of that class, where a loss takes the outputs for logits: of a
//                                  softmax, or of a sigmoid each;
//             <head>.score         else: how far its output is above the next best one's (for one
//                                  output: how far from where the classes part)
//   values    <head>, or <head>.0, <head>.1 ... where there are several
//   masks     <head>.<class>       for each class: the share of the pixels predicted so
//
// The class is the one with the largest output; of a head with one output, class 1 where it is
// positive, or where least squares make it an estimate of 0 or 1, above one half.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "medley/experiment/description.hpp"

namespace medley {

class HeadPrediction {
 public:
  // `class_names` of the head's target; classes without names are numbered.
  HeadPrediction(const Description& description, int head, std::vector<std::string> class_names);

  bool answers_mask() const { return kind_ == TargetKind::mask; }
  const std::string& head() const { return head_; }
  TargetKind kind() const { return kind_; }
  int target() const { return target_; }  // which it answers
  int classes() const { return classes_; }
  Shape shape() const { return shape_; }

  std::vector<std::string> columns() const;
  // Appends a cell for each column, each with a comma before it. `outputs` is C x H x W.
  void append_cells(std::span<const float> outputs, std::string& row) const;
  // Likewise of a mask, which may be of another size than the outputs: the share of each class.
  void append_shares(std::span<const std::uint8_t> mask, std::string& row) const;
  // Of the pixels of a mask, classes that are not known aside.
  std::vector<double> shares(std::span<const std::uint8_t> mask) const;
  // The predicted class of each pixel.
  std::vector<std::uint8_t> mask(std::span<const float> outputs) const;

  // Of a pixel of the outputs, which of a head on classes is the only one.
  int predicted_class(std::span<const float> outputs, int pixel = 0) const;
  // The same of the outputs of a single pixel, a channel each.
  int class_of(std::span<const float> pixel) const;
  // What may be averaged of several predictions of a pixel, as many as there are outputs:
  // probabilities, or outputs where there are none; of a single output what it is above where the
  // classes part. And the class of such an average.
  void scores(std::span<const float> outputs, std::span<float> scores) const;
  int class_of_scores(std::span<const float> pixel) const;
  std::string class_name(int c) const;
  // What the losses on it take the outputs for; of several, the one that knows more.
  Outputs outputs() const { return outputs_; }
  // The names of all classes, or their numbers where two have the same name.
  std::vector<std::string> distinct_names() const;
  // Whether a loss takes the outputs for logits of probabilities.
  bool has_probability() const { return outputs_ >= Outputs::sigmoid; }
  // Of class c, where there are probabilities: of a softmax, or of a sigmoid each.
  double probability(std::span<const float> outputs, int c, int pixel = 0) const;
  // log p / (1 - p) of it, which tells apart what is next to 0 or 1.
  double log_odds(std::span<const float> outputs, int c) const;
  // The same for all classes at once: classes x height x width.
  void probabilities(std::span<const float> outputs, std::span<float> all) const;
  // The classes by their outputs, the largest first; of equal ones the lower class. Up to `most`.
  std::vector<int> ranked(std::span<const float> outputs, int most) const;
  // How far the output of class c is above the next best one's (for one output: how far from where
  // the classes part).
  float score(std::span<const float> outputs, int c) const;
  // What a head on values estimates of dimension c.
  double value(std::span<const float> outputs, int c) const;

 private:
  float at(std::span<const float> outputs, int c, int pixel) const {
    return outputs[static_cast<std::size_t>(c * shape_.pixels() + pixel)];
  }

  std::string head_;
  int target_ = -1;
  TargetKind kind_ = TargetKind::classes;
  Outputs outputs_{};
  int classes_ = 0;
  Shape shape_;
  std::vector<std::string> class_names_;
};

// One for each head that a term trains, with the head's number in the description.
std::vector<std::pair<int, HeadPrediction>> head_predictions(
    const Description& description, const std::vector<std::vector<std::string>>& class_names);

}  // namespace medley
