// What records are: their splits, their targets, and how the engine reads them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "medley/base/pixels.hpp"

namespace medley {

enum class Split : std::uint8_t { train = 0, validation = 1, test = 2 };
inline constexpr std::array<std::string_view, 3> split_names{"train", "validation", "test"};
constexpr std::string_view to_string(Split split) {
  return split_names[static_cast<std::size_t>(split)];
}

enum class TargetKind : std::uint8_t {
  classes,  // one integer in [0, size); missing: negative
  values,   // `size` floats; missing: NaN
  mask,     // H x W integers in [0, size); missing pixel: 255
};
inline constexpr std::array<std::string_view, 3> target_kind_names{"classes", "values", "mask"};

struct TargetSpec {
  std::string_view name;
  TargetKind kind{};
  int size = 0;  // classes of a label or mask, dimensions of a value
  bool ordered =
      false;  // classes that stand in a row, such as sizes: their distances mean something
};

inline constexpr int max_targets = 16;

// One record as it is read. Which member of a target holds depends on its kind.
struct Record {
  struct Target {
    std::int32_t label = -1;
    const float* values = nullptr;
    const std::uint8_t* mask = nullptr;
  };
  Pixels image;  // C x H x W
  std::array<Target, max_targets> targets{};
};

// Records as an engine sees them: flash memory, a camera or a generator will do. What reports and
// checkpoints want besides is Source's (data/source.hpp). All member functions may be called from several
// threads at once, and none of them allocates.
class RecordSource {
 public:
  // Number of records of a split.
  virtual std::uint64_t size(Split split) const = 0;
  // The record with this rank within its split, in file order; rank < size(split).
  virtual std::uint64_t record(Split split, std::uint64_t rank) const = 0;
  // Fills `out`, which points into the source's own memory or into `scratch` (of a picture, its masks
  // and 256 bytes: Definition::scratch_bytes) and is valid until `scratch` is used again.
  virtual void read(std::uint64_t record, std::span<std::byte> scratch, Record& out) const = 0;
  // Label of a `classes` target without reading the picture; negative where it is missing.
  virtual std::int32_t label(std::uint64_t record, int target) const = 0;
  // Whether the record has this target at all (for masks: at least one pixel of it).
  virtual bool labelled(std::uint64_t record, int target) const = 0;
  // True where every record is known to have this target (of masks every pixel), so that nobody need
  // ask for each.
  virtual bool complete(int /*target*/) const { return false; }

  // Whether records count differently, and how much one counts: >= 0, finite; 0: as if it had no target.
  // Losses are weighted means over the batch.
  virtual bool has_weights() const { return false; }
  virtual float weight(std::uint64_t /*record*/) const { return 1.0f; }

  // Per-channel mean and deviation of the training split, in units of the pixels: of uint8 0..255.
  virtual std::span<const float> mean() const = 0;
  virtual std::span<const float> deviation() const = 0;

 protected:
  // Nobody owns a source by this class: a virtual destructor would ask for operator delete.
  ~RecordSource() = default;
};

}  // namespace medley
