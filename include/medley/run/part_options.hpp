// Parts of the network that a training treats apart, as options name them:
//
//   --freeze trunk    --freeze trunk.0-3:2    --lr-scale heads=10    --lr-scale size.0.weight=0.1
//
// A part is all parameters whose names begin with it, up to a point: the trunk, all heads, one head
// (its name will do), a layer, a parameter; A-B at its end are the layers from A to B. Of parts that
// overlap, the later one has what they share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "medley/engine/reports.hpp"
#include "medley/experiment/description.hpp"

namespace medley {

struct PartOptions {
  struct Freeze {
    std::string part;
    std::uint32_t epochs = all_epochs;  // for which it is frozen
  };
  struct Scale {
    std::string part;
    double factor = 1.0;  // of the learning rate
  };
  std::vector<Freeze> freeze;  // without those that later ones cover
  std::vector<Scale> scale;
  // What Settings takes: one a parameter; empty where there are no parts.
  std::vector<std::uint32_t> frozen_epochs;
  std::vector<double> rate_scale;
};

// Of PART[:EPOCHS] and PART=FACTOR. Throws a usage error that names the parts there are, or says that
// nothing is left to train.
PartOptions parse_parts(std::span<const std::string> freeze, std::span<const std::string> scale,
                        const Description& description);

// As parse_parts takes them.
std::string to_string(const PartOptions::Freeze& freeze);
std::string to_string(const PartOptions::Scale& scale);

// What is said before a training: a sentence on the parts, and warnings; `drawn` says that no weights
// were loaded. Empty where all of the network is treated alike.
std::vector<std::string> part_notes(const PartOptions& parts, const Description& description,
                                    bool drawn);

}  // namespace medley
