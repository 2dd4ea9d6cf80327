#include "commands/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

namespace medley {

namespace {

// Writes what can be written of a message, and says that it was all.
ssize_t write_message(void*, const char* text, std::size_t size) {
  std::size_t written = 0;
  while (written < size) {
    const ssize_t n = ::write(STDERR_FILENO, text + written, size - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    written += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(size);
}

}  // namespace

void prepare_standard_streams() {
  // The lowest number that is free is the one that open() gives. Writing to stdout fails, as results
  // would be lost; messages may go nowhere.
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      (void)::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
  ::signal(SIGPIPE, SIG_IGN);
  if (std::FILE* messages = ::fopencookie(
          nullptr, "w",
          {.read = nullptr, .write = write_message, .seek = nullptr, .close = nullptr})) {
    std::setvbuf(messages, nullptr, _IONBF, 0);
    stderr = messages;  // (which glibc allows)
  }
}

}  // namespace medley
