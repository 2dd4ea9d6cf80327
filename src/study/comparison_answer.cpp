#include "medley/study/comparison_answer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace medley::comparison {

namespace {

using Strings = std::vector<std::string>;

std::string number(double x) { return fmt::format("{:.4g}", x); }
// (Not "-0".)
std::string signed_number(double x) { return fmt::format("{:+.3g}", x == 0.0 ? 0.0 : x); }
std::string p_text(double p) { return p < 0.001 ? "p < 0.001" : fmt::format("p = {:.2g}", p); }

// "a", "a and b", "a, b and c"
std::string listed(const Strings& words) {
  if (words.empty()) return "none";
  std::string text = words[0];
  for (std::size_t i = 1; i < words.size(); ++i)
    text += (i + 1 == words.size() ? " and " : ", ") + words[i];
  return text;
}

class Writer {
 public:
  Writer(const Table& table, const Findings& findings, const AnswerContext& context)
      : t_(table), f_(findings), c_(context) {}

  Strings all() const {
    Strings text{in_short(), ground()};
    for (const Sharing& s : f_.sharing) text.push_back(sharing(s));
    for (const Agreement& a : f_.agreement) text.push_back(agreement(a));
    for (const WeightsSpan& w : f_.weights) text.push_back(weights(w));
    if (f_.trade_off) text.push_back(trade_off(*f_.trade_off));
    for (const Position& p : f_.positions) text.push_back(position(p));
    if (f_.needed > 0) text.push_back(not_told());
    return text;
  }

 private:
  // --- pieces ---------------------------------------------------------------------------------------

  std::string repeats(std::size_t n) const {
    return fmt::format("{} {}{}", n, c_.folds > 0 ? "runs of folds and seeds" : "seed",
                       c_.folds > 0 || n == 1 ? "" : "s");
  }
  // Of the metric itself, from errors.
  double value(std::size_t arm, std::size_t metric) const {
    std::vector<double> errors = t_.arms[arm].error[metric];
    std::erase_if(errors, [](double x) { return std::isnan(x); });
    return t_.metrics[metric].error_of(statistics::estimate(errors).mean);  // its own inverse
  }
  std::string value_text(std::size_t arm, std::size_t metric) const {
    return number(value(arm, metric));
  }
  double sign(std::size_t metric) const { return t_.metrics[metric].more_is_better ? -1.0 : 1.0; }
  // "+0.012, 95% interval +0.009 to +0.015, 5 seeds"
  std::string difference(const Judgement& j, std::size_t metric) const {
    const double s = sign(metric);
    if (std::isnan(j.interval.low))
      return fmt::format("{}, {}", signed_number(s * j.paired.difference), repeats(j.paired.n));
    const double low = s > 0 ? j.interval.low : -j.interval.high;
    const double high = s > 0 ? j.interval.high : -j.interval.low;
    return fmt::format("{}, 95% interval {} to {}, {}", signed_number(s * j.paired.difference),
                       signed_number(low), signed_number(high), repeats(j.paired.n));
  }
  std::string would_tell(const Judgement& j) const {
    if (j.needed == 0) return "more seeds are needed";
    return fmt::format("about {} would tell a difference of {}", repeats(j.needed),
                       number(j.effect));
  }
  const std::string& metric(std::size_t m) const { return t_.metrics[m].name; }
  const std::string& loss(std::size_t k) const { return t_.losses[k]; }
  std::string arm(std::size_t i) const {
    return t_.arms[i].arm.kind == ArmKind::sum ? "the plain sum" : t_.arms[i].arm.name;
  }
  std::string fixed(std::size_t i) const {
    return t_.arms[i].arm.kind == ArmKind::fixed ? "weights " + t_.arms[i].arm.name : arm(i);
  }
  std::string values_of(std::size_t i) const {
    Strings words;
    for (std::size_t m = 0; m < t_.metrics.size(); ++m)
      words.push_back(fmt::format("{} {}", metric(m), value_text(i, m)));
    return listed(words);
  }
  bool any_conflict() const {
    return std::ranges::find(f_.agreement, Verdict::less, &Agreement::verdict) !=
           f_.agreement.end();
  }
  Strings metrics_where(Verdict verdict) const {
    Strings names;
    for (const Sharing& s : f_.sharing) {
      if (s.joint.verdict == verdict && std::ranges::find(names, metric(s.metric)) == names.end())
        names.push_back(metric(s.metric));
    }
    return names;
  }

  // --- sentences ------------------------------------------------------------------------------------

  std::string in_short() const {
    const Strings helped = metrics_where(Verdict::less), hurt = metrics_where(Verdict::more);
    const Strings open = metrics_where(Verdict::unknown);
    const std::string but_open =
        open.empty() ? "" : fmt::format(" (of {} it could not be told)", listed(open));
    switch (f_.conclusion) {
      case Conclusion::sum:
        return fmt::format(
            "In short: multi-task learning that wants the sum. Sharing helps {} and was not seen "
            "to "
            "hurt{}, and nothing that was tried is better than the plain sum without being worse "
            "elsewhere: take the plain sum.",
            listed(helped), but_open);
      case Conclusion::sharing_none:
        return fmt::format(
            "In short: multi-task learning in which sharing neither helps nor hurts by what matters"
            "{}: one network for all, with the plain sum, costs less than one for each.",
            any_conflict() ? ", though gradients conflict" : "");
      case Conclusion::reweight:
        return fmt::format(
            "In short: multi-task learning, but not with the plain sum. Sharing was not seen to "
            "hurt{}, "
            "and {} is better than the plain sum in one metric or more and, by what matters, worse "
            "in none: {}, "
            "against {}.",
            but_open, fixed(*f_.better), values_of(*f_.better), values_of(t_.sum()));
      case Conclusion::decision:
        return decision(helped, hurt) + better();
      case Conclusion::apart:
        return fmt::format(
                   "In short: several objectives that want a decision. Sharing this trunk hurts {} "
                   "and "
                   "was "
                   "not seen to help any: decide whether one network is worth that. Else train "
                   "them "
                   "apart, or give the trunk more channels or the heads more layers of their "
                   "own.{}",
                   listed(hurt), f_.trade_off ? " With this trunk, weights decide who pays." : "") +
               better();
      case Conclusion::unknown:
        break;
    }
    return fmt::format(
        "In short: this could not be told with {}{}.", repeats(pairs()),
        f_.needed > pairs() ? fmt::format("; about {} would", repeats(f_.needed)) : "");
  }
  // What to begin with where a decision is wanted of somebody.
  std::string better() const {
    if (!f_.better) return {};
    return fmt::format(
        " Begin with {}, not with the plain sum: better than it in one metric or more and, by what "
        "matters, worse in none ({}, against {}).",
        fixed(*f_.better), values_of(*f_.better), values_of(t_.sum()));
  }
  std::string decision(const Strings& helped, const Strings& hurt) const {
    std::string text = "In short: several objectives that want a decision. ";
    if (f_.trade_off)
      text += fmt::format(
          "Of the fixed weights that were tried, {} give the best {} and {} the best {}, and each "
          "costs "
          "the other: which you want is yours to say.",
          fixed(f_.trade_off->best_a), metric(f_.trade_off->metric_a), fixed(f_.trade_off->best_b),
          metric(f_.trade_off->metric_b));
    if (!hurt.empty() && !helped.empty())
      text += fmt::format("{}Sharing helps {} and hurts {}.", f_.trade_off ? " " : "",
                          listed(helped), listed(hurt));
    return text;
  }
  std::size_t pairs() const {
    return static_cast<std::size_t>(c_.seeds) * static_cast<std::size_t>(std::max(c_.folds, 1));
  }

  std::string ground() const {
    const std::string rates =
        c_.rates.size() > 1
            ? fmt::format(
                  "the learning rate of each arm is the best of {} by the mean of its "
                  "errors over the plain sum's",
                  fmt::join(c_.rates, ", "))
            : "all arms have the same learning rate";
    const std::string where =
        c_.has_test ? "Figures are of the test split; what was chosen was chosen on validation: "
                    : "There is no test split: figures are of the validation split, on which was "
                      "also chosen, which flatters all arms a little: ";
    return fmt::format(
        "{}{}. {}{}. Intervals are of 95%. A difference matters from {:.3g}% of the plain sum's "
        "error on (--effect).",
        where, rates, c_.folds > 0 ? fmt::format("{} folds, ", c_.folds) : "",
        fmt::format("{} seed{}{}", c_.seeds, c_.seeds == 1 ? "" : "s",
                    c_.steps > 0 ? fmt::format(", {} steps a run", c_.steps) : ""),
        100 * t_.effect);
  }

  std::string sharing(const Sharing& s) const {
    const std::string figures =
        fmt::format("{} {} with all losses, {} with {} alone ({})", metric(s.metric),
                    value_text(t_.sum(), s.metric), value_text(s.single, s.metric), loss(s.loss),
                    difference(s.joint, s.metric));
    switch (s.joint.verdict) {
      case Verdict::less:
        return fmt::format("Sharing helps {}: {}.", loss(s.loss), figures);
      case Verdict::more:
        return fmt::format("Sharing hurts {}: {}.", loss(s.loss), figures);
      case Verdict::same:
        if (s.joint.interval.high < 0 || s.joint.interval.low > 0)
          return fmt::format("Sharing {} {}, by less than matters: {}.",
                             s.joint.interval.high < 0 ? "helps" : "hurts", loss(s.loss), figures);
        return fmt::format("Sharing makes no difference to {} that matters: {}.", loss(s.loss),
                           figures);
      case Verdict::unknown:
        break;
    }
    return fmt::format("Whether sharing helps or hurts {} could not be told: {}; {}.", loss(s.loss),
                       figures, would_tell(s.joint));
  }

  std::string agreement(const Agreement& a) const {
    const std::string both = fmt::format("the gradients of {} and {}", loss(a.a), loss(a.b));
    if (std::isnan(a.cosine.mean))
      return fmt::format("Whether {} conflict could not be told: noise hides their cosine.", both);
    const std::string figures =
        std::isnan(a.interval.low)
            ? fmt::format("cosine without noise {:+.2f}, {}", a.cosine.mean, repeats(a.cosine.n))
            : fmt::format("cosine without noise {:+.2f}, 95% interval {:+.2f} to {:+.2f}, {}",
                          a.cosine.mean, a.interval.low, a.interval.high, repeats(a.cosine.n));
    const std::string begin = "T" + both.substr(1);
    switch (a.verdict) {
      case Verdict::less:
        return fmt::format("{} conflict, beyond what sampling noise makes: {}.", begin, figures);
      case Verdict::more:
        return fmt::format("{} agree: {}.", begin, figures);
      case Verdict::same:
        return fmt::format("{} neither conflict nor agree clearly: {}.", begin, figures);
      case Verdict::unknown:
        break;
    }
    return fmt::format("Whether {} conflict could not be told: {}.", both, figures);
  }

  std::string weights(const WeightsSpan& w) const {
    const std::string figures =
        fmt::format("from {} with {} to {} with {} ({}; {} that all fixed weights give the same)",
                    value_text(w.best, w.metric), fixed(w.best), value_text(w.worst, w.metric),
                    fixed(w.worst), difference(w.span, w.metric), p_text(w.p));
    const bool is_there = w.p < 0.05;
    if (is_there && w.span.verdict == Verdict::more)
      return fmt::format("Weights matter for {}: {}.", metric(w.metric), figures);
    if (w.span.verdict == Verdict::same)
      return fmt::format(
          "Weights {} {}: {}.",
          is_there ? "make a difference, less than matters, to" : "do not matter for",
          metric(w.metric), figures);
    return fmt::format("Whether weights matter for {} could not be told: {}.", metric(w.metric),
                       figures);
  }

  std::string trade_off(const TradeOff& t) const {
    const auto point = [&](std::size_t i) {
      return fmt::format("{} give {} {} and {} {}", fixed(i), metric(t.metric_a),
                         value_text(i, t.metric_a), metric(t.metric_b), value_text(i, t.metric_b));
    };
    return fmt::format("Fixed weights trade one metric for another: {}; {}.", point(t.best_a),
                       point(t.best_b));
  }

  std::string subject(const Arm& a) const {
    const std::string equal = a.at_equal_time ? " at equal time" : "";
    const std::string price =
        a.at_equal_time ? fmt::format(" (a step costs {:.2g} of the sum's)", a.cost) : "";
    switch (a.kind) {
      case ArmKind::random:
        return fmt::format("The control, random weights{}{},", equal, price);
      case ArmKind::mode:
        return fmt::format("The step mode {}{}{}", a.mode, equal, price);
      case ArmKind::written:
        return fmt::format("The experiment as it is written{}{}", equal, price);
      default:
        return fmt::format("The mix {}{}{}", a.mix, equal, price);
    }
  }

  // "a -0.01 (95% interval ...), b ..." against another arm.
  std::string differences(const std::vector<Judgement>& judged) const {
    Strings words;
    for (std::size_t m = 0; m < judged.size(); ++m)
      words.push_back(fmt::format("{} {}", metric(m), difference(judged[m], m)));
    return fmt::format("{}", fmt::join(words, "; "));
  }

  std::string position(const Position& p) const {
    const ArmResult& arm = t_.arms[p.arm];
    const std::string who = subject(arm.arm);
    const std::string near = fmt::format("{} ({})", fixed(p.nearest), differences(p.to_nearest));
    const std::string used = arm.used.empty() || arm.arm.kind == ArmKind::random
                                 ? ""
                                 : fmt::format("; its own weights were {} on average",
                                               weights_text(arm.used, t_.losses));
    switch (p.place) {
      case Place::outside:
        return fmt::format(
            "{} lies outside the front of fixed weights, by {:.1f} standard errors ({} after "
            "Holm's "
            "correction for {} arms): {}; nearest of them: {}{}.",
            who, std::min(p.distance, 999.0), p_text(p.holm), f_.positions.size(), values_of(p.arm),
            near, used);
      case Place::equivalent:
        return fmt::format("{} is equivalent to {}, within what matters{}.", who, near, used);
      case Place::behind:
        return behind(p, who, used);
      case Place::elsewhere:
        return fmt::format(
            "{} is not outside the front of fixed weights ({:+.1f} standard errors), and differs "
            "from the nearest of them, {}{}.",
            who, p.distance, near, used);
      case Place::nothing:
        return fmt::format("{} came to nothing: no run of it has figures.", who);
      case Place::unknown:
        break;
    }
    return fmt::format(
        "{} could not be told from the front of fixed weights; nearest of them: {}{}.", who, near,
        used);
  }
  std::string behind(const Position& p, const std::string& who, const std::string& used) const {
    const auto any_more = [](const std::vector<Judgement>& judged) {
      return std::ranges::all_of(judged, [](const Judgement& j) {
        return j.verdict == Verdict::more || j.verdict == Verdict::same;
      });
    };
    const bool by_nearest = any_more(p.to_nearest);
    return fmt::format("{} is behind {} ({}){}.", who, fixed(by_nearest ? p.nearest : t_.sum()),
                       differences(by_nearest ? p.to_nearest : p.to_sum), used);
  }

  std::string not_told() const {
    return fmt::format(
        "What could not be told was less certain than {:.3g}% of the plain sum's error; {} were "
        "made, and about {} would tell all of it.",
        100 * t_.effect, repeats(pairs()), repeats(f_.needed));
  }

  const Table& t_;
  const Findings& f_;
  const AnswerContext& c_;
};

}  // namespace

std::vector<std::string> answer(const Table& table, const Findings& findings,
                                const AnswerContext& context) {
  return Writer(table, findings, context).all();
}

}  // namespace medley::comparison
