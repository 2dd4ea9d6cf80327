// A learning-rate range test: a short training in which the rate rises from step to step by the same
// factor, and what its losses say of rates (range_curve.hpp).
//
//   tune --range-test [LEAST..MOST] --out RUN [options of train]
//
// Where groups have rates of their own, LEAST and MOST are those of the fastest, and the others keep
// their ratio to it.
#pragma once

#include <optional>

#include "medley/run/session.hpp"
#include "medley/run/train_options.hpp"
#include "medley/study/range_curve.hpp"

namespace medley {

struct RangeTestOptions {
  TrainOptions train;  // of the run: its schedule rises
  RateRange range;
};

// Where --range-test is among the arguments; the others are options of `train`. Throws usage_error.
std::optional<RangeTestOptions> parse_range_test(const Arguments& arguments,
                                                 const Description& description);

// Trains in the folder of the run, with range-test.csv beside what any run leaves, and prints suggested
// rates on stdout, the best rule's first. Ends with the exit code.
int range_test(const Program& program, const RangeTestOptions& options);

}  // namespace medley
