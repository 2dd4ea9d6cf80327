// What an evaluation tells of each record, and what belongs together in a bootstrap: for uncertainty.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <unordered_map>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/engine/record_observer.hpp"
#include "medley/experiment/description.hpp"

namespace medley::bootstrap {

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
inline std::vector<std::uint32_t> draws_of(const Source& records, Split split) {
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
    sort_by_cell(table.cells);
    for (const auto& of_metric : table.scores) ranked.push_back(ranked_draws(of_metric));
  }

  // Positions of a draw in a cell.
  struct Share {
    std::uint32_t draw, positions;
  };
  // One of the records of a metric with a score, in rising order of these.
  struct Ranked {
    std::uint32_t draw;
    bool positive, is_number;
    bool last;  // of those with the same score
  };
  static constexpr std::size_t block = 4;  // columns that are summed together

  RowPlan plan;
  std::vector<std::uint32_t> draw_of;  // of each record
  std::size_t count = 0, blocks = 0;
  std::vector<double> rows;   // [column / block][draw][column % block]
  std::vector<Share> shares;  // by cell
  std::vector<std::size_t> first_share;
  std::vector<std::vector<Ranked>> ranked;  // [metric]

 private:
  std::vector<Ranked> ranked_draws(const std::vector<Score>& scores) const {
    std::vector<std::pair<Score, std::uint32_t>> rising;
    for (std::size_t record = 0; record < scores.size(); ++record)
      if (scores[record].label >= 0) rising.emplace_back(scores[record], draw_of[record]);
    std::ranges::stable_sort(rising, [](const auto& a, const auto& b) {
      return rank_of(a.first.value) < rank_of(b.first.value);
    });
    std::vector<Ranked> list;
    for (std::size_t i = 0; i < rising.size(); ++i) {
      const auto& [score, draw] = rising[i];
      const bool last = i + 1 == rising.size() || rising[i + 1].first.value != score.value;
      list.push_back({draw, score.label == 1, !std::isnan(score.value), last});
    }
    return list;
  }
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

}  // namespace medley::bootstrap
