// What the first of several processes asks of the others, which do with engines of their own what it does
// with its: to whoever trains they are one engine (SharedEngine).
#pragma once

#include <cstddef>
#include <cstdint>

#include "medley/engine/processes.hpp"
#include "medley/engine/reports.hpp"
#include "medley/processes/parcel.hpp"

namespace medley {

enum class Action : std::uint32_t {
  open,   // a session: who is asking, in a parcel; answered in a parcel
  start,  // settings and records, in a parcel; answered in a parcel
  initialize,
  parameters_changed,
  gather_state,
  step,
  measure_gradients,
  keep_parameters,
  diagnose,
  evaluate,
  predict,  // what of, in a parcel
  close,    // the session
  finish,   // nothing more is asked
};

// Of one length, so that no other message need go before it.
struct Request {
  Action action = Action::finish;
  Split split = Split::train;
  bool watched = false;     // of evaluate: somebody wants to be told of each record
  std::uint64_t bytes = 0;  // of the parcel behind it
  Position position{};
  double rate = 0.0;
};

// To all others; returns when it is on its way.
void send_request(Processes& processes, const Request& request, const Parcel& parcel = {});

// A parcel to or from one process. With `bytes`, its length is known and no message tells it.
void send_parcel(Processes& processes, int to, const Parcel& parcel);
Parcel receive_parcel(Processes& processes, int from);
Parcel receive_parcel(Processes& processes, int from, std::uint64_t bytes);

}  // namespace medley
