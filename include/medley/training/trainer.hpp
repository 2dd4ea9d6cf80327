// The engine of an experiment. A step, as a batch sees it:
//
//   pass      each worker takes slots; for every shard of a slot: stage the records, forward, then
//   for
//             each direction (group) losses and backward into the slot's gradients
//   reduce    gradients of the slots are added as a tree, penalties join in; chunk by chunk
//   check     norms; nothing goes on if anything is not finite
//   update    every group's optimizer, chunk by chunk
//   derive    transposed weights
//
// Each line is one parallel phase; what a phase computes does not depend on which worker does what.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>

#include "medley/network/pass.hpp"
#include "medley/training/blocks.hpp"
#include "medley/training/counting.hpp"
#include "medley/training/definition.hpp"
#include "medley/training/order.hpp"
#include "medley/training/staging.hpp"
#include "medley/training/workers.hpp"

namespace medley {

template <class Experiment>
class Trainer final : public Engine {
  using D = Definition<Experiment>;
  using Net = typename D::Net;
  static constexpr int shard = D::shard;

 public:
  // `arena` has D::arena_bytes, all zero, aligned to 128.
  explicit Trainer(float* arena) : arena_(arena) {}

  void start(const Settings& settings) override {
    settings_ = settings;
    settings_.threads = std::clamp(settings.threads, 1, D::slots);
    normalization_ = Normalization::of(settings.source->mean(), settings.source->deviation());
    workers_.emplace(settings_.threads);
  }

  void initialize() override {
    std::fill_n(arena_, D::map.gradients, 0.0f);
    for (int k = 0; k < Net::parameter_count; ++k) {
      initialize(Net::parameters[k], static_cast<std::uint64_t>(k));
    }
    parameters_changed();
  }

  void parameters_changed() override { derive(); }

  bool set_mix(std::string_view name, double value) override { return mix_.set(name, value); }

  std::size_t predict_batch() const override { return static_cast<std::size_t>(D::slots) * shard; }

  std::uint64_t rounds_per_epoch() const override {
    const std::uint64_t batches = batches_per_epoch();
    return (batches + batches_per_round() - 1) / batches_per_round();
  }

  std::size_t batch_records(const Position& position,
                            std::span<std::uint64_t> records) const override {
    const Batch batch = batch_at(position);
    const std::size_t count = std::min<std::size_t>(records.size(), batch.count);
    for (std::size_t i = 0; i < count; ++i) records[i] = record_of(batch, batch.first + i);
    return count;
  }

  void step(Position& position, double rate_factor, StepReport& report) override {
    report = {};
    bool first_update = true;
    for (int g = 0; g < (D::mode == StepMode::alternating ? D::group_count : 1); ++g) {
      for (int repeat = 0; repeat < times(g); ++repeat) {
        if (!first_update && takes_next_batch(g)) ++position.batch;
        first_update = false;
        if (!update(position, g, rate_factor, report)) return;
      }
    }
    report.total = 0;
    for (int k = 0; k < D::term_count; ++k) report.total += report.weight[k] * report.value[k];
    ++position.step;
    ++position.batch;
    if (position.batch >= batches_per_epoch()) {
      position.batch = 0;
      ++position.epoch;
    }
  }

  void measure_gradients(const Position& position, GradientReport& report) override {
    const Batch batch = batch_at(position);
    StepReport ignored;
    std::array<float, max_terms> weight;
    weight.fill(1.0f);
    for (int k = 0; k < D::term_count; ++k) {
      const TermSet term = TermSet{1} << k;
      if (!D::is_penalty[k]) run_pass(batch, {term}, weight, false, ignored);
      workers_->run([&](int worker) {
        for_each_chunk(worker, [&](const Chunk& chunk, int) {
          if (chunk.segment == 0 && chunk.trainable) collect_term(chunk, k, batch);
        });
      });
    }
    compare_gradients(report);
  }

  void evaluate(Split split, Evaluation& result) override {
    result = {};
    result.records = settings_.source->size(split);
    const Batch batch{.split = split, .count = result.records, .training = false};
    const std::uint64_t shards = shard_count(batch);
    const int used = slots_used(shards);
    std::fill_n(metric_counts(0), D::slots * D::metric_words, std::uint64_t{0});
    for (Totals& totals : totals_) totals = {};
    run_slots(used, [&](int worker, int slot) {
      for (std::uint64_t s = static_cast<std::uint64_t>(slot); s < shards; s += D::slots) {
        evaluate_shard(batch, s, worker, slot);
      }
    });
    summarize(used, result);
  }

  void predict(std::span<const Record> records, std::span<float* const> outputs) override {
    const int shards = static_cast<int>((records.size() + shard - 1) / shard);
    run_slots(shards, [&](int worker, int slot) {
      const std::size_t first = static_cast<std::size_t>(slot) * shard;
      const int samples = static_cast<int>(std::min<std::size_t>(shard, records.size() - first));
      Pass<Net> pass = make_pass(worker);
      pass.samples = samples;
      for (int n = 0; n < samples; ++n) {
        stage_picture(records[first + n].image, {}, normalization_,
                      Net::template value<0>(pass.area), n);
      }
      Net::template value<0>(pass.area).zero_halo(samples);
      forward(pass, all_heads);
      unroll<Net::head_count>(
          [&](auto h) { copy_output<Net::head_output[h]>(pass, samples, outputs[h], first); });
    });
  }

 private:
  static constexpr HeadSet all_heads = (HeadSet{1} << Net::head_count) - 1;
  static constexpr TermSet all_terms = (TermSet{1} << D::term_count) - 1;
  using TermSets = std::array<TermSet, D::directions>;

  struct Batch {
    Split split = Split::train;
    std::uint32_t epoch = 0;
    std::uint64_t first = 0, count = 0;  // ranks
    bool training = true;
  };

  // Sums of one slot, in the order of its shards.
  struct alignas(128) Totals {
    std::array<double, max_terms> value{};
    std::array<double, max_terms> record_weight{};
    std::array<double, max_terms> absolute_error{}, squared_error{};  // one a metric
    std::array<std::uint64_t, max_terms> count{};
  };

  // --- memory
  // -------------------------------------------------------------------------------------

  float* parameters() const { return arena_ + D::map.parameters; }
  float* derived() const { return arena_ + D::map.derived; }
  float* gradients(int direction, int slot) const {
    return arena_ + D::map.gradients +
           (static_cast<std::size_t>(direction) * D::slots + slot) * D::parameter_floats;
  }
  float* term_gradients(int term) const {
    return arena_ + D::map.term_gradients + static_cast<std::size_t>(term) * D::trunk_floats;
  }
  float* worker_area(int worker) const {
    return arena_ + D::map.workers + static_cast<std::size_t>(worker) * D::worker_floats;
  }
  float* block_area(int worker) const {
    return worker_area(worker) + aligned(Net::activation_floats);
  }
  float* value_area(int worker) const { return block_area(worker) + D::block_floats; }
  std::uint8_t* mask_area(int worker) const {
    return reinterpret_cast<std::uint8_t*>(value_area(worker) + aligned(shard * D::value_floats));
  }
  std::span<std::byte> scratch(int worker) const {
    auto* masks = reinterpret_cast<float*>(mask_area(worker));
    return {reinterpret_cast<std::byte*>(masks +
                                         aligned((shard * D::mask_count * D::mask_bytes + 3) / 4)),
            D::scratch_bytes};
  }
  std::uint64_t* metric_counts(int slot) const {
    return reinterpret_cast<std::uint64_t*>(arena_ + D::map.metrics) +
           static_cast<std::size_t>(slot) * D::metric_words;
  }
  static constexpr std::size_t metric_offset(int pair) {
    std::size_t words = 0;
    for (int p = 0; p < pair; ++p) words += D::count_words(p);
    return words;
  }

  Pass<Net> make_pass(int worker) const {
    Pass<Net> pass;
    pass.area = worker_area(worker);
    pass.parameters = parameters();
    pass.derived = derived();
    pass.seed = settings_.seed;
    return pass;
  }

  // --- batches
  // ------------------------------------------------------------------------------------

  static constexpr std::array<int, D::group_count> group_times = [] {
    std::array<int, D::group_count> count{};
    D::each_group([&](auto g) { count[g] = std::get<g>(Experiment::steps.groups).times; });
    return count;
  }();
  static constexpr std::array<bool, D::group_count> group_next_batch = [] {
    std::array<bool, D::group_count> next{};
    D::each_group([&](auto g) { next[g] = std::get<g>(Experiment::steps.groups).next_batch; });
    return next;
  }();
  static constexpr int times(int g) {
    return D::mode == StepMode::alternating ? group_times[g] : 1;
  }
  static constexpr bool takes_next_batch(int g) {
    return D::mode == StepMode::alternating && group_next_batch[g];
  }
  static constexpr std::uint64_t batches_per_round() {
    std::uint64_t batches = 0;
    if (D::mode == StepMode::alternating) {
      for (int g = 0; g < D::group_count; ++g) {
        if (group_next_batch[g]) batches += static_cast<std::uint64_t>(group_times[g]);
      }
      // The first update of a round always has a batch of its own.
      if (!group_next_batch[0]) ++batches;
    } else {
      batches = 1;
    }
    return batches;
  }
  std::uint64_t batches_per_epoch() const {
    const std::uint64_t records = settings_.source->size(Split::train);
    return (records + settings_.batch_size - 1) / settings_.batch_size;
  }

  // A round that runs past the last batch of an epoch goes on with its first.
  Batch batch_at(const Position& position) const {
    const std::uint64_t records = settings_.source->size(Split::train);
    const std::uint64_t first = position.batch % batches_per_epoch() * settings_.batch_size;
    return {.split = Split::train,
            .epoch = position.epoch,
            .first = first,
            .count = std::min<std::uint64_t>(settings_.batch_size, records - first)};
  }
  std::uint64_t record_of(const Batch& batch, std::uint64_t rank) const {
    if (batch.training && settings_.shuffle) {
      rank = Permutation(settings_.source->size(batch.split), settings_.seed, batch.epoch)(rank);
    }
    return settings_.source->record(batch.split, rank);
  }
  static std::uint64_t shard_count(const Batch& batch) { return (batch.count + shard - 1) / shard; }
  static int slots_used(std::uint64_t shards) {
    return static_cast<int>(std::min<std::uint64_t>(D::slots, shards));
  }

  // Calls f(worker, slot) for slots 0 .. count - 1, on any worker.
  template <class F>
  void run_slots(int count, F&& f) {
    next_slot_.store(0, std::memory_order_relaxed);
    workers_->run([&](int worker) {
      for (;;) {
        const int slot = next_slot_.fetch_add(1, std::memory_order_relaxed);
        if (slot >= count) return;
        f(worker, slot);
      }
    });
  }

  // --- one shard
  // ----------------------------------------------------------------------------------

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
    const auto input = Net::template value<0>(worker_area(worker));
    const Augmentation& augmentation = settings_.augmentation;
    const bool augment =
        batch.training && settings_.augment &&
        (augmentation.flip || augmentation.shift > 0 || augmentation.least_crop < 1.0);
    Record record;
    for (int n = 0; n < samples; ++n) {
      const std::uint64_t index = record_of(batch, batch.first + s * shard + n);
      targets.record[n] = index;
      settings_.source->read(index, scratch(worker), record);
      const SamplingGrid grid =
          augment ? draw_grid(augmentation, Experiment::input, settings_.seed, batch.epoch, index)
                  : SamplingGrid{};
      stage_picture(record.image, grid, normalization_, input, n);
      stage_targets(record, index, grid, n, worker, targets);
    }
    input.zero_halo(samples);
    return samples;
  }

  void stage_targets(const Record& record, std::uint64_t index, const SamplingGrid& grid, int n,
                     int worker, Targets& targets) const {
    float* values = value_area(worker);
    std::uint8_t* masks = mask_area(worker);
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
          targets.present[t][n] = target.values && settings_.source->labelled(index, t);
          if (targets.present[t][n]) {
            std::copy_n(target.values, spec.size, values + n * spec.size);
          }
          values += shard * spec.size;
          break;
        case TargetKind::mask:
          targets.masks[t] = masks;
          targets.present[t][n] = target.mask && settings_.source->labelled(index, t);
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
    const HeadMemory<H> memory(block_area(worker));
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
              const std::array<float, max_terms>& weight, int worker, int slot) {
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
            fill_block<h, term>(targets, n, pass.samples, term_scale_[term], memory);
            totals_[slot].value[term] += static_cast<double>(
                std::get<term>(Experiment::terms).rule.evaluate(memory.block(weight[term], true)));
          }
        });
        return true;
      });
    });
  }

  void train_shard(const Batch& batch, std::uint64_t s, const TermSets& sets,
                   const std::array<float, max_terms>& weight, bool updates_statistics, int worker,
                   int slot) {
    Targets targets;
    Pass<Net> pass = make_pass(worker);
    pass.samples = stage(batch, s, worker, targets);
    pass.records = targets.record.data();
    pass.epoch = batch.epoch;
    pass.training = true;
    pass.updates_statistics = updates_statistics;
    pass.accumulate = s >= static_cast<std::uint64_t>(D::slots);
    pass.share = static_cast<float>(pass.samples) / static_cast<float>(batch.count);
    pass.gradients = gradients(0, slot);
    HeadSet heads = 0;
    for (const TermSet set : sets) heads |= D::heads_of(set);
    forward(pass, heads);
    for (int d = 0; d < D::directions; ++d) {
      if (D::heads_of(sets[d]) == 0) continue;
      pass.written = {};
      pass.gradients = gradients(d, slot);
      losses(pass, targets, sets[d], weight, worker, slot);
      backward(pass, D::heads_of(sets[d]));
    }
  }

  // --- passes and updates
  // -------------------------------------------------------------------------

  // The parallel part of a step: fills the slots' gradients and the values of the terms.
  void run_pass(const Batch& batch, const TermSets& sets,
                const std::array<float, max_terms>& weight, bool updates_statistics,
                StepReport& report) {
    TermSet terms = 0;
    for (const TermSet set : sets) terms |= set;
    scale_terms(batch, terms, report);
    for (Totals& totals : totals_) totals.value = {};
    const std::uint64_t shards = shard_count(batch);
    const int used = slots_used(shards);
    if (D::heads_of(terms) != 0) {
      run_slots(used, [&](int worker, int slot) {
        for (std::uint64_t s = static_cast<std::uint64_t>(slot); s < shards; s += D::slots) {
          train_shard(batch, s, sets, weight, updates_statistics, worker, slot);
        }
      });
    }
    report.records = batch.count;
    for (int k = 0; k < D::term_count; ++k) {
      if (!(terms >> k & 1u) || D::is_penalty[k]) continue;
      report.value[k] = tree_sum(used, [&](int slot) { return totals_[slot].value[k]; });
    }
  }

  // What the records' losses are divided by: the sum of their weights over the batch.
  void scale_terms(const Batch& batch, TermSet terms, StepReport& report) {
    std::array<double, max_terms> sum{};
    for (std::uint64_t i = 0; i < batch.count; ++i) {
      const std::uint64_t record = record_of(batch, batch.first + i);
      D::each_term([&](auto k) {
        constexpr int term = decltype(k)::value;
        if constexpr (!D::is_penalty[term]) {
          if (!(terms >> term & 1u)) return;
          constexpr int t = D::term_target[term];
          if constexpr (Experiment::targets[t].kind == TargetKind::classes) {
            const std::int32_t label = settings_.source->label(record, t);
            if (label < 0) return;
            sum[term] +=
                static_cast<double>(record_weight(std::get<term>(Experiment::terms).rule, label));
          } else {
            sum[term] += settings_.source->labelled(record, t) ? 1.0 : 0.0;
          }
        }
      });
    }
    for (int k = 0; k < D::term_count; ++k) {
      term_scale_[k] = sum[k] > 0 ? static_cast<float>(1.0 / sum[k]) : 0.0f;
      if (terms >> k & 1u) report.measured[k] = D::is_penalty[k] || sum[k] > 0;
    }
  }

  // One pass and one update; in joint and simultaneous steps of all groups at once. Returns false,
  // with nothing updated, where the loss or a gradient is not finite.
  bool update(Position& position, int first_group, double rate_factor, StepReport& report) {
    const Batch batch = batch_at(position);
    constexpr bool in_turn = D::mode == StepMode::alternating;
    TermSets sets{};
    for (int d = 0; d < D::directions; ++d) sets[d] = D::group_terms[in_turn ? first_group : d];
    TermSet terms = 0;
    for (const TermSet set : sets) terms |= set;

    const std::array<float, max_terms> weight = mixed_weights();
    for (int k = 0; k < D::term_count; ++k) {
      if (terms >> k & 1u) report.weight[k] = static_cast<double>(weight[k]);
    }
    run_pass(batch, sets, weight, true, report);

    const int used = D::heads_of(terms) != 0 ? slots_used(shard_count(batch)) : 0;
    workers_->run([&](int worker) {
      for_each_chunk(worker, [&](const Chunk& chunk, int index) {
        for (int d = 0; d < D::directions; ++d) reduce(chunk, index, d, sets[d], weight, used);
      });
    });
    for (int k = 0; k < D::term_count; ++k) {
      if (!D::is_penalty[k] || !(terms >> k & 1u)) continue;
      report.value[k] = 0;
      for (const auto& sums : chunk_penalty_) report.value[k] += sums[k];
    }
    if (!check(report)) return false;

    UpdateConstants constants;
    D::each_group([&](auto g) {
      const int d = in_turn ? 0 : g;
      if (in_turn && g != first_group) return;
      const double norm = group_norm(d);
      report.gradient_norm[g] = norm;
      std::get<g>(constants.rule) =
          std::get<g>(Experiment::steps.groups)
              .optimizer.at(++position.updates[g], settings_.learning_rate[g] * rate_factor);
      constants.active[g] = true;
      constants.scale[g] = settings_.clip_norm > 0 && norm > settings_.clip_norm
                               ? static_cast<float>(settings_.clip_norm / norm)
                               : 1.0f;
    });
    workers_->run([&](int worker) {
      for_each_chunk(worker, [&](const Chunk& chunk, int) {
        if (chunk.trainable) {
          apply(chunk, constants);
        } else if (D::reaches_backward(terms, chunk.segment)) {
          average(chunk);
        }
      });
    });
    derive();
    return true;
  }

  // A range of parameters that one worker handles at once.
  struct Chunk {
    std::size_t offset = 0;
    int floats = 0;
    int parameter = 0, segment = 0;
    bool decays = false, trainable = true;
  };
  static constexpr int chunk_floats = 2048;
  static constexpr int chunk_count = [] {
    int count = 0;
    for (const PlacedParameter& p : Net::parameters) {
      count += (p.spec.floats + chunk_floats - 1) / chunk_floats;
    }
    return count;
  }();
  static constexpr std::array<Chunk, chunk_count> chunks = [] {
    std::array<Chunk, chunk_count> list{};
    int i = 0;
    for (int k = 0; k < Net::parameter_count; ++k) {
      const PlacedParameter& p = Net::parameters[k];
      for (int from = 0; from < p.spec.floats; from += chunk_floats) {
        list[i++] = {p.offset + static_cast<std::size_t>(from),
                     std::min(chunk_floats, p.spec.floats - from),
                     k,
                     p.segment,
                     p.spec.decays,
                     p.spec.trainable};
      }
    }
    return list;
  }();

  template <class F>
  void for_each_chunk(int worker, F&& f) const {
    for (int i = worker; i < chunk_count; i += workers_->count()) f(chunks[i], i);
  }

  // Sum of get(0) .. get(count - 1) as a tree whose shape depends on count alone.
  template <class Get>
  static auto tree_sum(int count, Get&& get) {
    std::array<decltype(get(0)), D::slots> sum;
    for (int i = 0; i < count; ++i) sum[i] = get(i);
    for (int width = 1; width < count; width *= 2) {
      for (int i = 0; i + width < count; i += 2 * width) sum[i] = sum[i] + sum[i + width];
    }
    return count > 0 ? sum[0] : decltype(get(0)){};
  }

  // The gradient of one direction in one chunk: slots, then penalties; into slot 0.
  void reduce(const Chunk& chunk, int index, int direction, TermSet terms,
              const std::array<float, max_terms>& weight, int used) {
    const bool summed = used > 0 && (chunk.trainable || direction == 0) &&
                        D::reaches_backward(terms, chunk.segment);
    const TermSet penalties = chunk.decays ? terms & D::penalties : 0;
    float* to = gradients(direction, 0) + chunk.offset;
    Vec squares = Vec::zero();
    std::array<Vec, D::term_count> penalty;
    penalty.fill(Vec::zero());
    for (int i = 0; i < chunk.floats; i += lanes) {
      Vec g = Vec::zero();
      if (summed) {
        g = tree_sum(used, [&](int slot) {
          return Vec::load(gradients(direction, slot) + chunk.offset + i);
        });
      }
      if (penalties != 0) {
        const Vec theta = Vec::load(parameters() + chunk.offset + i);
        D::each_term([&](auto k) {
          if constexpr (D::is_penalty[k]) {
            using Rule = typename D::template TermAt<decltype(k)::value>::Rule;
            if (!(penalties >> k & 1u)) return;
            penalty[k] = penalty[k] + Rule::value(theta);
            g = fma(Vec::broadcast(weight[k]), Rule::derivative(theta), g);
          }
        });
      }
      squares = fma(g, g, squares);
      g.store(to + i);
    }
    chunk_square_[direction][index] = chunk.trainable ? static_cast<double>(sum(squares)) : 0.0;
    for (int k = 0; k < D::term_count; ++k) {
      if (terms >> k & 1u) chunk_penalty_[index][k] = static_cast<double>(sum(penalty[k]));
    }
  }

  // Whether all terms and gradients are finite; else the report names the first that is not.
  bool check(StepReport& report) const {
    for (int k = 0; k < D::term_count; ++k) {
      if (std::isfinite(report.value[k])) continue;
      report.diverged = true;
      report.culprit_term = D::term_names[k];
      break;
    }
    for (int d = 0; d < D::directions; ++d) {
      for (int i = 0; i < chunk_count; ++i) {
        if (std::isfinite(chunk_square_[d][i])) continue;
        if (report.culprit_layer.empty()) {
          const int node = Net::parameters[chunks[i].parameter].node;
          Net::Nodes::each([&](auto n) {
            if (n == node) report.culprit_layer = Net::template NodeAt<n>::path.view();
          });
        }
        report.diverged = true;
      }
    }
    return !report.diverged;
  }

  double group_norm(int direction) const {
    double squares = 0;
    for (const double square : chunk_square_[direction]) squares += square;
    return std::sqrt(squares);
  }

  template <class G>
  struct ConstantsOf;
  template <class... Groups>
  struct ConstantsOf<std::tuple<Groups...>> {
    using type = std::tuple<typename Groups::Rule::Constants...>;
  };
  struct UpdateConstants {
    typename ConstantsOf<typename D::Groups>::type rule{};
    std::array<bool, D::group_count> active{};
    std::array<float, D::group_count> scale{};
  };

  // θ ← θ + Δ_1 + … + Δ_m, every Δ taken at the same θ.
  void apply(const Chunk& chunk, const UpdateConstants& constants) {
    for (int i = 0; i < chunk.floats; i += lanes) {
      float* at = parameters() + chunk.offset + i;
      const Vec before = Vec::load(at);
      Vec theta = before;
      D::each_group([&](auto group) {
        constexpr int g = decltype(group)::value;
        using Rule = typename D::template GroupAt<g>::Rule;
        constexpr TermSet terms = D::group_terms[g];
        if (!constants.active[g] || !D::reaches(terms, chunk.segment)) return;
        const int d = D::mode == StepMode::alternating ? 0 : g;
        const Vec gradient =
            Vec::load(gradients(d, 0) + chunk.offset + i) * Vec::broadcast(constants.scale[g]);
        constexpr std::size_t count = Rule::moments.size();
        float* moments =
            arena_ + D::map.moments[g] + D::moment_offset(g, chunk.segment, chunk.offset) + i;
        std::array<Vec, count> state;
        for (std::size_t m = 0; m < count; ++m) {
          state[m] = Vec::load(moments + m * D::moment_floats(g));
        }
        theta = theta +
                Rule::change(std::get<g>(constants.rule), before, gradient, state, chunk.decays);
        for (std::size_t m = 0; m < count; ++m) state[m].store(moments + m * D::moment_floats(g));
      });
      theta.store(at);
    }
  }

  // Running statistics move towards those of the batch.
  void average(const Chunk& chunk) {
    const Vec momentum = Vec::broadcast(statistics_momentum);
    for (int i = 0; i < chunk.floats; i += lanes) {
      float* at = parameters() + chunk.offset + i;
      const Vec running = Vec::load(at);
      fma(momentum, Vec::load(gradients(0, 0) + chunk.offset + i) - running, running).store(at);
    }
  }

  void derive() {
    workers_->run([&](int worker) {
      Pass<Net> pass = make_pass(worker);
      Net::Nodes::each([&](auto node) {
        constexpr int i = decltype(node)::value;
        if constexpr (Net::derived_offset[i + 1] > Net::derived_offset[i]) {
          Net::template LayerAt<i>::derive(Call<Net, i>{pass}, worker, workers_->count());
        }
      });
    });
  }

  // Each group's mix turns its terms' own weights into those of this step.
  std::array<float, max_terms> mixed_weights() const {
    std::array<float, max_terms> weight{};
    for (int g = 0; g < D::group_count; ++g) {
      std::array<float, max_terms> base{}, mixed{};
      std::array<bool, max_terms> penalty{};
      std::size_t count = 0;
      for (int k = 0; k < D::term_count; ++k) {
        if (!(D::group_terms[g] >> k & 1u)) continue;
        base[count] = static_cast<float>(settings_.weight[k]);
        penalty[count++] = D::is_penalty[k];
      }
      mix_.weights({base.data(), count}, {penalty.data(), count}, {mixed.data(), count});
      count = 0;
      for (int k = 0; k < D::term_count; ++k) {
        if (D::group_terms[g] >> k & 1u) weight[k] = mixed[count++];
      }
    }
    return weight;
  }

  // He initialization and constants; each element's number depends on its place in the file order.
  void initialize(const PlacedParameter& p, std::uint64_t index) {
    const auto [outputs, inputs, height, width] = p.spec.extent;
    const double bound = std::sqrt(6.0 / p.spec.fan_in);
    const RandomStream stream(settings_.seed, Purpose::initialization, 0, index);
    std::uint32_t element = 0;
    for (int o = 0; o < outputs; ++o) {
      for (int i = 0; i < inputs; ++i) {
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width; ++x, ++element) {
            float& value = parameters()[p.offset + p.spec.packing.index(o, i, y, x)];
            switch (p.spec.initial) {
              case Initial::zero:
                value = 0.0f;
                break;
              case Initial::one:
                value = 1.0f;
                break;
              case Initial::he_uniform: {
                const auto unit =
                    static_cast<double>(unit_float(stream.draw(element / 4)[element % 4]));
                value = static_cast<float>((2.0 * unit - 1.0) * bound);
                break;
              }
            }
          }
        }
      }
    }
  }

  // --- gradients of single terms
  // ------------------------------------------------------------------

  void collect_term(const Chunk& chunk, int term, const Batch& batch) {
    float* to = term_gradients(term) + chunk.offset;
    const int used = slots_used(shard_count(batch));
    for (int i = 0; i < chunk.floats; i += lanes) {
      Vec g = Vec::zero();
      if (!D::is_penalty[term]) {
        g = tree_sum(used,
                     [&](int slot) { return Vec::load(gradients(0, slot) + chunk.offset + i); });
      } else if (chunk.decays) {
        const Vec theta = Vec::load(parameters() + chunk.offset + i);
        D::each_term([&](auto k) {
          if constexpr (D::is_penalty[k]) {
            using Rule = typename D::template TermAt<decltype(k)::value>::Rule;
            if (k == term) g = Rule::derivative(theta);
          }
        });
      }
      g.store(to + i);
    }
  }

  void compare_gradients(GradientReport& report) const {
    report = {};
    std::array<std::array<double, D::term_count>, D::term_count> dot{};
    for (const Chunk& chunk : chunks) {
      if (chunk.segment != 0 || !chunk.trainable) continue;
      for (int a = 0; a < D::term_count; ++a) {
        for (int b = a; b < D::term_count; ++b) {
          Vec products = Vec::zero();
          for (int i = 0; i < chunk.floats; i += lanes) {
            products = fma(Vec::load(term_gradients(a) + chunk.offset + i),
                           Vec::load(term_gradients(b) + chunk.offset + i), products);
          }
          dot[a][b] += static_cast<double>(sum(products));
        }
      }
    }
    for (int a = 0; a < D::term_count; ++a) {
      report.norm[a] = std::sqrt(dot[a][a]);
      for (int b = a; b < D::term_count; ++b) {
        const double size = std::sqrt(dot[a][a]) * std::sqrt(dot[b][b]);
        report.cosine[a][b] = report.cosine[b][a] = size > 0 ? dot[a][b] / size : 0.0;
      }
    }
  }

  // --- evaluation
  // ---------------------------------------------------------------------------------

  void evaluate_shard(const Batch& batch, std::uint64_t s, int worker, int slot) {
    Targets targets;
    Pass<Net> pass = make_pass(worker);
    pass.samples = stage(batch, s, worker, targets);
    forward(pass, all_heads);
    Totals& totals = totals_[slot];
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
            count_metrics<h, term>(memory, pass.samples, slot);
          }
        });
        return false;
      });
    });
  }

  // Adds a block to the counts of its pair of head and target, once a pair.
  template <int H, int K, class Memory>
  void count_metrics(const Memory& memory, int samples, int slot) {
    unroll<D::pair_count>([&](auto pair) {
      constexpr int p = pair;
      if constexpr (D::pairs[p].head == H && D::pairs[p].target == D::term_target[K] &&
                    first_term_of_pair(p) == K) {
        constexpr MetricInfo info = D::metric_info(p);
        const int positions = D::dense_head(H) ? D::head_shape(H).pixels() : samples;
        if constexpr (info.kind == TargetKind::values) {
          add_errors<D::pairs[p].probability>(memory, positions, totals_[slot], p);
        } else {
          std::uint64_t* counts = metric_counts(slot) + metric_offset(p);
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
  static void add_errors(const Memory& memory, int positions, Totals& totals, int pair) {
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

  // Slots together, in their order.
  void summarize(int used, Evaluation& result) {
    const std::array<float, max_terms> weight = mixed_weights();
    for (int k = 0; k < D::term_count; ++k) {
      result.weight[k] = static_cast<double>(weight[k]);
      if (D::is_penalty[k]) {
        result.value[k] = penalty_value(k);
        result.measured[k] = true;
      } else {
        const double records =
            tree_sum(used, [&](int slot) { return totals_[slot].record_weight[k]; });
        result.measured[k] = records > 0;
        if (records > 0) {
          result.value[k] =
              tree_sum(used, [&](int slot) { return totals_[slot].value[k]; }) / records;
        }
      }
      result.total += result.weight[k] * result.value[k];
    }
    for (int slot = 1; slot < used; ++slot) {
      for (std::size_t i = 0; i < D::metric_words; ++i) {
        metric_counts(0)[i] += metric_counts(slot)[i];
      }
    }
    for (int p = 0; p < D::pair_count; ++p) {
      const MetricInfo info = D::metric_info(p);
      const std::uint64_t* counts = metric_counts(0) + metric_offset(p);
      const auto classes = static_cast<std::size_t>(info.classes);
      MetricCounts& m = result.metrics[p];
      m.confusion = {counts, classes * classes};
      if (info.scored) m.scores = {counts + classes * classes, 2 * score_bins};
      m.absolute_error = tree_sum(used, [&](int slot) { return totals_[slot].absolute_error[p]; });
      m.squared_error = tree_sum(used, [&](int slot) { return totals_[slot].squared_error[p]; });
      for (int slot = 0; slot < used; ++slot) m.count += totals_[slot].count[p];
    }
  }

  double penalty_value(int term) const {
    double value = 0;
    for (const Chunk& chunk : chunks) {
      if (!chunk.decays) continue;
      Vec total = Vec::zero();
      for (int i = 0; i < chunk.floats; i += lanes) {
        const Vec theta = Vec::load(parameters() + chunk.offset + i);
        D::each_term([&](auto k) {
          if constexpr (D::is_penalty[k]) {
            using Rule = typename D::template TermAt<decltype(k)::value>::Rule;
            if (k == term) total = total + Rule::value(theta);
          }
        });
      }
      value += static_cast<double>(sum(total));
    }
    return value;
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

  float* arena_;
  Settings settings_;
  typename D::MixType mix_ = Experiment::mix;
  Normalization normalization_;
  std::optional<Workers> workers_;
  std::atomic<int> next_slot_{0};
  std::array<Totals, D::slots> totals_{};
  std::array<float, max_terms> term_scale_{};  // 1 / Σ record weights of the batch
  std::array<std::array<double, chunk_count>, D::directions> chunk_square_{};
  std::array<std::array<double, D::term_count>, chunk_count> chunk_penalty_{};
};

}  // namespace medley
