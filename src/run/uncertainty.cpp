#include "medley/run/uncertainty.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <unordered_map>

#include "medley/base/random.hpp"
#include "medley/engine/threads.hpp"
#include "medley/run/reporting.hpp"

namespace medley {

namespace {

constexpr double not_told = std::numeric_limits<double>::quiet_NaN();

// Positions of a class that were predicted as one.
struct Cell {
  std::uint32_t cell = 0;  // of all confusion matrices, one after the other
  std::uint64_t positions = 0;
};

// Where numbers are in a draw's row: of a loss, its value or sums, then its weight (of sums, how many
// records); of a metric of values, absolute and squared errors and how many. And where the cells of a
// confusion matrix begin.
struct RowPlan {
  explicit RowPlan(const Description& d) {
    for (std::size_t k = 0; k < d.terms.size(); ++k) {
      of_term[k] = width;
      if (!d.terms[k].is_penalty)
        width += static_cast<std::size_t>(std::max(d.terms[k].sums, 1)) + 1;
    }
    for (std::size_t i = 0; i < d.metrics.size(); ++i) {
      const auto classes = static_cast<std::size_t>(d.metrics[i].classes);
      of_metric[i] = d.metrics[i].kind == TargetKind::values ? width : cells;
      if (d.metrics[i].kind == TargetKind::values) {
        width += 3;
      } else {
        cells += classes * classes;
      }
    }
  }
  std::array<std::size_t, max_terms> of_term{}, of_metric{};
  std::size_t width = 0, cells = 0;
};

// What an evaluation tells of each record.
class RecordTable final : public RecordObserver {
 public:
  RecordTable(const Description& d, std::uint64_t records)
      : d_(d), plan(d), rows(records * plan.width), cells(records), scores(d.metrics.size()) {
    for (std::size_t i = 0; i < d.metrics.size(); ++i)
      if (d.metrics[i].scored) scores[i].resize(records);
  }

  void loss(std::uint64_t rank, int term, double value, double weight) override {
    double* const to = row(rank) + plan.of_term[static_cast<std::size_t>(term)];
    to[0] = value;
    to[1] = weight;
  }
  void loss_sums(std::uint64_t rank, int term, std::span<const double> sums) override {
    double* const to = row(rank) + plan.of_term[static_cast<std::size_t>(term)];
    std::copy(sums.begin(), sums.end(), to);
    to[sums.size()] = 1.0;
  }
  void predicted(std::uint64_t rank, int metric, int label, int prediction,
                 std::uint64_t positions) override {
    const auto i = static_cast<std::size_t>(metric);
    const auto cell = static_cast<std::uint32_t>(
        plan.of_metric[i] + static_cast<std::size_t>(label * d_.metrics[i].classes + prediction));
    for (Cell& there : cells[rank]) {
      if (there.cell != cell) continue;
      there.positions += positions;
      return;
    }
    cells[rank].push_back({cell, positions});
  }
  void scored(std::uint64_t rank, int metric, const Score& score) override {
    scores[static_cast<std::size_t>(metric)][rank] = score;
  }
  void erred(std::uint64_t rank, int metric, double absolute, double squared,
             int dimensions) override {
    double* const to = row(rank) + plan.of_metric[static_cast<std::size_t>(metric)];
    to[0] = absolute;
    to[1] = squared;
    to[2] = dimensions;
  }

 private:
  double* row(std::uint64_t rank) { return rows.data() + rank * plan.width; }
  const Description& d_;

 public:
  const RowPlan plan;
  std::vector<double> rows;                // [record][plan.width]
  std::vector<std::vector<Cell>> cells;    // of each record
  std::vector<std::vector<Score>> scores;  // [metric][record]; empty where it has none
};

// The draw that each record belongs to, numbered in the order of first records.
std::vector<std::uint32_t> draws_of(const Source& records, Split split) {
  std::vector<std::uint32_t> draws;
  std::unordered_map<std::int64_t, std::uint32_t> index;
  records.each_record(split, [&](std::uint64_t record) {
    const auto next = static_cast<std::uint32_t>(index.size());
    draws.push_back(records.has_groups()
                        ? index.try_emplace(records.group(record), next).first->second
                        : static_cast<std::uint32_t>(draws.size()));
  });
  return draws;
}

// The records of each draw together.
class Draws {
 public:
  Draws(RecordTable&& table, std::vector<std::uint32_t>&& of_record)
      : plan(table.plan), draw_of(std::move(of_record)) {
    count = draw_of.empty() ? 0 : *std::ranges::max_element(draw_of) + std::size_t{1};
    blocks = (plan.width + block - 1) / block;
    rows.resize(blocks * count * block);
    for (std::size_t record = 0; record < draw_of.size(); ++record) {
      for (std::size_t i = 0; i < plan.width; ++i)
        rows[(i / block * count + draw_of[record]) * block + i % block] +=
            table.rows[record * plan.width + i];
    }
    is_finite = std::ranges::all_of(rows, [](double x) { return std::isfinite(x); });
    sort_by_cell(table.cells);
    for (const auto& of_metric : table.scores) {
      std::vector<std::pair<Score, std::uint32_t>> rising;
      for (std::size_t record = 0; record < of_metric.size(); ++record)
        if (of_metric[record].label >= 0) rising.emplace_back(of_metric[record], draw_of[record]);
      std::ranges::stable_sort(rising, [](const auto& a, const auto& b) {
        return rank_of(a.first.value) < rank_of(b.first.value);
      });
      auto& values = scores.emplace_back();
      auto& draws = draw_of_score.emplace_back();
      for (const auto& [score, draw] : rising) {
        values.push_back(score);
        draws.push_back(draw);
      }
    }
  }

  // Positions of a draw in a cell.
  struct Share {
    std::uint32_t draw, positions;
  };
  static constexpr std::size_t block = 4;  // columns that are summed together

  RowPlan plan;
  std::vector<std::uint32_t> draw_of;  // of each record
  std::size_t count = 0, blocks = 0;
  std::vector<double> rows;   // [column / block][draw][column % block]
  bool is_finite = true;      // all that is in them
  std::vector<Share> shares;  // by cell
  std::vector<std::size_t> first_share;
  std::vector<std::vector<Score>> scores;  // [metric], rising
  std::vector<std::vector<std::uint32_t>> draw_of_score;

 private:
  void sort_by_cell(const std::vector<std::vector<Cell>>& cells) {
    first_share.assign(plan.cells + 1, 0);
    for (const auto& of_record : cells)
      for (const Cell& c : of_record) ++first_share[c.cell + 1];
    std::partial_sum(first_share.begin(), first_share.end(), first_share.begin());
    shares.resize(first_share.back());
    std::vector<std::size_t> next = first_share;
    for (std::size_t record = 0; record < draw_of.size(); ++record)
      for (const Cell& c : cells[record])
        shares[next[c.cell]++] = {draw_of[record], static_cast<std::uint32_t>(c.positions)};
  }
};

// One bootstrap sample after the other, each as an evaluation of as many draws.
class Resampler {
 public:
  Resampler(const Description& d, const Engine& engine, const Draws& draws,
            const Evaluation& evaluation, Split split)
      : d_(d), engine_(engine), draws_(draws), original_(evaluation), split_(split) {}

  // The values of total, terms and metrics in sample r.
  void sample(int r, std::span<double> values) {
    draw(r);
    sum();
    Evaluation e = original_;
    set_terms(e);
    set_metrics(e);
    values[0] = e.total;
    for (std::size_t k = 0; k < d_.terms.size(); ++k)
      values[1 + k] = e.measured[k] ? e.value[k] : not_told;
    metric_values(d_, e, values.subspan(1 + d_.terms.size()), score_times_);
  }

 private:
  void draw(int r) {
    times_.assign(draws_.count, 0);
    const RandomStream stream(1, Purpose::resampling, static_cast<std::uint32_t>(split_),
                              static_cast<std::uint64_t>(r));
    const std::span<std::uint32_t> times(times_);
    const auto count = static_cast<std::uint32_t>(draws_.count);
    for (std::uint32_t i = 0; i < count; i += 4) {
      const auto words = stream.draw(i / 4);
      for (std::uint32_t j = 0; j < std::min(4u, count - i); ++j) ++times[bounded(words[j], count)];
    }
  }

  void sum() {
    sums_.resize(draws_.blocks * Draws::block);
    for (std::size_t b = 0; b < draws_.blocks; ++b) sum_block(b);
    confusion_.resize(draws_.plan.cells);
    const std::span<const std::uint32_t> times(times_);
    for (std::size_t cell = 0; cell < confusion_.size(); ++cell) {
      const std::size_t first = draws_.first_share[cell];
      std::uint64_t positions = 0;
      for (const auto& share :
           std::span(draws_.shares).subspan(first, draws_.first_share[cell + 1] - first))
        positions += std::uint64_t{times[share.draw]} * share.positions;
      confusion_[cell] = positions;
    }
  }

  // Columns side by side, each draw by draw. What a sample lacks is added zero times, which changes no
  // sum of finite numbers: a branch that is taken by chance would cost more.
  void sum_block(std::size_t b) {
    static_assert(Draws::block == 4);
    double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0;
    const double* row = draws_.rows.data() + b * draws_.count * Draws::block;
    const bool skips = !draws_.is_finite;
    for (const std::uint32_t n : times_) {
      if (!skips || n > 0) {
        const auto times = static_cast<double>(n);
        s0 += times * row[0];
        s1 += times * row[1];
        s2 += times * row[2];
        s3 += times * row[3];
      }
      row += Draws::block;
    }
    std::ranges::copy(std::array{s0, s1, s2, s3}, sums_.data() + b * Draws::block);
  }

  void set_terms(Evaluation& e) const {
    e.total = 0.0;
    bool tells = false;
    for (std::size_t k = 0; k < d_.terms.size(); ++k) {
      if (!d_.terms[k].is_penalty) {
        const auto count = static_cast<std::size_t>(std::max(d_.terms[k].sums, 1));
        const std::span<const double> of_term(sums_.data() + draws_.plan.of_term[k], count + 1);
        e.measured[k] = of_term[count] > 0.0;
        e.value[k] = !e.measured[k] ? 0.0
                     : d_.terms[k].sums > 0
                         ? engine_.summed_value(static_cast<int>(k), of_term.first(count))
                         : of_term[0] / of_term[1];
        tells = tells || (e.measured[k] && e.weight[k] != 0.0);
      }
      e.total += e.weight[k] * e.value[k];
    }
    if (!tells) e.total = not_told;
  }

  void set_metrics(Evaluation& e) {
    score_times_.resize(d_.metrics.size());
    for (std::size_t i = 0; i < d_.metrics.size(); ++i) {
      const MetricInfo& info = d_.metrics[i];
      MetricCounts& m = e.metrics[i];
      const std::size_t first = draws_.plan.of_metric[i];
      const auto classes = static_cast<std::size_t>(info.classes);
      if (info.kind == TargetKind::values) {
        m.absolute_error = sums_[first];
        m.squared_error = sums_[first + 1];
        m.count = static_cast<std::uint64_t>(sums_[first + 2]);
      } else {
        m.confusion = std::span(confusion_).subspan(first, classes * classes);
      }
      m.scores = draws_.scores[i];
      count_scores(draws_.draw_of_score[i], score_times_[i]);
    }
  }

  // How often each score is in the sample: as its draw is.
  void count_scores(std::span<const std::uint32_t> draw_of_score,
                    std::vector<std::uint32_t>& score_times) const {
    score_times.resize(draw_of_score.size());
    for (std::size_t i = 0; i < draw_of_score.size(); ++i)
      score_times[i] = times_[draw_of_score[i]];
  }

  const Description& d_;
  const Engine& engine_;
  const Draws& draws_;
  const Evaluation& original_;
  Split split_;
  std::vector<std::uint32_t> times_;  // that each draw is in the sample
  std::vector<double> sums_;
  std::vector<std::uint64_t> confusion_;
  std::vector<std::vector<std::uint32_t>> score_times_;  // [metric]
};

// Between the order statistics on both sides (numpy.quantile).
double quantile(std::span<const double> rising, double share) {
  const double at = share * static_cast<double>(rising.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, rising.size() - 1);
  return rising[below] + (at - static_cast<double>(below)) * (rising[above] - rising[below]);
}

// Standard error and interval of a metric from its values in the samples.
Metric from_samples(std::vector<double> values) {
  std::erase_if(values, [](double x) { return std::isnan(x); });
  Metric found;
  if (2 * values.size() < static_cast<std::size_t>(bootstrap_samples)) return found;
  const auto n = static_cast<double>(values.size());
  double mean = 0.0, squares = 0.0;
  for (const double x : values) mean += x / n;
  for (const double x : values) squares += (x - mean) * (x - mean);
  std::ranges::sort(values);
  found.error = std::sqrt(squares / (n - 1.0));
  found.low = quantile(values, 0.025);
  found.high = quantile(values, 0.975);
  return found;
}

// What is not known yet, or rests on the independence of records that is not there.
void complete(Metric& metric, const Metric& sampled, bool grouped) {
  if (grouped || std::isnan(metric.error)) metric.error = sampled.error;
  if (!grouped && !std::isnan(metric.low)) return;
  metric.low = sampled.low;
  metric.high = sampled.high;
}

}  // namespace

std::vector<Metric> all_metrics(const Description& d, const Evaluation& evaluation) {
  std::vector<Metric> list{{.name = "total", .value = evaluation.total}};
  for (std::size_t k = 0; k < d.terms.size(); ++k)
    list.push_back({.name = "term." + d.terms[k].name,
                    .value = evaluation.measured[k] ? evaluation.value[k] : not_told});
  for (Metric& metric : metrics(d, evaluation)) list.push_back(std::move(metric));
  return list;
}

Assessment assess(Engine& engine, const Source& records, const Description& d, Split split,
                  int threads) {
  Assessment a;
  RecordTable table(d, records.size(split));
  const auto start = Clock::now();
  engine.evaluate(split, a.evaluation, &table);
  a.seconds = seconds_since(start);
  a.metrics = all_metrics(d, a.evaluation);
  const Draws draws(std::move(table), draws_of(records, split));
  a.draws = draws.count;
  a.grouped = draws.count < draws.draw_of.size();
  std::vector<double> values(bootstrap_samples * a.metrics.size());
  const auto row = [&](int r) {
    return std::span(values).subspan(static_cast<std::size_t>(r) * a.metrics.size(),
                                     a.metrics.size());
  };
  std::vector<Resampler> resamplers(static_cast<std::size_t>(threads),
                                    Resampler(d, engine, draws, a.evaluation, split));
  Threads(threads).parallel_for(draws.count > 1 ? bootstrap_samples : 0, [&](int worker, int r) {
    resamplers[static_cast<std::size_t>(worker)].sample(r, row(r));
  });
  for (std::size_t m = 0; m < a.metrics.size(); ++m) {
    const bool penalty = m >= 1 && m <= d.terms.size() && d.terms[m - 1].is_penalty;
    std::vector<double> of_metric;
    for (int r = 0; draws.count > 1 && !penalty && r < bootstrap_samples; ++r)
      of_metric.push_back(row(r)[m]);
    complete(a.metrics[m],
             std::isnan(a.metrics[m].value) ? Metric{} : from_samples(std::move(of_metric)),
             a.grouped);
  }
  return a;
}

std::string uncertainty_note(const Assessment& a) {
  constexpr std::uint64_t few = 30;
  if (!a.grouped) return {};
  return fmt::format("standard errors take the {} groups for draws, not the {} records{}", a.draws,
                     a.evaluation.records,
                     a.draws < few ? "; so few make intervals too narrow" : "");
}

}  // namespace medley
