#include "medley/run/first_loss.hpp"

#include "medley/run/reporting.hpp"

namespace medley {

void warn_of_first_value(const TermInfo& term, double value, Row& text) noexcept {
  if (!far_above_guessing(value, term.guess)) return;
  text << "warning: the term '" << term.name << "' begins at " << rounded(value)
       << ", guessing gives " << rounded(term.guess) << ": the outputs of head '" << term.head
       << "' begin too large; look whether mean and deviation of the data are those of its "
          "pictures, and give its last layer smaller initial weights (Initialized<Dense<...>, "
          "Initial::zero>; 'info' shows what there is)\n";
}

}  // namespace medley
