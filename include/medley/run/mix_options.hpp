// The step mode and the mixes of a run, as options name them:
//
//   --steps-mode alternating
//   --mix upgrad    --mix 'cagrad:c=0.2,length=match'    --mix labels=uncertainty:rate=0.5
//
// A mix's name is followed by its numbers and by what goes with any mix (Composition); the name of a
// group before it says whose it is, else it is that of all groups that have none of their own.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "medley/experiment/description.hpp"
#include "medley/run/checkpoint.hpp"

namespace medley {

// Index of the step mode of that name among those listed; throws a usage error that names them.
int parse_mode(std::string_view text, const Description& description);

// Sets the mix of the groups that the text is for. Throws a usage error where the experiment lists no
// such mix, the mix has no such number or does not allow the value.
void set_mix(std::string_view text, Description& description);

// The description with the step mode and mixes of a run, of which a checkpoint holds the options by
// name. Throws data_error, which names the checkpoint, where the experiment has no such.
Description with_options(const Description& description, const Checkpoint& checkpoint);

// As set_mix takes it, without the group: the mix's own numbers, and of what goes with any mix that
// which differs from the default. `losses` are the names of the group's, where each may have a number.
std::string to_string(const MixChoice& choice, std::span<const std::string> losses);
// Of the mix that is chosen for a group.
std::string to_string(const GroupInfo& group, const Description& description);

// The mixes that an experiment lists, their numbers and what these may be, and what goes with any
// mix: a table for help, of lines of at most 80 columns.
std::string mixes_text(const Description& description);

}  // namespace medley
