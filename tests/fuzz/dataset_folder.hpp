// A sound dataset folder, to which inputs are added.
#pragma once

#include <nlohmann/json.hpp>

#include "medley/data/dataset_writer.hpp"
#include "tests/fuzz/dataset_rules.hpp"

namespace medley::fuzz {

inline constexpr PictureShape picture_shape{1, 2, 2};

// Four records: two of training, one of validation, one of test.
inline void write_records(const std::filesystem::path& folder) {
  DatasetWriter writer(folder, picture_shape, targets, false);
  const std::array<std::uint8_t, 4> pixels{0, 10, 200, 255}, mask{0, 1, 255, 1};
  const std::array<float, 2> place{0.5f, -1.0f};
  for (int i = 0; i < 4; ++i) {
    Record record;
    record.image = pixels.data();
    record.targets[0].label = i - 2;
    record.targets[1].values = i == 1 ? nullptr : place.data();
    record.targets[2].mask = mask.data();
    writer.append(record, static_cast<Split>(std::max(0, i - 1)));
  }
  writer.finish({});
}

}  // namespace medley::fuzz
