#include "medley/run/trained_fold.hpp"

#include <fmt/format.h>

#include "medley/base/error.hpp"
#include "medley/files/options.hpp"

namespace medley {

namespace {

// The fold that a checkpoint's options tell, or none.
Fold fold_of(const Checkpoint& checkpoint) {
  const auto fold = checkpoint.options.find("fold");
  if (fold == checkpoint.options.end()) return {};
  const auto seed = checkpoint.options.find("fold-seed");
  try {
    return parse_fold(fold->second, seed == checkpoint.options.end()
                                        ? 1
                                        : parse_number<std::uint64_t>(seed->second, "fold-seed"));
  } catch (const Error& error) {
    throw data_error(fmt::format("{}: {}", checkpoint.path.string(), error.what()));
  }
}

}  // namespace

bool is_of_fold(const Checkpoint& checkpoint) { return fold_of(checkpoint).given(); }

std::unique_ptr<FoldedSource> trained_fold(const Checkpoint& checkpoint, const Description& d,
                                           const Source& records, const std::string& from) {
  const Fold fold = fold_of(checkpoint);
  if (!fold.given()) return {};
  if (checkpoint.data != records.fingerprint()) {
    fmt::print(stderr,
               "{}: trained with --fold {} of other data: the splits of {} are as they are there\n",
               checkpoint.path.string(), to_string(fold), from);
    return {};
  }
  auto folded = std::make_unique<FoldedSource>(records, d.targets, fold, from);
  fmt::print(stderr, "{}: records cut as for its training: {}\n", checkpoint.path.string(),
             folded->text());
  return folded;
}

}  // namespace medley
