#include "medley/study/search_plan.hpp"

#include <algorithm>
#include <numeric>

#include "medley/base/error.hpp"
#include "medley/study/statistics.hpp"

namespace medley {

namespace {

constexpr std::size_t most_settings = 100'000;
// A search whose lists are used up is at its end: so many points are drawn for each new setting.
constexpr std::size_t most_draws = 64;

}  // namespace

SearchPlan::SearchPlan(const Design& design, const SearchDesign& search, const Setting* fallback,
                       Identity identity)
    : design_(design),
      search_(search),
      identity_(std::move(identity)),
      has_default_(fallback != nullptr),
      rungs_(rung_epochs(search.factor, search.least_epochs, search.epochs)) {
  if (fallback) {
    settings_.push_back(*fallback);
    places_.emplace_back();
    known_.push_back(identity_(*fallback));
    rung_.push_back(0);
  }
  if (search_.method == Method::grid) {
    add_grid();
    return;
  }
  // An adaptive search begins with what tells most while nothing is known.
  const std::size_t first = std::max<std::size_t>(8, 2 * search_.dimensions.size());
  add_sobol(search_.method == Method::adaptive ? std::min(first, search_.settings)
                                               : search_.settings);
}

// False where the setting is there already.
bool SearchPlan::add(std::vector<std::string> values, Place place) {
  Setting setting{.name = {}, .values = std::move(values), .options = {}};
  for (std::size_t d = 0; d < setting.values.size(); ++d) {
    for (std::string& text : search_.dimensions[d].arguments(setting.values[d]))
      setting.options.push_back(std::move(text));
  }
  std::string identity = identity_(setting);
  if (std::ranges::find(known_, identity) != known_.end()) return false;
  known_.push_back(std::move(identity));
  settings_.push_back(std::move(setting));
  places_.push_back(std::move(place));
  rung_.push_back(0);
  return true;
}

bool SearchPlan::add(const Place& place) {
  std::vector<std::string> values;
  for (std::size_t d = 0; d < place.size(); ++d)
    values.push_back(search_.dimensions[d].at(place[d]));
  return add(std::move(values), place);
}

// Every combination; the last option changes first.
void SearchPlan::add_grid() {
  std::vector<std::vector<std::string>> choices;
  std::size_t count = 1;
  for (const Dimension& d : search_.dimensions) {
    choices.push_back(d.grid(search_.grid_points));
    count *= choices.back().size();
    if (count > most_settings)
      throw usage_error("--method grid: more than 100000 settings; search fewer options or points");
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::string> values(choices.size());
    std::size_t rest = i;
    for (std::size_t d = choices.size(); d-- > 0; rest /= choices[d].size())
      values[d] = choices[d][rest % choices[d].size()];
    add(std::move(values), {});
  }
}

void SearchPlan::add_sobol(std::size_t count) {
  std::size_t added = 0;
  for (std::size_t draws = 0; added < count && draws < most_draws * count; ++draws) {
    if (add(sobol_points(search_.seed, search_.dimensions.size(), drawn_++, 1)[0])) ++added;
  }
}

// Adds a generation, whose results so far are those of all settings that there are. False where
// enough have been tried, or all that there are.
bool SearchPlan::propose(const TrialTable& results) {
  const std::size_t tried = settings_.size() - (has_default_ ? 1 : 0);
  if (search_.method != Method::adaptive || tried >= search_.settings) return false;
  std::vector<std::size_t> members;
  for (std::size_t s = has_default_ ? 1 : 0; s < settings_.size(); ++s) members.push_back(s);
  const std::vector<Scores> known = scores(members, 0, results);
  std::vector<Place> best_first;
  for (const std::size_t i : ranked(known, search_.objectives))
    best_first.push_back(places_[members[i]]);
  std::vector<std::size_t> cardinality;
  for (const Dimension& d : search_.dimensions) cardinality.push_back(d.values.size());
  const std::size_t count = std::min(search_.generation, search_.settings - tried);
  std::size_t added = 0;
  for (std::size_t draw = 0; added < count && draw < most_draws * count; ++draw) {
    const auto index = static_cast<std::uint32_t>(settings_.size() * 1024 + draw);
    const Place place = propose_place(best_first, cardinality, search_.seed, index);
    if (!add(place)) continue;
    ++added;
    best_first.push_back(place);  // taken for a bad one, so that the next goes elsewhere
  }
  return added > 0;
}

std::vector<Scores> SearchPlan::scores(const std::vector<std::size_t>& members, int rung,
                                       const TrialTable& results) const {
  std::vector<Scores> all;
  for (const std::size_t s : members) {
    Scores scores;
    for (const Objective& o : search_.objectives) {
      // A setting of which a training diverged is none to go on with.
      const auto values = results.values(design_, s, rung, o.index);
      const double sum = std::accumulate(values.begin(), values.end(), 0.0);
      scores.push_back(sum / static_cast<double>(values.size()));
    }
    all.push_back(std::move(scores));
  }
  return all;
}

std::vector<Trial> SearchPlan::open(const std::vector<std::size_t>& members, int rung,
                                    const TrialTable& results) {
  const std::uint64_t epochs = rung == last_rung() ? 0 : rungs_[static_cast<std::size_t>(rung)];
  std::vector<Trial> open;
  for (const std::size_t s : members) {
    rung_[s] = rung;
    for (int repeat = 0; repeat < design_.repeats(); ++repeat) {
      const Trial trial{.number = design_.trial(s, repeat), .rung = rung, .epochs = epochs};
      if (!results.has(trial)) open.push_back(trial);
    }
  }
  return open;
}

// The best of a rung, and the default, which the others are compared with to the end.
std::vector<std::size_t> SearchPlan::promote(const std::vector<std::size_t>& members, int rung,
                                             const TrialTable& results) const {
  const std::vector<Scores> known = scores(members, rung, results);
  const std::size_t count = promoted(members.size(), search_.factor);
  std::vector<std::size_t> chosen;
  for (const std::size_t i : ranked(known, search_.objectives)) {
    const std::size_t s = members[i];
    if (!results.complete(design_, s, rung)) continue;
    if (chosen.size() < count || (has_default_ && s == 0)) chosen.push_back(s);
  }
  std::ranges::sort(chosen);
  return chosen;
}

std::vector<Trial> SearchPlan::next(const TrialTable& results) {
  for (;;) {
    std::vector<std::size_t> members(settings_.size());
    std::iota(members.begin(), members.end(), std::size_t{0});
    for (int rung = 0; rung <= last_rung() && !members.empty(); ++rung) {
      std::vector<Trial> trials = open(members, rung, results);
      if (!trials.empty()) return trials;
      if (rung < last_rung()) members = promote(members, rung, results);
    }
    if (!propose(results)) return {};
  }
}

// Settings that a rung will have of so many; the default may be one more.
std::size_t SearchPlan::expected(std::size_t settings, int rung) const {
  for (; rung > 0; --rung) settings = promoted(settings, search_.factor);
  return settings;
}

Plan::Progress SearchPlan::progress(const TrialTable& results) const {
  Progress progress;
  const auto repeats = static_cast<std::size_t>(design_.repeats());
  const std::size_t all = search_.method == Method::adaptive
                              ? search_.settings + (has_default_ ? 1 : 0)
                              : settings_.size();
  for (int rung = 0; rung <= last_rung(); ++rung) {
    const auto r = static_cast<std::size_t>(rung);
    const auto epochs = static_cast<double>(rungs_[r] - (r == 0 ? 0 : rungs_[r - 1]));
    std::size_t done = 0;
    for (const auto& [key, row] : results.rows()) done += key.first == rung;
    const std::size_t trials = std::max(expected(all, rung) * repeats, done);
    progress.trials += done;
    progress.of_trials += trials;
    progress.work += epochs * static_cast<double>(done);
    progress.of_work += epochs * static_cast<double>(trials);
  }
  return progress;
}

}  // namespace medley
