// Which subcommand the arguments name, and what becomes of what it throws.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <new>
#include <string_view>

#include "commands/commands.hpp"
#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/base/version.hpp"

namespace medley {

namespace {

std::string help(const Program& program) {
  std::string text =
      fmt::format("usage: medley-{} SUBCOMMAND [options]\n\n", program.description.name);
  for (const Command& command : commands) {
    text += fmt::format("  {:<9} {}\n", command.name, command.does);
  }
  return text +
         "\n'SUBCOMMAND --help' lists its options; --version tells the version.\n"
         "Exit codes: 0 done, 2 usage, 3 bad data or checkpoint, 4 I/O, 5 diverged,\n"
         "129, 130 and 143 interrupted after saving.\n";
}

// No subcommand, or one that there is not: the message is followed by what there is.
class UnknownCommand : public Error {
 public:
  explicit UnknownCommand(const std::string& message) : Error(Exit::usage, message) {}
};

int dispatch(const Program& program, const Arguments& arguments) {
  if (arguments.empty()) throw UnknownCommand("a subcommand is missing");
  if (arguments[0] == "--help" || arguments[0] == "help") {
    fmt::print("{}", help(program));
    return 0;
  }
  if (arguments[0] == "--version") {
    fmt::print("medley-{} {}\n", program.description.name, version);
    return 0;
  }
  for (const Command& command : commands) {
    if (command.name == arguments[0]) {
      return command.run(program, Arguments(arguments.begin() + 1, arguments.end()));
    }
  }
  throw UnknownCommand(fmt::format("there is no subcommand '{}'", arguments[0]));
}

// A message may quote any bytes of a file or an argument; it is one line whatever they are.
void tell(const Program& program, std::string_view message) {
  fmt::print(stderr, "medley-{}: {}\n", program.description.name, printable(message));
}

}  // namespace

int run_program(const Program& program, const Arguments& arguments) {
  try {
    const int code = dispatch(program, arguments);
    // A full disk or a closed pipe behind stdout is an error like any other.
    if (std::fflush(stdout) != 0) throw io_error("stdout: cannot be written");
    return code;
  } catch (const UnknownCommand& error) {
    tell(program, error.what());
    fmt::print(stderr, "\n{}", help(program));
    return static_cast<int>(error.code());
  } catch (const Error& error) {
    tell(program, error.what());
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    tell(program, "out of memory");
    return static_cast<int>(Exit::io);
  } catch (const std::exception& error) {
    tell(program, error.what());
    return static_cast<int>(Exit::io);
  }
}

}  // namespace medley
