// Errors that reach the user: what is wrong, where, and what to do about it.
#pragma once

#include <stdexcept>
#include <string>

namespace medley {

// Exit codes of every medley binary.
enum class Exit : int {
  done = 0,
  usage = 2,     // options or subcommand wrong, or a processor that cannot run this binary
  data = 3,      // bad data set, picture or checkpoint
  io = 4,        // reading or writing failed
  diverged = 5,  // non-finite loss or gradient; the last good checkpoint is kept
  interrupted = 130,
  terminated = 143,
};

// The one exception of the shell (options, import, files, reports). Kernels, layers, losses,
// optimizers and the training step never throw.
class Error : public std::runtime_error {
 public:
  Error(Exit code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Exit code() const { return code_; }

 private:
  Exit code_;
};

inline Error usage_error(const std::string& message) { return {Exit::usage, message}; }
inline Error data_error(const std::string& message) { return {Exit::data, message}; }
inline Error io_error(const std::string& message) { return {Exit::io, message}; }

}  // namespace medley
