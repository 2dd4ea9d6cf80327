// The engine of an experiment. A step, as a batch sees it:
//
//   pass      each worker takes slots; for every shard of a slot: stage the records, forward, then
//             for each direction (group) losses and backward into the slot's gradients
//             (shard_work.hpp). Of large weights shards leave factors of the gradient, which are
//             multiplied as soon as every slot has some
//   update    chunk by chunk of the parameters, gradients of the slots are added as a tree and
//             penalties join in, every group's optimizer takes the result, and layers prepack what
//             they need of the new weights (update.hpp). Where gradients are clipped, all but the
//             first is a phase of its own, as the norm must be known; so is what follows the sums
//             over the slots where a mix needs the Gramian, which answers its weights in between
//             (mixing.hpp). The training ends here if a loss or a gradient is not finite
//
// Each is one parallel phase; what it computes does not depend on which worker does what. Where other
// processes train along (processes.hpp), each does it for slots and chunks of its own, and in between
// they tell each other what they have found (exchange.hpp).
#pragma once

#include <algorithm>
#include <bit>
#include <limits>
#include <span>
#include <string_view>

#include "medley/engine/mixing.hpp"
#include "medley/engine/passes.hpp"

namespace medley {

template <class Experiment, WorkerSet Workers>
class Trainer : Passes<Experiment, Workers> {
  using D = Definition<Experiment>;
  using Ways = typename D::Ways;
  using Base = Passes<Experiment, Workers>;
  using Weights = Mixing::Weights;
  using Base::all_losses, Base::batches_, Base::exchange_, Base::measured_direction,
      Base::output_product, Base::parts_, Base::run_pass, Base::scale_terms, Base::scores_,
      Base::settings_, Base::take_apart, Base::update_, Base::value_terms, Base::view_, Base::work_,
      Base::workers_;
  using typename Base::Left;
  using typename Base::UpdateOf;
  using typename Base::Work;

 public:
  static constexpr int most_workers = D::slots;

  // `arena` has D::arena_bytes, all zero, aligned to 128.
  explicit Trainer(float* arena) : Base(arena) {}

  // How many scores the evaluations of these records keep: one a record of the largest split for each
  // head on a target of two classes.
  static std::size_t score_count(const RecordSource& source) {
    std::uint64_t most = 0;
    for (const Split split : {Split::train, Split::validation, Split::test}) {
      most = std::max(most, source.size(split));
    }
    return static_cast<std::size_t>(D::scored_before(D::pair_count) * most);
  }

  // To be called first. The source, the workers (most_workers of them at most) and the memory for
  // score_count() scores must outlive what follows; without memory for scores, evaluations have none.
  // Nothing stays of what an earlier start has set.
  void start(const Settings& settings, Workers& workers, std::span<Score> scores) {
    settings_ = settings;
    exchange_.start(settings.processes);
    plan_ = Ways::plans[static_cast<std::size_t>(settings.mode)];
    for (GroupPlan& group : plan_.group) {
      group.heads_apart = group.heads_apart && ShardWork<Experiment>::meets_at_output;
    }
    if (settings_.steps == 0) settings_.steps = settings_.epochs * rounds_per_epoch();
    start_mixing();
    parts_.start(settings);
    work_.start();
    workers_ = &workers;
    scores_ = scores;
  }

  // What these do is said in engine.hpp, the interface that the shell sees.
  void initialize() {
    clear({view_.begin(), D::map.gradients});
    update_.initialize(settings_.seed);
    prepack();
  }

  void parameters_changed() {
    if (!exchange_.alone()) {
      update_.broadcast_parameters(plan_);
      update_.scatter_moments(plan_);
    }
    prepack();
  }
  void gather_state() const {
    if (!exchange_.alone()) update_.gather_moments(plan_);
  }

  std::size_t predict_batch() const { return static_cast<std::size_t>(D::slots) * D::shard; }

  std::uint64_t rounds_per_epoch() const { return batches_.rounds_per_epoch(plan_); }

  std::size_t batch_records(const Position& position, std::span<std::uint64_t> records) const {
    const Batch batch = batches_.batch_at(position);
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(records.size(), batch.count));
    for (std::size_t i = 0; i < count; ++i) records[i] = batches_.record_of(batch, batch.first + i);
    return count;
  }

  void step(Position& position, double rate_factor, StepReport& report) {
    report = {};
    const Position start = position;
    parts_.begin_epoch(position.epoch);
    bool first_update = true;
    for (int g = 0; g < (plan_.in_turn() ? plan_.groups : 1); ++g) {
      const bool own = batches_.takes_next_batch(plan_, g);
      for (int repeat = 0; repeat < batches_.times(plan_, g); ++repeat) {
        if (!first_update && own) ++position.batch;
        first_update = false;
        // Groups without a batch of their own see the round's, whatever others have taken since.
        const Batch batch = batches_.batch_at(own ? position : start);
        if (!update(position, batch, g, rate_factor, report)) return;
      }
    }
    for (int k = 0; k < D::term_count; ++k) report.total += report.weight[k] * report.value[k];
    batches_.finish_round(start, position);
  }

  // Where the whole trunk is frozen, there is no gradient over it: all are NaN.
  void measure_gradients(const Position& position, GradientReport& report) {
    parts_.begin_epoch(position.epoch);
    if (parts_.frozen().trunk()) return report.fill(unknown);
    StepReport ignored;
    take_apart(batches_.batch_at(position), ignored, [](int, const auto&) {});
    update_.compare_gradients(report);
  }

  // Memory that a diagnosis needs: the parameters, and the gradients of the losses over the trunk.
  static std::size_t diagnosis_floats() {
    return D::parameter_floats + static_cast<std::size_t>(D::loss_count) * D::trunk_floats;
  }
  void keep_parameters(std::span<float> memory) const {
    std::copy_n(view_.parameters(), D::parameter_floats, memory.data());
  }
  // Of the step that began at `before`, when the parameters were kept in `memory`; changes nothing.
  // Where the whole trunk is frozen, what is measured over it is NaN.
  // With a rate, also of a step at that rate against each loss alone.
  void diagnose(const Position& before, std::span<float> memory, const StepReport& step,
                double rate_ahead, Diagnosis& diagnosis) {
    diagnosis = {};
    parts_.begin_epoch(before.epoch);
    const Batch batch = batches_.batch_at(before);
    StepReport old, half, now;
    const bool shares = !parts_.frozen().trunk();
    swap_parameters(memory);
    take_apart(batch, old, [&](int k, const auto& from) {
      diagnosis.predicted[k] =
          update_.product_with_change(*workers_, measured_direction(k), from, memory.data());
    });
    if (shares) {
      update_.products(diagnosis.product);
    } else {
      for (auto* pairs : {&diagnosis.product, &diagnosis.ahead})
        for (auto& row : *pairs) row.fill(unknown);
    }
    weigh_exactly(before, step, diagnosis);
    if (rate_ahead > 0.0 && shares) step_against_each(batch, old, memory, rate_ahead, diagnosis);
    if (batch.count > 1 && shares) {
      Batch first = batch, second = batch;
      first.count = batch.count / 2;
      second.first += first.count;
      second.count -= first.count;
      float* kept = memory.data() + D::parameter_floats;
      take_apart(first, half, [](int, const auto&) {});
      update_.copy_gradients(kept);
      take_apart(second, half, [](int, const auto&) {});
      update_.products_with(kept, diagnosis.halves);
    }
    swap_parameters(memory);
    now = old;
    scale_terms(batch, ~D::penalties, now);
    value_terms(batch, all_losses, now);
    for (int k = 0; k < D::term_count; ++k) {
      diagnosis.value[k] = old.value[k];
      diagnosis.real[k] = now.value[k] - old.value[k];
      diagnosis.measured[k] = !D::is_penalty[k] && old.measured[k];
    }
  }

  void evaluate(Split split, Evaluation& result, RecordObserver* observer = nullptr) {
    Base::evaluate(split, mixing_.constant(), result, observer);
  }
  using Base::predict;
  using Base::summed_value;

 private:
  static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

  // What is zero is not written: memory that was never touched costs none, as that of moments that other
  // processes have.
  static void clear(std::span<float> floats) {
    constexpr std::size_t most = 1024;
    for (; !floats.empty(); floats = floats.subspan(std::min(most, floats.size()))) {
      const std::span<float> some = floats.first(std::min(most, floats.size()));
      if (std::ranges::any_of(some, [](float x) { return std::bit_cast<std::uint32_t>(x) != 0; }))
        std::ranges::fill(some, 0.0f);
    }
  }
  void prepack() { update_.prepack(*workers_); }

  // From the parameters as they are, which are there again afterwards.
  void step_against_each(const Batch& batch, const StepReport& at, std::span<float> memory,
                         double rate, Diagnosis& diagnosis) {
    float* kept = memory.data() + D::parameter_floats;
    std::copy_n(view_.parameters(), D::trunk_floats, kept);
    D::each_loss([&](int a) {
      update_.step_against(a, rate, kept);
      prepack();
      StepReport ahead = at;
      value_terms(batch, all_losses, ahead);
      for (int b = 0; b < D::term_count; ++b) diagnosis.ahead[a][b] = ahead.value[b];
    });
    std::copy_n(kept, D::trunk_floats, view_.parameters());
    prepack();
  }

  void swap_parameters(std::span<float> memory) {
    std::swap_ranges(view_.parameters(), view_.parameters() + D::parameter_floats, memory.data());
    prepack();
  }

  // The weights that mixes would have had with the Gramian over the trunk that a diagnosis found.
  void weigh_exactly(const Position& before, const StepReport& step, Diagnosis& diagnosis) {
    diagnosis.exact_weight = step.weight;
    for (int g = 0; g < plan_.groups; ++g) {
      StepReport report = step;
      const Mixing::Step at{.group = g,
                            .number = before.updates[g],
                            .rate = settings_.learning_rate[g],
                            .epoch = before.epoch,
                            .shares = !parts_.frozen().trunk(),
                            .report = &report};
      if (mixing_.takes(at) != Takes::at_output) continue;
      const GroupPlan& of = plan_.group[g];
      Weights weight{}, in_heads{};
      mixing_.after_pass(
          at, [&](int a, int b) { return diagnosis.product[of.loss[a]][of.loss[b]]; }, weight,
          in_heads);
      for (int i = 0; i < of.losses; ++i)
        diagnosis.exact_weight[of.loss[i]] = static_cast<double>(weight[of.loss[i]]);
    }
  }

  // An update of all groups at once, or of one in alternating steps.
  struct Turn {
    TermSet terms = 0;
    std::array<Takes, max_groups> takes{};  // none: another's turn
    std::array<Mixing::Step, max_groups> steps{};
    Work work{.updates_statistics = true};
    typename UpdateOf::Rates rates;
    // Of mixes that look ahead: products of the losses' gradients and the validation batch's.
    std::array<std::array<double, most_losses>, max_groups> along{};

    // f(group) for those whose turn it is.
    template <class F>
    void each(F&& f) const {
      for (int g = 0; g < max_groups; ++g) {
        if (takes[g] != Takes::none) f(g);
      }
    }
    bool any(Takes how) const { return std::ranges::find(takes, how) != takes.end(); }
  };

  // One pass and one update. Returns false where the loss or a gradient is not finite.
  bool update(Position& position, const Batch& batch, int group, double rate_factor,
              StepReport& report) {
    Turn turn;
    begin(turn, position, group, rate_factor, report);
    scale_terms(batch, turn.terms, report);
    weigh(turn, batch, report);
    const Left left = run_pass(batch, turn.work, report);
    const typename UpdateOf::Sources from{turn.work.sets, turn.work.weight, turn.work.in_heads,
                                          left.slots,     left.range,       plan_,
                                          turn.takes};
    if (!change(turn, from, report)) return false;
    finish(turn, batch, report);
    return true;
  }

  // Which groups take part, and the rates of their optimizers.
  void begin(Turn& turn, Position& position, int group, double rate_factor, StepReport& report) {
    for (int g = 0; g < plan_.groups; ++g) {
      if (plan_.in_turn() && g != group) continue;
      turn.takes[g] = Takes::together;
      turn.terms |= plan_.group[g].terms;
      turn.steps[g] = {.group = g,
                       .number = position.updates[g]++,
                       .rate = settings_.learning_rate[g] * rate_factor,
                       .epoch = position.epoch,
                       .shares = !parts_.frozen().trunk(),
                       .report = &report};
      turn.rates.scale[g] = 1.0f;
    }
    D::each_group([&](auto flat) {
      const int g = flat - plan_.first_group;
      if (g < 0 || g >= plan_.groups || turn.takes[g] == Takes::none) return;
      const std::uint64_t an_epoch =
          rounds_per_epoch() * static_cast<std::uint64_t>(batches_.times(plan_, g));
      for (std::size_t part = 0; part < parts_.count(); ++part) {
        if (parts_.frozen(part, position.epoch)) continue;
        std::get<flat>(turn.rates.rule[part]) =
            std::get<flat>(Ways::groups)
                .optimizer.at(parts_.updates(part, position.updates[g], an_epoch),
                              turn.steps[g].rate * parts_.rate_scale(part));
      }
    });
  }

  // How the groups take part, and the weights before the pass.
  void weigh(Turn& turn, const Batch& batch, StepReport& report) {
    bool ahead = false;
    turn.each([&](int g) {
      const GroupPlan& of = plan_.group[g];
      const Takes takes = turn.takes[g] = mixing_.takes(turn.steps[g]);
      for (int i = 0; i < of.directions; ++i)
        turn.work.sets[of.first + i] = of.terms_of(i, takes == Takes::apart);
      if (takes == Takes::at_output) turn.work.at_output[of.first] = &of;
      ahead |= mixing_.needs_values(turn.steps[g], takes);
    });
    if (ahead) value_terms(batch, turn.terms & ~D::penalties, report);
    turn.each([&](int g) {
      const bool has_values = mixing_.needs_values(turn.steps[g], turn.takes[g]);
      mixing_.before_pass(turn.steps[g], turn.takes[g], has_values, turn.work.weight,
                          turn.work.in_heads);
    });
  }

  // From the gradients of the pass to new parameters. False where something is not finite.
  bool change(Turn& turn, const typename UpdateOf::Sources& from, StepReport& report) {
    const bool clips = settings_.clip_norm > 0, combines = turn.any(Takes::apart);
    update_.reduce(*workers_, from, clips || combines ? nullptr : &turn.rates);
    if (combines) {
      if (!update_.check(plan_, turn.takes, report)) return false;
      turn.each([&](int g) {
        if (turn.takes[g] != Takes::apart) return;
        mixing_.after_pass(turn.steps[g], gramian_of(turn, g), turn.work.weight,
                           turn.work.in_heads);
        report_gradients(turn, g, report);
        if (!mixing_.needs_validation(g)) return;
        look_ahead(from, turn.steps[g]);
        for (int i = 0; i < plan_.group[g].losses; ++i) turn.along[g][i] = update_.along(i);
      });
      update_.combine(*workers_, from, clips ? nullptr : &turn.rates);
    }
    for (int k = 0; k < D::term_count; ++k) {
      if (!(turn.terms >> k & 1u)) continue;
      report.weight[k] = static_cast<double>(turn.work.weight[k]);
      if (D::is_penalty[k]) report.value[k] = update_.penalty(k);
    }
    if (!update_.check(plan_, turn.takes, report)) return false;
    turn.each([&](int g) {
      const double norm = report.gradient_norm[g] = update_.group_norm(g);
      if (clips && norm > settings_.clip_norm) {
        turn.rates.scale[g] = static_cast<float>(settings_.clip_norm / norm);
      }
    });
    if (clips) update_.apply(*workers_, from, turn.rates);
    return true;
  }

  // Norms and cosines of losses whose gradients are apart.
  void report_gradients(const Turn& turn, int group, StepReport& report) const {
    GradientReport& to = report.gradients;
    if (!report.has_gradients) to.fill(unknown);
    report.has_gradients = true;
    const GroupPlan& of = plan_.group[group];
    const auto product = gramian_of(turn, group);
    for (int i = 0; i < of.losses; ++i) {
      to.norm[of.loss[i]] = square_root(product(i, i));
      for (int j = 0; j < of.losses; ++j) {
        const double size = square_root(product(i, i)) * square_root(product(j, j));
        to.cosine[of.loss[i]][of.loss[j]] = size > 0 ? product(i, j) / size : 0.0;
      }
    }
  }

  // Lets mixes learn from the step.
  void finish(const Turn& turn, const Batch& batch, const StepReport& report) {
    StepReport after = report;
    bool values_after = false;
    turn.each([&](int g) { values_after |= mixing_.needs_values_after(g); });
    if (values_after) value_terms(batch, turn.terms & ~D::penalties, after);
    turn.each([&](int g) {
      mixing_.finish(turn.steps[g], turn.takes[g], gramian_of(turn, g), after,
                     [&](int loss) { return turn.along[g][loss]; });
    });
  }

  // The inner products of the gradients of a group's losses that were found last: without weights,
  // which those at the trunk's output come with.
  auto gramian_of(const Turn& turn, int group) const {
    return [this, &turn, group](int a, int b) {
      const GroupPlan& of = plan_.group[group];
      const int pair = of.pair(a, b);
      if (turn.takes[group] == Takes::apart) return update_.product(pair);
      const auto in_head = [&](int loss) {
        return static_cast<double>(turn.work.in_heads[of.loss[static_cast<std::size_t>(loss)]]);
      };
      const double weights = in_head(a) * in_head(b);
      return weights != 0.0 ? output_product(pair) / weights : 0.0;
    };
  }

  // A step of a group against its mixed gradient, and there the gradient of all losses with their own
  // weights on a batch of the validation split: the next at each update.
  void look_ahead(const typename UpdateOf::Sources& from, const Mixing::Step& step) {
    if constexpr (Ways::validates) {
      const std::uint64_t records = settings_.source->size(Split::validation);
      if (records == 0) return;
      const std::uint64_t size = std::min<std::uint64_t>(settings_.batch_size, records);
      const std::uint64_t first = step.number * size % records;
      const Batch batch{.split = Split::validation,
                        .first = first,
                        .count = std::min(size, records - first),
                        .training = false};
      update_.step_ahead(*workers_, from, step.group, step.rate);
      const auto scale = work_.term_scale;
      Work work;
      const TermSet losses = plan_.group[step.group].terms & ~D::penalties;
      work.sets[D::directions - 1] = losses;
      for (int k = 0; k < D::term_count; ++k)
        work.weight[k] = static_cast<float>(settings_.weight[k]);
      StepReport ignored;
      scale_terms(batch, losses, ignored);
      const Left left = run_pass(batch, work, ignored);
      update_.look_back(*workers_,
                        {work.sets, work.weight, work.in_heads, left.slots, left.range, plan_, {}},
                        plan_.group[step.group]);
      work_.term_scale = scale;
    }
  }

  void start_mixing() {
    Mixing::Setup setup{.settings = &settings_, .plan = plan_, .outputs = D::term_outputs};
    for (int g = 0; g < plan_.groups; ++g) {
      const int flat = plan_.first_group + g;
      if (Ways::state_doubles(flat) > 0) setup.state[g] = view_.mix_state(flat);
    }
    mixing_.start(setup);
  }

  StepPlan plan_ = Ways::plans[0];
  Mixing mixing_;
};

}  // namespace medley
