// The descriptors that every process begins with, as a program that runs for hours needs them.
#pragma once

namespace medley {

// To be called first:
//   * descriptors 0 to 2 are open to something, so that no file that is opened later gets the number
//     of a closed stderr, and messages with it;
//   * a reader that goes away (| head, | tee and Ctrl-C) is an error of writing and not the signal
//     SIGPIPE, which would end a training before its checkpoint;
//   * what is printed to stderr and cannot be written is dropped: messages stop nothing.
// Results that cannot be written to stdout are an error, also where it was closed.
void prepare_standard_streams();

}  // namespace medley
