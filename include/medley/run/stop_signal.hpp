// SIGINT, SIGTERM and SIGHUP ask a training to stop after its step; the second of them ends it at
// once, which no file minds.
#pragma once

namespace medley {

// With `quiet`, nothing is said of it.
void catch_stop_signals(bool quiet = false);

// The signal that asked for it, or 0.
int stop_signal();

}  // namespace medley
