// Winograd's minimal filtering against the definition of a correlation in double precision, over
// sizes that leave tiles, lanes and blocks partly empty. The layer is tested in conv_test.cpp.
#include "medley/kernels/winograd.hpp"

#include <bit>
#include <limits>
#include <vector>

#include "tests/layer_harness.hpp"

namespace medley::testing {
namespace {

using kernels::Planes;
using kernels::Winograd;

constexpr float untouched = -77.0f;
constexpr float finite = 3e5f;  // what lanes without a channel may hold

// A correlation with all its memory. The input has the rows and columns more that the taps need; the
// output has a border of one pixel that must stay as it is.
template <int Taps>
class Case {
  static constexpr int all_taps = Taps * Taps;

 public:
  Case(int inputs, int outputs, int height, int width, int samples)
      : numbers_(static_cast<std::uint64_t>(inputs * outputs + height * 37 + width)),
        samples_(samples),
        w_{planes(inputs, height + Taps - 1, width + Taps - 1),
           planes(outputs, height + 2, width + 2), height, width} {
    in_.assign(static_cast<std::size_t>(samples) * w_.in.sample, finite);
    out_.assign(static_cast<std::size_t>(samples) * w_.out.sample, untouched);
    bias_.assign(padded(outputs), 0.0f);
    for (int o = 0; o < outputs; ++o) bias_[o] = number();
    for (int n = 0; n < samples; ++n) {
      for (int c = 0; c < inputs; ++c) {
        for (int i = 0; i < (height + Taps - 1) * (width + Taps - 1); ++i)
          in_[place(w_.in, n, c) + i * lanes] = number();
      }
    }
    taps_.assign(padded(outputs) * inputs * all_taps, 0.0f);  // [block][input][tap][lane]
    for (int o = 0; o < outputs; ++o) {
      for (int c = 0; c < inputs; ++c) {
        for (int k = 0; k < all_taps; ++k) taps_[tap(o, c, k)] = number();
      }
    }
  }

  // Relative error, to the root mean square of what was expected.
  double forward(bool accumulate) {
    std::vector<float> weights(kernels::winograd_weight_floats(inputs(), outputs()), untouched);
    for (int b = 0; b < block_count(outputs()); ++b) {
      for (int c = 0; c < inputs(); ++c) {
        kernels::winograd_transform_weights<Taps>(&taps_[tap(b * lanes, c, 0)], Taps * lanes,
                                                  inputs(), outputs(), c, b, weights.data());
      }
    }
    std::vector<float> scratch = not_numbers(kernels::winograd_scratch_floats(w_, most_samples()));
    const std::vector<float> before = out_;
    kernels::winograd_correlate(w_, most_samples(), samples_, in_.data(), weights.data(),
                                accumulate ? nullptr : bias_.data(), out_.data() + origin(),
                                accumulate, scratch.data());
    Error error;
    for (int i = 0; i < 400; ++i) {
      const int n = below(samples_), o = below(outputs()), y = below(w_.height),
                x = below(w_.width);
      const std::size_t at = place(w_.out, n, o) + origin() + y * w_.out.row + x * lanes;
      double sum = static_cast<double>(accumulate ? before[at] : bias_[o]);
      for (int c = 0; c < inputs(); ++c) {
        for (int k = 0; k < all_taps; ++k)
          sum += product(n, c, y + k / Taps, x + k % Taps, taps_[tap(o, c, k)]);
      }
      error.add(out_[at], sum);
    }
    expect_border();
    return error.relative();
  }

  double weights(bool accumulate) {
    std::vector<float> gradient(out_.size(), untouched);
    for (int n = 0; n < samples_; ++n) {
      for (int o = 0; o < block_count(outputs()) * lanes; ++o) {
        for (int i = 0; i < w_.height * w_.width; ++i) {
          gradient[place(w_.out, n, o) + origin() + i / w_.width * w_.out.row +
                   i % w_.width * lanes] = o < outputs() ? number() : 0.0f;
        }
      }
    }
    std::vector<float> scratch =
        not_numbers(kernels::winograd_gradient_scratch_floats(w_, most_samples()));
    const std::vector<float> before = taps_;
    kernels::winograd_weight_gradient(
        w_, most_samples(), samples_, in_.data(), gradient.data() + origin(),
        {inputs() * all_taps * lanes, lanes * all_taps * lanes, all_taps * lanes, Taps * lanes},
        taps_.data(), accumulate, scratch.data());
    Error error;
    for (int i = 0; i < 100; ++i) {
      const int o = below(outputs()), c = below(inputs()), k = below(all_taps);
      double sum = accumulate ? static_cast<double>(before[tap(o, c, k)]) : 0.0;
      for (int n = 0; n < samples_; ++n) {
        for (int y = 0; y < w_.height; ++y) {
          for (int x = 0; x < w_.width; ++x) {
            sum += product(n, c, y + k / Taps, x + k % Taps,
                           gradient[place(w_.out, n, o) + origin() + y * w_.out.row + x * lanes]);
          }
        }
      }
      error.add(taps_[tap(o, c, k)], sum);
    }
    for (int o = outputs(); o < static_cast<int>(padded(outputs())); ++o) {
      for (int c = 0; c < inputs(); ++c) {
        for (int k = 0; k < all_taps; ++k)
          EXPECT_EQ(taps_[tap(o, c, k)], 0.0f) << "lane without a channel";
      }
    }
    return error.relative();
  }

  // Of all bits of the outputs and weights (FNV-1a).
  void digest(std::uint64_t& hash) const {
    const auto add = [&](float v) {
      hash = (hash ^ std::bit_cast<std::uint32_t>(v)) * 0x100'0000'01B3u;
    };
    for (const float v : out_) add(v);
    for (const float v : taps_) add(v);
  }

 private:
  struct Error {
    double squares = 0, differences = 0;
    void add(float ours, double expected) {
      const double difference = static_cast<double>(ours) - expected;
      squares += expected * expected;
      differences += difference * difference;
    }
    double relative() const { return std::sqrt(differences / squares); }
  };

  static std::size_t padded(int channels) {
    return static_cast<std::size_t>(block_count(channels)) * lanes;
  }
  static Planes planes(int channels, int rows, int columns) {
    return {channels, block_count(channels) * rows * columns * lanes, rows * columns * lanes,
            columns * lanes};
  }
  static std::vector<float> not_numbers(std::ptrdiff_t count) {
    return std::vector<float>(count, std::numeric_limits<float>::quiet_NaN());
  }
  static std::size_t place(const Planes& p, int n, int c) {
    return static_cast<std::size_t>(n) * p.sample + c / lanes * p.block + c % lanes;
  }
  int inputs() const { return w_.in.channels; }
  int outputs() const { return w_.out.channels; }
  int most_samples() const { return samples_ + 1; }
  std::size_t origin() const { return static_cast<std::size_t>(w_.out.row) + lanes; }
  std::size_t tap(int o, int c, int k) const {
    return ((static_cast<std::size_t>(o / lanes) * inputs() + c) * all_taps + k) * lanes +
           o % lanes;
  }
  float number() { return static_cast<float>(numbers_.next()); }
  int below(int n) { return static_cast<int>((numbers_.next() + 1.0) / 2.0 * n); }
  double product(int n, int c, int y, int x, float factor) const {
    return static_cast<double>(in_[place(w_.in, n, c) + y * w_.in.row + x * lanes]) *
           static_cast<double>(factor);
  }
  void expect_border() const {
    for (int n = 0; n < samples_; ++n) {
      for (int c = 0; c < block_count(outputs()) * lanes; ++c) {
        for (int y = 0; y < w_.height + 2; ++y) {
          for (int x = 0; x < w_.width + 2; ++x) {
            if (y >= 1 && y <= w_.height && x >= 1 && x <= w_.width) continue;
            ASSERT_EQ(out_[place(w_.out, n, c) + y * w_.out.row + x * lanes], untouched);
          }
        }
      }
    }
  }

  Numbers numbers_;
  int samples_;
  Winograd<Taps> w_;
  std::vector<float> in_, out_, bias_, taps_;
};

// Of at most 8 input channels the transform reads and writes half a vector.
TEST(Winograd, OfFewInputChannels) {
  for (const int inputs : {1, 6, 8, 9}) {
    SCOPED_TRACE(inputs);
    Case<5> c(inputs, 24, 9, 6, 3);
    for (const bool accumulate : {false, true}) {
      EXPECT_LT(c.forward(accumulate), 2e-6);
      EXPECT_LT(c.weights(accumulate), 2e-6);
    }
  }
}

// Digest of all results over many sizes, each of which agrees with the definition.
template <int Taps>
std::uint64_t check_sizes() {
  constexpr std::array sizes{1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 32};
  constexpr std::array channels{32, 33, 40, 48, 64, 100, 128};
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325u;
  int count = 0;
  for (const int height : sizes) {
    for (const int width : sizes) {
      const int inputs = channels[count % 7], outputs = channels[(count / 7 + 3 * count) % 7];
      SCOPED_TRACE(::testing::Message() << inputs << " -> " << outputs << ", " << height << "x"
                                        << width << ", taps " << Taps);
      Case<Taps> c(inputs, outputs, height, width, 1 + count % 4);
      for (const bool accumulate : {false, true}) {
        EXPECT_LT(c.forward(accumulate), 2e-6);
        EXPECT_LT(c.weights(accumulate), 2e-6);
      }
      c.digest(hash);
      ++count;
    }
  }
  return hash;
}

// The same bits whatever the instruction set, the compiler and its options.
TEST(Winograd, AgreesWithTheDefinitionAndHasTheSameBitsEverywhere) {
  EXPECT_EQ(check_sizes<3>(), 4570202591627419202u);
  EXPECT_EQ(check_sizes<5>(), 14816339057929644806u);
}

}  // namespace
}  // namespace medley::testing
