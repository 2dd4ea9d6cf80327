// What one worker does with one shard: stage its records, run the network, take losses and metrics.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "medley/training/arena_view.hpp"
#include "medley/training/batches.hpp"
#include "medley/training/blocks.hpp"
#include "medley/training/counting.hpp"
#include "medley/training/staging.hpp"

namespace medley {

// Sums of one slot, in the order of its shards.
struct alignas(128) SlotTotals {
  std::array<double, max_terms> value{};
  std::array<double, max_terms> record_weight{};
  std::array<double, max_terms> absolute_error{}, squared_error{};  // one a metric
  std::array<std::uint64_t, max_terms> count{};
};

template <class Experiment>
class ShardWork {
  using D = Definition<Experiment>;
  using Net = typename D::Net;
  using InputNormalization = Normalization<Experiment::input.c>;
  static constexpr int shard = D::shard;

 public:
  static constexpr HeadSet all_heads = (HeadSet{1} << Net::head_count) - 1;
  // The terms of each direction: of each backward pass over one forward pass.
  using TermSets = std::array<TermSet, D::directions>;

  ShardWork(ArenaView<D> view, const Settings& settings, const Batches<Experiment>& batches)
      : view_(view), settings_(&settings), batches_(batches) {}

  // To be called once the source is known.
  void start() {
    normalization_ =
        InputNormalization::of(settings_->source->mean(), settings_->source->deviation());
  }

  // What a record's loss is multiplied with, for each term: 1 / (sum of the records' weights over
  // the batch).
  std::array<float, max_terms> term_scale{};

  // Forward, and for each direction losses and backward into the slot's gradients and factors.
  void train_shard(const Batch& batch, std::uint64_t s, const TermSets& sets,
                   const std::array<float, max_terms>& weight, bool updates_statistics, int worker,
                   int slot, SlotTotals& totals) {
    Targets targets;
    Pass<Net> pass = view_.make_pass(worker, settings_->seed);
    pass.samples = stage(batch, s, worker, targets);
    pass.records = targets.record.data();
    pass.epoch = batch.epoch;
    pass.training = true;
    pass.updates_statistics = updates_statistics;
    pass.accumulate = s >= static_cast<std::uint64_t>(D::slots);
    pass.share = static_cast<float>(pass.samples) / static_cast<float>(batch.count);
    pass.gradients = view_.gradients(0, slot);
    HeadSet heads = 0;
    for (const TermSet set : sets) heads |= D::heads_of(set);
    forward(pass, heads);
    for (int d = 0; d < D::directions; ++d) {
      if (D::heads_of(sets[d]) == 0) continue;
      pass.written = {};
      pass.gradients = view_.gradients(d, slot);
      pass.factors = view_.factors(d, slot);
      losses(pass, targets, sets[d], weight, worker, totals);
      backward(pass, D::heads_of(sets[d]));
    }
  }

  // Forward, and values and metrics of all terms, not divided by anything yet.
  void evaluate_shard(const Batch& batch, std::uint64_t s, int worker, int slot,
                      SlotTotals& totals) {
    Targets targets;
    Pass<Net> pass = view_.make_pass(worker, settings_->seed);
    pass.samples = stage(batch, s, worker, targets);
    forward(pass, all_heads);
    unroll<Net::head_count>([&](auto head) {
      constexpr int h = head;
      for_each_block<h>(pass, worker, [&](int n, const auto& memory) {
        D::each_term([&](auto k) {
          constexpr int term = decltype(k)::value;
          if constexpr (!D::is_penalty[term] && D::term_head[term] == h) {
            totals.record_weight[term] +=
                fill_block<h, term>(targets, n, pass.samples, 1.0f, memory);
            totals.value[term] += static_cast<double>(
                std::get<term>(Experiment::terms).rule.evaluate(memory.block(1.0f, false)));
            count_metrics<h, term>(memory, pass.samples, slot, totals);
          }
        });
        return false;
      });
    });
  }

  // Outputs of all heads for up to a shard of records; those of record i go to place first + i.
  void predict_shard(std::span<const Record> records, std::size_t first,
                     std::span<float* const> outputs, int worker) {
    Pass<Net> pass = view_.make_pass(worker, settings_->seed);
    pass.samples = static_cast<int>(records.size());
    const auto input = Net::template value<0>(pass.area);
    for (int n = 0; n < pass.samples; ++n) {
      stage_picture(records[n].image, {}, normalization_, input, n);
    }
    input.zero_halo(pass.samples);
    forward(pass, all_heads);
    unroll<Net::head_count>(
        [&](auto h) { copy_output<Net::head_output[h]>(pass, pass.samples, outputs[h], first); });
  }

 private:
  // The targets of a staged shard.
  struct Targets {
    std::array<std::uint64_t, shard> record;
    std::array<std::array<std::int32_t, shard>, D::target_count> label;
    std::array<std::array<bool, shard>, D::target_count> present;
    std::array<const float*, D::target_count> values{};        // [sample][size]
    std::array<const std::uint8_t*, D::target_count> masks{};  // [sample][pixel]
  };

  // Reads, augments and normalizes the records of a shard. Returns the number of samples.
  int stage(const Batch& batch, std::uint64_t s, int worker, Targets& targets) const {
    const int samples = static_cast<int>(std::min<std::uint64_t>(shard, batch.count - s * shard));
    const auto input = Net::template value<0>(view_.worker_area(worker));
    const Augmentation& augmentation = settings_->augmentation;
    const bool augment =
        batch.training && settings_->augment &&
        (augmentation.flip || augmentation.shift > 0 || augmentation.least_crop < 1.0);
    Record record;
    for (int n = 0; n < samples; ++n) {
      const std::uint64_t index = batches_.record_of(batch, batch.first + s * shard + n);
      targets.record[n] = index;
      settings_->source->read(index, view_.scratch(worker), record);
      const SamplingGrid grid =
          augment ? draw_grid(augmentation, Experiment::input, settings_->seed, batch.epoch, index)
                  : SamplingGrid{};
      stage_picture(record.image, grid, normalization_, input, n);
      stage_targets(record, index, grid, n, worker, targets);
    }
    input.zero_halo(samples);
    return samples;
  }

  void stage_targets(const Record& record, std::uint64_t index, const SamplingGrid& grid, int n,
                     int worker, Targets& targets) const {
    float* values = view_.value_area(worker);
    std::uint8_t* masks = view_.mask_area(worker);
    for (int t = 0; t < D::target_count; ++t) {
      const TargetSpec& spec = Experiment::targets[t];
      const Record::Target& target = record.targets[t];
      switch (spec.kind) {
        case TargetKind::classes:
          targets.label[t][n] = target.label;
          targets.present[t][n] = target.label >= 0;
          break;
        case TargetKind::values:
          targets.values[t] = values;
          targets.present[t][n] = target.values && settings_->source->labelled(index, t);
          if (targets.present[t][n]) {
            std::copy_n(target.values, spec.size, values + n * spec.size);
          }
          values += shard * spec.size;
          break;
        case TargetKind::mask:
          targets.masks[t] = masks;
          targets.present[t][n] = target.mask && settings_->source->labelled(index, t);
          if (targets.present[t][n]) {
            stage_mask(target.mask, grid, Experiment::input, masks + n * D::mask_bytes);
          }
          masks += shard * D::mask_bytes;
          break;
      }
    }
  }

  template <int H>
  using HeadMemory = BlockMemory<D::head_shape(H).c, D::block_positions(H)>;

  // Labels, values and coefficients of a block for one target; `scale` is what a record's share is
  // multiplied with (1 / Σ record weights in training). Returns the records' weights in the block.
  template <int H, int K, class Memory>
  double fill_block(const Targets& targets, int n, int samples, float scale,
                    const Memory& memory) const {
    using Rule = typename D::template TermAt<K>::Rule;
    constexpr int t = D::term_target[K];
    constexpr TargetSpec spec = Experiment::targets[t];
    const Rule& rule = std::get<K>(Experiment::terms).rule;
    double weight = 0;
    if constexpr (D::dense_head(H)) {
      const std::uint8_t* mask = targets.masks[t] + n * D::mask_bytes;
      int pixels = 0;
      if (targets.present[t][n]) {
        for (std::size_t p = 0; p < D::mask_bytes; ++p) pixels += mask[p] != 255;
      }
      const float share = pixels > 0 ? scale / static_cast<float>(pixels) : 0.0f;
      for (int p = 0; p < Memory::positions; ++p) {
        const bool present = pixels > 0 && p < static_cast<int>(D::mask_bytes) && mask[p] != 255;
        memory.labels[p] = present ? mask[p] : 0;
        memory.coefficient[p] = present ? share : 0.0f;
      }
      weight = pixels > 0 ? 1.0 : 0.0;
    } else {
      for (int p = 0; p < Memory::positions; ++p) {
        const bool present = p < samples && targets.present[t][p];
        const int label = present && spec.kind == TargetKind::classes ? targets.label[t][p] : 0;
        const float share = present ? record_weight(rule, label) : 0.0f;
        memory.labels[p] = label;
        memory.coefficient[p] = share * scale;
        weight += static_cast<double>(share);
      }
    }
    if constexpr (Rule::compares == Compares::values) {
      if constexpr (spec.kind == TargetKind::values) {
        for (int c = 0; c < Memory::channels; ++c) {
          for (int p = 0; p < Memory::positions; ++p) {
            memory.values[c * Memory::positions + p] =
                p < samples && targets.present[t][p] ? targets.values[t][p * spec.size + c] : 0.0f;
          }
        }
      } else {
        labels_to_values(memory);
      }
    }
    return weight;
  }

  // Calls f(block index, memory) for each block of a head: once for the shard, or once a sample of
  // a dense head, with the logits gathered; f returns whether gradients go back.
  template <int H, class F>
  void for_each_block(const Pass<Net>& pass, int worker, F&& f) const {
    const HeadMemory<H> memory(view_.block_area(worker));
    const auto y = Net::template value<Net::head_output[H]>(pass.area);
    const auto gy = Net::template gradient<Net::head_output[H]>(pass.area);
    const auto clear = [&] {
      std::fill_n(memory.gradient, memory.channels * memory.positions, 0.0f);
    };
    if constexpr (D::dense_head(H)) {
      for (int n = 0; n < pass.samples; ++n) {
        gather_pixels(n, y, memory);
        clear();
        if (f(n, memory)) scatter_pixels(n, memory, gy);
      }
    } else {
      gather_samples(pass.samples, y, memory);
      clear();
      if (f(0, memory)) scatter_samples(pass.samples, memory, gy);
    }
  }

  // Values and output gradients of the terms in the set, for every head that they need.
  void losses(const Pass<Net>& pass, const Targets& targets, TermSet terms,
              const std::array<float, max_terms>& weight, int worker, SlotTotals& totals) {
    unroll<Net::head_count>([&](auto head) {
      constexpr int h = head;
      if (!(D::heads_of(terms) >> h & 1u)) return;
      Net::template gradient<Net::head_output[h]>(pass.area).zero_halo(pass.samples);
      pass.written[Net::head_output[h]] = true;
      for_each_block<h>(pass, worker, [&](int n, const auto& memory) {
        D::each_term([&](auto k) {
          constexpr int term = decltype(k)::value;
          if constexpr (!D::is_penalty[term] && D::term_head[term] == h) {
            if (!(terms >> term & 1u)) return;
            fill_block<h, term>(targets, n, pass.samples, term_scale[term], memory);
            totals.value[term] += static_cast<double>(
                std::get<term>(Experiment::terms).rule.evaluate(memory.block(weight[term], true)));
          }
        });
        return true;
      });
    });
  }

  // Adds a block to the counts of its pair of head and target, once a pair.
  template <int H, int K, class Memory>
  void count_metrics(const Memory& memory, int samples, int slot, SlotTotals& totals) {
    unroll<D::pair_count>([&](auto pair) {
      constexpr int p = pair;
      if constexpr (D::pairs[p].head == H && D::pairs[p].target == D::term_target[K] &&
                    first_term_of_pair(p) == K) {
        constexpr MetricInfo info = D::metric_info(p);
        const int positions = D::dense_head(H) ? D::head_shape(H).pixels() : samples;
        if constexpr (info.kind == TargetKind::values) {
          add_errors<D::pairs[p].probability>(memory, positions, totals, p);
        } else {
          std::uint64_t* counts = view_.metric_counts(slot) + view_.metric_offset(p);
          count_classes(memory, positions, info.classes, counts,
                        info.scored ? counts + info.classes * info.classes : nullptr);
        }
      }
    });
  }

  static constexpr int first_term_of_pair(int p) {
    for (int k = 0; k < D::term_count; ++k) {
      if (!D::is_penalty[k] && D::term_head[k] == D::pairs[p].head &&
          D::term_target[k] == D::pairs[p].target) {
        return k;
      }
    }
    return -1;
  }

  template <bool Probability, class Memory>
  static void add_errors(const Memory& memory, int positions, SlotTotals& totals, int pair) {
    for (int p = 0; p < positions; ++p) {
      if (!(memory.coefficient[p] > 0.0f)) continue;
      for (int c = 0; c < Memory::channels; ++c) {
        const float logit = memory.logits[c * Memory::positions + p];
        const float predicted = Probability ? sigmoid(Vec::broadcast(logit)).lanes()[0] : logit;
        const double error = static_cast<double>(predicted) -
                             static_cast<double>(memory.values[c * Memory::positions + p]);
        totals.absolute_error[pair] += std::fabs(error);
        totals.squared_error[pair] += error * error;
        ++totals.count[pair];
      }
    }
  }

  // Outputs of a head, sample by sample as C x H x W.
  template <int T>
  static void copy_output(const Pass<Net>& pass, int samples, float* to, std::size_t first) {
    constexpr Shape s = Net::shapes[T];
    const auto y = Net::template value<T>(pass.area);
    to += first * s.elements();
    for (int n = 0; n < samples; ++n) {
      for (int c = 0; c < s.c; ++c) {
        for (int r = 0; r < s.h; ++r) {
          for (int x = 0; x < s.w; ++x) *to++ = y.at(n, c / lanes, r, x)[c % lanes];
        }
      }
    }
  }

  ArenaView<D> view_;
  const Settings* settings_;
  const Batches<Experiment>& batches_;
  InputNormalization normalization_;
};

}  // namespace medley
