// What an observer of records is told of a block: its losses and metrics, record by record.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <tuple>

#include "medley/base/math.hpp"
#include "medley/engine/counting.hpp"
#include "medley/engine/record_observer.hpp"
#include "medley/experiment/definition.hpp"

namespace medley {

template <class Experiment>
class RecordTelling {
  using D = Definition<Experiment>;

 public:
  // The value of term K over a block; of one that is no function of sums.
  template <int K, class Memory>
  static double value(const Memory& memory) {
    return static_cast<double>(
        std::get<K>(Experiment::terms).loss.evaluate(memory.block(1.0f, false)));
  }

  // Tells of the term K on head H, and of the metrics that come with it. The block is filled with
  // records from `rank` on, or of a dense head with that one, whose weight in the term is given.
  template <int H, int K, class Memory>
  static void tell(const Memory& memory, int samples, std::uint64_t rank, double weight,
                   RecordObserver& observer) {
    if constexpr ((D::summed_terms >> K & 1u) != 0) {
      constexpr int count = D::first_sum[K + 1] - D::first_sum[K];
      std::array<double, count> sums{};
      std::get<K>(Experiment::terms).loss.add_sums(memory.block(1.0f, false), sums.data());
      observer.loss_sums(rank, K, sums);
    } else if constexpr (D::dense_head(H)) {
      if (weight > 0.0) observer.loss(rank, K, value<K>(memory), weight);
    } else {
      tell_losses<K>(memory, samples, rank, observer);
    }
    unroll<D::pair_count>([&](auto pair) {
      constexpr int p = pair;
      if constexpr (first_term_of_pair(p) == K) tell_metrics<H, p>(memory, samples, rank, observer);
    });
  }

  // The term whose blocks the metrics of a pair of head and target are counted from.
  static constexpr int first_term_of_pair(int p) {
    for (int k = 0; k < D::term_count; ++k) {
      if (!D::is_penalty[k] && D::term_head[k] == D::pairs[p].head &&
          D::term_target[k] == D::pairs[p].target) {
        return k;
      }
    }
    return -1;
  }

 private:
  // A loss knows blocks only: each record is given the block for itself.
  template <int K, class Memory>
  static void tell_losses(const Memory& memory, int samples, std::uint64_t rank,
                          RecordObserver& observer) {
    std::array<float, Memory::positions> kept;
    std::copy_n(memory.sample_weight, Memory::positions, kept.data());
    std::fill_n(memory.sample_weight, Memory::positions, 0.0f);
    for (int n = 0; n < samples; ++n) {
      if (!(kept[n] > 0.0f)) continue;
      memory.sample_weight[n] = kept[n];
      observer.loss(rank + n, K, value<K>(memory), static_cast<double>(kept[n]));
      memory.sample_weight[n] = 0.0f;
    }
    std::copy_n(kept.data(), Memory::positions, memory.sample_weight);
  }

  template <int H, int P, class Memory>
  static void tell_metrics(const Memory& memory, int samples, std::uint64_t rank,
                           RecordObserver& observer) {
    constexpr MetricInfo info = D::metric_info(P);
    constexpr bool dense = D::dense_head(H);
    const int positions = dense ? D::head_shape(H).pixels() : samples;
    // Neighbours in a mask are mostly alike, and told of together.
    int label = 0, prediction = 0;
    std::uint64_t alike = 0;
    for (int p = 0; p < positions; ++p) {
      if (!(memory.sample_weight[p] > 0.0f)) continue;
      const std::uint64_t record = dense ? rank : rank + p;
      if constexpr (info.scored) observer.scored(record, P, score_of(memory, p));
      if constexpr (info.kind == TargetKind::values) {
        double absolute = 0.0, squared = 0.0;
        for (int c = 0; c < Memory::channels; ++c) {
          const double error = error_of<info.outputs == Outputs::sigmoid>(memory, c, p);
          absolute += magnitude(error);
          squared += error * error;
        }
        observer.erred(record, P, absolute, squared, Memory::channels);
      } else {
        const int found = predicted_class(memory, p, info.outputs);
        if constexpr (!dense) {
          observer.predicted(record, P, memory.labels[p], found, 1);
          continue;
        }
        if (alike > 0 && (memory.labels[p] != label || found != prediction)) {
          observer.predicted(rank, P, label, prediction, alike);
          alike = 0;
        }
        label = memory.labels[p];
        prediction = found;
        ++alike;
      }
    }
    if (alike > 0) observer.predicted(rank, P, label, prediction, alike);
  }
};

}  // namespace medley
