#include "medley/run/checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "medley/base/digest.hpp"
#include "medley/base/error.hpp"
#include "medley/base/pixel_text.hpp"
#include "medley/run/foreign_weights.hpp"
#include "medley/run/run_checkpoints.hpp"

namespace medley {

namespace fields = checkpoint_field;

namespace {

constexpr std::string_view format_version = "4";
// Of which parameters are read, but not how to go on.
constexpr std::string_view older_version = "3";
constexpr std::size_t number_width = 20;  // of a 64-bit number
constexpr std::size_t data_width = 16;    // of a data set's fingerprint, hexadecimal
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
  const std::string* const text = file.metadata(std::string(fields::classes).append(target.name));
  if (!text) return {};
  std::vector<std::string> names = parse_names(*text);
  if (!names.empty() && names.size() != static_cast<std::size_t>(target.size)) {
    throw data_error(fmt::format("{}: names of {} classes of target '{}', which has {}",
                                 file.name(), names.size(), target.name, target.size));
  }
  return names;
}

void check_experiment(const SafetensorsFile& file, const Description& d, bool state) {
  const std::string& version = field(file, fields::format);
  if (version != format_version && (state || version != older_version)) {
    throw data_error(fmt::format(
        "{}: format version {}, this binary reads version {}{}", file.name(), version,
        format_version,
        version == older_version ? " where it goes on; --init takes the parameters" : ""));
  }
  if (field(file, fields::experiment) != d.name) {
    throw data_error(fmt::format("{}: a checkpoint of the experiment '{}', not of '{}'",
                                 file.name(), field(file, fields::experiment), d.name));
  }
  if (field(file, fields::fingerprint) != hexadecimal(d.fingerprint)) {
    throw data_error(fmt::format(
        "{}: the experiment '{}' has changed since (fingerprint {}, now {}); build the "
        "binary that wrote it, or load the weights alone with --init",
        file.name(), d.name, field(file, fields::fingerprint), hexadecimal(d.fingerprint)));
  }
}

// The fields that change from one checkpoint of a run to the next: f(start of the name, rest of it,
// value). They are listed here alone, and a loop that writes checkpoints builds no text from them.
template <class State, class F>
void each_field(const Description& d, std::span<const std::string> best, State&& p, F&& f) {
  const auto progress = [&](std::string_view start, std::string_view value, auto& of) {
    f(start, fields::losses_bytes, of.losses_bytes);
    f(start, fields::metrics_bytes, of.metrics_bytes);
    f(start, fields::best_step, of.best.step);
    f(start, fields::best_waited, of.best.waited);
    for (std::size_t i = 0; i < best.size(); ++i) f(value, best[i], of.best.value[i]);
  };
  f(fields::step, "", p.position.step);
  f(fields::epoch, "", p.position.epoch);
  f(fields::batch, "", p.position.batch);
  f(fields::rounds, "", p.rounds);
  f(fields::diagnostics_bytes, "", p.diagnostics_bytes);
  progress("", fields::best, p);
  f(fields::end, "", p.end);
  f(fields::end_length, "", p.end_length);
  f(fields::end_patience, "", p.end_patience);
  progress(fields::longer, fields::longer_best, p.longer);
  for (std::size_t g = 0; g < d.groups.size(); ++g)
    f(fields::updates, d.groups[g].name, p.position.updates[g]);
}

// What --best names, as options keep it.
std::vector<std::string> best_names(const NamedValues& options) {
  const auto found = options.find("best");
  std::vector<std::string> names;
  std::string_view text = found == options.end() ? "total" : std::string_view(found->second);
  for (bool more = true; more;) {
    const std::size_t comma = std::min(text.find(", "), text.size());
    names.emplace_back(text.substr(0, comma));
    more = comma < text.size();
    text.remove_prefix(std::min(comma + 2, text.size()));
  }
  return names;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

// Those that are the same in all checkpoints of a run.
Fields constant_fields(const Description& d, const Source& source, std::uint64_t seed,
                       const NamedValues& options) {
  Fields list;
  const auto add = [&](std::string_view start, std::string_view rest, std::string value) {
    list.emplace_back(std::string(start).append(rest), std::move(value));
  };
  add(fields::format, "", std::string(format_version));
  add(fields::experiment, "", d.name);
  add(fields::fingerprint, "", hexadecimal(d.fingerprint));
  add(fields::seed, "", std::to_string(seed));
  if (source.pixels() != PixelFormat{}) add(fields::pixels, "", to_text(source.pixels()));
  for (std::size_t t = 0; t < d.targets.size(); ++t) {
    add(fields::classes, d.targets[t].name, join_names(source.class_names(static_cast<int>(t))));
  }
  for (const auto& [name, value] : options) add(fields::option, percent_encoded(name), value);
  return list;
}

SafetensorsLayout make_layout(const Description& d, std::span<const std::string> best,
                              const Fields& constants) {
  std::vector<SafetensorsLayout::Tensor> tensors;
  // Doubles first, so that all data are aligned.
  for (const StateInfo& s : mix_states(d)) tensors.push_back({s.name, s.dims, true});
  for (const TensorInfo& t : d.tensors) tensors.push_back({t.name, t.dims});
  const auto channels = static_cast<std::uint64_t>(d.input.c);
  tensors.push_back({std::string(fields::mean), {channels}});
  tensors.push_back({std::string(fields::deviation), {channels}});
  std::vector<SafetensorsLayout::Field> list;
  each_field(d, best, RunState{}, [&](std::string_view start, std::string_view rest, auto value) {
    constexpr bool is_real = std::is_floating_point_v<decltype(value)>;
    list.push_back({std::string(start).append(rest), is_real ? double_width : number_width});
  });
  list.push_back({std::string(fields::data), data_width});
  for (const auto& [name, value] : constants) list.push_back({name, value.size()});
  SafetensorsLayout layout(tensors, list);
  std::size_t i = list.size() - constants.size();
  for (const auto& [name, value] : constants) {
    if (!layout.set(i++, std::string_view(value)))
      throw std::logic_error("a checkpoint's metadata does not fit its fields");
  }
  return layout;
}

void read_state(const SafetensorsFile& file, const Description& d,
                const std::vector<std::string>& best, RunState& state) {
  if (best.empty() || best.size() > most_criteria)
    throw data_error(fmt::format("{}: {} numbers to choose the best by; 1 to {}", file.name(),
                                 best.size(), most_criteria));
  each_field(d, best, state, [&]<class T>(std::string_view start, std::string_view rest, T& value) {
    const std::string name = std::string(start).append(rest);
    if constexpr (std::is_enum_v<T>) {
      const auto read = number<std::uint64_t>(file, name);
      if (read > static_cast<std::uint64_t>(RunEnd::undone))
        throw data_error(fmt::format("{}: its {} is {}", file.name(), name, read));
      value = static_cast<T>(read);
    } else {
      value = number<T>(file, name);
    }
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(value))
        throw data_error(fmt::format("{}: its {} is not a number", file.name(), name));
    }
  });
}

// What the pixels are that the model was trained on; nothing where the file does not know.
std::optional<PixelFormat> pixel_format(const SafetensorsFile& file, bool ours) {
  const std::string* const text = file.metadata(fields::pixels);
  if (text == nullptr) return ours ? std::optional(PixelFormat{}) : std::nullopt;
  const std::optional<PixelFormat> format = pixel_format_of(*text);
  if (!format)
    throw data_error(
        fmt::format("{}: its {}, '{}', are neither uint8 nor uint16 nor float32 with "
                    "black and white behind, such as 'float32 0 1'",
                    file.name(), fields::pixels, *text));
  return format;
}

}  // namespace

std::string hexadecimal(std::uint64_t value) { return fmt::format("{:016x}", value); }

Checkpoint load_checkpoint(const std::filesystem::path& path, const Description& d, float* arena,
                           bool state) {
  const SafetensorsFile file(checkpoint_file(path));
  const bool verified = file.verify_checksum();
  const bool ours = file.metadata(fields::format) != nullptr;
  if (ours || state) check_experiment(file, d, state);
  if (ours && !verified)
    throw data_error(fmt::format(
        "{}: it has no checksum: the file is damaged, take another checkpoint", file.name()));

  if (const std::string prefix = name_prefix(file, d); !prefix.empty())
    throw data_error(fmt::format("{}: {}", file.name(), prefix_note(prefix)));

  Checkpoint c;
  c.path = file.name();
  for (const TensorInfo& t : d.tensors) {
    if (!t.is_parameter && !state) continue;
    const std::span<const float> values = file.floats(t.name, t.dims);
    if (!ours) require_finite(file, t.name, values);
    t.pack(values.data(), arena);
  }
  for (const StateInfo& s : mix_states(d)) {
    if (!state) continue;
    std::vector<double> values(s.elements);
    file.read_doubles(s.name, s.dims, values);
    std::memcpy(arena + s.offset, values.data(), values.size() * sizeof(double));
  }
  const std::array<std::uint64_t, 1> channels{static_cast<std::uint64_t>(d.input.c)};
  if (ours || file.find(fields::mean)) {
    const auto mean = file.floats(fields::mean, channels);
    const auto deviation = file.floats(fields::deviation, channels);
    c.mean.assign(mean.begin(), mean.end());
    c.deviation.assign(deviation.begin(), deviation.end());
  }
  c.pixels = pixel_format(file, ours);
  for (const TargetSpec& target : d.targets) c.class_names.push_back(class_names(file, target));
  for (const auto& [key, value] : file.metadata()) {
    if (ours && key.starts_with(fields::option))
      c.options.emplace(percent_decoded(std::string_view(key).substr(fields::option.size())),
                        value);
  }
  if (ours || state) {
    c.data = number<std::uint64_t>(file, fields::data, 16);
    c.state.position.step = number<std::uint64_t>(file, fields::step);
  }
  if (state) {
    c.seed = number<std::uint64_t>(file, fields::seed);
    read_state(file, d, best_names(c.options), c.state);
  }
  return c;
}

std::map<std::string, double> option_numbers(const Checkpoint& checkpoint, std::string_view start) {
  std::map<std::string, double> numbers;
  for (const auto& [name, text] : checkpoint.options) {
    if (!name.starts_with(start)) continue;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
      throw data_error(fmt::format("{}: '{}' of its option '{}' is not a number",
                                   checkpoint.path.string(), text, name));
    numbers.emplace(name.substr(start.size()), value);
  }
  return numbers;
}

std::uint64_t parameter_digest(const Description& d, const float* arena) {
  ParameterDigest digest;
  for (const TensorInfo& t : d.tensors) {
    if (t.is_parameter) digest.add(t.extent, t.packing, arena + t.offset);
  }
  return digest.value();
}

CheckpointWriter::CheckpointWriter(const Description& d, const float* arena, const Source& source,
                                   std::uint64_t seed, const NamedValues& options,
                                   const std::filesystem::path& folder)
    : description_(d),
      mix_states_(mix_states(d)),
      arena_(arena),
      source_(source),
      best_(best_names(options)),
      layout_(make_layout(d, best_, constant_fields(d, source, seed, options))),
      folder_(folder),
      writer_(layout_, folder_) {
  std::size_t most = 0;
  for (const TensorInfo& t : d.tensors) most = std::max(most, t.elements);
  values_.resize(most);
  std::size_t most_doubles = 0;
  for (const StateInfo& s : mix_states_) most_doubles = std::max(most_doubles, s.elements);
  doubles_.resize(most_doubles);
}

bool CheckpointWriter::set_state(const RunState& p) noexcept {
  bool fits = true;
  std::size_t i = 0;
  each_field(description_, best_, p, [&](std::string_view, std::string_view, auto value) {
    if constexpr (std::is_floating_point_v<decltype(value)>) {
      fits = layout_.set_double(i++, value) && fits;
    } else {
      fits = layout_.set(i++, static_cast<std::uint64_t>(value)) && fits;
    }
  });
  // Asked for here, as it may be under way still when a training begins.
  // (Written out, as format() allocates and format_to_n() compiles all of fmt once more.)
  std::array<char, data_width> data;
  std::uint64_t rest = source_.fingerprint();
  for (std::size_t digit = data.size(); digit-- > 0; rest >>= 4)
    data[digit] = "0123456789abcdef"[rest & 15];
  return layout_.set(i, {data.data(), data.size()}) && fits;
}

Status CheckpointWriter::write(std::string_view file_name, const RunState& state) noexcept {
  if (!set_state(state)) return Status::failure("cannot write", "checkpoint metadata", 0);
  // commit() returns the first failure.
  (void)writer_.begin(file_name);
  for (const StateInfo& s : mix_states_) {
    std::memcpy(doubles_.data(), arena_ + s.offset, s.elements * sizeof(double));
    (void)writer_.append(std::span<const double>(doubles_).first(s.elements));
  }
  for (const TensorInfo& t : description_.tensors) {
    t.unpack(arena_, values_.data());
    (void)writer_.append({values_.data(), t.elements});
  }
  (void)writer_.append(source_.mean());
  (void)writer_.append(source_.deviation());
  return writer_.commit();
}

}  // namespace medley
