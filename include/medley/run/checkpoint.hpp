// Checkpoints: everything that a training needs to go on as if it had never stopped, in one
// safetensors file.
//
//   tensors   trunk.0.weight, heads.colour.1.bias, … (F32, in the order of the frameworks)
//             optimizer.<group>.<moment>.<parameter>
//             mix.<group>.<state>           (F64) what a mix keeps
//             input.mean, input.deviation   per channel, in units of the pixels (uint8: 0..255)
//   metadata  medley        version of this format
//             experiment    name, and fingerprint of all that results depend on
//             data          fingerprint of the data set; zeros for an experiment's own data
//             pixels        of the data, where they are not uint8: "uint16", or "float32" with black
//                           and white
//             seed, step, epoch, batch, updates.<group>
//             rounds        steps that an epoch takes
//             bytes.losses, bytes.metrics, bytes.diagnostics
//                           length of these logs at that moment
//             best.step, best.total         of the best evaluation so far; instead of best.total
//                           what --best names, such as best.colour.accuracy
//             best.waited   evaluations since
//             end, end.length, end.patience
//                           0 amid a run; at its end 1 while the test split is measured, then 2,
//                           and by which options it ended; 3 where it is being lengthened
//             longer.bytes.losses, longer.best.step, ...
//                           at the end, what these would be in a longer run; else the same
//             classes.<target>              names, percent-encoded, separated by commas
//             option.<name>                 options that decide results, as config.ini has them:
//                                           option.batch-size, option.weight.<term>, …; of its
//                                           length only where steps depend on it
//             medley.checksum
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/engine/reports.hpp"
#include "medley/experiment/description.hpp"
#include "medley/files/safetensors.hpp"
#include "medley/run/best.hpp"

namespace medley {

// The names of what is in a checkpoint's metadata, and of its tensors beside those of the network.
// Those that end in a point are followed by the name of a group, a target or an option.
namespace checkpoint_field {

inline constexpr std::string_view format = "medley", experiment = "experiment",
                                  fingerprint = "fingerprint", data = "data", pixels = "pixels",
                                  seed = "seed", step = "step", epoch = "epoch", batch = "batch",
                                  updates = "updates.", rounds = "rounds", end = "end",
                                  end_length = "end.length", end_patience = "end.patience",
                                  losses_bytes = "bytes.losses", metrics_bytes = "bytes.metrics",
                                  diagnostics_bytes = "bytes.diagnostics", best = "best.",
                                  best_step = "best.step", best_waited = "best.waited",
                                  longer = "longer.", longer_best = "longer.best.",
                                  classes = "classes.", option = "option.";
inline constexpr std::string_view optimizer = "optimizer.", mix = "mix.", input = "input.",
                                  mean = "input.mean", deviation = "input.deviation";

}  // namespace checkpoint_field

// Texts by name, such as "weight.kind" and "0.5".
using NamedValues = std::map<std::string, std::string, std::less<>>;

// How far logs and the search for the best are.
struct RunProgress {
  std::uint64_t losses_bytes = 0, metrics_bytes = 0;
  BestSoFar best;
};

// Whether a checkpoint is of the end of its run.
enum class RunEnd : std::uint64_t {
  none,
  reached,  // all steps are done; the test split is yet to be measured
  closed,   // and that is, too
  undone,   // it is to go on: the evaluation after its last step, if there is one, comes again
};

// What changes in a checkpoint from one to the next of its run, tensors aside.
struct RunState : RunProgress {
  Position position;
  std::uint64_t diagnostics_bytes = 0;
  std::uint64_t rounds = 0;  // of an epoch
  RunEnd end = RunEnd::none;
  std::uint64_t end_length = 0, end_patience = 0;  // steps and evaluations; 0 amid a run
  // At the end of a run: without what only the end brought, as a longer run is before it evaluates
  // at this step. Else the same as above.
  RunProgress longer;
};

struct Checkpoint {
  std::filesystem::path path;
  std::vector<float> mean, deviation;                 // empty where the file has none
  std::optional<PixelFormat> pixels;                  // nothing where another framework wrote it
  std::vector<std::vector<std::string>> class_names;  // one a target; empty where it has none
  std::uint64_t seed = 1;
  std::uint64_t data = 0;  // fingerprint of the data set
  RunState state;
  NamedValues options;  // those that decide results; none in a file that another framework wrote
};

// Reads a checkpoint of this experiment into the arena: parameters, and with `state` the moments
// and progress too, of which the step and the data's fingerprint are told in any case. A file without
// Medley's metadata, as other frameworks write it, serves where no state is asked for. Throws
// data_error naming file and reason: another experiment, other shapes, damage, in a file of another
// framework values that are not finite. A run folder stands for its `last` checkpoint (run_checkpoints.hpp).
Checkpoint load_checkpoint(const std::filesystem::path& file, const Description& description,
                           float* arena, bool state);

// The options of a checkpoint of which the names begin so ("weight."), without that beginning, as
// numbers. Throws data_error if one is none.
std::map<std::string, double> option_numbers(const Checkpoint& checkpoint, std::string_view start);

// XXH3-64 of all parameters in the order of files: the digest of a model.
std::uint64_t parameter_digest(const Description& description, const float* arena);
// 16 hexadecimal digits.
std::string hexadecimal(std::uint64_t value);

// Writes checkpoints of one training into a folder, without allocating.
class CheckpointWriter {
 public:
  CheckpointWriter(const Description& description, const float* arena, const Source& source,
                   std::uint64_t seed, const NamedValues& options,
                   const std::filesystem::path& folder);

  Status write(std::string_view file_name, const RunState& state) noexcept;
  std::uint64_t file_bytes() const { return layout_.file_bytes(); }

 private:
  bool set_state(const RunState& state) noexcept;

  const Description& description_;
  const std::vector<StateInfo> mix_states_;
  const float* arena_;
  const Source& source_;
  const std::vector<std::string> best_;  // what it is chosen by
  SafetensorsLayout layout_;
  Folder folder_;
  SafetensorsWriter writer_;
  std::vector<float> values_;    // of one tensor, in the order of files
  std::vector<double> doubles_;  // of one state of a mix
};

}  // namespace medley
