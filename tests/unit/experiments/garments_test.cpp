// The pictures of clothes: the same for everyone, labelled rightly, and as varied as they claim.
#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "medley/data/folds.hpp"
#include "medley/experiments/garments/drawing.hpp"

namespace medley {
namespace {

constexpr int colour_target = 0, size_target = 1, mask_target = 2;
constexpr std::size_t picture_bytes = drawing::channels * drawing::pixels;

// A record in memory of its own.
struct Drawn {
  std::vector<std::byte> scratch;
  Record record;

  Drawn(const GarmentSource& source, std::uint64_t number) : scratch(source.scratch_bytes()) {
    source.read(number, scratch, record);
  }
  int label(int target) const { return record.targets[static_cast<std::size_t>(target)].label; }
  const std::uint8_t* mask() const { return record.targets[mask_target].mask; }
  int area() const {
    return static_cast<int>(std::count(mask(), mask() + drawing::pixels, std::uint8_t{1}));
  }
  // Mean colour of the garment; of the picture where there is none.
  drawing::Colour garment_colour() const {
    drawing::Colour mean{};
    for (int c = 0; c < drawing::channels; ++c) {
      float sum = 0.0f;
      for (int i = 0; i < drawing::pixels; ++i) {
        if (mask()[i] == 1) sum += static_cast<float>(record.image[c * drawing::pixels + i]);
      }
      mean[static_cast<std::size_t>(c)] = sum / static_cast<float>(std::max(area(), 1));
    }
    return mean;
  }
};

std::uint64_t digest(const GarmentSource& source, std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t number = first; number < last; ++number) {
    const Drawn drawn(source, number);
    const std::uint8_t* const image = drawn.record.image;
    bytes.insert(bytes.end(), image, image + picture_bytes);
    bytes.insert(bytes.end(), drawn.mask(), drawn.mask() + drawing::pixels);
    bytes.push_back(static_cast<std::uint8_t>(drawn.label(colour_target)));
    bytes.push_back(static_cast<std::uint8_t>(drawn.label(size_target)));
  }
  return XXH3_64bits(bytes.data(), bytes.size());
}

int nearest_colour(const drawing::Colour& colour) {
  const auto distance = [&](const drawing::Colour& other) {
    float sum = 0.0f;
    for (std::size_t c = 0; c < other.size(); ++c) {
      sum += (colour[c] - other[c]) * (colour[c] - other[c]);
    }
    return sum;
  };
  const auto& palette = drawing::palette;
  return static_cast<int>(
      std::min_element(palette.begin(), palette.end(),
                       [&](const auto& a, const auto& b) { return distance(a) < distance(b); }) -
      palette.begin());
}

// Everyone trains on the same pictures: this number must not depend on compiler, flags or machine.
// Changing the drawing changes it, and every published result of the experiment with it.
TEST(Garments, AreTheSameEverywhere) {
  EXPECT_EQ(digest(GarmentSource(), 0, 256), 7146692031802090025u);
}

TEST(Garments, DoNotDependOnScratchOrThread) {
  const GarmentSource source;
  std::array<std::uint64_t, 3> digests{};
  std::vector<std::thread> threads;
  for (std::uint64_t& result : digests) {
    threads.emplace_back([&source, &result] { result = digest(source, 1000, 1200); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_EQ(digests[0], digests[2]);

  std::vector<std::byte> dirty(source.scratch_bytes(), std::byte{0xA5});
  Record record;
  source.read(7, dirty, record);
  EXPECT_EQ(dirty, Drawn(source, 7).scratch);
}

TEST(Garments, SplitsFollowOneAnother) {
  const GarmentSource source;
  std::uint64_t next = 0;
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    EXPECT_GE(source.size(split), 2048u);
    EXPECT_EQ(source.record(split, 0), next);
    next += source.size(split);
    EXPECT_EQ(source.record(split, source.size(split) - 1), next - 1);
  }
}

TEST(Garments, LabelsAgreeWithRecords) {
  const GarmentSource source;
  for (std::uint64_t number = 0; number < 500; ++number) {
    const Drawn drawn(source, number);
    EXPECT_EQ(source.label(number, colour_target), drawn.label(colour_target));
    EXPECT_EQ(source.label(number, size_target), drawn.label(size_target));
    EXPECT_LT(source.label(number, mask_target), 0);
  }
}

TEST(Garments, EveryClassHasItsNameAndItsShare) {
  const GarmentSource source;
  const std::uint64_t count = 8192;
  std::map<int, int> kinds;
  for (std::uint64_t number = 0; number < count; ++number) {
    ++kinds[drawing::attributes(number).kind];
  }
  EXPECT_EQ(kinds.size(), drawing::patterns.size());
  for (const auto& [kind, occurrences] : kinds) {
    EXPECT_NEAR(occurrences * static_cast<int>(kinds.size()), count, 0.15 * count) << kind;
  }
  for (std::size_t target = 0; target < GarmentSource::targets.size(); ++target) {
    const TargetSpec& spec = GarmentSource::targets[target];
    const auto names = source.class_names(static_cast<int>(target));
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(),
              static_cast<std::size_t>(spec.size));
    if (spec.kind != TargetKind::classes) continue;
    std::vector<int> occurrences(static_cast<std::size_t>(spec.size));
    for (std::uint64_t number = 0; number < count; ++number) {
      ++occurrences.at(static_cast<std::size_t>(source.label(number, static_cast<int>(target))));
    }
    for (const int n : occurrences) EXPECT_NEAR(n * spec.size, count, 0.15 * count) << spec.name;
  }
}

TEST(Garments, MasksAreOfTheGarment) {
  const GarmentSource source;
  const int count = 1000;
  int told_by_colour = 0;
  for (std::uint64_t number = 0; number < count; ++number) {
    const Drawn drawn(source, number);
    EXPECT_TRUE(source.labelled(number, mask_target));
    EXPECT_LE(*std::max_element(drawn.mask(), drawn.mask() + drawing::pixels), 1);
    EXPECT_GT(drawn.area(), drawing::pixels / 20) << number;
    EXPECT_LT(drawn.area(), drawing::pixels * 11 / 20) << number;
    told_by_colour += nearest_colour(drawn.garment_colour()) == drawn.label(colour_target);
  }
  EXPECT_GT(told_by_colour, count * 9 / 10);
}

TEST(Garments, GrowWithTheirSize) {
  const GarmentSource source;
  std::map<int, std::array<double, drawing::sizes>> area, count;
  for (std::uint64_t number = 0; number < 4000; ++number) {
    const drawing::Attributes what = drawing::attributes(number);
    area[what.kind][static_cast<std::size_t>(what.size)] += Drawn(source, number).area();
    count[what.kind][static_cast<std::size_t>(what.size)] += 1.0;
  }
  for (const auto& [kind, sum] : area) {
    for (std::size_t size = 1; size < drawing::sizes; ++size) {
      const double smaller = sum[size - 1] / count[kind][size - 1];
      EXPECT_NEAR(sum[size] / count[kind][size] / smaller, 1.47, 0.1) << kind << ' ' << size;
    }
  }
}

TEST(Garments, MeanAndDeviationAreThoseOfTheTrainingSplit) {
  const GarmentSource source;
  std::array<double, drawing::channels> sum{}, squares{};
  std::vector<std::byte> scratch(source.scratch_bytes());
  Record record;
  for (std::uint64_t rank = 0; rank < source.size(Split::train); ++rank) {
    source.read(source.record(Split::train, rank), scratch, record);
    for (std::size_t i = 0; i < picture_bytes; ++i) {
      const double value = record.image[i];
      sum[i / drawing::pixels] += value;
      squares[i / drawing::pixels] += value * value;
    }
  }
  const double count = static_cast<double>(source.size(Split::train)) * drawing::pixels;
  for (std::size_t c = 0; c < drawing::channels; ++c) {
    const double mean = sum[c] / count;
    EXPECT_NEAR(source.mean()[c], mean, 0.01);
    EXPECT_NEAR(source.deviation()[c], std::sqrt(squares[c] / count - mean * mean), 0.01);
  }
}

TEST(Garments, StencilsCoverWhatTheyShould) {
  const drawing::Rotation turn = drawing::Rotation::from_half_tangent(0.2f);
  const drawing::Point turned = turn({3.0f, 4.0f});  // by the angle of cosine 12/13, sine 5/13
  EXPECT_NEAR(turned.x, (3.0 * 12.0 - 4.0 * 5.0) / 13.0, 1e-6);
  EXPECT_NEAR(turned.y, (3.0 * 5.0 + 4.0 * 12.0) / 13.0, 1e-6);

  const auto area = [](const drawing::Stencil& stencil) {
    double sum = 0.0;
    for (int i = 0; i < drawing::pixels; ++i) sum += static_cast<double>(stencil.coverage(i));
    return sum;
  };
  drawing::Stencil stencil;
  EXPECT_EQ(area(stencil), 0.0);
  stencil.add(drawing::box({14.3f, 15.1f}, 7.0f, 5.0f, turn));
  EXPECT_NEAR(area(stencil), 140.0, 1.5);
  stencil.cut(drawing::box({14.3f, 15.1f}, 2.0f, 9.0f, turn));
  EXPECT_NEAR(area(stencil), 100.0, 1.5);
  drawing::Stencil disc;
  disc.add_disc({16.2f, 14.9f}, 6.0f);
  EXPECT_NEAR(area(disc), 113.1, 1.5);
}

TEST(Garments, FoldsHaveEachColourAndSizeAlike) {
  const GarmentSource source;
  std::map<std::pair<int, int>, std::array<int, 2>> counts;  // in training and validation
  const FoldedSource folded(source, GarmentSource::targets, {3, 5, 1}, "garments");
  EXPECT_EQ(folded.size(Split::train) + folded.size(Split::validation), 34816u);
  EXPECT_EQ(folded.record(Split::test, 7), source.record(Split::test, 7));
  EXPECT_EQ(folded.mean().data(), source.mean().data());
  for (const Split split : {Split::train, Split::validation}) {
    folded.each_record(split, [&](std::uint64_t record) {
      ++counts[{source.label(record, colour_target), source.label(record, size_target)}]
              [static_cast<std::size_t>(split)];
    });
  }
  EXPECT_EQ(counts.size(), 32u);
  for (const auto& [key, found] : counts) EXPECT_LE(std::abs(found[0] - 4 * found[1]), 5);
}

}  // namespace
}  // namespace medley
