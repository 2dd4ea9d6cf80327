#include "medley/import/generated_source.hpp"

#include <nlohmann/json.hpp>

#include "medley/files/options.hpp"

namespace medley {

void GeneratedSource::describe(OptionsDescription& options) {
  options.add_options()("generated", po::bool_switch(),
                        "write the experiment's own generated pictures instead; takes --out, "
                        "--force and --threads alone");
}

GeneratedSource GeneratedSource::parse(const OptionValues&, std::span<const TargetSpec>) {
  return {};
}

DatasetSummary GeneratedSource::run(const ImportContext& context) const {
  return write_dataset(*context.generator, request.out, context.shape, request.targets,
                       request.force, {{"source", "generated"}}, context.progress);
}

}  // namespace medley
