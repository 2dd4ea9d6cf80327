#include "medley/run/record_results.hpp"

#include <algorithm>
#include <limits>

namespace medley {

namespace {

// Keeps what is told of losses.
class LossKeeper final : public RecordObserver {
 public:
  LossKeeper(const Engine& engine, RecordLosses& losses) : engine_(engine), losses_(losses) {}

  void loss(std::uint64_t rank, int term, double value, double weight) override {
    set(rank, term, value / weight);
  }
  void loss_sums(std::uint64_t rank, int term, std::span<const double> sums) override {
    set(rank, term, engine_.summed_value(term, sums));
  }
  void predicted(std::uint64_t, int, int, int, std::uint64_t) override {}
  void scored(std::uint64_t, int, const Score&) override {}
  void erred(std::uint64_t, int, double, double, int) override {}

 private:
  void set(std::uint64_t rank, int term, double value) {
    losses_.of(rank)[static_cast<std::size_t>(term)] = value;
  }

  const Engine& engine_;
  RecordLosses& losses_;
};

}  // namespace

RecordLosses::RecordLosses(std::uint64_t records, std::size_t terms)
    : terms_(terms), values_(records * terms, std::numeric_limits<double>::quiet_NaN()) {}

RecordLosses record_losses(Engine& engine, const Description& d, const Source& records,
                           Split split) {
  RecordLosses losses(records.size(split), d.terms.size());
  LossKeeper keeper(engine, losses);
  Evaluation ignored;
  engine.evaluate(split, ignored, &keeper);
  // (Of sums it is told for all records.)
  for (std::size_t k = 0; k < d.terms.size(); ++k) {
    if (d.terms[k].sums == 0) continue;
    if (records.complete(d.terms[k].target_index) && !records.has_weights()) continue;
    std::uint64_t rank = 0;
    records.each_record(split, [&](std::uint64_t record) {
      if (!records.labelled(record, d.terms[k].target_index) || !(records.weight(record) > 0.0f))
        losses.of(rank)[k] = std::numeric_limits<double>::quiet_NaN();
      ++rank;
    });
  }
  return losses;
}

void each_output(Engine& engine, const Description& d, const Source& records, Split split,
                 const VisitOutputs& visit) {
  const std::size_t most = engine.predict_batch(), scratch_bytes = records.scratch_bytes();
  std::vector<std::byte> scratch(most * scratch_bytes);
  std::vector<Record> batch(most);
  std::vector<std::uint64_t> numbers(most);
  std::vector<std::vector<float>> outputs;
  std::vector<float*> places;
  for (const HeadInfo& head : d.heads) {
    outputs.emplace_back(most * static_cast<std::size_t>(head.shape.elements()));
    places.push_back(outputs.back().data());
  }
  std::vector<std::span<const float>> own(d.heads.size());
  const std::uint64_t size = records.size(split);
  for (std::uint64_t first = 0; first < size; first += most) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(most, size - first));
    for (std::size_t i = 0; i < count; ++i) {
      numbers[i] = records.record(split, first + i);
      records.read(numbers[i], std::span(scratch).subspan(i * scratch_bytes, scratch_bytes),
                   batch[i]);
    }
    engine.predict(std::span(batch).first(count), places);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t h = 0; h < own.size(); ++h) {
        const auto elements = static_cast<std::size_t>(d.heads[h].shape.elements());
        own[h] = std::span<const float>(outputs[h]).subspan(i * elements, elements);
      }
      visit(first + i, numbers[i], batch[i], own);
    }
  }
}

}  // namespace medley
