// What one worker does with one shard: stage its records, run the network, take losses and metrics.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "medley/base/exact_math.hpp"
#include "medley/engine/arena_view.hpp"
#include "medley/engine/batches.hpp"
#include "medley/engine/blocks.hpp"
#include "medley/engine/counting.hpp"
#include "medley/engine/record_telling.hpp"
#include "medley/engine/shard_targets.hpp"
#include "medley/engine/staging.hpp"
#include "medley/network/evaluation.hpp"

namespace medley {

// Sums of one slot, in the order of its shards.
struct alignas(128) SlotTotals {
  std::array<double, max_terms> value{};
  std::array<double, max_terms> weight{};  // of the labelled records, or of pixels over the batch
  std::array<double, max_terms> absolute_error{}, squared_error{};  // one a metric
  std::array<std::uint64_t, max_terms> count{};
};

// Inner products of the losses' gradients by the output of the trunk, of one slot: [i][j <= i].
template <int Pairs>
struct alignas(128) SlotProducts {
  std::array<double, static_cast<std::size_t>(Pairs)> product{};
};

template <class Experiment>
class ShardWork {
  using D = Definition<Experiment>;
  using Net = typename D::Net;
  using InputNormalization = Normalization<Experiment::input.c>;
  static constexpr int shard = D::shard;
  using Targets = ShardTargets<Experiment>;
  using Observing = RecordTelling<Experiment>;

 public:
  static constexpr HeadSet all_heads = (HeadSet{1} << Net::head_count) - 1;
  // The terms of each direction: of each backward pass over one forward pass.
  using TermSets = std::array<TermSet, D::directions>;

  ShardWork(ArenaView<D> view, const Settings& settings, const Batches<Experiment>& batches,
            const Frozen<Net>& frozen)
      : view_(view), settings_(&settings), batches_(batches), frozen_(frozen) {}

  // To be called once the source is known.
  void start() {
    normalization_ =
        InputNormalization::of(settings_->source->mean(), settings_->source->deviation());
    weighted_ = settings_->source->has_weights();
  }

  // What the loss of a record (of a pixel over the batch) is multiplied with, for each term: 1 / (sum
  // of their weights over the batch).
  std::array<float, max_terms> term_scale{};
  // Sums over the batch of the terms that need them (D::summed_terms).
  using Sums = std::array<double, D::sum_count>;
  Sums term_sums{};

  // Adds the weights of a shard's masks, as they are staged, to those of the terms in the set.
  void weigh_shard(const Batch& batch, std::uint64_t s, TermSet terms, int worker,
                   SlotTotals& totals) const {
    Targets targets;
    const int samples = stage(batch, s, worker, targets);
    D::each_term([&](auto k) {
      constexpr int term = decltype(k)::value;
      if constexpr (D::answers_mask(term)) {
        if (!(terms >> term & 1u)) return;
        for (int n = 0; n < samples; ++n) {
          totals.weight[term] += targets.template mask_weight<term>(n);
        }
      }
    });
  }

  // Forward as in train_shard, and the sums of the terms in the set.
  void sum_shard(const Batch& batch, std::uint64_t s, TermSet terms, int worker, Sums& sums) {
    const auto add = [&](auto k, const auto& memory) {
      if constexpr (is_summed<k>) add_sums<k>(memory, sums);
    };
    forward_terms(batch, s, terms, worker, add);
  }
  // The same, and the values of those that have none: what train_shard will find.
  void value_shard(const Batch& batch, std::uint64_t s, TermSet terms, int worker,
                   SlotTotals& totals, Sums& sums) {
    const auto add = [&](auto k, const auto& memory) {
      if constexpr (is_summed<k>) {
        add_sums<k>(memory, sums);
      } else {
        totals.value[k] += static_cast<double>(
            std::get<k>(Experiment::terms).loss.evaluate(memory.block(1.0f, false)));
      }
    };
    forward_terms(batch, s, terms, worker, add);
  }

  // The value of a term from its sums.
  template <int K>
  static double summed_value(const Sums& sums) {
    return std::get<K>(Experiment::terms)
        .loss.template value_of<D::head_shape(D::term_head[K]).c>(sums.data() + D::first_sum[K]);
  }

  // What a pass makes gradients of: the terms of each direction and their weights; and groups whose
  // losses are apart through the heads, with weights there.
  struct Work {
    TermSets sets{};
    std::array<float, max_terms> weight{}, in_heads{};
    std::array<const GroupPlan*, D::directions> at_output{};
    bool updates_statistics = false;

    // What is left to weigh of a loss in the trunk, behind a head that took it times in_heads.
    float beyond_heads(int term) const {
      return in_heads[term] != 0.0f ? weight[term] / in_heads[term] : 0.0f;
    }
  };
  using Products = SlotProducts<std::max(D::Ways::pairs, 1)>;
  using OutputGradient = typename D::OutputGradient;
  // Whether the gradients of losses can be taken apart at the output of the trunk.
  static constexpr bool meets_at_output = D::Ways::any_combines &&
                                          Net::wants_gradient[Net::trunk_output] &&
                                          OutputGradient::layout == Layout::blocked;

  // Forward, and for each direction losses and backward into the slot's gradients and factors.
  void train_shard(const Batch& batch, std::uint64_t s, const Work& work, int worker, int slot,
                   SlotTotals& totals, Products& products) {
    Targets targets;
    Pass<Net> pass = training_pass(batch, s, worker, targets);
    pass.updates_statistics = work.updates_statistics;
    pass.accumulate = s >= static_cast<std::uint64_t>(D::slots);
    pass.share = static_cast<float>(pass.samples) / static_cast<float>(batch.count);
    // What forward collects, running statistics, goes to the first direction that has the segment.
    for (int d = D::directions - 1; d >= 0; --d) {
      const auto places = view_.slot_gradients(d, slot);
      for (int part = 0; part < Net::segment_count; ++part) {
        if (D::reaches_backward(work.sets[d], part)) pass.gradients[part] = places[part];
      }
    }
    HeadSet heads = 0;
    for (const TermSet set : work.sets) heads |= D::heads_of(set);
    forward(pass, heads);
    for (int d = 0; d < D::directions; ++d) {
      if (D::heads_of(work.sets[d]) == 0) continue;
      pass.written = {};
      pass.gradients = view_.slot_gradients(d, slot);
      pass.factors = view_.slot_factors(d, slot);
      if (work.at_output[d] != nullptr) {
        meet_at_output(pass, targets, *work.at_output[d], work, worker, totals, products);
      } else {
        losses(pass, targets, work.sets[d], work.weight, worker, totals);
        backward(pass, D::heads_of(work.sets[d]));
      }
    }
  }

  // Forward, and values, sums and metrics of all terms, not divided by anything yet. The scores of
  // scored pair i begin at i * records; none are kept where there is no room. An observer, which may be
  // null, is told of each record.
  void evaluate_shard(const Batch& batch, std::uint64_t s, int worker, int slot, SlotTotals& totals,
                      Sums& sums, std::span<Score> scores, RecordObserver* observer) {
    Targets targets;
    Pass<Net> pass = evaluation_pass(worker);
    pass.samples = stage(batch, s, worker, targets, &pass);
    evaluate(pass);
    unroll<Net::head_count>([&](auto head) {
      constexpr int h = head;
      for_each_block<h>(pass, worker, [&](int n, const auto& memory) {
        D::each_term([&](auto k) {
          constexpr int term = decltype(k)::value;
          if constexpr (!D::is_penalty[term] && D::term_head[term] == h) {
            const double weight = targets.template fill<h, term>(n, pass.samples, 1.0f, memory);
            totals.weight[term] += weight;
            if constexpr (is_summed<term>) {
              add_sums<term>(memory, sums);
            } else {
              totals.value[term] += Observing::template value<term>(memory);
            }
            const std::uint64_t rank = batch.first + s * shard + (D::dense_head(h) ? n : 0);
            count_metrics<h, term>(memory, pass.samples, slot, totals, scores, batch.count, rank);
            if (observer) {
              Observing::template tell<h, term>(memory, pass.samples, rank, weight, *observer);
            }
          }
        });
      });
    });
  }

  // Outputs of all heads for up to a shard of records, and of a layer where one is asked for; those of
  // record i go to place first + i.
  void predict_shard(std::span<const Record> records, std::size_t first,
                     std::span<float* const> outputs, const LayerOutput& layer, int worker) {
    Pass<Net> pass =
        layer.values ? view_.make_pass(worker, settings_->seed) : evaluation_pass(worker);
    pass.samples = static_cast<int>(records.size());
    const auto input = value_of<0>(pass);
    for (int n = 0; n < pass.samples; ++n) {
      stage_picture(records[n].image, {}, normalization_, input, n);
    }
    input.zero_halo(pass.samples);
    const auto copy = [&](int tensor, float* to) {
      copy_value(pass, tensor, to + first * Net::shapes[tensor].elements());
    };
    if (layer.values) {
      const int asked = layer.layer + 1;  // nodes up to the layer's
      forward(pass, all_heads, 0, asked);
      copy(asked, layer.values);
      forward(pass, all_heads, asked);
    } else {
      evaluate(pass);
    }
    for (int h = 0; h < Net::head_count; ++h) copy(Net::head_output[h], outputs[h]);
  }

 private:
  // Forward as in train_shard; calls f(term, memory) for each block of a term in the set.
  template <class F>
  void forward_terms(const Batch& batch, std::uint64_t s, TermSet terms, int worker, F&& f) {
    Targets targets;
    const Pass<Net> pass = training_pass(batch, s, worker, targets);
    const HeadSet heads = D::heads_of(terms);
    forward(pass, heads);
    unroll<Net::head_count>([&](auto head) {
      constexpr int h = head;
      if (!(heads >> h & 1u)) return;
      for_each_block<h>(pass, worker, [&](int n, const auto& memory) {
        D::each_term([&](auto k) {
          constexpr int term = decltype(k)::value;
          if constexpr (!D::is_penalty[term] && D::term_head[term] == h) {
            if (!(terms >> term & 1u)) return;
            targets.template fill<h, term>(n, pass.samples, scale_of<term>(), memory);
            f(k, memory);
          }
        });
      });
    });
  }

  // A pass that trains, with its shard staged.
  Pass<Net> training_pass(const Batch& batch, std::uint64_t s, int worker, Targets& targets) const {
    Pass<Net> pass = view_.make_pass(worker, settings_->seed);
    pass.samples = stage(batch, s, worker, targets, &pass);
    pass.records = targets.record.data();
    pass.epoch = batch.epoch;
    pass.training = true;
    pass.frozen = &frozen_;
    return pass;
  }

  // A pass that only goes forward.
  Pass<Net> evaluation_pass(int worker) const {
    Pass<Net> pass = view_.make_pass(worker, settings_->seed);
    prepare_evaluation(pass);
    return pass;
  }

  // Reads, augments and normalizes the records of a shard into the input of a pass; without one, their
  // targets alone. Returns the number of samples.
  int stage(const Batch& batch, std::uint64_t s, int worker, Targets& targets,
            const Pass<Net>* pass = nullptr) const {
    const int samples = static_cast<int>(std::min<std::uint64_t>(shard, batch.count - s * shard));
    const Augmentation& augmentation = settings_->augmentation;
    const bool augment =
        batch.training && settings_->augment &&
        (augmentation.flip || augmentation.shift > 0 || augmentation.least_crop < 1.0);
    Record record;
    for (int n = 0; n < samples; ++n) {
      const std::uint64_t index = batches_.record_of(batch, batch.first + s * shard + n);
      targets.record[n] = index;
      targets.counts[n] = weighted_ ? settings_->source->weight(index) : 1.0f;
      settings_->source->read(index, view_.scratch(worker), record);
      const SamplingGrid grid =
          augment ? draw_grid(augmentation, Experiment::input, settings_->seed, batch.epoch, index)
                  : SamplingGrid{};
      if (pass) stage_picture(record.image, grid, normalization_, value_of<0>(*pass), n);
      stage_targets(record, index, grid, n, worker, targets);
    }
    if (pass) value_of<0>(*pass).zero_halo(samples);
    return samples;
  }

  void stage_targets(const Record& record, std::uint64_t index, const SamplingGrid& grid, int n,
                     int worker, Targets& targets) const {
    float* values = view_.value_area(worker);
    std::uint8_t* masks = view_.mask_area(worker);
    const bool counts = targets.counts[n] > 0.0f;
    for (int t = 0; t < D::target_count; ++t) {
      const TargetSpec& spec = Experiment::targets[t];
      const Record::Target& target = record.targets[t];
      switch (spec.kind) {
        case TargetKind::classes:
          targets.label[t][n] = target.label;
          targets.present[t][n] = counts && target.label >= 0;
          break;
        case TargetKind::values:
          targets.values[t] = values;
          targets.present[t][n] = counts && target.values && settings_->source->labelled(index, t);
          if (targets.present[t][n]) {
            std::copy_n(target.values, spec.size, values + n * spec.size);
          }
          values += shard * spec.size;
          break;
        case TargetKind::mask:
          targets.masks[t] = masks;
          targets.present[t][n] = counts && target.mask && settings_->source->labelled(index, t);
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

  template <int K>
  static constexpr bool is_summed = (D::summed_terms >> K & 1u) != 0;
  // Terms of sums see the weights of records as they are.
  template <int K>
  float scale_of() const {
    return is_summed<K> ? 1.0f : term_scale[K];
  }

  template <int K, class Memory>
  static void add_sums(const Memory& memory, Sums& sums) {
    std::get<K>(Experiment::terms)
        .loss.add_sums(memory.block(1.0f, false), sums.data() + D::first_sum[K]);
  }

  // Calls f(block index, memory) for each block of a head: once for the shard, or once a sample of
  // a dense head, with the logits gathered.
  template <int H, class F>
  void for_each_block(const Pass<Net>& pass, int worker, F&& f) const {
    const HeadMemory<H> memory(view_.block_area(worker));
    const auto y = value_of<Net::head_output[H]>(pass);
    if constexpr (D::dense_head(H)) {
      for (int n = 0; n < pass.samples; ++n) {
        gather_pixels(n, y, memory);
        f(n, memory);
      }
    } else {
      gather_samples(pass.samples, y, memory);
      f(0, memory);
    }
  }

  // Values and output gradients of the terms in the set, for every head that they need. Heads
  // without layers share the trunk's output, and add up there.
  void losses(const Pass<Net>& pass, const Targets& targets, TermSet terms,
              const std::array<float, max_terms>& weight, int worker, SlotTotals& totals) {
    unroll<Net::head_count>([&](auto head) {
      constexpr int h = head, out = Net::head_output[h];
      if (!(D::heads_of(terms) >> h & 1u)) return;
      const bool add = pass.written[out];
      const auto gy = Net::template gradient<out>(pass.area);
      if constexpr (Net::wants_gradient[out]) {
        if (!add) gy.zero_halo(pass.samples);
        pass.written[out] = true;
      }
      for_each_block<h>(pass, worker, [&](int n, const auto& memory) {
        std::fill_n(memory.gradient, memory.channels * memory.positions, 0.0f);
        D::each_term([&](auto k) {
          constexpr int term = decltype(k)::value;
          if constexpr (!D::is_penalty[term] && D::term_head[term] == h) {
            if (!(terms >> term & 1u)) return;
            targets.template fill<h, term>(n, pass.samples, scale_of<term>(), memory);
            take_loss<term>(memory.block(weight[term], true), totals);
          }
        });
        if constexpr (!Net::wants_gradient[out]) {
          return;  // nothing before it can learn
        } else if constexpr (D::dense_head(h)) {
          scatter_pixels(n, memory, add, gy);
        } else {
          scatter_samples(pass.samples, memory, add, gy);
        }
      });
    });
  }

  // Each loss of a group backward through its head, with its weight h_k there; the gradients
  // u_k = h_k ∂l_k/∂z that they have at the trunk's output z are kept, their inner products added to
  // those of the slot, and the trunk goes backward from Σ (w_k / h_k) u_k.
  void meet_at_output(Pass<Net>& pass, const Targets& targets, const GroupPlan& group,
                      const Work& work, int worker, SlotTotals& totals, Products& products) {
    if constexpr (meets_at_output) {
      const OutputGradient at = Net::template gradient<Net::trunk_output>(pass.area);
      std::array<OutputGradient, most_losses> of_loss;
      for (int k = 0; k < group.losses; ++k) of_loss[k] = {view_.output_gradient(worker, k)};
      each_head_backward<Net>(D::heads_of(group.terms), [&](auto h) {
        int loss = 0;
        while (D::term_head[group.loss[loss]] != h) ++loss;
        pass.written[Net::trunk_output] = false;
        losses(pass, targets, TermSet{1} << group.loss[loss], work.in_heads, worker, totals);
        backward_head<h>(pass);
        for_each_pixel<OutputGradient>(pass.samples, [&](int n, int b, int y, int x) {
          Vec::load(at.at(n, b, y, x)).store(of_loss[loss].at(n, b, y, x));
        });
      });
      for (int i = 0; i < group.losses; ++i) {
        for (int j = 0; j <= i; ++j)
          products.product[group.pair(i, j)] += inner_product(pass.samples, of_loss[i], of_loss[j]);
      }
      for_each_pixel<OutputGradient>(pass.samples, [&](int n, int b, int y, int x) {
        Vec sum = Vec::zero();
        for (int k = 0; k < group.losses; ++k) {
          sum = fma(Vec::broadcast(work.beyond_heads(group.loss[k])),
                    Vec::load(of_loss[k].at(n, b, y, x)), sum);
        }
        sum.store(at.at(n, b, y, x));
      });
      pass.written[Net::trunk_output] = true;
      backward_trunk(pass);
    }
  }
  // Sample by sample, so that a sum of many vectors is one of doubles.
  static double inner_product(int samples, OutputGradient left, OutputGradient right) {
    double product = 0.0;
    for (int n = 0; n < samples; ++n) {
      Vec sums = Vec::zero();
      for_each_pixel<OutputGradient>(1, [&](int, int b, int y, int x) {
        sums = fma(Vec::load(left.at(n, b, y, x)), Vec::load(right.at(n, b, y, x)), sums);
      });
      product += static_cast<double>(sum(sums));
    }
    return product;
  }

  // Value and gradient of a term in a block.
  template <int K, class Block>
  void take_loss(const Block& block, SlotTotals& totals) const {
    const auto& loss = std::get<K>(Experiment::terms).loss;
    if constexpr (is_summed<K>) {
      loss.add_gradient_of(block, term_sums.data() + D::first_sum[K]);
    } else {
      totals.value[K] += static_cast<double>(loss.evaluate(block));
    }
  }

  // Adds a block to the counts of its pair of head and target, once a pair; its first record has
  // this rank in the split.
  template <int H, int K, class Memory>
  void count_metrics(const Memory& memory, int samples, int slot, SlotTotals& totals,
                     std::span<Score> scores, std::uint64_t records, std::uint64_t rank) {
    unroll<D::pair_count>([&](auto pair) {
      constexpr int p = pair;
      if constexpr (Observing::first_term_of_pair(p) == K) {
        constexpr MetricInfo info = D::metric_info(p);
        const int positions = D::dense_head(H) ? D::head_shape(H).pixels() : samples;
        if constexpr (info.kind == TargetKind::values) {
          add_errors<info.outputs == Outputs::sigmoid>(memory, positions, totals, p);
        } else {
          count_classes(memory, positions, info.classes, info.outputs,
                        view_.metric_counts(slot) + view_.metric_offset(p));
        }
        if constexpr (info.scored) {
          if (!scores.empty()) {
            keep_scores(memory, positions, scores.data() + D::scored_before(p) * records + rank);
          }
        }
      }
    });
  }

  template <bool Probability, class Memory>
  static void add_errors(const Memory& memory, int positions, SlotTotals& totals, int pair) {
    for (int p = 0; p < positions; ++p) {
      if (!(memory.sample_weight[p] > 0.0f)) continue;
      for (int c = 0; c < Memory::channels; ++c) {
        const double error = error_of<Probability>(memory, c, p);
        totals.absolute_error[pair] += magnitude(error);
        totals.squared_error[pair] += error * error;
        ++totals.count[pair];
      }
    }
  }

  ArenaView<D> view_;
  const Settings* settings_;
  const Batches<Experiment>& batches_;
  const Frozen<Net>& frozen_;
  InputNormalization normalization_;
  bool weighted_ = false;
};

}  // namespace medley
