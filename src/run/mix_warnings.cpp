#include "medley/run/mix_warnings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace medley {

namespace {

// What a flag means, after "group <name>, mix <name>: ".
constexpr std::array<std::string_view, mix_flag_count> flag_texts{
    "no direction is downhill for all losses; as far as this mix goes, the training has arrived",
    "what is asked of the losses cannot be had: a limit is too low, or two exclude each other",
    "its own direction would be uphill for all losses; the losses' own weights are taken",
    "its equations were not solved; the losses' own weights are taken",
    "a loss's weight is more than a thousand times what it was given; where a loss goes to 0 under "
    "a "
    "logarithm, that is no wonder: map=none, or a fixed weight",
    "a weight that is learned stands at its bound",
    "the step is next to nothing beside that of the losses' own weights; length=match keeps its "
    "length",
    "the main loss takes no part; the others are combined without it",
};

bool divides_by_losses(const MixChoice& choice) {
  return choice.with.map == Composition::logarithm || choice.mix.needs().values;
}

}  // namespace

namespace {

bool shares_heads(const GroupInfo& group, const Description& d) {
  for (std::size_t k = 0; k < d.terms.size(); ++k) {
    for (std::size_t j = 0; j < k; ++j) {
      const TermSet both = TermSet{1} << k | TermSet{1} << j;
      if ((group.term_set & both) == both && !d.terms[k].is_penalty && !d.terms[j].is_penalty &&
          d.terms[k].head == d.terms[j].head)
        return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> mix_warnings(const Description& d, bool has_validation) {
  std::vector<std::string> warnings;
  for (const GroupInfo& group : d.groups) {
    const AnyMix& mix = group.mix.mix;
    const auto warn = [&](std::string_view text) {
      warnings.push_back(fmt::format("group {}, mix {}: {}", group.name, mix.type(), text));
    };
    if (!mix.is_constant() && group.losses < 2)
      warn("the group has one loss, which keeps its own weight");
    if (mix.type() == "raw_blend")
      warn(
          "its weight is trained down the losses: it ends at the loss that is easier to make "
          "small, "
          "which is what `trained_blend` avoids");
    if (group.mix.with.gradients == Composition::output && mix.needs().gramian &&
        shares_heads(group, d))
      warn("two losses are on one head, so that gradients=output takes those of the trunk");
    if (mix.needs().validation && !has_validation)
      warn("there are no validation records, so that its weights stay as they are");
  }
  return warnings;
}

void MixWatch::add(const StepReport& report, Line<8192>& line) {
  for (std::size_t g = 0; g < d_.groups.size(); ++g) {
    const GroupInfo& group = d_.groups[g];
    for (std::size_t f = 0; f < flag_texts.size(); ++f) {
      int& count = count_[g][f];
      count = report.mix_flags[g] >> f & 1u ? count + 1 : std::max(count - 1, 0);
      if (count < long_time || said_[g][f]) continue;
      said_[g][f] = true;
      line << "warning: group " << group.name << ", mix " << group.mix.mix.type() << ": "
           << flag_texts[f] << "\n";
    }
    if (!divides_by_losses(group.mix)) continue;
    for (std::size_t k = 0; k < d_.terms.size(); ++k) {
      if (!(group.term_set >> k & 1u) || d_.terms[k].is_penalty || !report.measured[k]) continue;
      zeros_[k] = report.value[k] <= 0.0 ? zeros_[k] + 1 : std::max(zeros_[k] - 1, 0);
      if (zeros_[k] < long_time || said_zero_[k]) continue;
      said_zero_[k] = true;
      line << "warning: group " << group.name << ", mix " << group.mix.mix.type() << ": the loss "
           << d_.terms[k].name
           << " is 0 in most batches, and the mix divides by it or takes its logarithm\n";
    }
  }
}

}  // namespace medley
