// The subcommands: each takes the arguments behind its name, writes results to stdout and messages
// to stderr, returns the exit code, and throws Error.
#pragma once

#include <string>
#include <vector>

namespace medley {

using Arguments = std::vector<std::string>;

int train_command(const Arguments& arguments);
int eval_command(const Arguments& arguments);
int predict_command(const Arguments& arguments);
int info_command(const Arguments& arguments);
int verify_command(const Arguments& arguments);
int import_command(const Arguments& arguments);

}  // namespace medley
