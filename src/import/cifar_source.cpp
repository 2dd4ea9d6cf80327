#include "medley/import/cifar_source.hpp"

#include <fmt/format.h>

#include "medley/files/options.hpp"

namespace medley {

void CifarSource::describe(OptionsDescription& options) {
  options.add_options()(
      "cifar",
      po::value<std::vector<std::string>>()->value_name("FILE|DIR")->multitoken()->composing(),
      "instead of a CSV file: binary files of CIFAR-10 or CIFAR-100, or their folder; test... is "
      "the "
      "test split; --target NAME=fine or NAME=coarse says which labels of CIFAR-100 a target has, "
      "without it those that have as many classes");
}

CifarSource CifarSource::parse(const OptionValues& values, std::span<const TargetSpec> targets) {
  CifarSource source;
  for (const std::string& file : values["cifar"].as<std::vector<std::string>>()) {
    if (file.empty()) throw usage_error("--cifar: a file without a name");
    source.request.files.emplace_back(file);
  }
  for (const auto& [target, label] : pairs(values, "target")) {
    require_target("target", target, targets);
    if (!source.request.columns.emplace(target, label).second)
      throw usage_error(fmt::format("--target: the target '{}' twice", target));
  }
  return source;
}

DatasetSummary CifarSource::run(const ImportContext& context) const {
  CifarRequest complete = request;
  complete.shape = context.shape;
  complete.progress = context.progress;
  return import_cifar(complete);
}

}  // namespace medley
