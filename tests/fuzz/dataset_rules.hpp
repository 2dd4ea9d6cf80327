// What is asked of a data set that was opened.
#pragma once

#include <cmath>

#include "medley/data/dataset.hpp"
#include "tests/fuzz/experiment.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace medley::fuzz {

inline void check_target(const TargetSpec& spec, const Record::Target& target, std::size_t pixels) {
  if (spec.kind == TargetKind::classes)
    require(target.label >= -1 && target.label < spec.size, "a label is in range or missing");
  if (target.values != nullptr)
    for (int i = 0; i < spec.size; ++i)
      require(std::isfinite(target.values[i]), "values that are not missing are finite");
  if (target.mask != nullptr)
    for (std::size_t i = 0; i < pixels; ++i)
      require(target.mask[i] < spec.size || target.mask[i] == 255,
              "a mask's pixel is in range or missing");
}

inline void check_records(const Dataset& data, PictureShape shape,
                          std::span<const TargetSpec> specs) {
  const auto pixels = static_cast<std::size_t>(shape.height * shape.width);
  std::uint64_t records = 0;
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    records += data.size(split);
    std::uint64_t next = 0;
    for (std::uint64_t rank = 0; rank < data.size(split); ++rank) {
      const std::uint64_t at = data.record(split, rank);
      require(at >= next && at < data.size() && data.split_of(at) == split,
              "a split's records are in file order");
      next = at + 1;
      require(is_weight(data.weight(at)), "a weight is 0 or of numbers that can be summed");
      Record record;
      data.read(at, {}, record);
      require(record.image.type() == data.pixels().type, "pixels are what the data set says");
      with_pixel_type(record.image.type(), [&]<class T>(T) {
        for (std::size_t i = 0; i < shape.bytes(); ++i)
          require(std::isfinite(static_cast<double>(record.image.as<T>()[i])), "pixels are finite");
      });
      for (std::size_t t = 0; t < specs.size(); ++t) {
        check_target(specs[t], record.targets[t], pixels);
        static_cast<void>(data.labelled(at, static_cast<int>(t)));
      }
    }
  }
  require(records == data.size(), "each record is of one split");
}

inline void check_dataset(const Dataset& data, PictureShape shape,
                          std::span<const TargetSpec> specs = targets) {
  check_records(data, shape, specs);
  const auto channels = static_cast<std::size_t>(shape.channels);
  require(data.mean().size() == data.deviation().size() &&
              (data.mean().empty() || data.mean().size() == channels),
          "each channel has a mean and a deviation, or none has");
  for (const float mean : data.mean()) require(std::isfinite(mean), "a mean is finite");
  for (const float deviation : data.deviation())
    require(deviation > 0 && std::isfinite(deviation) && std::isfinite(65535 / deviation),
            "a deviation is positive and finite, and pixels can be divided by it");
  for (std::size_t t = 0; t < specs.size(); ++t) {
    const auto names = data.class_names(static_cast<int>(t));
    require(names.empty() || names.size() == static_cast<std::size_t>(specs[t].size),
            "all classes of a target have names, or none");
    for (const std::string& name : names) require(!name.empty(), "a name is not empty");
  }
}

}  // namespace medley::fuzz
