// Passes over a batch or a split with the parameters as they are: of all shards, on all workers, and
// what they leave together.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "medley/engine/record_observer.hpp"
#include "medley/engine/reports.hpp"
#include "medley/engine/shard_work.hpp"
#include "medley/engine/update.hpp"
#include "medley/engine/workers.hpp"

namespace medley {

template <class Experiment, WorkerSet Workers>
class Passes {
  using D = Definition<Experiment>;
  using Ways = typename D::Ways;
  using TermSets = typename ShardWork<Experiment>::TermSets;
  using Sums = typename ShardWork<Experiment>::Sums;
  using Products = typename ShardWork<Experiment>::Products;

 protected:
  using UpdateOf = Update<Experiment, Workers>;
  using Work = typename ShardWork<Experiment>::Work;
  using Weights = std::array<float, max_terms>;

  explicit Passes(float* arena) : view_(arena) {}

  static constexpr TermSet all_losses = ((TermSet{1} << D::term_count) - 1) & ~D::penalties;
  static constexpr int measured_direction(int term) {
    return Ways::plans[Ways::measuring_mode].direction_of(term, Ways::one_a_loss);
  }

  // Makes the gradient of each loss over the trunk, for Update's comparisons, without changing
  // anything; calls f(loss, sources) where that of a loss is at hand, heads included.
  template <class F>
  void take_apart(const Batch& batch, StepReport& report, F&& f) {
    Work work;
    work.weight.fill(1.0f);
    const StepPlan& plan = Ways::plans[Ways::measuring_mode];
    const auto sources = [&](const Left& left) {
      return typename UpdateOf::Sources{
          work.sets, work.weight, work.in_heads, left.slots, left.range, plan, {}};
    };
    scale_terms(batch, all_losses, report);
    D::each_loss([&](int k) {
      work.sets[measured_direction(k)] = TermSet{1} << k;
      if (Ways::one_a_loss) return;
      const auto from = sources(run_pass(batch, work, report));
      update_.collect_term(*workers_, k, from);
      f(k, from);
      work.sets = {};
    });
    if (!Ways::one_a_loss) return;
    const auto from = sources(run_pass(batch, work, report));
    update_.collect_gradients(*workers_, from);
    D::each_loss([&](int k) { f(k, from); });
  }

  // Calls f(shard, worker, slot) for the shards of a range, which begins with slot 0, of a batch that
  // uses so many slots: for those in slots of this process; those of a slot in order, on one worker.
  template <class F>
  void for_each_shard(const ShardRange& range, int used, F&& f) {
    const Share own = exchange_.slots(used);
    const int last = std::min(own.last, batches_.slots_used(range.last - range.first));
    workers_->parallel_for(std::max(last - own.first, 0), [&](int worker, int i) {
      const int slot = own.first + i;
      for (std::uint64_t s = range.first + slot; s < range.last; s += D::slots) f(s, worker, slot);
    });
  }

  // What a pass leaves: slots whose gradients are to be added, and a range whose factors are to be
  // multiplied.
  struct Left {
    int slots = 0;
    ShardRange range;
  };

  // Fills the slots' gradients and the values of the terms, which are scaled.
  Left run_pass(const Batch& batch, const Work& work, StepReport& report) {
    const TermSet terms = together(work.sets);
    sum_terms(batch, terms & D::summed_terms);
    for (SlotTotals& totals : totals_) totals.value = {};
    products_.fill({});
    const int used = batches_.slots_used(batches_.shard_count(batch));
    ShardRange range = batches_.range_from(batch, 0);
    while (D::heads_of(terms) != 0) {
      for_each_shard(range, used, [&](std::uint64_t shard, int worker, int slot) {
        work_.train_shard(batch, shard, work, worker, slot, totals_[slot], products_[slot]);
      });
      exchange_.all_gather_factors(work.sets, used, batches_.slots_used(range.last - range.first));
      if (range.last == batches_.shard_count(batch)) break;
      update_.multiply_factors(*workers_, work.sets, range);
      range = batches_.range_from(batch, range.last);
    }
    exchange_.begin_all_gather_slots(totals_.data(), used);
    if constexpr (Ways::pairs > 0) exchange_.begin_all_gather_slots(products_.data(), used);
    Left left{0, range};
    if (D::heads_of(terms) != 0) left.slots = update_.bring_together(*workers_, work.sets, used);
    exchange_.wait();
    report.records = batch.count;
    for (int k = 0; k < D::term_count; ++k) {
      if (!(terms >> k & 1u) || D::is_penalty[k]) continue;
      report.value[k] = term_value(k, used, work_.term_sums);
    }
    return left;
  }

  // The slots' values of a term together, or what its sums give.
  double term_value(int term, int used, const Sums& sums) const {
    double value = tree_sum<D::slots>(used, [&](int slot) { return totals_[slot].value[term]; });
    D::each_term([&](auto k) {
      if constexpr ((D::summed_terms >> k & 1u) != 0) {
        if (k == term) value = ShardWork<Experiment>::template summed_value<k>(sums);
      }
    });
    return value;
  }

  // The value of a term of D::summed_terms.
  static double summed_value(int term, std::span<const double> of_term) {
    double value = 0.0;
    D::each_term([&](auto k) {
      if constexpr ((D::summed_terms >> k & 1u) != 0) {
        if (k != term) return;
        Sums sums{};
        std::copy(of_term.begin(), of_term.end(), sums.begin() + D::first_sum[k]);
        value = ShardWork<Experiment>::template summed_value<k>(sums);
      }
    });
    return value;
  }

  // The slots' sums together.
  Sums reduced_sums(int used) {
    if constexpr (D::sum_count > 0) exchange_.begin_all_gather_slots(sums_.data(), used);
    exchange_.wait();
    Sums sums{};
    for (int i = 0; i < D::sum_count; ++i) {
      sums[i] = tree_sum<D::slots>(used, [&](int slot) { return sums_[slot][i]; });
    }
    return sums;
  }

  // A forward pass of its own for mixes that need the values of the batch before the weights.
  void value_terms(const Batch& batch, TermSet terms, StepReport& report) {
    for (SlotTotals& totals : totals_) totals.value = {};
    sums_.fill({});
    const std::uint64_t shards = batches_.shard_count(batch);
    const int used = batches_.slots_used(shards);
    for_each_shard({0, shards}, used, [&](std::uint64_t shard, int worker, int slot) {
      work_.value_shard(batch, shard, terms, worker, totals_[slot], sums_[slot]);
    });
    exchange_.begin_all_gather_slots(totals_.data(), used);
    const Sums sums = reduced_sums(used);
    for (int k = 0; k < D::term_count; ++k) {
      if (terms >> k & 1u) report.value[k] = term_value(k, used, sums);
    }
  }

  // A forward pass of its own for terms whose gradient depends on sums over the batch.
  void sum_terms(const Batch& batch, TermSet terms) {
    if (terms == 0) return;
    sums_.fill({});
    const std::uint64_t shards = batches_.shard_count(batch);
    const int used = batches_.slots_used(shards);
    for_each_shard({0, shards}, used, [&](std::uint64_t shard, int worker, int slot) {
      work_.sum_shard(batch, shard, terms, worker, sums_[slot]);
    });
    work_.term_sums = reduced_sums(used);
  }

  // What the losses of records, or of pixels over the batch, are divided by: the sum of their weights
  // over the batch. They are asked only where they may differ, as all workers wait for this; masks
  // as augmentation shows them, by all workers.
  void scale_terms(const Batch& batch, TermSet terms, StepReport& report) {
    std::array<double, max_terms> sum{};
    TermSet differing = 0, masks = 0;
    const bool weighted = settings_.source->has_weights();
    for (int k = 0; k < D::term_count; ++k) {
      if (!(terms >> k & 1u) || D::is_penalty[k]) continue;
      const bool by_pixels = D::answers_mask(k) && D::term_over[k] == Over::batch;
      const bool alike = D::weighs_alike[k] || (D::answers_mask(k) && !by_pixels);
      if (alike && !weighted && settings_.source->complete(D::term_target[k])) {
        sum[k] = static_cast<double>(batch.count * (by_pixels ? D::mask_bytes : 1));
      } else {
        (D::answers_mask(k) ? masks : differing) |= TermSet{1} << k;
      }
    }
    weigh_masks(batch, masks, sum);
    for (std::uint64_t i = 0; differing != 0 && i < batch.count; ++i) {
      const std::uint64_t record = batches_.record_of(batch, batch.first + i);
      const float weight = weighted ? settings_.source->weight(record) : 1.0f;
      if (!(weight > 0.0f)) continue;
      D::each_term([&](auto k) {
        constexpr int term = decltype(k)::value;
        if constexpr (!D::is_penalty[term]) {
          if (!(differing >> term & 1u)) return;
          constexpr int t = D::term_target[term];
          if constexpr (Experiment::targets[t].kind == TargetKind::classes) {
            const std::int32_t label = settings_.source->label(record, t);
            if (label < 0) return;
            sum[term] += static_cast<double>(
                record_weight(std::get<term>(Experiment::terms).loss, label) * weight);
          } else if (settings_.source->labelled(record, t)) {
            sum[term] += static_cast<double>(weight);
          }
        }
      });
    }
    for (int k = 0; k < D::term_count; ++k) {
      work_.term_scale[k] = sum[k] > 0 ? static_cast<float>(1.0 / sum[k]) : 0.0f;
      if (terms >> k & 1u) report.measured[k] = D::is_penalty[k] || sum[k] > 0;
    }
  }

  // Sums of the weights of terms on masks.
  void weigh_masks(const Batch& batch, TermSet terms, std::array<double, max_terms>& sum) {
    if (terms == 0) return;
    for (SlotTotals& totals : totals_) totals.weight = {};
    const std::uint64_t shards = batches_.shard_count(batch);
    const int used = batches_.slots_used(shards);
    for_each_shard({0, shards}, used, [&](std::uint64_t shard, int worker, int slot) {
      work_.weigh_shard(batch, shard, terms, worker, totals_[slot]);
    });
    exchange_.all_gather_slots(totals_.data(), used);
    for (int k = 0; k < D::term_count; ++k) {
      if (!(terms >> k & 1u)) continue;
      sum[k] = tree_sum<D::slots>(used, [&](int slot) { return totals_[slot].weight[k]; });
    }
  }

  // Terms and metrics of a split; `weight` makes the total.
  void evaluate(Split split, const Weights& weight, Evaluation& result, RecordObserver* observer) {
    result = {};
    result.records = settings_.source->size(split);
    const Batch batch{.split = split, .count = result.records, .training = false};
    std::fill_n(view_.metric_counts(0), D::slots * D::metric_words, std::uint64_t{0});
    totals_.fill({});
    sums_.fill({});
    const std::uint64_t shards = batches_.shard_count(batch);
    const int used = batches_.slots_used(shards);
    for_each_shard({0, shards}, used, [&](std::uint64_t shard, int worker, int slot) {
      work_.evaluate_shard(batch, shard, worker, slot, totals_[slot], sums_[slot], scores_,
                           observer);
    });
    exchange_.begin_all_gather_slots(totals_.data(), used);
    exchange_.begin_all_gather_slots(view_.metric_counts(0), used, D::metric_words);
    exchange_.wait();
    if (!scores_.empty()) gather_scores(batch.count, used);
    summarize(used, weight, result);
  }

  // Few records are dealt out to all workers; for one alone none is woken.
  void predict(std::span<const Record> records, std::span<float* const> outputs,
               const LayerOutput& layer = {}) {
    const auto workers = static_cast<std::size_t>(workers_->count());
    const std::size_t each =
        std::min<std::size_t>(D::shard, (records.size() + workers - 1) / workers);
    const auto predict_part = [&](int worker, int part) {
      const std::size_t first = static_cast<std::size_t>(part) * each;
      const std::size_t count = std::min(each, records.size() - first);
      work_.predict_shard(records.subspan(first, count), first, outputs, layer, worker);
    };
    if (records.size() <= each) return predict_part(0, 0);
    const std::size_t parts = (records.size() + each - 1) / each;
    workers_->parallel_for(static_cast<int>(parts), predict_part);
  }

  // The inner products of a pair of losses at the trunk's output that the last pass found.
  double output_product(int pair) const {
    double sum = 0.0;
    for (const Products& slot : products_) sum += slot.product[static_cast<std::size_t>(pair)];
    return sum;
  }

 private:
  // The scores of a split's records, to all processes: those of a process are in pieces of the records
  // that its slots have in a row.
  void gather_scores(std::uint64_t records, int used) {
    const Company& company = exchange_.company();
    if (company.alone()) return;
    constexpr auto round = static_cast<std::uint64_t>(D::slots) * D::shard;
    const auto each_piece = [&](int process, auto&& message) {
      const Share share = exchange_.slots(used, process);
      for (int p = 0; p < D::pair_count; ++p) {
        if (!D::metric_info(p).scored) continue;
        Score* const scores = scores_.data() + D::scored_before(p) * records;
        for (std::uint64_t first = 0; first < records; first += round) {
          const auto rank = [&](int slot) {
            return std::min(first + static_cast<std::uint64_t>(slot) * D::shard, records);
          };
          const std::uint64_t begin = rank(share.first), end = rank(share.last);
          if (begin < end) message(scores + begin, (end - begin) * sizeof(Score));
        }
      }
    };
    company.each_other([&](int other) {
      each_piece(company.rank(), [&](const Score* piece, std::size_t bytes) {
        company.processes().send(other, piece, bytes);
      });
      each_piece(other, [&](Score* piece, std::size_t bytes) {
        company.processes().receive(other, piece, bytes);
      });
    });
    company.wait();
  }

  static TermSet together(const TermSets& sets) {
    TermSet all = 0;
    for (const TermSet set : sets) all |= set;
    return all;
  }

  // Slots together, in their order.
  void summarize(int used, const Weights& weight, Evaluation& result) {
    bool tells = false;
    const Sums sums = reduced_sums(used);
    for (int k = 0; k < D::term_count; ++k) {
      result.weight[k] = static_cast<double>(weight[k]);
      if (D::is_penalty[k]) {
        result.value[k] = update_.penalty_value(k);
        result.measured[k] = true;
      } else {
        const double labelled =
            tree_sum<D::slots>(used, [&](int slot) { return totals_[slot].weight[k]; });
        const bool summed = D::summed_terms >> k & 1u;
        result.measured[k] = labelled > 0;
        if (labelled > 0) {
          result.value[k] = term_value(k, used, sums) / (summed ? 1.0 : labelled);
        }
      }
      result.total += result.weight[k] * result.value[k];
      tells |= !D::is_penalty[k] && result.measured[k] && weight[k] != 0.0f;
    }
    if (!tells) result.total = std::numeric_limits<double>::quiet_NaN();
    for (int slot = 1; slot < used; ++slot) {
      for (std::size_t i = 0; i < D::metric_words; ++i) {
        view_.metric_counts(0)[i] += view_.metric_counts(slot)[i];
      }
    }
    for (int p = 0; p < D::pair_count; ++p) {
      const MetricInfo info = D::metric_info(p);
      const std::uint64_t* counts = view_.metric_counts(0) + view_.metric_offset(p);
      const auto classes = static_cast<std::size_t>(info.classes);
      MetricCounts& m = result.metrics[p];
      m.confusion = {counts, classes * classes};
      if (info.scored && !scores_.empty()) {
        const auto records = static_cast<std::size_t>(result.records);
        m.scores = sorted_scores(scores_.subspan(D::scored_before(p) * records, records));
      }
      m.absolute_error =
          tree_sum<D::slots>(used, [&](int slot) { return totals_[slot].absolute_error[p]; });
      m.squared_error =
          tree_sum<D::slots>(used, [&](int slot) { return totals_[slot].squared_error[p]; });
      for (int slot = 0; slot < used; ++slot) m.count += totals_[slot].count[p];
    }
  }

 protected:
  ArenaView<D> view_;
  Settings settings_;
  Batches<Experiment> batches_{settings_};
  Parts<typename D::Net> parts_;
  ShardWork<Experiment> work_{view_, settings_, batches_, parts_.frozen()};
  Exchange<D> exchange_{view_};
  UpdateOf update_{view_, parts_, exchange_};
  Workers* workers_ = nullptr;
  std::span<Score> scores_;  // [scored pair][rank in the split], or none

 private:
  std::array<SlotTotals, D::slots> totals_{};
  std::array<Sums, D::slots> sums_{};  // of each slot
  std::array<Products, D::slots> products_{};
};

}  // namespace medley
