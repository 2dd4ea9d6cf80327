// Soft intersection over union, 1 - IoU, for heads that answer once a pixel. Sums run over the
// labelled pixels of one picture, or of the batch where the term says over_batch(); ε keeps pictures
// without the object defined.
//
//   l = mean over channels c of 1 - (Σ p_c t_c + ε) / (Σ (p_c + t_c - p_c t_c) + ε)
//
//   SoftIou            p = sigmoid(x), against values t of 0 and 1 for each channel
//   MulticlassSoftIou  p = softmax(x), t_c = 1 where the label is c, else 0
//
// A picture counts as the sum of its coefficients, which is 1 / (labelled pictures of the batch).
// Over the batch, p t and p + t - p t count as much as their record, small objects weigh as much as
// their pixels, and a step costs another forward pass, as all pixels must be seen before the first
// gradient.
//
// Source: Rahman and Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image
// Segmentation", ISVC 2016.
// PyTorch: 1 - ((p * t).sum((2, 3)) + eps) / ((p + t - p * t).sum((2, 3)) + eps), then .mean();
//          over the batch: .sum((0, 2, 3)) in place of .sum((2, 3))
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "medley/losses/softmax.hpp"

namespace medley {

namespace detail {

// Kahan's compensated sum: pictures have many pixels, and equal shares would round the same way
// each time.
struct LongSum {
  Vec total = Vec::zero(), excess = Vec::zero();
  MEDLEY_INLINE void add(const Vec& x) {
    const Vec y = x - excess, next = total + y;
    excess = (next - total) - y;
    total = next;
  }
  float result() const { return sum(total); }
};

// One channel's loss and dl/dp, where the target t is 0 and where it is 1.
struct OverlapLoss {
  float value = 0.0f, outside = 0.0f, inside = 0.0f;
  MEDLEY_INLINE Vec derivative(const Vec& t) const {
    return fma(t, Vec::broadcast(inside - outside), Vec::broadcast(outside));
  }
};

// One channel's intersection and union.
struct Overlap {
  LongSum intersection, union_;
  MEDLEY_INLINE void add(const Vec& p, const Vec& t) {
    const Vec both = p * t;
    intersection.add(both);
    union_.add(p + t - both);
  }
  OverlapLoss loss(double epsilon) const {
    const float i = intersection.result() + static_cast<float>(epsilon);
    const float u = union_.result() + static_cast<float>(epsilon);
    return {.value = 1.0f - i / u, .outside = i / u / u, .inside = -1.0f / u};
  }
};

// Overlaps of several pictures: of each channel the intersection, then the union.
struct OverlapSums {
  // Of a picture that weighs so much.
  static void add(const Overlap& overlap, int channel, double weight, double* sums) {
    sums[2 * channel] += weight * static_cast<double>(overlap.intersection.result());
    sums[2 * channel + 1] += weight * static_cast<double>(overlap.union_.result());
  }
  static double value(const double* sums, int channels, double epsilon) {
    double total = 0.0;
    for (int c = 0; c < channels; ++c) {
      total += 1.0 - (sums[2 * c] + epsilon) / (sums[2 * c + 1] + epsilon);
    }
    return total / channels;
  }
  static OverlapLoss loss(const double* sums, int channel, double epsilon) {
    const double i = sums[2 * channel] + epsilon, u = sums[2 * channel + 1] + epsilon;
    return {.value = static_cast<float>(1.0 - i / u),
            .outside = static_cast<float>(i / u / u),
            .inside = static_cast<float>(-1.0 / u)};
  }
};

// The sum of the picture's coefficients.
template <int C>
MEDLEY_INLINE float picture_share(const LossBlock<C>& block) {
  LongSum share;
  for (int p = 0; p < block.positions; p += Vec::size) share.add(block.share(p));
  return share.result();
}

// The weight that all labelled pixels of a picture have.
template <int C>
MEDLEY_INLINE float picture_weight(const LossBlock<C>& block) {
  Vec weight = Vec::zero();
  for (int p = 0; p < block.positions; p += Vec::size) weight = max(weight, block.share(p));
  const auto lanes = weight.lanes();
  return *std::max_element(lanes.begin(), lanes.end());
}

}  // namespace detail

struct SoftIou {
  static constexpr std::string_view type = "soft_iou";
  static constexpr Compares compares = Compares::values;
  static constexpr Outputs outputs = Outputs::sigmoid;
  static constexpr bool dense_only = true;
  static constexpr Over over = Over::pictures;
  template <int C>
  static constexpr int sum_count = 2 * C;

  double epsilon = 1.0;

  constexpr bool valid(int channels) const { return channels >= 1 && epsilon > 0.0; }

  template <class F>
  constexpr void options(F&& f) const {
    f("epsilon", epsilon);
  }

  template <int C>
  float evaluate(const LossBlock<C>& block) const {
    const float share = detail::picture_share(block) / C;
    float total = 0.0f;
    for (int c = 0; c < C; ++c) {
      const detail::OverlapLoss loss = overlap(block, c).loss(epsilon);
      total += share * loss.value;
      if (block.gradient != nullptr) add_gradient(block, c, share, loss);
    }
    return total;
  }

  template <int C>
  void add_sums(const LossBlock<C>& block, double* sums) const {
    const auto weight = static_cast<double>(detail::picture_weight(block));
    for (int c = 0; c < C; ++c) detail::OverlapSums::add(overlap(block, c), c, weight, sums);
  }
  template <int C>
  double value_of(const double* sums) const {
    return detail::OverlapSums::value(sums, C, epsilon);
  }
  template <int C>
  void add_gradient_of(const LossBlock<C>& block, const double* sums) const {
    const float share = detail::picture_weight(block) / C;
    for (int c = 0; c < C; ++c) {
      add_gradient(block, c, share, detail::OverlapSums::loss(sums, c, epsilon));
    }
  }

 private:
  template <int C>
  MEDLEY_INLINE static detail::Overlap overlap(const LossBlock<C>& block, int c) {
    detail::Overlap overlap;
    for (int p = 0; p < block.positions; p += Vec::size) {
      const Vec seen = select(block.present(p), sigmoid(block.logit(c, p)), Vec::zero());
      overlap.add(seen, block.value(c, p));
    }
    return overlap;
  }

  template <int C>
  MEDLEY_INLINE static void add_gradient(const LossBlock<C>& block, int c, float share,
                                         const detail::OverlapLoss& loss) {
    const Vec one = Vec::broadcast(1.0f);
    for (int p = 0; p < block.positions; p += Vec::size) {
      // sigmoid'(x) = e / (1 + e)², e = e^-|x|: exact in both tails.
      const Vec e = exp(negate(abs(block.logit(c, p)))), larger = one / (one + e);
      const Vec slope = select(block.present(p), e * larger * larger, Vec::zero());
      block.add_gradient(c, p, Vec::broadcast(share) * slope * loss.derivative(block.value(c, p)));
    }
  }
};

struct MulticlassSoftIou {
  static constexpr std::string_view type = "multiclass_soft_iou";
  static constexpr Compares compares = Compares::labels;
  static constexpr Outputs outputs = Outputs::softmax;
  static constexpr bool dense_only = true;
  static constexpr Over over = Over::pictures;
  template <int C>
  static constexpr int sum_count = 2 * C;

  double epsilon = 1.0;

  constexpr bool valid(int channels) const { return channels >= 2 && epsilon > 0.0; }

  template <class F>
  constexpr void options(F&& f) const {
    f("epsilon", epsilon);
  }

  template <int C>
  float evaluate(const LossBlock<C>& block) const {
    const float share = detail::picture_share(block) / C;
    const std::array<detail::Overlap, C> overlap = overlaps(block);
    std::array<detail::OverlapLoss, C> loss;
    float total = 0.0f;
    for (int c = 0; c < C; ++c) {
      loss[c] = overlap[c].loss(epsilon);
      total += loss[c].value;
    }
    if (block.gradient != nullptr) add_gradient<C>(block, share, loss);
    return share * total;
  }

  template <int C>
  void add_sums(const LossBlock<C>& block, double* sums) const {
    const std::array<detail::Overlap, C> overlap = overlaps(block);
    const auto weight = static_cast<double>(detail::picture_weight(block));
    for (int c = 0; c < C; ++c) detail::OverlapSums::add(overlap[c], c, weight, sums);
  }
  template <int C>
  double value_of(const double* sums) const {
    return detail::OverlapSums::value(sums, C, epsilon);
  }
  template <int C>
  void add_gradient_of(const LossBlock<C>& block, const double* sums) const {
    std::array<detail::OverlapLoss, C> loss;
    for (int c = 0; c < C; ++c) loss[c] = detail::OverlapSums::loss(sums, c, epsilon);
    add_gradient<C>(block, detail::picture_weight(block) / C, loss);
  }

 private:
  // Sixteen pixels; those without a label have no chances and no target.
  template <int C>
  struct Pixels {
    Vec label;
    Vec::Mask present;
    std::array<Vec, C> chance;

    MEDLEY_INLINE Pixels(const LossBlock<C>& block, int p)
        : label(block.label(p)), present(block.present(p)) {
      const Softmax<C> soft(block, p);
      const Vec scale = select(present, Vec::broadcast(1.0f) / soft.total, Vec::zero());
      for (int c = 0; c < C; ++c) chance[c] = soft.power[c] * scale;
    }
    MEDLEY_INLINE Vec target(int c) const {
      const Vec::Mask hit = label == Vec::broadcast(static_cast<float>(c));
      return select(present, select(hit, Vec::broadcast(1.0f), Vec::zero()), Vec::zero());
    }
  };

  template <int C>
  static std::array<detail::Overlap, C> overlaps(const LossBlock<C>& block) {
    std::array<detail::Overlap, C> overlap;
    for (int p = 0; p < block.positions; p += Vec::size) {
      const Pixels<C> pixels(block, p);
      for (int c = 0; c < C; ++c) overlap[c].add(pixels.chance[c], pixels.target(c));
    }
    return overlap;
  }

  // dl/dx_c = p_c (d_c - Σ_j p_j d_j), where d = dl/dp.
  template <int C>
  static void add_gradient(const LossBlock<C>& block, float share,
                           const std::array<detail::OverlapLoss, C>& loss) {
    for (int p = 0; p < block.positions; p += Vec::size) {
      const Pixels<C> pixels(block, p);
      std::array<Vec, C> derivative;
      Vec mean = Vec::zero();
      for (int c = 0; c < C; ++c) {
        derivative[c] = loss[c].derivative(pixels.target(c));
        mean = fma(pixels.chance[c], derivative[c], mean);
      }
      for (int c = 0; c < C; ++c) {
        block.add_gradient(c, p, Vec::broadcast(share) * pixels.chance[c] * (derivative[c] - mean));
      }
    }
  }
};

}  // namespace medley
