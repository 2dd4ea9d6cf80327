// A checkpoint: to resume from, to evaluate, to begin from. Its checksum is mended, so that what is
// changed is read and not only refused.
#include <fmt/format.h>
#include <xxhash.h>

#include <cmath>

#include "medley/run/checkpoint.hpp"
#include "medley/run/foreign_weights.hpp"
#include "medley/run/mix_options.hpp"
#include "medley/run/model.hpp"
#include "tests/fuzz/experiment.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace medley;

namespace {

std::string with_checksum(std::string_view input) {
  std::string file(input);
  const std::string start = fmt::format("\"{}\":\"", checksum_key);
  const std::size_t at = file.find(start);
  if (at == std::string::npos || file.size() < at + start.size() + 16) return file;
  file.replace(at + start.size(), 16, 16, ' ');
  const std::uint64_t hash = XXH3_64bits(file.data(), file.size());
  return file.replace(at + start.size(), 16, fmt::format("{:016x}", hash));
}

void check(const Checkpoint& c, const Description& d) {
  fuzz::require(c.class_names.size() == d.targets.size(), "a target has a list of names");
  for (std::size_t t = 0; t < d.targets.size(); ++t)
    fuzz::require(c.class_names[t].empty() ||
                      c.class_names[t].size() == static_cast<std::size_t>(d.targets[t].size),
                  "all classes of a target have names, or none");
  for (const RunProgress* const p : {static_cast<const RunProgress*>(&c.state), &c.state.longer}) {
    for (const double value : p->best.value)
      fuzz::require(!std::isnan(value), "what the best was chosen by is a number");
  }
  fuzz::accepted([&] {
    for (const auto& [name, value] : option_numbers(c, ""))
      fuzz::require(std::isfinite(value), "a number of an option is finite");
  });
  fuzz::accepted([&] {
    const Description chosen = with_options(d, c);
    for (const GroupInfo& group : chosen.groups) {
      Description again = chosen;
      set_mix(group.name + "=" + to_string(group, chosen), again);
      fuzz::require(to_string(again.groups[static_cast<std::size_t>(&group - chosen.groups.data())],
                              again) == to_string(group, chosen),
                    "a mix reads back to the same");
    }
  });
}

void check_model(const Checkpoint& c, const Description& d) {
  const ModelSource source(c, d, nullptr, "nothing", false);
  fuzz::require(source.mean().size() == 1 && source.deviation().size() == 1,
                "each channel has a mean and a deviation");
  fuzz::require(std::isfinite(source.mean()[0]), "a mean is finite");
  fuzz::require(source.deviation()[0] > 0 && std::isfinite(source.deviation()[0]),
                "a deviation is positive and finite");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Description d = fuzz::make_description();
  std::array<float, fuzz::arena_floats> arena{};
  const fuzz::InputFile file(with_checksum(fuzz::text_of(data, size)));
  for (const bool state : {true, false}) {
    fuzz::accepted([&] {
      const Checkpoint c = load_checkpoint(file.path(), d, arena.data(), state);
      check(c, d);
      check_model(c, d);
    });
  }
  fuzz::accepted([&] {
    const InitReport report = load_matching(file.path(), d, arena.data());
    fuzz::require(report.loaded.size() + report.missing.size() + report.other_shape.size() == 1,
                  "each parameter is loaded, missing, or of another shape");
  });
  return 0;
}
