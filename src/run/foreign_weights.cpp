#include "medley/run/foreign_weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "medley/base/error.hpp"
#include "medley/run/checkpoint.hpp"
#include "medley/run/run_checkpoints.hpp"

namespace medley {

namespace fields = checkpoint_field;

namespace {

std::string with_shape(std::string_view name, const std::vector<std::uint64_t>& dims) {
  return fmt::format("{} ([{}])", name, fmt::join(dims, ", "));
}

}  // namespace

std::string name_prefix(const SafetensorsFile& file, const Description& d) {
  std::map<std::string, std::size_t, std::less<>> counts;
  for (const TensorInfo& t : d.tensors) {
    if (!t.is_parameter) continue;
    if (file.find(t.name)) return {};
    for (const SafetensorsFile::Tensor& tensor : file.tensors()) {
      if (tensor.name.ends_with("." + t.name) && tensor.dims == t.dims)
        ++counts[tensor.name.substr(0, tensor.name.size() - t.name.size())];
    }
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? std::string{} : most->first;
}

std::string prefix_note(std::string_view prefix) {
  return fmt::format(
      "all its names have '{0}' before those of this network: train --init takes it with "
      "--init-prefix {0}; or save it without, as in {{name.removeprefix('{0}'): tensor for name, "
      "tensor in state.items()}}",
      prefix);
}

void require_finite(const SafetensorsFile& file, std::string_view name,
                    std::span<const float> values) {
  const auto odd = std::ranges::find_if(values, [](float x) { return !std::isfinite(x); });
  if (odd == values.end()) return;
  throw data_error(
      fmt::format("{}: tensor {}: value {} is {}: no training can begin with it and "
                  "nothing be predicted; take weights from before that happened",
                  file.name(), name, odd - values.begin(), *odd));
}

InitReport load_matching(const std::filesystem::path& path, const Description& d, float* arena,
                         std::string_view prefix) {
  const SafetensorsFile file(checkpoint_file(path));
  file.verify_checksum();
  InitReport report;
  report.prefix = name_prefix(file, d);
  for (const TensorInfo& t : d.tensors) {
    if (!t.is_parameter) continue;
    const SafetensorsFile::Tensor* found = file.find(std::string(prefix) + t.name);
    if (!found) {
      report.missing.push_back(with_shape(t.name, t.dims));
    } else if (found->dims != t.dims || found->values.size() != t.elements) {
      report.other_shape.push_back(
          found->dims != t.dims
              ? fmt::format("{} ([{}], here [{}])", t.name, fmt::join(found->dims, ", "),
                            fmt::join(t.dims, ", "))
              : fmt::format("{} ({}, which is no type of floats)", t.name, found->dtype));
    } else {
      require_finite(file, found->name, found->values);
      t.pack(found->values.data(), arena);
      report.loaded.push_back(t.name);
    }
  }
  for (const SafetensorsFile::Tensor& tensor : file.tensors()) {
    const std::string_view name = tensor.name;
    const auto is_it = [&](const TensorInfo& info) {
      return name.starts_with(prefix) && name.substr(prefix.size()) == info.name;
    };
    const bool ours = name.starts_with(fields::mix) || name.starts_with(fields::optimizer) ||
                      name.starts_with(fields::input);
    if (!ours && std::ranges::none_of(d.tensors, is_it))
      report.unused.push_back(with_shape(name, tensor.dims));
  }
  return report;
}

}  // namespace medley
