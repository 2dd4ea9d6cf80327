// A trained network as other programs are told it: layers in the order in which they run, with
// typed options, shapes, and their parameters in the order of files. All formats that hold a network
// are written from it.
//
// Tensor 0 is the network's input, normalized; tensor i the output of layer i - 1. Every tensor is
// N x C x H x W; behind Dense, H and W are 1, and a dense layer reads all elements of a sample in the
// order channel, row, column.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "medley/experiment/description.hpp"
#include "medley/run/checkpoint.hpp"

namespace medley {

// A parameter. Weights of convolutions are O x C x K x K, of dense layers O x (C H W).
struct ViewedParameter {
  std::string name;  // "trunk.0.weight"; empty where the layer has none
  std::vector<std::uint64_t> dims;
  std::vector<float> values;
  bool empty() const { return values.empty(); }
};

// What layers compute, each as outside training. A layer type that experiments name has its place
// here, in OperationTypes and in the list of network_view.cpp; whoever visits then has to know it.
namespace operation {

struct Conv {
  int kernel = 1, stride = 1, padding = 0;
  ViewedParameter weight, bias;  // bias may be empty
};
struct Dense {
  ViewedParameter weight, bias;
};
struct MaxPool {  // pixels that padding adds do not count
  int kernel = 1, stride = 1, padding = 0;
};
struct AveragePool {  // pixels that padding adds count as zeros
  int kernel = 1, stride = 1, padding = 0;
};
struct GlobalAveragePool {};
struct UpsampleNearest {
  int factor = 2;
};
struct UpsampleBilinear {  // between pixel centres, the border repeated
  int factor = 2;
};
struct Relu {};
struct LeakyRelu {
  float slope = 0.01f;
};
struct Sigmoid {};
struct Tanh {};
struct Dropout {};  // identity
struct BatchNorm {  // GhostBatchNorm with its running averages
  float epsilon = 1e-5f;
  ViewedParameter weight, bias, mean, variance;
};
struct GroupNorm {
  int groups = 1;
  float epsilon = 1e-5f;
  ViewedParameter weight, bias;
};
struct Flatten {};  // moves nothing
struct Add {};      // of two inputs
struct Concat {};   // of all inputs, along the channels

}  // namespace operation

using Operation =
    std::variant<operation::Conv, operation::Dense, operation::MaxPool, operation::AveragePool,
                 operation::GlobalAveragePool, operation::UpsampleNearest,
                 operation::UpsampleBilinear, operation::Relu, operation::LeakyRelu,
                 operation::Sigmoid, operation::Tanh, operation::Dropout, operation::BatchNorm,
                 operation::GroupNorm, operation::Flatten, operation::Add, operation::Concat>;

struct ViewedLayer {
  std::string path;         // "trunk.3.main.0"
  std::vector<int> inputs;  // tensors
  Shape output;
  Operation operation;
};

struct ViewedHead {
  std::string name;
  int tensor = 0;  // several heads may end in the same
  Shape shape;
  // What the losses on it compare with, and take its outputs for; nothing of a head without a loss.
  std::string target;
  TargetKind kind = TargetKind::values;
  Outputs outputs = Outputs::values;
  std::vector<std::string> class_names;  // empty where they have none, or there are no classes
};

struct NetworkView {
  std::string experiment, fingerprint, digest;  // the last two in hexadecimal
  Shape input;
  PixelFormat pixels;
  // Of each channel. The network sees (pixel - mean) / deviation, computed as pixel * scale + shift.
  std::vector<float> mean, deviation, scale, shift;
  std::vector<ViewedLayer> layers;
  std::vector<ViewedHead> heads;

  const Shape& shape(int tensor) const {
    return tensor == 0 ? input : layers[static_cast<std::size_t>(tensor - 1)].output;
  }
};

// The network with the parameters that are in the arena; `source` has normalization and names of
// classes. Throws data_error for a type of layer that has no operation.
NetworkView view_network(const Description& description, const float* arena, const Source& source);

}  // namespace medley
