// The options of `predict`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "medley/files/image.hpp"
#include "medley/files/options.hpp"
#include "medley/run/picture_feed.hpp"
#include "medley/run/session.hpp"

namespace medley {

enum class PredictionFormat : std::uint8_t { csv, jsonl, npy };

struct PredictOptions {
  PictureNames images;
  std::string data, masks, out;
  std::vector<Split> splits{Split::test};
  Fit fit = Fit::crop;
  bool skip_bad = false;
  PredictionFormat format = PredictionFormat::csv;
  bool probabilities = false, outputs = false, features = false;
  int top = 1;
  std::string layer;  // of features; empty: the trunk's output
  bool own_size = false, tile = false;
  int overlap = 0;  // of tiles

  bool pictures() const { return images.stdin_end || !images.names.empty(); }
};

// What --help lists.
po::options_description describe_predict(const Description& description);

// Throws a usage error for values and combinations that make no sense.
PredictOptions predict_options(const Program& program, const po::variables_map& values);

// Index of the layer whose output --features tells. Throws a usage error that names those there are.
int feature_layer(const Description& description, const std::string& path);

}  // namespace medley
