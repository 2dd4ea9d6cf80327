// ONNX: one file with the graph, its parameters, names and metadata.
//
//   input     "input", float, N x C x H x W: pixels as the data set has them, such as 0 to 255; the
//             graph normalizes them
//   outputs   one a head, of the head's name: N x C, of masks N x C x H x W, as the losses get them
//             (logits); with `probabilities` for each head of which losses make probabilities also
//             "<head>.probabilities" of the same shape: a softmax over the channels, or sigmoids
//   metadata  experiment, fingerprint, digest; input.pixels and input.range: their type in the data, and
//             black..white; of each head with a loss target.<head>, kind.<head>, outputs.<head> (what
//             losses take them for), and classes.<head>: names as a JSON array
#pragma once

#include <string>

#include "medley/export/export_format.hpp"

namespace medley {

// The bytes of the file.
std::string onnx_model(const NetworkView& network, bool probabilities);

// --onnx FILE
ExportFormat onnx_format();

}  // namespace medley
