// What is told of each record that was predicted, and the forms that it may have: CSV, JSON lines or
// NumPy arrays.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medley/base/error.hpp"
#include "medley/run/prediction.hpp"

namespace medley {

// What is told besides each head's prediction.
struct PredictionParts {
  bool probabilities = false;  // of all classes
  int top = 1;                 // classes, best first
  bool outputs = false;        // of heads as they are: logits, where a loss takes them for these
  Shape features{};            // of a layer; without channels: none
};

// What was predicted of a head.
struct PredictedHead {
  std::span<const float> outputs;      // C x H x W
  std::span<const std::uint8_t> mask;  // of a head that answers one: a class a pixel
  int height = 0, width = 0;           // of the mask
  std::string file;                    // that the mask is in; empty: none
};

struct PredictedRecord {
  std::string_view name;
  const Error* problem = nullptr;        // why it could not be read; then nothing else is there
  std::span<const PredictedHead> heads;  // as head_predictions has them
  std::span<const float> features;
};

using HeadPredictions = std::vector<std::pair<int, HeadPrediction>>;

class PredictionWriter {
 public:
  virtual ~PredictionWriter() = default;
  virtual void add(const PredictedRecord& record) = 0;
  // What was added is where it goes. Throws io_error if it cannot.
  virtual void flush() = 0;
  // To be called after the last record.
  virtual void finish() { flush(); }
};

// CSV on stdout: the name, which `column` is called, and of each head (names of classes c, whose
// numbers take their place where two are alike):
//   HeadPrediction::columns()
//   <head>.top<i>, <head>.top<i>.probability (or .score)  of classes, for i from 2
//   <head>.probability.<c>                                of classes, where there are probabilities
//   <head>.output.<i>                                     not of masks
// Of a record that could not be read all but the name is empty. Features are not told.
std::unique_ptr<PredictionWriter> csv_predictions(std::string_view column,
                                                  const HeadPredictions& heads,
                                                  const PredictionParts& parts);

// A JSON object a line on stdout (RFC 8259, UTF-8; other bytes of names become U+FFFD). Numbers read
// back to the same floats; those that are not finite are null:
//   {<column>: name, "heads": {<head>: {...}, ...}, "features": [...]}, or
//   {<column>: name, "error": why it could not be read}
// where a head's members are
//   classes   class, and probability or score; top: the same of the best classes; probabilities:
//             a number a class
//   values    values: a list
//   masks     shares: a number a class; mask: the file
//   any       outputs, with --outputs
// Lists of outputs and features nest as C x H x W, or are C numbers where H and W are 1.
std::unique_ptr<PredictionWriter> json_predictions(std::string_view column,
                                                   const HeadPredictions& heads,
                                                   const PredictionParts& parts);

// Arrays in a folder, which is made, under their names when all are whole (io_error if they cannot be
// written): names.csv with the columns <column> and error, and with a row each, N,
//   <head>.npy                as targets of a dataset folder: classes int32, values N x D, masks
//                             uint8 N x H x W; -1, NaN and 255 for a record that could not be read
//   <head>.probabilities.npy  N x classes, or N x classes x H x W
//   <head>.outputs.npy        N x C, or N x C x H x W
//   features.npy              N x C, or N x C x H x W
std::unique_ptr<PredictionWriter> array_predictions(const std::filesystem::path& folder,
                                                    std::string_view column,
                                                    const HeadPredictions& heads,
                                                    const PredictionParts& parts);

// Writes `text` to stdout, of which nothing stays in a buffer, and clears it. Throws io_error.
void write_to_stdout(std::string& text);

}  // namespace medley
