// C: one file of C99 with the network's constants and a function that computes one picture, in memory
// that the caller gives, without a heap, a library or anything static that changes.
//
//   <name>_predict(picture, memory, outputs of each head...)
//   <NAME>_MEMORY_BYTES, <NAME>_<HEAD>_FLOATS, ... sizes; <name>_<head>_names: names of classes
//   <name>_<head>_class, _mask, _probabilities: what `predict` makes of the outputs
//
// The text at the top of the file says how to use it. <name> is the experiment's, with _ for whatever
// an identifier has not.
#pragma once

#include <string>

#include "medley/export/export_format.hpp"

namespace medley {

struct CSource {
  std::string code{};    // all of the file
  std::string header{};  // its declarations alone
  std::size_t memory_bytes = 0, constant_bytes = 0;
  double multiply_adds = 0;  // a picture
};

// `name` takes the place of the experiment's, unless it is empty; `file` is what users include. Throws
// data_error where a parameter is not finite.
CSource c_source(const NetworkView& network, const std::string& name, const std::string& file);

// --c FILE, with --c-header FILE and --c-name NAME
ExportFormat c_format();

}  // namespace medley
