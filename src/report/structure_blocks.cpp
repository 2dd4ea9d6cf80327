// What a page shows of an experiment: its network and its arena.
#include <algorithm>
#include <charconv>

#include "medley/report/described.hpp"
#include "medley/report/model_blocks.hpp"

namespace medley {

namespace {

// First and last step of "-1..4".
struct Steps {
  int first = 0, last = 0;
};

Steps steps_of(const SectionInfo& buffer) {
  const std::string& text = buffer.lifetime;
  const char* const end = text.data() + text.size();
  Steps steps;
  const char* const dots = std::from_chars(text.data(), end, steps.first).ptr;
  std::from_chars(std::min(dots + 2, end), end, steps.last);
  return steps;
}

nlohmann::json activations_block(const Description& d) {
  nlohmann::json block = {{"offset", 0}, {"bytes", 0}, {"first", 0}, {"last", 0}};
  for (const SectionInfo& section : d.arena) {
    if (section.name != "worker 0: activations") continue;
    block["offset"] = section.offset;
    block["bytes"] = section.bytes;
  }
  nlohmann::json& buffers = block["buffers"] = nlohmann::json::array();
  Steps all;
  for (const SectionInfo& buffer : d.activations) {
    const Steps steps = steps_of(buffer);
    all = {std::min(all.first, steps.first), std::max(all.last, steps.last)};
    buffers.push_back({{"name", buffer.name},
                       {"offset", block["offset"].get<std::size_t>() + buffer.offset},
                       {"bytes", buffer.bytes},
                       {"first", steps.first},
                       {"last", steps.last}});
  }
  block["first"] = all.first;
  block["last"] = all.last;
  return block;
}

}  // namespace

nlohmann::json network_block(const Description& d) {
  nlohmann::json layers = nlohmann::json::array();
  for (const LayerInfo& layer : d.layers) {
    layers.push_back({{"path", layer.path},
                      {"type", layer.type},
                      {"options", options_text(layer.options)},
                      {"algorithm", layer.algorithm},
                      {"reads", layer.inputs},
                      {"output", shape_text(layer.output)},
                      {"parameters", layer.parameters},
                      {"mflop", layer.flops / 1e6}});
  }
  return {{"parameters", d.parameters}, {"mflop", d.flops / 1e6}, {"layers", layers}};
}

nlohmann::json arena_block(const Description& d) {
  nlohmann::json sections = nlohmann::json::array(), kinds = nlohmann::json::array();
  for (const SectionInfo& section : d.arena) {
    const int worker = worker_of(section);
    sections.push_back({{"name", section.name},
                        {"kind", kind_of(section)},
                        {"worker", worker >= 0 ? nlohmann::json(worker) : nlohmann::json()},
                        {"offset", section.offset},
                        {"bytes", section.bytes},
                        {"lifetime", section.lifetime}});
  }
  std::size_t sum = 0;
  const auto add = [&](const std::string& kind, std::size_t count, std::size_t bytes) {
    if (bytes > 0) kinds.push_back({{"kind", kind}, {"count", count}, {"bytes", bytes}});
    sum += bytes;
  };
  for (const SectionKind& kind : section_kinds(d)) add(kind.name, kind.count, kind.bytes);
  add("alignment", 1, d.arena_bytes - sum);
  return {{"bytes", d.arena_bytes},
          {"budget", d.memory.budget_bytes},
          {"kinds", kinds},
          {"sections", sections},
          {"activations", activations_block(d)}};
}

}  // namespace medley
