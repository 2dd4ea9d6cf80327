// SIGINT, SIGTERM and SIGHUP ask a training to stop after its step; the second of them ends it at
// once, which no file minds.
#pragma once

#include <csignal>

namespace medley {

// With `quiet`, nothing is said of it.
void catch_stop_signals(bool quiet = false);

// The signal that asked for it, or 0.
int stop_signal();

// From now on a signal that another process writes to this place, which both share, asks for it too:
// it comes once, whatever the system sends to whom.
void also_stop_for(const volatile std::sig_atomic_t& flag);

}  // namespace medley
