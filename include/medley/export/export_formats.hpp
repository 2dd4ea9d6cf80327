// The formats of `export`, in the order of its help.
#pragma once

#include <array>

#include "medley/export/export_c.hpp"
#include "medley/export/export_onnx.hpp"
#include "medley/export/export_tensorboard.hpp"

namespace medley {

inline auto export_formats() {
  return std::to_array<ExportFormat>({
      onnx_format(),
      c_format(),
      tensorboard_format(),
  });
}

}  // namespace medley
