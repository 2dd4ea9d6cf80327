// A network as the C file names it, and the part of that file that its users read.
//
// In these texts @_ stands for what identifiers begin with, @@_ for what macros do (c_functions.hpp).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "medley/export/c_names.hpp"
#include "medley/export/network_view.hpp"

namespace medley {

struct CHead {
  const ViewedHead& head;
  std::string name, macro;  // "digit", "DIGIT"

  bool is_mask() const { return !head.target.empty() && head.kind == TargetKind::mask; }
  bool has_classes() const { return !head.target.empty() && head.kind != TargetKind::values; }
  bool has_probabilities() const {
    return !head.target.empty() && head.outputs >= Outputs::sigmoid;
  }
  bool is_softmax() const { return head.outputs == Outputs::softmax && head.shape.c > 1; }
  int classes() const { return head.shape.c == 1 ? 2 : head.shape.c; }
  bool has_names() const {
    return has_classes() && static_cast<int>(head.class_names.size()) == classes();
  }

  std::string class_prototype() const;
  std::string mask_prototype() const;
  std::string probabilities_prototype() const;
};

struct CModel {
  // `file` is what users include.
  CModel(const NetworkView& network, std::string file);

  const NetworkView& network;
  std::string file;
  std::vector<CHead> heads;
  std::size_t memory_bytes = 0, constant_bytes = 0;
  double multiply_adds = 0;  // a picture

  std::string predict_prototype() const;
};

// The comment at the top of the file, and the declarations.
std::string c_declarations(const CModel& model);

// "3 x 32 x 32", or "10" where there is one pixel.
std::string c_dims(const Shape& shape);

}  // namespace medley
