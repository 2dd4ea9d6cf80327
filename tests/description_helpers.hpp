// For tests of reports: an experiment's description made by hand.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "medley/experiment/description.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"

namespace medley {

// What the loss of this type takes outputs for.
inline Outputs outputs_of(std::string_view type) {
  Outputs found{};
  const auto look = [&]<class L>(const L&) {
    if (L::type == type) found = L::outputs;
  };
  look(SoftmaxCrossEntropy{});
  look(BinaryCrossEntropy{});
  look(Hinge{});
  look(BinaryHinge{});
  look(MeanSquaredError{});
  look(SoftIou{});
  look(MulticlassSoftIou{});
  return found;
}

// Adds a head and a term on it that compares it with a target, which must be there.
inline void add_term(Description& d, const std::string& head, const std::string& target,
                     const std::string& type, Shape shape) {
  TermInfo term;
  term.name = head;
  term.type = type;
  term.head = head;
  term.target = target;
  term.outputs = outputs_of(type);
  for (std::size_t t = 0; t < d.targets.size(); ++t) {
    if (d.targets[t].name == target) term.target_index = static_cast<int>(t);
  }
  for (std::size_t h = 0; h < d.heads.size(); ++h) {
    if (d.heads[h].name == head) term.head_index = static_cast<int>(h);
  }
  if (term.head_index < 0) {
    term.head_index = static_cast<int>(d.heads.size());
    d.heads.push_back({head, "heads." + head + ".0", shape});
  }
  d.terms.push_back(term);
}

// Adds what the engine would measure of a head against a target. The names must outlive the
// description.
inline void add_metric(Description& d, std::string_view head, std::string_view target) {
  MetricInfo info{.head = head, .target = target};
  for (std::size_t t = 0; t < d.targets.size(); ++t) {
    if (d.targets[t].name != target) continue;
    info.target_index = static_cast<int>(t);
    info.kind = d.targets[t].kind;
    info.classes = info.kind == TargetKind::values ? 0 : d.targets[t].size;
    info.scored = info.kind == TargetKind::classes && info.classes == 2;
  }
  d.metrics.push_back(info);
}

}  // namespace medley
