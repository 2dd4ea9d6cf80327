// SIGINT, SIGTERM and SIGHUP ask a training to stop after its step; the second of them ends it at
// once, which no file minds.
#pragma once

namespace medley {

void catch_stop_signals();

// The signal that asked for it, or 0.
int stop_signal();

}  // namespace medley
