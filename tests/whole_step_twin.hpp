// The training of tests/whole_step.hpp in double precision.
#pragma once

#include <algorithm>
#include <numeric>
#include <utility>

#include "tests/whole_step.hpp"

namespace medley::testing {

// Values of the terms kind, place, outline and decay; NaN where no record has the target.
using TermValues = std::array<double, 4>;

struct WholeGroup {
  std::vector<int> terms;
  bool is_adamw = false;
  int times = 1;
  bool next_batch = false;
  // What has been done so far.
  std::uint64_t updates = 0;
  std::map<std::string, std::uint64_t> updates_of{};             // of each parameter
  std::map<std::string, std::vector<double>> first{}, second{};  // moments
  double norm = 0;                                               // of the last gradient
};

class WholeTwin {
 public:
  using Staged = WholeNetwork::Staged;

  WholeTwin(const WholeSource& source, const Settings& settings, Parameters initial,
            bool simultaneous, WholeParts treated = {})
      : parameters(std::move(initial)),
        parts(std::move(treated)),
        source_(source),
        settings_(settings),
        simultaneous_(simultaneous),
        network_(source, settings_) {
    if (simultaneous) {
      groups = {{.terms = {0, 1}, .is_adamw = true}, {.terms = {2, 3}}};
    } else {
      groups = {{.terms = {0, 3}, .is_adamw = true, .times = 2},
                {.terms = {1, 2}, .next_batch = true}};
    }
  }

  Parameters parameters;
  WholeParts parts;
  std::vector<WholeGroup> groups;
  std::uint32_t epoch = 0;
  std::uint64_t batch = 0;
  TermValues values{};  // of the last step, each at its term's last update

  void step(double rate_factor) {
    network_.statistics_frozen = frozen("heads.kind.1.running_mean");
    if (simultaneous_) {
      const std::vector<Staged> staged = stage(batch);
      const Parameters before = parameters;
      Parameters after = before;
      for (WholeGroup& group : groups) {
        parameters = before;
        update(group, staged, rate_factor);
        for (auto& [name, value] : after) {
          for (std::size_t i = 0; i < value.size(); ++i) {
            value[i] += parameters[name][i] - before.at(name)[i];
          }
        }
      }
      parameters = after;
      move_statistics(before, staged);
    } else {
      bool first = true;
      for (WholeGroup& group : groups) {
        for (int i = 0; i < group.times; ++i) {
          if (group.next_batch && !first) ++batch;
          first = false;
          const std::vector<Staged> staged = stage(batch);
          const Parameters before = parameters;
          update(group, staged, rate_factor);
          if (has(group, 0)) move_statistics(before, staged);
        }
      }
    }
    ++batch;
    if (batch >= batches()) {
      batch = 0;
      ++epoch;
    }
  }

  // The terms over a split as it is, without augmentation and dropout.
  TermValues evaluate(Split split) const {
    std::vector<Staged> staged;
    for (std::uint64_t i = 0; i < source_.size(split); ++i) {
      staged.push_back(network_.stage(source_.record(split, i), 0, false));
    }
    return terms(parameters, staged, false);
  }

  // Gradient of one term over the trunk's weights, for the batch that comes next.
  std::vector<double> trunk_gradient(int term) {
    const std::vector<Staged> staged = stage(batch);
    std::vector<double> all;
    for (const char* name : {"trunk.0.weight", "trunk.0.bias"}) {
      const auto g = differences(name, [&] { return terms(parameters, staged, true)[term]; });
      all.insert(all.end(), g.begin(), g.end());
    }
    return all;
  }

  static bool is_statistic(const std::string& name) { return name.find("running") != name.npos; }
  static bool decays(const std::string& name) {
    return name.ends_with("weight") && name != "heads.kind.1.weight";
  }

 private:
  WholePart part(const std::string& name) const {
    const auto found = parts.find(name);
    return found == parts.end() ? WholePart{} : found->second;
  }
  bool frozen(const std::string& name) const { return epoch < part(name).frozen_epochs; }

  static bool has(const WholeGroup& group, int term) {
    return std::ranges::find(group.terms, term) != group.terms.end();
  }
  std::uint64_t batches() const {
    return (source_.size(Split::train) + settings_.batch_size - 1) / settings_.batch_size;
  }

  std::vector<Staged> stage(std::uint64_t index) const {
    const std::uint64_t records = source_.size(Split::train);
    const std::uint64_t first = index % batches() * settings_.batch_size;
    std::vector<Staged> staged;
    for (std::uint64_t i = first; i < std::min(first + settings_.batch_size, records); ++i) {
      const std::uint64_t rank = Permutation(records, settings_.seed, epoch)(i);
      staged.push_back(network_.stage(source_.record(Split::train, rank), epoch, true));
    }
    return staged;
  }

  // --- losses ------------------------------------------------------------------------------------

  TermValues terms(const Parameters& w, const std::vector<Staged>& staged, bool training) const {
    const auto outputs = network_.forward(w, staged, training);
    return {kind_loss(staged, outputs), place_loss(staged, outputs), outline_loss(staged, outputs),
            penalty(w)};
  }

  // torch.nn.CrossEntropyLoss(weight=[1, 2, 0.5], label_smoothing=0.1) over the labelled records.
  double kind_loss(const std::vector<Staged>& staged,
                   const std::vector<WholeNetwork::Output>& y) const {
    constexpr std::array<double, 3> weight{1.0, 2.0, 0.5};
    double sum = 0, weights = 0;
    for (std::size_t n = 0; n < staged.size(); ++n) {
      const int label = source_.kind[staged[n].record];
      if (label < 0) continue;
      double total = 0;
      for (const double logit : y[n].kind) total += std::exp(logit);
      for (int c = 0; c < 3; ++c) {
        const double surprise = std::log(total) - y[n].kind[c];
        sum += weight[c] * surprise * ((c == label) * 0.9 + 0.1 / 3);
      }
      weights += weight[label];
    }
    return sum / weights;
  }

  double place_loss(const std::vector<Staged>& staged,
                    const std::vector<WholeNetwork::Output>& y) const {
    double sum = 0, count = 0;
    for (std::size_t n = 0; n < staged.size(); ++n) {
      const auto& place = source_.place[staged[n].record];
      if (std::isnan(place[0])) continue;
      for (int d = 0; d < 2; ++d) sum += std::pow(y[n].place[d] - static_cast<double>(place[d]), 2);
      count += 2;
    }
    return sum / count;
  }

  // Terms that know of it are taken over the pixels of the batch; others over those of each picture,
  // then over the pictures that have any.
  template <class Term>
  static constexpr bool knows_batch = requires(Term term) {
    term.over;
  };
  static constexpr bool over_batch =
      knows_batch<std::tuple_element_t<2, std::remove_const_t<decltype(Whole::terms)>>>;
  double outline_loss(const std::vector<Staged>& staged,
                      const std::vector<WholeNetwork::Output>& y) const {
    double all = 0, known_pixels = 0, pictures = 0, known_pictures = 0;
    for (std::size_t n = 0; n < staged.size(); ++n) {
      double sum = 0, known = 0;
      for (int p = 0; p < WholeNetwork::pixels; ++p) {
        if (staged[n].outline[p] == 255) continue;
        const double x = y[n].outline[p];
        sum += staged[n].outline[p] == 1 ? 2 * std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
        ++known;
      }
      all += sum;
      known_pixels += known;
      if (known == 0) continue;
      pictures += sum / known;
      ++known_pictures;
    }
    return over_batch ? all / known_pixels : pictures / known_pictures;
  }

  static double penalty(const Parameters& w) {
    double sum = 0;
    for (const auto& [name, value] : w) {
      if (!decays(name)) continue;
      for (const double v : value) sum += v * v;
    }
    return sum;
  }

  // --- updates -----------------------------------------------------------------------------------

  // Whether the terms of a group change a parameter: those of their heads and the trunk, and with a
  // penalty all.
  static bool reaches(const WholeGroup& group, const std::string& name) {
    if (is_statistic(name)) return false;
    return has(group, 3) || name.starts_with("trunk") ||
           (has(group, 0) && name.starts_with("heads.kind")) ||
           (has(group, 1) && name.starts_with("heads.place")) ||
           (has(group, 2) && name.starts_with("heads.outline"));
  }

  // df/dθ of one tensor.
  template <class F>
  std::vector<double> differences(const std::string& name, F f) {
    constexpr double step = 1e-4;
    std::vector<double>& theta = parameters[name];
    std::vector<double> gradient(theta.size());
    for (std::size_t i = 0; i < theta.size(); ++i) {
      const double before = theta[i];
      theta[i] = before + step;
      const double above = f();
      theta[i] = before - step;
      gradient[i] = (above - f()) / (2 * step);
      theta[i] = before;
    }
    return gradient;
  }

  void update(WholeGroup& group, const std::vector<Staged>& staged, double rate_factor) {
    const auto loss = [&] {
      const TermValues now = terms(parameters, staged, true);
      double sum = 0;
      for (const int k : group.terms) {
        if (!std::isnan(now[k])) sum += settings_.weight[k] * now[k];
      }
      return sum;
    };
    const TermValues now = terms(parameters, staged, true);
    for (const int k : group.terms) values[k] = now[k];
    std::map<std::string, std::vector<double>> gradient;
    double squares = 0;
    for (const auto& [name, value] : parameters) {
      if (!reaches(group, name) || frozen(name)) continue;
      gradient[name] = differences(name, loss);
      for (const double g : gradient[name]) squares += g * g;
    }
    group.norm = std::sqrt(squares);
    const double clip = settings_.clip_norm;
    const double scale = clip > 0 && group.norm > clip ? clip / group.norm : 1.0;
    ++group.updates;
    for (auto& [name, g] : gradient) {
      for (double& v : g) v *= scale;
      ++group.updates_of[name];
      const double factor = rate_factor * part(name).rate_scale;
      group.is_adamw ? adamw(group, name, g, factor) : sgd(group, name, g, factor);
    }
  }

  void adamw(WholeGroup& group, const std::string& name, const std::vector<double>& gradient,
             double rate_factor) {
    const auto t = static_cast<double>(group.updates_of[name]);
    const double rate = Whole::adamw.learning_rate * rate_factor;
    auto& m = group.first[name];
    auto& v = group.second[name];
    m.resize(gradient.size());
    v.resize(gradient.size());
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      double& theta = parameters[name][i];
      m[i] = 0.9 * m[i] + 0.1 * gradient[i];
      v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
      if (decays(name)) theta -= rate * Whole::adamw.weight_decay * theta;
      theta -= rate * m[i] / (1 - std::pow(0.9, t)) /
               (std::sqrt(v[i] / (1 - std::pow(0.999, t))) + Whole::adamw.epsilon);
    }
  }

  void sgd(WholeGroup& group, const std::string& name, const std::vector<double>& gradient,
           double rate_factor) {
    auto& b = group.first[name];
    b.resize(gradient.size());
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      double& theta = parameters[name][i];
      const double g = gradient[i] + (decays(name) ? Whole::sgd.weight_decay * theta : 0.0);
      b[i] = 0.9 * b[i] + g;
      theta -= Whole::sgd.learning_rate * rate_factor * (g + 0.9 * b[i]);
    }
  }

  // A tenth of the way to the statistics of the pass that `before` made.
  void move_statistics(const Parameters& before, const std::vector<Staged>& staged) {
    if (network_.statistics_frozen) return;
    WholeNetwork::Statistics now;
    network_.forward(before, staged, true, &now);
    for (int c = 0; c < 3; ++c) {
      double& mean = parameters["heads.kind.1.running_mean"][c];
      double& variance = parameters["heads.kind.1.running_var"][c];
      mean += 0.1 * (now.mean[c] - mean);
      variance += 0.1 * (now.variance[c] - variance);
    }
  }

  const WholeSource& source_;
  Settings settings_;
  bool simultaneous_;
  WholeNetwork network_;
};

}  // namespace medley::testing
