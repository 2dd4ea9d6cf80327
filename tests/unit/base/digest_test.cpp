// The digest of parameters: XXH3-64 of their elements in the order of files, whatever lies between them.
#include "medley/base/digest.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace medley {
namespace {

// A weight in memory, padding made of what must not be read, and its elements in the order of files.
struct Laid {
  explicit Laid(const Parameter& p)
      : spec(p), memory(static_cast<std::size_t>(p.floats), std::numeric_limits<float>::max()) {
    for (int o = 0; o < p.extent[0]; ++o) {
      for (int i = 0; i < p.extent[1]; ++i) {
        for (int y = 0; y < p.extent[2]; ++y) {
          for (int x = 0; x < p.extent[3]; ++x) {
            const float value = 0.25f * static_cast<float>(elements.size()) - 3.0f;
            memory[static_cast<std::size_t>(p.packing.index(o, i, y, x))] = value;
            elements.push_back(value);
          }
        }
      }
    }
  }
  Parameter spec;
  std::vector<float> memory, elements;
};

TEST(ParameterDigest, IsThatOfTheElementsInTheOrderOfFiles) {
  const Laid weight(conv_weight("weight", {5, 19, 3, 3}, 4, Layout::blocked));  // 855 elements
  const Laid bias(channel_parameter("bias", 5, Initial::zero));
  ParameterDigest digest;
  std::vector<float> all;
  for (const Laid* laid : {&weight, &bias}) {
    digest.add(laid->spec.extent, laid->spec.packing, laid->memory.data());
    all.insert(all.end(), laid->elements.begin(), laid->elements.end());
    EXPECT_EQ(digest.value(), XXH3_64bits(all.data(), all.size() * sizeof(float)));
  }
}

}  // namespace
}  // namespace medley
