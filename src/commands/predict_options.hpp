// The options of `predict`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "medley/files/image.hpp"
#include "medley/files/options.hpp"
#include "medley/run/session.hpp"

namespace medley {

struct PredictOptions {
  std::vector<std::string> images;
  std::optional<char> stdin_end;  // what ends a name on stdin, if names come from there
  std::string data, masks;
  std::vector<Split> splits{Split::test};
  Fit fit = Fit::crop;
  bool skip_bad = false;
  bool pictures() const { return stdin_end || !images.empty(); }
};

// What --help lists.
po::options_description describe_predict(const Description& description);

// Throws a usage error for values and combinations that make no sense.
PredictOptions predict_options(const Program& program, const po::variables_map& values);

}  // namespace medley
