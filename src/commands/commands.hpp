// The subcommands: each takes the arguments behind its name, writes results to stdout and messages
// to stderr, returns the exit code, and throws Error.
#pragma once

#include "medley/base/arguments.hpp"
#include "medley/run/session.hpp"

namespace medley {

int train_command(const Program& program, const Arguments& arguments);
int eval_command(const Program& program, const Arguments& arguments);
int predict_command(const Program& program, const Arguments& arguments);
int info_command(const Program& program, const Arguments& arguments);
int verify_command(const Program& program, const Arguments& arguments);
int import_command(const Program& program, const Arguments& arguments);

}  // namespace medley
