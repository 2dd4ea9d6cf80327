#include "medley/report/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "medley/files/csv.hpp"
#include "medley/files/json.hpp"
#include "medley/optimizers/schedule_text.hpp"
#include "medley/report/described.hpp"
#include "medley/run/checkpoint.hpp"
#include "medley/run/mix_options.hpp"

namespace medley {

namespace {

using Json = nlohmann::ordered_json;
using Cells = std::vector<std::string>;

// --- text ----------------------------------------------------------------------------------------

// Columns as wide as they need; those whose name begins with '>' are flushed right.
std::string table(const std::vector<Cells>& rows) {
  std::vector<std::size_t> width(rows[0].size());
  for (const Cells& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::string text;
  for (const Cells& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool right = rows[0][c].starts_with('>');
      std::string_view cell = row[c];
      if (&row == &rows[0] && right) cell.remove_prefix(1);
      line +=
          right ? fmt::format("  {:>{}}", cell, width[c]) : fmt::format("  {:<{}}", cell, width[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string bytes_text(std::size_t bytes) {
  const auto b = static_cast<double>(bytes);
  if (bytes >= std::size_t{1} << 20) return fmt::format("{:.1f} MiB", b / (1 << 20));
  return fmt::format("{:.1f} KiB", b / (1 << 10));
}

std::string_view kind_unit(TargetKind kind) {
  return kind == TargetKind::classes  ? "classes"
         : kind == TargetKind::values ? "values"
                                      : "classes a pixel";
}

std::string join(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string term_table(const Description& d) {
  std::vector<Cells> rows{{"term", "type", "head", "target", ">weight", "options"}};
  for (const TermInfo& t : d.terms) {
    std::string options = options_text(t.options);
    if (!t.over.empty()) {
      options += fmt::format("{}over {}", options.empty() ? "" : ", ",
                             t.over == to_string(Over::batch) ? "the batch" : t.over);
    }
    rows.push_back({t.name, t.type, t.is_penalty ? "(weights)" : t.head, t.target,
                    fmt::format("{:.6g}", t.weight), options});
  }
  return table(rows);
}

// Names and their numbers.
Cells mix_names(const std::vector<AnyMix>& mixes) {
  Cells names;
  for (const AnyMix& mix : mixes) names.push_back(to_string(MixChoice{mix, {}}, {}));
  return names;
}

// As join, in lines of at most 100 columns, of which all but the first begin with the indent.
std::string wrapped(const Cells& parts, std::size_t indent) {
  constexpr std::size_t width = 100;
  std::string text;
  std::size_t column = indent;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string part = parts[i] + (i + 1 < parts.size() ? "," : "");
    const bool next_line = i > 0 && column + 1 + part.size() > width;
    if (next_line) {
      text += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (i > 0) {
      text += ' ';
      ++column;
    }
    text += part;
    column += part.size();
  }
  return text;
}

std::string group_table(const ModeInfo& mode) {
  const bool alternating = mode.mode == StepMode::alternating;
  std::vector<Cells> rows{{"group", "terms", "optimizer", "options"}};
  if (alternating) rows[0].push_back("in a round");
  for (const GroupInfo& g : mode.groups) {
    rows.push_back({g.name, join(g.terms), g.optimizer,
                    options_text(g.options) +
                        (g.own_mixes.empty() ? "" : "; mix " + join(mix_names(g.own_mixes)))});
    if (alternating) {
      rows.back().push_back(fmt::format("{} on {}",
                                        g.times == 1 ? "once" : fmt::format("{} times", g.times),
                                        g.next_batch ? "a batch of its own" : "the round's batch"));
    }
  }
  return table(rows);
}

std::string initial_text(const TensorInfo& t) {
  if (t.initial.scheme == Initial::Scheme::prior) {
    Cells numbers;
    for (std::size_t i = 0; i < t.prior.size() && i < 8; ++i) {
      numbers.push_back(fmt::format("{:.4g}", t.prior[i]));
    }
    return "prior: " + join(numbers) + (t.prior.size() > 8 ? ", ..." : "");
  }
  return std::string(t.initial.name()) +
         (t.initial.scale == 1.0 ? "" : fmt::format(" x {:.6g}", t.initial.scale));
}

// A line for each way in which parameters begin, with the names of those that are not 0, nor 1 as
// scales of normalizations are.
std::string initial_table(const Description& d) {
  std::vector<Cells> rows{{"initial", "parameters"}};
  const auto add = [&](const std::string& initial, const std::string& name) {
    for (Cells& row : rows) {
      if (row[0] != initial) continue;
      row[1] += ", " + name;
      return;
    }
    rows.push_back({initial, name});
  };
  std::array<bool, 2> rest{};  // zeros, ones
  for (const TensorInfo& t : d.tensors) {
    if (!t.is_parameter) continue;
    const bool one = t.initial == Initial::one;
    if (!t.decays && (one || t.initial == Initial::zero)) {
      rest[one] = true;
    } else {
      add(initial_text(t), t.name);
    }
  }
  if (rest[1]) rows.push_back({"one", "other scales of normalizations"});
  if (rest[0]) rows.push_back({"zero", "all others"});
  return table(rows);
}

std::string recipe_text(const Recipe& r) {
  Cells changes;
  const Augmentation& a = r.augmentation;
  if (a.flip) changes.push_back("flip");
  if (a.shift > 0) changes.push_back(fmt::format("shift {}", a.shift));
  if (a.least_crop < 1.0) changes.push_back(fmt::format("crop {:.6g} to 1", a.least_crop));
  return fmt::format(
      "{} epochs, batch {}, schedule {}, warm-up {:.6g}, {}, augmentation: {}", r.epochs,
      r.batch_size, to_string(r.schedule), r.schedule.warm_up,
      r.clip_norm > 0.0 ? fmt::format("gradients clipped to {:.6g}", r.clip_norm) : "no clipping",
      changes.empty() ? "none" : join(changes));
}

// --- arena ---------------------------------------------------------------------------------------

std::size_t touched_bytes(const Description& d, int threads) {
  std::size_t bytes = 0;
  for (const SectionInfo& section : d.arena) {
    if (worker_of(section) < threads) bytes += section.bytes;
  }
  return bytes;
}

// --- JSON ----------------------------------------------------------------------------------------

// Whole numbers without a point.
Json number(double value) {
  if (std::fabs(value) < 0x1p53 && value == std::trunc(value))
    return static_cast<std::int64_t>(value);
  return value;
}

Json options_json(const std::vector<Option>& options) {
  Json json = Json::object();
  for (const Option& option : options) json[option.name] = number(option.value);
  return json;
}

Json shape_json(const Shape& s) { return {s.c, s.h, s.w}; }

Json targets_json(const Description& d) {
  Json list = Json::array();
  for (const TargetSpec& t : d.targets) {
    list.push_back({{"name", t.name},
                    {"kind", target_kind_names[static_cast<std::size_t>(t.kind)]},
                    {"size", t.size},
                    {"ordered", t.ordered}});
  }
  return list;
}

Json layers_json(const Description& d) {
  Json list = Json::array();
  for (const LayerInfo& layer : d.layers) {
    list.push_back({{"path", layer.path},
                    {"type", layer.type},
                    {"options", options_json(layer.options)},
                    {"inputs", layer.inputs},
                    {"output", shape_json(layer.output)},
                    {"parameters", layer.parameters},
                    {"flops", number(layer.flops)}});
    if (!layer.algorithm.empty()) list.back()["algorithm"] = layer.algorithm;
  }
  return list;
}

Json heads_json(const Description& d) {
  Json list = Json::array();
  for (const HeadInfo& head : d.heads) {
    list.push_back(
        {{"name", head.name}, {"output", head.output}, {"shape", shape_json(head.shape)}});
  }
  return list;
}

Json terms_json(const Description& d) {
  Json list = Json::array();
  for (const TermInfo& t : d.terms) {
    list.push_back({{"name", t.name},
                    {"type", t.type},
                    {"head", t.is_penalty ? Json() : Json(t.head)},
                    {"target", t.is_penalty ? Json() : Json(t.target)},
                    {"penalty", t.is_penalty},
                    {"over", t.over.empty() ? Json() : Json(t.over)},
                    {"weight", number(t.weight)},
                    {"options", options_json(t.options)}});
  }
  return list;
}

Json mix_number(const MixOptionInfo& option, double value) {
  return option.names.empty() ? number(value) : Json(option.names[static_cast<std::size_t>(value)]);
}

Json mix_json(const AnyMix& mix) {
  Json options = Json::object();
  for (std::size_t i = 0; i < mix.option_count(); ++i)
    options[std::string(mix.option(i).name)] = mix_number(mix.option(i), mix.get(i));
  Json json = {{"type", mix.type()}, {"options", options}};
  for (std::size_t i = 0; i < mix.loss_option_count(); ++i)
    json["loss_options"].push_back(mix.loss_option(i).name);
  for (const MixState& state : mix.states()) json["state"].push_back(state.name);
  return json;
}

Json composition_json() {
  Json json = Json::object();
  for (std::size_t i = 0; i < Composition::options.size(); ++i) {
    const MixOption<Composition>& option = Composition::options[i];
    json[std::string(option.name)] =
        mix_number({option.name, option.least, option.most, option.names}, Composition{}.get(i));
  }
  return json;
}

Json mixes_json(const std::vector<AnyMix>& mixes) {
  Json list = Json::array();
  for (const AnyMix& mix : mixes) list.push_back(mix_json(mix));
  return list;
}

Json steps_json(const ModeInfo& mode) {
  Json groups = Json::array();
  for (const GroupInfo& g : mode.groups) {
    groups.push_back({{"name", g.name},
                      {"terms", g.terms},
                      {"optimizer", g.optimizer},
                      {"options", options_json(g.options)},
                      {"times", g.times},
                      {"next_batch", g.next_batch}});
    if (!g.own_mixes.empty()) groups.back()["mixes"] = mixes_json(g.own_mixes);
  }
  return {{"mode", step_mode_names[static_cast<std::size_t>(mode.mode)]}, {"groups", groups}};
}

Json modes_json(const Description& d) {
  Json list = Json::array();
  for (const ModeInfo& mode : d.modes) list.push_back(steps_json(mode));
  return list;
}

Json recipe_json(const Recipe& r) {
  return {{"epochs", r.epochs},
          {"batch_size", r.batch_size},
          {"schedule", to_string(r.schedule)},
          {"warm_up", number(r.schedule.warm_up)},
          {"clip_norm", number(r.clip_norm)},
          {"augmentation",
           {{"flip", r.augmentation.flip},
            {"shift", r.augmentation.shift},
            {"least_crop", number(r.augmentation.least_crop)}}}};
}

Json parameters_json(const Description& d) {
  Json list = Json::array();
  for (const TensorInfo& t : d.tensors) {
    if (!t.is_parameter) continue;
    list.push_back({{"name", t.name},
                    {"dims", t.dims},
                    {"decays", t.decays},
                    {"trainable", t.trainable},
                    {"initial", t.initial.name()},
                    {"scale", number(t.initial.scale)},
                    {"fan_in", t.fan_in},
                    {"fan_out", t.fan_out}});
    if (!t.prior.empty()) list.back()["prior"] = t.prior;
  }
  return list;
}

}  // namespace

std::string network_table(const Description& d) {
  std::vector<Cells> rows{{"layer", "type", "output", ">parameters", ">MFLOP", "reads"}};
  std::string previous = "input";
  for (const LayerInfo& layer : d.layers) {
    const bool in_line = layer.inputs.size() == 1 && layer.inputs[0] == previous;
    std::string what = layer.type;
    if (!layer.options.empty()) what += ": " + options_text(layer.options);
    if (!layer.algorithm.empty()) what += "; " + layer.algorithm;
    rows.push_back({layer.path, what, shape_text(layer.output), std::to_string(layer.parameters),
                    fmt::format("{:.3f}", layer.flops / 1e6), in_line ? "" : join(layer.inputs)});
    previous = layer.path;
  }
  rows.push_back(
      {"total", "", "", std::to_string(d.parameters), fmt::format("{:.3f}", d.flops / 1e6), ""});
  return table(rows);
}

std::string arena_summary(const Description& d) {
  std::vector<Cells> rows{{"section", ">each", ">count", ">bytes", ""}};
  std::size_t sum = 0;
  const auto add = [&](const std::string& name, std::size_t each, std::size_t count,
                       std::size_t bytes) {
    if (bytes == 0) return;
    rows.push_back({name, count > 1 ? bytes_text(each) : "", count > 1 ? std::to_string(count) : "",
                    std::to_string(bytes), bytes_text(bytes)});
  };
  for (const SectionKind& kind : section_kinds(d)) {
    add(kind.name, kind.bytes / kind.count, kind.count, kind.bytes);
    sum += kind.bytes;
  }
  add("alignment", 0, 1, d.arena_bytes - sum);
  add("total", 0, 1, d.arena_bytes);
  std::string text = table(rows) + "  touched with";
  for (int threads = 1; threads <= d.memory.slots; threads *= 2) {
    text += fmt::format("{} {} thread{}: {}", threads == 1 ? "" : ",", threads,
                        threads == 1 ? "" : "s", bytes_text(touched_bytes(d, threads)));
  }
  return text + fmt::format("; budget {}\n", bytes_text(d.memory.budget_bytes));
}

std::string summary(const Description& d) {
  Cells targets;
  for (const TargetSpec& t : d.targets) {
    targets.push_back(fmt::format("{} ({} {}{})", t.name, t.size, t.ordered ? "ordered " : "",
                                  kind_unit(t.kind)));
  }
  Cells heads;
  for (const HeadInfo& head : d.heads) {
    heads.push_back(
        fmt::format("{} ({}, from {})", head.name, shape_text(head.shape), head.output));
  }
  std::string text = fmt::format("{}: pictures {}; targets {}; fingerprint {}\n\n", d.name,
                                 shape_text(d.input), join(targets), hexadecimal(d.fingerprint));
  text += "network, one picture forward\n" + network_table(d);
  text += "\nheads   " + join(heads) + "\n\n" + initial_table(d) + "\n";
  text += "terms\n" + term_table(d) + "\n";
  text += fmt::format("mix     {}\n", wrapped(mix_names(d.mixes), 8));
  for (const ModeInfo& mode : d.modes) {
    text += fmt::format("steps   {}\n{}", step_mode_names[static_cast<std::size_t>(mode.mode)],
                        group_table(mode));
  }
  text += fmt::format("recipe  {}\n\n", recipe_text(d.recipe));
  text += fmt::format("arena   shards of {}, {} slots\n{}", d.memory.shard, d.memory.slots,
                      arena_summary(d));
  return text;
}

std::string arena_csv(const Description& d) {
  std::string text = "name,offset,bytes,lifetime\n";
  std::size_t activations = 0;
  const auto add = [&](const std::string& name, std::size_t offset, const SectionInfo& s) {
    text += fmt::format("{},{},{},{}\n", csv_field(name), offset, s.bytes, csv_field(s.lifetime));
  };
  for (const SectionInfo& section : d.arena) {
    if (section.name == "worker 0: activations") activations = section.offset;
    add(section.name, section.offset, section);
  }
  for (const SectionInfo& buffer : d.activations) {
    add("worker 0: activations: " + buffer.name, activations + buffer.offset, buffer);
  }
  return text;
}

std::string description_json(const Description& d) {
  const Json json = {
      {"schema", 2},
      {"experiment", d.name},
      {"fingerprint", hexadecimal(d.fingerprint)},
      {"input", {{"channels", d.input.c}, {"height", d.input.h}, {"width", d.input.w}}},
      {"targets", targets_json(d)},
      {"layers", layers_json(d)},
      {"heads", heads_json(d)},
      {"terms", terms_json(d)},
      {"mixes", mixes_json(d.mixes)},
      {"with_any_mix", composition_json()},
      {"steps", modes_json(d)},
      {"recipe", recipe_json(d.recipe)},
      {"memory",
       {{"shard", d.memory.shard},
        {"slots", d.memory.slots},
        {"budget_bytes", d.memory.budget_bytes},
        {"arena_bytes", d.arena_bytes}}},
      {"parameters", parameters_json(d)},
  };
  return print_json(json, 2) + "\n";
}

}  // namespace medley
