// The arguments of `import`, one a line.
#include <numeric>

#include "medley/import/import_options.hpp"
#include "tests/fuzz/arguments.hpp"
#include "tests/fuzz/experiment.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace medley;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> arguments = fuzz::arguments_of(fuzz::text_of(data, size));
  ImportOptions o;
  const bool accepted =
      fuzz::accepted([&] { o = parse_import_options(arguments, fuzz::targets, size % 2 == 0); });
  if (!accepted || o.help) return 0;
  if (o.idx) {
    fuzz::require(!o.idx->out.empty() && !o.idx->records.images.empty(), "what is read is named");
    fuzz::require(o.idx->test.targets.empty() || !o.idx->test.images.empty(),
                  "targets of the test split have pictures");
    return 0;
  }
  const ImportRequest& request = o.request;
  fuzz::require(!request.out.empty(), "a folder to write is named");
  if (o.generated) return 0;
  fuzz::require(!request.csv.empty() && !request.images.empty() && !request.image_column.empty(),
                "what is read is named");
  fuzz::require(
      std::accumulate(request.fractions.begin(), request.fractions.end(), 0u) == 1'000'000 &&
          request.fractions[0] > 0,
      "the fractions sum to 1, and training has some");
  for (const auto& [name, columns] : request.columns) {
    bool known = false;
    for (const TargetSpec& target : fuzz::targets) known |= target.name == name;
    fuzz::require(known && !columns.empty(), "columns are of the experiment's targets");
  }
  for (const auto& [name, classes] : request.classes) {
    bool known = false;
    for (const TargetSpec& target : fuzz::targets) known |= target.name == name;
    fuzz::require(known && !classes.empty(), "classes are of the experiment's targets");
  }
  for (const auto& [column, value] : request.excludes)
    fuzz::require(!column.empty(), "an exclusion names a column");
  return 0;
}
