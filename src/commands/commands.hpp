// The subcommands: each takes the arguments behind its name, writes results to stdout and messages
// to stderr, returns the exit code, and throws Error.
//
// To add one: a file here, its two lines below, and its table in README.md. Help, man page and
// completion follow.
#pragma once

#include <array>
#include <string_view>

#include "medley/base/arguments.hpp"
#include "medley/run/session.hpp"

namespace medley {

int train_command(const Program& program, const Arguments& arguments);
int eval_command(const Program& program, const Arguments& arguments);
int predict_command(const Program& program, const Arguments& arguments);
int info_command(const Program& program, const Arguments& arguments);
int digest_command(const Program& program, const Arguments& arguments);
int verify_command(const Program& program, const Arguments& arguments);
int tune_command(const Program& program, const Arguments& arguments);
int compare_command(const Program& program, const Arguments& arguments);
int report_command(const Program& program, const Arguments& arguments);
int export_command(const Program& program, const Arguments& arguments);
int import_command(const Program& program, const Arguments& arguments);

// Runs what the arguments name; says on stderr what is wrong, and returns the exit code.
int run_program(const Program& program, const Arguments& arguments);

struct Command {
  std::string_view name, does;
  int (*run)(const Program&, const Arguments&);
};

// In the order of --help.
inline constexpr auto commands = std::to_array<Command>({
    {"train", "train the experiment, leave a run folder", train_command},
    {"tune", "a study of many trainings: which options are best", tune_command},
    {"compare", "whether losses help or hurt each other, and what mixes do", compare_command},
    {"eval", "metrics and losses of a checkpoint on a split, as CSV", eval_command},
    {"predict", "one row a record: from a dataset folder or picture files", predict_command},
    {"info", "network, memory map, or all of the experiment as JSON", info_command},
    {"digest", "digest of a checkpoint's parameters, and its options", digest_command},
    {"verify", "repeat a run and compare all bytes", verify_command},
    {"report", "one HTML page about a run, several runs or a study", report_command},
    {"export", "a checkpoint as a file that other programs read", export_command},
    {"import", "pictures and a CSV file, or IDX files, become a dataset folder", import_command},
});

}  // namespace medley
