// Whether processes fit together: what must be the same of all, and which options each has of its own.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "medley/experiment/description.hpp"
#include "medley/processes/parcel.hpp"

namespace medley {

// Version, experiment, and arguments but for --data, --threads and --isa.
void add_identity(Parcel& parcel, const Description& description,
                  std::span<const std::string> arguments);
// How this process differs from the one that told its identity; empty: in nothing.
std::string differs_from(Parcel& parcel, const Description& description,
                         std::span<const std::string> arguments);

// The value of --data, --threads or --isa; empty: it is not given.
std::string own_option(std::span<const std::string> arguments, std::string_view option);

}  // namespace medley
