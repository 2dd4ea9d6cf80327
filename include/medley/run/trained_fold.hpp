// The records of a checkpoint whose run was of a fold (train --fold): what "training" and "validation"
// were for it, so that nothing is called validation that it was trained on.
#pragma once

#include <memory>
#include <string>

#include "medley/data/folds.hpp"
#include "medley/run/checkpoint.hpp"

namespace medley {

bool is_of_fold(const Checkpoint& checkpoint);

// The records cut as the checkpoint's run had them, which is said on stderr; nothing where it was of no
// fold, or of other data than these, where their own splits hold, which is said too. `records` must
// outlive the result. Asks for the fingerprint of the data.
std::unique_ptr<FoldedSource> trained_fold(const Checkpoint& checkpoint,
                                           const Description& description, const Source& records,
                                           const std::string& from);

}  // namespace medley
