#include "medley/training/checkpoint.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "medley/base/error.hpp"

namespace medley {

namespace {

constexpr std::string_view format_version = "1";
constexpr std::size_t number_width = 20;  // of a 64-bit number
constexpr std::size_t double_width = 32;

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '_' || c == '.';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr ==
            text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string join_names(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + percent_encoded(name);
  return text;
}

std::vector<std::string> parse_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    names.push_back(percent_decoded(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return names;
}

const std::string& field(const SafetensorsFile& file, std::string_view key) {
  const std::string* value = file.metadata(key);
  if (!value) {
    throw data_error(
        fmt::format("{}: no '{}' in its metadata; it is not a checkpoint to resume from "
                    "(--init loads the weights alone)",
                    file.name(), key));
  }
  return *value;
}

template <class T>
T number(const SafetensorsFile& file, std::string_view key, auto... base) {
  const std::string& text = field(file, key);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw data_error(fmt::format("{}: '{}' of '{}' is not a number", file.name(), text, key));
  }
  return value;
}

// The names of a target's classes, or none.
std::vector<std::string> class_names(const SafetensorsFile& file, const TargetSpec& target) {
  const std::string* const text = file.metadata("classes." + std::string(target.name));
  if (!text) return {};
  std::vector<std::string> names = parse_names(*text);
  if (!names.empty() && names.size() != static_cast<std::size_t>(target.size)) {
    throw data_error(fmt::format("{}: names of {} classes of target '{}', which has {}",
                                 file.name(), names.size(), target.name, target.size));
  }
  return names;
}

void check_experiment(const SafetensorsFile& file, const Description& d) {
  if (field(file, "medley") != format_version) {
    throw data_error(fmt::format("{}: format version {}, this binary reads version {}", file.name(),
                                 field(file, "medley"), format_version));
  }
  if (field(file, "experiment") != d.name) {
    throw data_error(fmt::format("{}: a checkpoint of the experiment '{}', not of '{}'",
                                 file.name(), field(file, "experiment"), d.name));
  }
  if (field(file, "fingerprint") != hexadecimal(d.fingerprint)) {
    throw data_error(
        fmt::format("{}: the experiment '{}' has changed since (fingerprint {}, now {}); build the "
                    "binary that wrote it, or load the weights alone with --init",
                    file.name(), d.name, field(file, "fingerprint"), hexadecimal(d.fingerprint)));
  }
}

std::filesystem::path checkpoint_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) ? path / "last" : path;
}

}  // namespace

std::string hexadecimal(std::uint64_t value) { return fmt::format("{:016x}", value); }

Checkpoint load_checkpoint(const std::filesystem::path& path, const Description& d, float* arena,
                           bool state) {
  const SafetensorsFile file(checkpoint_file(path));
  const bool verified = file.verify_checksum();
  const bool ours = file.metadata("medley") != nullptr;
  if (ours || state) check_experiment(file, d);
  if (ours && !verified)
    throw data_error(fmt::format(
        "{}: it has no checksum: the file is damaged, take another checkpoint", file.name()));

  Checkpoint c;
  c.path = file.name();
  for (const TensorInfo& t : d.tensors) {
    if (!t.is_parameter && !state) continue;
    t.pack(file.floats(t.name, t.dims).data(), arena);
  }
  const std::array<std::uint64_t, 1> channels{static_cast<std::uint64_t>(d.input.c)};
  if (ours || file.find("input.mean")) {
    const auto mean = file.floats("input.mean", channels);
    const auto deviation = file.floats("input.deviation", channels);
    c.mean.assign(mean.begin(), mean.end());
    c.deviation.assign(deviation.begin(), deviation.end());
  }
  for (const TargetSpec& target : d.targets) c.class_names.push_back(class_names(file, target));
  if (state) {
    c.seed = number<std::uint64_t>(file, "seed");
    c.data = number<std::uint64_t>(file, "data", 16);
    RunState& p = c.state;
    p.position.step = number<std::uint64_t>(file, "step");
    p.position.epoch = number<std::uint32_t>(file, "epoch");
    p.position.batch = number<std::uint64_t>(file, "batch");
    for (std::size_t g = 0; g < d.groups.size(); ++g) {
      p.position.updates[g] = number<std::uint64_t>(file, "updates." + d.groups[g].name);
    }
    p.losses_bytes = number<std::uint64_t>(file, "bytes.losses");
    p.metrics_bytes = number<std::uint64_t>(file, "bytes.metrics");
    p.best_step = number<std::uint64_t>(file, "best.step");
    p.best_total = number<double>(file, "best.total");
    if (std::isnan(p.best_total))
      throw data_error(fmt::format("{}: its best.total is not a number", file.name()));
  }
  return c;
}

InitReport load_matching(const std::filesystem::path& path, const Description& d, float* arena) {
  const SafetensorsFile file(checkpoint_file(path));
  file.verify_checksum();
  InitReport report;
  for (const TensorInfo& t : d.tensors) {
    if (!t.is_parameter) continue;
    const SafetensorsFile::Tensor* found = file.find(t.name);
    if (!found) {
      report.missing.push_back(t.name);
    } else if (found->dims != t.dims || found->values.size() != t.elements) {
      report.other_shape.push_back(t.name);
    } else {
      t.pack(found->values.data(), arena);
      report.loaded.push_back(t.name);
    }
  }
  for (const SafetensorsFile::Tensor& tensor : file.tensors()) {
    const bool known = std::any_of(d.tensors.begin(), d.tensors.end(),
                                   [&](const TensorInfo& t) { return t.name == tensor.name; });
    if (!known && !tensor.name.starts_with("input.")) report.unused.push_back(tensor.name);
  }
  return report;
}

std::uint64_t parameter_digest(const Description& d, const float* arena) {
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  std::vector<float> values;
  for (const TensorInfo& t : d.tensors) {
    if (!t.is_parameter) continue;
    values.resize(t.elements);
    t.unpack(arena, values.data());
    XXH3_64bits_update(state, values.data(), values.size() * sizeof(float));
  }
  const std::uint64_t digest = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return digest;
}

SafetensorsLayout CheckpointWriter::make_layout(const Description& d, const Source& source) {
  std::vector<SafetensorsLayout::Tensor> tensors;
  for (const TensorInfo& t : d.tensors) tensors.push_back({t.name, t.dims});
  const auto channels = static_cast<std::uint64_t>(d.input.c);
  tensors.push_back({"input.mean", {channels}});
  tensors.push_back({"input.deviation", {channels}});
  // In the order in which set_state and the constructor set them.
  std::vector<SafetensorsLayout::Field> fields{
      {"step", number_width},         {"epoch", number_width},         {"batch", number_width},
      {"bytes.losses", number_width}, {"bytes.metrics", number_width}, {"best.step", number_width},
      {"best.total", double_width}};
  for (const GroupInfo& group : d.groups) fields.push_back({"updates." + group.name, number_width});
  fields.push_back({"medley", format_version.size()});
  fields.push_back({"experiment", d.name.size()});
  fields.push_back({"fingerprint", 16});
  fields.push_back({"data", 16});
  fields.push_back({"seed", number_width});
  for (std::size_t t = 0; t < d.targets.size(); ++t) {
    fields.push_back({"classes." + std::string(d.targets[t].name),
                      join_names(source.class_names(static_cast<int>(t))).size()});
  }
  return {tensors, fields};
}

CheckpointWriter::CheckpointWriter(const Description& d, const float* arena, const Source& source,
                                   std::uint64_t seed, const std::filesystem::path& folder)
    : description_(d),
      arena_(arena),
      source_(source),
      layout_(make_layout(d, source)),
      folder_(folder),
      writer_(layout_, folder_) {
  std::size_t most = 0;
  for (const TensorInfo& t : d.tensors) most = std::max(most, t.elements);
  values_.resize(most);
  std::size_t i = 7 + d.groups.size();
  bool fits = layout_.set(i++, format_version) && layout_.set(i++, std::string_view(d.name)) &&
              layout_.set(i++, std::string_view(hexadecimal(d.fingerprint)));
  data_field_ = i++;
  fits = fits && layout_.set(i++, seed);
  for (std::size_t t = 0; t < d.targets.size(); ++t) {
    fits = fits &&
           layout_.set(i++, std::string_view(join_names(source.class_names(static_cast<int>(t)))));
  }
  if (!fits) throw std::logic_error("a checkpoint's metadata does not fit its fields");
}

bool CheckpointWriter::set_state(const RunState& p) noexcept {
  bool fits = layout_.set(0, p.position.step) && layout_.set(1, std::uint64_t{p.position.epoch}) &&
              layout_.set(2, p.position.batch) && layout_.set(3, p.losses_bytes) &&
              layout_.set(4, p.metrics_bytes) && layout_.set(5, p.best_step) &&
              layout_.set_double(6, p.best_total);
  for (std::size_t g = 0; g < description_.groups.size(); ++g) {
    fits = fits && layout_.set(7 + g, p.position.updates[g]);
  }
  // Asked for here, as it may be under way still when a training begins.
  std::array<char, 16> data;
  fmt::format_to_n(data.data(), data.size(), "{:016x}", source_.fingerprint());
  return fits && layout_.set(data_field_, {data.data(), data.size()});
}

Status CheckpointWriter::write(std::string_view file_name, const RunState& state) noexcept {
  if (!set_state(state)) return Status::failure("cannot write", "checkpoint metadata", 0);
  // commit() returns the first failure.
  (void)writer_.begin(file_name);
  for (const TensorInfo& t : description_.tensors) {
    t.unpack(arena_, values_.data());
    (void)writer_.append({values_.data(), t.elements});
  }
  (void)writer_.append(source_.mean());
  (void)writer_.append(source_.deviation());
  return writer_.commit();
}

}  // namespace medley
