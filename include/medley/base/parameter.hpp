// What a layer says of each of its parameters, and how a parameter lies in memory.
//
// Files hold parameters in the order of the frameworks (out x in x height x width). In memory the
// output channels run across lanes: [out / 16][in block][height][in % block][width][out % 16], so
// that a kernel reads its weights one vector after the other.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "medley/base/initial.hpp"
#include "medley/base/shape.hpp"

namespace medley {

// Strides of the memory order, in floats; element (o, i, y, x) is at
// (o / 16) * out + (i / in_block) * in + y * row + (i % in_block) * channel + x * column + o % 16.
struct Packing {
  int in_block = 1;
  int out = lanes, in = 0, row = 0, channel = 0, column = 0;

  constexpr std::ptrdiff_t index(int o, int i, int y, int x) const {
    return static_cast<std::ptrdiff_t>(o / lanes) * out + i / in_block * in + y * row +
           i % in_block * channel + x * column + o % lanes;
  }
};

struct Parameter {
  std::string_view name;
  std::array<int, 4> extent{1, 1, 1, 1};  // out, in, height, width
  int rank = 1;                           // dimensions shown in files: 1, 2 or 4
  Packing packing;
  int floats = 0;  // in memory, a multiple of 16
  Initial initial = Initial::zero;
  int fan_in = 1, fan_out = 1;    // of a layer with weights
  const double* prior = nullptr;  // for Initial::prior: its numbers, one an element
  bool decays = false;            // a weight: penalties and weight decay act on it
  bool trainable = true;          // false: a running statistic
  // Floats that an update changes together, as `Layer::prepack` takes no less at once.
  int grain = lanes;
  // Whether shards leave two factors of the gradient instead of adding to it (Factors in
  // kernels/dense.hpp): large weights are then read and written once for all of them.
  bool factored = false;

  constexpr int elements() const { return extent[0] * extent[1] * extent[2] * extent[3]; }
  // In memory a weight is blocks() x rows() vectors.
  constexpr int rows() const { return packing.out / lanes; }
  constexpr int blocks() const { return floats / packing.out; }
  // Of both factors: [row][sample], then [block][sample][16].
  constexpr int factor_floats(int samples) const {
    return factored ? (rows() + blocks() * lanes) * samples : 0;
  }
};

// A parameter with one number a channel.
constexpr Parameter channel_parameter(std::string_view name, int channels, Initial initial,
                                      bool trainable = true) {
  return {.name = name,
          .extent = {channels, 1, 1, 1},
          .rank = 1,
          .packing = {},
          .floats = block_count(channels) * lanes,
          .initial = initial,
          .trainable = trainable};
}

// The bias of a layer with this weight.
constexpr Parameter bias_of(const Parameter& weight) {
  Parameter bias = channel_parameter("bias", weight.extent[0], Initial::automatic);
  bias.fan_in = weight.fan_in;
  bias.fan_out = weight.fan_out;
  return bias;
}

// A weight of a convolution or, with rank 2, of a dense layer seen as a convolution over its whole
// input. Full blocks of input channels are stored even where the last one is not full. Its grain is
// a block of outputs by a block of inputs.
constexpr Parameter conv_weight(std::string_view name, std::array<int, 4> extent, int rank,
                                Layout input) {
  const auto [outputs, inputs, height, width] = extent;
  const int in_block = input == Layout::planar ? inputs : lanes;
  const int in_blocks = (inputs + in_block - 1) / in_block;
  Packing p{.in_block = in_block};
  p.column = lanes;
  p.channel = width * p.column;
  p.row = in_block * p.channel;
  p.in = height * p.row;
  p.out = in_blocks * p.in;
  return {.name = name,
          .extent = extent,
          .rank = rank,
          .packing = p,
          .floats = block_count(outputs) * p.out,
          .initial = Initial::automatic,
          .fan_in = inputs * height * width,
          .fan_out = outputs * (rank == 4 ? height * width : 1),
          .decays = true,
          .grain = p.in};
}

}  // namespace medley
