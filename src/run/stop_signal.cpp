#include "medley/run/stop_signal.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>

namespace medley {

namespace {

volatile std::sig_atomic_t received = 0;
const volatile std::sig_atomic_t* elsewhere = nullptr;

// On a terminal it begins on a line of its own, after that of the progress.
constexpr std::string_view on_terminal =
    "\nstopping after this step, and saving; a second signal ends at once\n";
std::string_view notice = on_terminal;

void on_signal(int signal) {
  if (received != 0) ::_exit(128 + signal);
  received = signal;
  const int before = errno;
  (void)!::write(STDERR_FILENO, notice.data(), notice.size());
  errno = before;
}

}  // namespace

void catch_stop_signals(bool quiet) {
  notice = on_terminal;
  if (::isatty(STDERR_FILENO) == 0) notice.remove_prefix(1);
  if (quiet) notice = {};
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  struct sigaction hangup {};
  ::sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) ::sigaction(SIGHUP, &action, nullptr);  // nohup ignores it
}

int stop_signal() {
  if (received == 0 && elsewhere != nullptr) return *elsewhere;
  return received;
}

void also_stop_for(const volatile std::sig_atomic_t& flag) { elsewhere = &flag; }

}  // namespace medley
