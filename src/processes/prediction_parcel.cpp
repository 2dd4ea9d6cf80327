#include "medley/processes/prediction_parcel.hpp"

namespace medley {

namespace {

std::size_t elements(const Shape& shape) { return static_cast<std::size_t>(shape.elements()); }

}  // namespace

PredictionShape::PredictionShape(const Description& d, const LayerOutput& layer)
    : picture_values_(elements(d.input)), layer_(layer.values != nullptr ? layer.layer : -1) {
  for (const HeadInfo& head : d.heads) head_floats_.push_back(elements(head.shape));
  if (layer_ >= 0) layer_floats_ = elements(d.layers[static_cast<std::size_t>(layer_)].output);
}

Parcel PredictionShape::parcel(std::span<const Record> records) const {
  Parcel parcel;
  parcel.add(layer_);
  parcel.add(records.size());
  const PixelType type = records.empty() ? PixelType::u8 : records[0].image.type();
  parcel.add(type);
  std::vector<std::byte> pixels;
  for (const Record& record : records) {
    const auto* first = static_cast<const std::byte*>(record.image.data());
    pixels.insert(pixels.end(), first, first + picture_values_ * size_of(type));
  }
  parcel.add(std::span<const std::byte>(pixels));
  return parcel;
}

PredictedParcel::PredictedParcel(Parcel& parcel, const Description& d) {
  const auto layer = parcel.take<int>();
  records_.resize(parcel.take<std::size_t>());
  const auto type = parcel.take<PixelType>();
  pictures_ = parcel.take_all<std::byte>();
  const std::size_t bytes = elements(d.input) * size_of(type);
  for (std::size_t i = 0; i < records_.size(); ++i)
    records_[i].image = Pixels(pictures_.data() + i * bytes, type);
  for (const HeadInfo& head : d.heads) values_.emplace_back(records_.size() * elements(head.shape));
  for (std::vector<float>& values : values_) places_.push_back(values.data());
  if (layer < 0) return;
  const Shape& shape = d.layers[static_cast<std::size_t>(layer)].output;
  values_.emplace_back(records_.size() * elements(shape));
  layer_ = {.layer = layer, .values = values_.back().data()};
}

}  // namespace medley
