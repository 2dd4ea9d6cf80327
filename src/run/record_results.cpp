#include "medley/run/record_results.hpp"

#include <algorithm>

namespace medley {

RecordResults::RecordResults(Model& model, const Source& records, const std::string& from)
    : model_(model), window_(records) {
  model_.start_evaluation(window_, from, {});
}

void RecordResults::evaluate(Split split, Evaluation& result) {
  window_.show_all();
  model_.engine().evaluate(split, result);
}

void RecordResults::each_evaluation(Split split, const VisitResult& visit) {
  window_.show_all();
  const std::uint64_t size = window_.size(split);
  Evaluation result;
  for (std::uint64_t rank = 0; rank < size; ++rank) {
    window_.show_only(split, rank);
    model_.engine().evaluate(split, result);
    visit(rank, window_.record(split, 0), result);
  }
  window_.show_all();
}

void RecordResults::each_output(Split split, const VisitOutputs& visit) {
  window_.show_all();
  Engine& engine = model_.engine();
  const std::vector<HeadInfo>& heads = model_.description().heads;
  const std::size_t most = engine.predict_batch(), scratch_bytes = window_.scratch_bytes();
  std::vector<std::byte> scratch(most * scratch_bytes);
  std::vector<Record> batch(most);
  std::vector<std::vector<float>> outputs;
  std::vector<float*> places;
  for (const HeadInfo& head : heads) {
    outputs.emplace_back(most * static_cast<std::size_t>(head.shape.elements()));
    places.push_back(outputs.back().data());
  }
  std::vector<std::span<const float>> own(heads.size());
  const std::uint64_t size = window_.size(split);
  for (std::uint64_t first = 0; first < size; first += most) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(most, size - first));
    for (std::size_t i = 0; i < count; ++i) {
      window_.read(window_.record(split, first + i),
                   std::span(scratch).subspan(i * scratch_bytes, scratch_bytes), batch[i]);
    }
    engine.predict(std::span(batch).first(count), places);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t h = 0; h < heads.size(); ++h) {
        const auto elements = static_cast<std::size_t>(heads[h].shape.elements());
        own[h] = std::span<const float>(outputs[h]).subspan(i * elements, elements);
      }
      visit(first + i, batch[i], own);
    }
  }
}

}  // namespace medley
