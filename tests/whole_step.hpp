// An experiment with everything that a step may have, on pictures of 4 x 4, and a twin of its
// training in double precision: plain loops forward, central differences for every gradient,
// optimizers as their papers write them. It takes from the engine the initial weights, and from its
// headers the order of records, the grids of augmentation and random bits.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/engine/trainer_engine.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/dropout.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/adam.hpp"
#include "medley/optimizers/sgd.hpp"

namespace medley::testing {

struct Whole {
  static constexpr std::string_view name = "whole";
  static constexpr Shape input{2, 4, 4};
  static constexpr auto targets = std::to_array<TargetSpec>({{"kind", TargetKind::classes, 3},
                                                             {"place", TargetKind::values, 2},
                                                             {"outline", TargetKind::mask, 2}});
  using Trunk = Sequence<Conv<4>, Tanh, Dropout<25>>;
  using Heads =
      std::tuple<Head<"kind", ConvNoBias<3>, GhostBatchNorm, Tanh, GlobalAveragePool, Dense<3>>,
                 Head<"place", Flatten, Dense<2>>, Head<"outline", ByWinograd<Conv<1>>>>;
  static constexpr auto terms = std::tuple{
      term<"kind">(SoftmaxCrossEntropy{.smoothing = 0.1, .class_weights = {1.0, 2.0, 0.5}}, 1.5),
      term<"place">(MeanSquaredError{}, 0.7),
      term<"outline">(BinaryCrossEntropy{.positive_weight = 2.0}, 0.5),
      penalty<"decay">(L2Penalty{}, 1e-2)};
  static constexpr WeightedSum mix{};
  // An ε that keeps gradients of almost nothing from deciding on a step.
  static constexpr AdamW adamw{.learning_rate = 0.02, .epsilon = 1e-3, .weight_decay = 0.5};
  static constexpr Sgd sgd{
      .learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.02};
  static constexpr Recipe recipe{};
  static constexpr Memory memory{.shard = 2,
                                 .slots = 2};  // the third shard adds to the first one's
};
struct WholeSimultaneous : Whole {
  static constexpr auto steps = simultaneous(group<"labels", "kind", "place">(adamw),
                                             group<"shapes", "outline", "decay">(sgd));
};
struct WholeAlternating : Whole {
  static constexpr auto steps =
      alternating(group<"labels", "kind", "decay">(adamw).repeated(2),
                  group<"shapes", "outline", "place">(sgd).on_next_batch());
};

// Eleven training and five validation records. Some have no kind, no place, a partly known mask or
// one of which nothing is known.
class WholeSource final : public Source {
 public:
  static constexpr int train = 11, validation = 5, all = train + validation;
  std::array<std::array<std::uint8_t, 32>, all> image;
  std::array<std::int32_t, all> kind;
  std::array<std::array<float, 2>, all> place;
  std::array<std::array<std::uint8_t, 16>, all> outline;

  WholeSource() {
    std::uint64_t count = 0;
    const auto random = [&](int below) {
      return static_cast<int>(
          bounded(RandomStream(11, Purpose::generator, 0, count++).draw(0)[0], below));
    };
    for (int r = 0; r < all; ++r) {
      for (auto& v : image[r]) v = static_cast<std::uint8_t>(random(256));
      kind[r] = r % 4 == 1 ? -1 : random(3);
      for (float& v : place[r]) v = r % 5 == 2 ? NAN : static_cast<float>(random(200) - 100) / 100;
      for (auto& v : outline[r]) {
        v = r % 7 == 3 || random(3) == 0 ? 255 : static_cast<std::uint8_t>(random(2));
      }
    }
  }

  std::uint64_t size(Split split) const override {
    return split == Split::train ? train : split == Split::validation ? validation : 0;
  }
  std::uint64_t record(Split split, std::uint64_t rank) const override {
    return split == Split::train ? rank : train + rank;
  }
  void read(std::uint64_t r, std::span<std::byte>, Record& out) const override {
    out.image = image[r].data();
    out.targets[0].label = kind[r];
    out.targets[1].values = place[r].data();
    out.targets[2].mask = outline[r].data();
  }
  std::int32_t label(std::uint64_t r, int) const override { return kind[r]; }
  bool labelled(std::uint64_t r, int target) const override {
    if (target == 0) return kind[r] >= 0;
    if (target == 1) return !std::isnan(place[r][0]);
    return std::ranges::any_of(outline[r], [](std::uint8_t v) { return v != 255; });
  }
  std::span<const float> mean() const override { return mean_; }
  std::span<const float> deviation() const override { return deviation_; }
  std::span<const std::string> class_names(int) const override { return {}; }

 private:
  std::array<float, 2> mean_{120, 130}, deviation_{64, 80};
};

// Parameters by name, in the order of files.
using Parameters = std::map<std::string, std::vector<double>>;

// Parameters that a training treats apart, by name.
struct WholePart {
  std::uint32_t frozen_epochs = 0;
  double rate_scale = 1.0;
};
using WholeParts = std::map<std::string, WholePart>;

// --- the network, forward ------------------------------------------------------------------------

class WholeNetwork {
 public:
  static constexpr int pixels = 16, shard = Whole::memory.shard;
  // What a record gives to the network: its picture and the mask under one grid, and what dropout
  // multiplies the trunk's output with.
  struct Staged {
    std::uint64_t record;
    std::array<double, 2 * pixels> x;
    std::array<std::uint8_t, pixels> outline;
    std::array<double, 4 * pixels> dropout;
  };
  struct Output {
    std::array<double, 3> kind{};
    std::array<double, 2> place{};
    std::array<double, pixels> outline{};
  };
  struct Statistics {
    std::array<double, 3> mean{}, variance{};  // of a batch; the variance divided by m - 1
  };

  explicit WholeNetwork(const WholeSource& source, const Settings& settings)
      : source_(source), settings_(settings) {}

  bool statistics_frozen = false;

  Staged stage(std::uint64_t record, std::uint32_t epoch, bool training) const {
    Staged s;
    s.record = record;
    const SamplingGrid grid =
        training ? draw_grid(settings_.augmentation, Whole::input, settings_.seed, epoch, record)
                 : SamplingGrid{};
    for (int p = 0; p < pixels; ++p) {
      const double y = (grid.origin_y + grid.step_y * (p / 4)) / 65536.0;
      const double x = (grid.origin_x + grid.step_x * (p % 4)) / 65536.0;
      for (int c = 0; c < 2; ++c) {
        const double value = sample(source_.image[record].data() + c * pixels, y, x);
        s.x[c * pixels + p] = (value - static_cast<double>(source_.mean()[c])) /
                              static_cast<double>(source_.deviation()[c]);
      }
      s.outline[p] = source_.outline[record][nearest(y) * 4 + nearest(x)];
    }
    for (int c = 0; c < 4; ++c) {
      for (int p = 0; p < pixels; ++p) {
        s.dropout[c * pixels + p] = training ? kept(record, epoch, c, p) / 0.75 : 1.0;
      }
    }
    return s;
  }

  // Outputs of a batch, cut into shards. In training `statistics` gets those of the norm.
  std::vector<Output> forward(const Parameters& w, const std::vector<Staged>& batch, bool training,
                              Statistics* statistics = nullptr) const {
    std::vector<Output> outputs;
    if (statistics) *statistics = {};
    for (std::size_t first = 0; first < batch.size(); first += shard) {
      const std::size_t last = std::min(first + shard, batch.size());
      const double share = static_cast<double>(last - first) / static_cast<double>(batch.size());
      forward_shard(w, {batch.data() + first, last - first}, training, share, statistics, outputs);
    }
    return outputs;
  }

 private:
  // Bilinear, the border repeated; weights in 1/256 as the header of staging says.
  static double sample(const std::uint8_t* plane, double y, double x) {
    const auto between = [](double at) {
      at = std::min(std::max(at, 0.0), 3.0);
      const int low = static_cast<int>(at);
      return std::tuple{low, std::min(low + 1, 3), std::floor((at - low) * 256) / 256};
    };
    const auto [top, bottom, v] = between(y);
    const auto [left, right, u] = between(x);
    return (1 - v) * ((1 - u) * plane[top * 4 + left] + u * plane[top * 4 + right]) +
           v * ((1 - u) * plane[bottom * 4 + left] + u * plane[bottom * 4 + right]);
  }
  static int nearest(double at) {
    return static_cast<int>(std::min(std::max(std::floor(at + 0.5), 0.0), 3.0));
  }
  // Whether dropout, the trunk's third layer, keeps an element: 16 random bits each, 8 to a draw.
  double kept(std::uint64_t record, std::uint32_t epoch, int channel, int pixel) const {
    const RandomStream stream(settings_.seed, Purpose::dropout, epoch,
                              record | std::uint64_t{2} << 40);
    const std::uint32_t bits = stream.draw(2 * pixel + channel / 8)[channel % 8 / 2];
    return (bits >> (channel % 2 * 16) & 0xFFFFu) < 65536 / 4 ? 0.0 : 1.0;
  }

  // A 3 x 3 convolution of `in` planes with padding 1; element (o, i, y, x) of the weights.
  static double convolve(const std::vector<double>& w, const double* planes, int in, int o, int p) {
    double sum = 0;
    for (int i = 0; i < in; ++i) {
      for (int k = 0; k < 9; ++k) {
        const int y = p / 4 + k / 3 - 1, x = p % 4 + k % 3 - 1;
        if (y < 0 || x < 0 || y > 3 || x > 3) continue;
        sum += w[(o * in + i) * 9 + k] * planes[i * pixels + y * 4 + x];
      }
    }
    return sum;
  }

  void forward_shard(const Parameters& w, std::span<const Staged> staged, bool training,
                     double share, Statistics* statistics, std::vector<Output>& outputs) const {
    const auto &trunk_w = w.at("trunk.0.weight"), &trunk_b = w.at("trunk.0.bias"),
               &kind_w = w.at("heads.kind.0.weight"), &place_w = w.at("heads.place.1.weight"),
               &outline_w = w.at("heads.outline.0.weight");
    std::vector<std::array<double, 3 * pixels>> kind(staged.size());
    const std::size_t first = outputs.size();
    for (std::size_t n = 0; n < staged.size(); ++n) {
      std::array<double, 4 * pixels> h;
      for (int e = 0; e < 4 * pixels; ++e) {
        const int o = e / pixels, p = e % pixels;
        h[e] = std::tanh(trunk_b[o] + convolve(trunk_w, staged[n].x.data(), 2, o, p)) *
               staged[n].dropout[e];
      }
      Output y;
      for (int o = 0; o < 2; ++o) {
        y.place[o] = w.at("heads.place.1.bias")[o];
        for (int e = 0; e < 4 * pixels; ++e) y.place[o] += place_w[o * 4 * pixels + e] * h[e];
      }
      for (int p = 0; p < pixels; ++p) {
        y.outline[p] = w.at("heads.outline.0.bias")[0] + convolve(outline_w, h.data(), 4, 0, p);
      }
      outputs.push_back(y);
      for (int e = 0; e < 3 * pixels; ++e) {
        kind[n][e] = convolve(kind_w, h.data(), 4, e / pixels, e % pixels);
      }
    }
    for (int c = 0; c < 3; ++c) normalize(w, kind, c, training, share, statistics);
    for (std::size_t n = 0; n < staged.size(); ++n) {
      for (int o = 0; o < 3; ++o) {
        double& logit = outputs[first + n].kind[o] = w.at("heads.kind.4.bias")[o];
        for (int c = 0; c < 3; ++c) {
          double mean = 0;
          for (int p = 0; p < pixels; ++p) mean += std::tanh(kind[n][c * pixels + p]) / pixels;
          logit += w.at("heads.kind.4.weight")[o * 3 + c] * mean;
        }
      }
    }
  }

  void normalize(const Parameters& w, std::vector<std::array<double, 3 * pixels>>& x, int c,
                 bool training, double share, Statistics* statistics) const {
    const double m = static_cast<double>(x.size()) * pixels;
    double mean = 0, squares = 0;
    const auto each = [&](auto f) {
      for (auto& sample : x) {
        for (int p = 0; p < pixels; ++p) f(sample[c * pixels + p]);
      }
    };
    each([&](double v) { mean += v / m; });
    each([&](double v) { squares += (v - mean) * (v - mean); });
    double variance = squares / m;
    if (statistics) {
      statistics->mean[c] += share * mean;
      statistics->variance[c] += share * squares / (m - 1);
    }
    if (!training || statistics_frozen) {
      mean = w.at("heads.kind.1.running_mean")[c];
      variance = w.at("heads.kind.1.running_var")[c];
    }
    each([&](double& v) {
      v = w.at("heads.kind.1.weight")[c] * (v - mean) / std::sqrt(variance + 1e-5) +
          w.at("heads.kind.1.bias")[c];
    });
  }

  const WholeSource& source_;
  const Settings& settings_;
};

}  // namespace medley::testing
