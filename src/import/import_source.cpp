#include "medley/import/import_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "medley/files/options.hpp"

namespace medley {

std::string required(const OptionValues& values, const char* option) {
  if (values.count(option) == 0 || values[option].as<std::string>().empty())
    throw usage_error(fmt::format("import needs --{} (import --help lists the options)", option));
  return values[option].as<std::string>();
}

std::vector<std::pair<std::string, std::string>> pairs(const OptionValues& values,
                                                       const char* option) {
  std::vector<std::pair<std::string, std::string>> result;
  if (values.count(option) == 0) return result;
  for (const std::string& text : values[option].as<std::vector<std::string>>())
    result.push_back(parse_pair(text, option));
  return result;
}

void require_target(std::string_view option, const std::string& name,
                    std::span<const TargetSpec> targets) {
  std::vector<std::string_view> names;
  for (const TargetSpec& spec : targets) names.push_back(spec.name);
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw usage_error(fmt::format("--{}: the experiment has no target '{}'; it has: {}", option,
                                  name, fmt::join(names, ", ")));
}

std::map<std::string, std::filesystem::path, std::less<>> target_files(
    const OptionValues& values, const char* option, std::span<const TargetSpec> targets) {
  std::map<std::string, std::filesystem::path, std::less<>> files;
  for (const auto& [target, file] : pairs(values, option)) {
    require_target(option, target, targets);
    if (!files.emplace(target, file).second)
      throw usage_error(fmt::format("--{}: the target '{}' twice", option, target));
  }
  return files;
}

}  // namespace medley
