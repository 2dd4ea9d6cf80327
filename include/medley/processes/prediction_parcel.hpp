// Records that are predicted in another process, and where their outputs go.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "medley/engine/reports.hpp"
#include "medley/experiment/description.hpp"
#include "medley/processes/parcel.hpp"

namespace medley {

class PredictionShape {
 public:
  PredictionShape(const Description& description, const LayerOutput& layer);

  // The layer that is asked for, if one is, and pictures.
  Parcel parcel(std::span<const Record> records) const;

  // Calls f(first, floats a record) for the outputs of each head, and of the layer where there are
  // values of one.
  template <class F>
  void each_output(std::span<float* const> heads, float* layer, F&& f) const {
    for (std::size_t h = 0; h < heads.size(); ++h) f(heads[h], head_floats_[h]);
    if (layer != nullptr) f(layer, layer_floats_);
  }

 private:
  std::size_t picture_values_;
  std::vector<std::size_t> head_floats_;
  int layer_;  // -1: none
  std::size_t layer_floats_ = 0;
};

// The other end: what was in a parcel, and room for its outputs.
class PredictedParcel {
 public:
  PredictedParcel(Parcel& parcel, const Description& description);

  std::span<const Record> records() const { return records_; }
  std::span<float* const> outputs() const { return places_; }
  LayerOutput layer() { return layer_; }
  const std::vector<std::vector<float>>& values() const { return values_; }

 private:
  std::vector<std::byte> pictures_;
  std::vector<Record> records_;
  std::vector<std::vector<float>> values_;  // of heads, and of the layer behind them
  std::vector<float*> places_;
  LayerOutput layer_;
};

}  // namespace medley
