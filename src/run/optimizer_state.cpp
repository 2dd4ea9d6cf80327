#include "medley/run/optimizer_state.hpp"

#include <fmt/format.h>

#include <cstring>

#include "medley/base/error.hpp"
#include "medley/base/number.hpp"
#include "medley/files/safetensors.hpp"
#include "medley/run/checkpoint.hpp"
#include "medley/run/run_checkpoints.hpp"

namespace medley {

namespace {

// Whether the tensor is of the group: "optimizer.<group>." or "mix.<group>." begins its name.
bool is_of(std::string_view name, std::string_view kind, std::string_view group) {
  return name.starts_with(kind) && name.substr(kind.size()).starts_with(group) &&
         name.substr(kind.size() + group.size()).starts_with('.');
}

void load_moments(const SafetensorsFile& file, const Description& d, const std::string& group,
                  float* arena, StateReport& report, bool& fits) {
  bool any = false;
  for (const TensorInfo& t : d.tensors) {
    if (t.is_parameter || !is_of(t.name, checkpoint_field::optimizer, group)) continue;
    any = true;
    const SafetensorsFile::Tensor* const found = file.find(t.name);
    if (!found) {
      report.missing.push_back(t.name);
    } else if (found->dims != t.dims || found->values.size() != t.elements) {
      report.other.push_back(t.name);
    } else {
      t.pack(found->values.data(), arena);
      ++report.tensors;
      fits = true;
    }
  }
  fits = fits || !any;
}

// The type of the mix that the file's run had in the group; empty if it is not told.
std::string_view mix_of(const SafetensorsFile& file, const std::string& group) {
  const std::string* const text = file.metadata(
      std::string(checkpoint_field::option).append(checkpoint_field::mix).append(group));
  return text ? std::string_view(*text).substr(0, text->find(':')) : std::string_view{};
}

void load_mix(const SafetensorsFile& file, const Description& d, const GroupInfo& group,
              float* arena, StateReport& report) {
  for (const StateInfo& s : mix_states(d)) {
    if (!is_of(s.name, checkpoint_field::mix, group.name)) continue;
    const SafetensorsFile::Tensor* const found = file.find(s.name);
    if (!found) {
      report.missing.push_back(s.name);
    } else if (found->dims != s.dims || found->dtype != "F64" ||
               mix_of(file, group.name) != group.mix.mix.type()) {
      report.other.push_back(s.name);
    } else {
      std::vector<double> values(s.elements);
      file.read_doubles(s.name, s.dims, values);
      std::memcpy(arena + s.offset, values.data(), values.size() * sizeof(double));
      ++report.tensors;
    }
  }
}

}  // namespace

StateReport load_matching_state(const std::filesystem::path& path, const Description& d,
                                float* arena, Position& position) {
  const SafetensorsFile file(checkpoint_file(path));
  StateReport report;
  std::size_t counts = 0;
  for (std::size_t g = 0; g < d.groups.size(); ++g) {
    const std::string& group = d.groups[g].name;
    bool fits = false;
    load_moments(file, d, group, arena, report, fits);
    load_mix(file, d, d.groups[g], arena, report);
    const std::string name = std::string(checkpoint_field::updates).append(group);
    const std::string* const text = file.metadata(name);
    if (!text) {
      report.missing.push_back(name);
    } else if (fits) {
      const auto read = read_number<std::uint64_t>(*text);
      if (!read)
        throw data_error(fmt::format("{}: '{}' of '{}' {}", file.name(), *text, name, read.fault));
      position.updates[g] = read.value;
      ++counts;
    }
  }
  if (report.tensors == 0 && counts == 0)
    throw data_error(fmt::format(
        "{}: no moment and no count of updates of these optimizers; it is no checkpoint of Medley, "
        "or of other groups: leave --with-optimizer out",
        file.name()));
  return report;
}

}  // namespace medley
