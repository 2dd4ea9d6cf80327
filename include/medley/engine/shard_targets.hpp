// The targets of a staged shard, and what losses see of them.
#pragma once

#include <array>
#include <cstdint>

#include "medley/engine/blocks.hpp"
#include "medley/experiment/definition.hpp"

namespace medley {

template <class Experiment>
struct ShardTargets {
  using D = Definition<Experiment>;
  static constexpr int shard = D::shard;

  std::array<std::uint64_t, shard> record;
  std::array<std::array<std::int32_t, shard>, D::target_count> label;
  std::array<std::array<bool, shard>, D::target_count> present;
  std::array<float, shard> counts;                     // of the records; 0: no target is present
  std::array<const float*, D::target_count> values{};  // [sample][size]
  std::array<const std::uint8_t*, D::target_count> masks{};  // [sample][pixel]

  // Labels, values and coefficients of a block for term K on head H; `scale` is what the weight of a
  // record (of a pixel over the batch) is multiplied with: 1 / Σ weights in training. Returns the
  // weights in the block. A block is the shard, or of a dense head sample n.
  template <int H, int K, class Memory>
  double fill(int n, int samples, float scale, const Memory& memory) const {
    const double weight = answers_mask<K> ? fill_pixels<K>(n, scale, memory)
                                          : fill_samples<H, K>(n, samples, scale, memory);
    if constexpr (D::template TermAt<K>::Loss::compares == Compares::values) {
      if constexpr (spec<K>.kind == TargetKind::values) {
        fill_values<H, K>(n, samples, memory);
      } else {
        labels_to_values(memory);
      }
    }
    return weight;
  }

  // What the mask of sample n counts among those of a batch: its record's weight if it has a labelled
  // pixel, over the batch times the weights of these.
  template <int K>
  double mask_weight(int n) const {
    return counted<K>(n, pixel_weight<K>(n));
  }

 private:
  template <int K>
  static constexpr TargetSpec spec = Experiment::targets[D::term_target[K]];
  template <int K>
  static constexpr bool answers_mask = D::answers_mask(K);

  // What a record or pixel with this label weighs in term K.
  template <int K>
  static float weight_of(int label) {
    return record_weight(std::get<K>(Experiment::terms).loss, label);
  }

  // The sample at a position of a block, or -1. A dense head that answers a class or values has one
  // pixel, and a block a sample.
  template <int H, int K>
  int labelled_sample(int n, int samples, int position) const {
    const int sample = D::dense_head(H) ? n : position;
    const bool there = D::dense_head(H) ? position == 0 : position < samples;
    return there && present[D::term_target[K]][sample] ? sample : -1;
  }

  template <int H, int K, class Memory>
  double fill_samples(int n, int samples, float scale, const Memory& memory) const {
    double weight = 0;
    for (int p = 0; p < Memory::positions; ++p) {
      const int sample = labelled_sample<H, K>(n, samples, p);
      const bool has_label = sample >= 0 && spec<K>.kind == TargetKind::classes;
      memory.labels[p] = has_label ? label[D::term_target[K]][sample] : 0;
      const float share = sample >= 0 ? weight_of<K>(memory.labels[p]) * counts[sample] : 0.0f;
      memory.sample_weight[p] = share * scale;
      weight += static_cast<double>(share);
    }
    return weight;
  }

  template <int H, int K, class Memory>
  void fill_values(int n, int samples, const Memory& memory) const {
    const float* from = values[D::term_target[K]];
    for (int c = 0; c < Memory::channels; ++c) {
      for (int p = 0; p < Memory::positions; ++p) {
        const int sample = labelled_sample<H, K>(n, samples, p);
        memory.values[c * Memory::positions + p] =
            sample >= 0 ? from[sample * spec<K>.size + c] : 0.0f;
      }
    }
  }

  // Of a mask, positions are the pixels of sample n.
  template <int K, class Memory>
  double fill_pixels(int n, float scale, const Memory& memory) const {
    const std::uint8_t* mask = masks[D::term_target[K]] + n * D::mask_bytes;
    const double known = pixel_weight<K>(n);
    const float scaled = scale * counts[n];
    const float share = !(known > 0)                        ? 0.0f
                        : D::term_over[K] == Over::pictures ? scaled / static_cast<float>(known)
                                                            : scaled;
    for (int p = 0; p < Memory::positions; ++p) {
      const bool there = known > 0 && p < static_cast<int>(D::mask_bytes) && mask[p] != 255;
      memory.labels[p] = there ? mask[p] : 0;
      memory.sample_weight[p] = there ? weight_of<K>(memory.labels[p]) * share : 0.0f;
    }
    return counted<K>(n, known);
  }

  // The weights of the labelled pixels of sample n.
  template <int K>
  double pixel_weight(int n) const {
    const std::uint8_t* mask = masks[D::term_target[K]] + n * D::mask_bytes;
    if (!present[D::term_target[K]][n]) return 0.0;
    if constexpr (D::weighs_alike[K]) {
      int pixels = 0;
      for (std::size_t p = 0; p < D::mask_bytes; ++p) pixels += mask[p] != 255;
      return pixels;
    } else {
      return labelled_weight(std::get<K>(Experiment::terms).loss, spec<K>.size, mask,
                             D::mask_bytes);
    }
  }
  template <int K>
  double counted(int n, double known) const {
    if (!(known > 0)) return 0.0;
    const auto share = static_cast<double>(counts[n]);
    return D::term_over[K] == Over::batch ? known * share : share;
  }
};

}  // namespace medley
