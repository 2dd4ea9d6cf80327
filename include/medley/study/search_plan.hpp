// The plan of a search: the default, and settings from a grid, from Sobol's points or proposed
// generation by generation; with successive halving, where asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "medley/study/halving.hpp"
#include "medley/study/plan.hpp"
#include "medley/study/sampler.hpp"
#include "medley/study/search.hpp"

namespace medley {

enum class Method { grid, sobol, adaptive };

struct SearchDesign {
  std::vector<Dimension> dimensions;
  Method method = Method::sobol;
  std::uint64_t seed = 1;
  std::size_t settings = 16;   // besides the default; not of a grid
  int grid_points = 3;         // of a range
  std::size_t generation = 4;  // settings that are proposed at once
  std::uint64_t factor = 0;    // of successive halving: one of so many goes on; 0: all are trained
  std::uint64_t least_epochs = 1;  // of the first rung
  std::uint64_t epochs = 1;        // of a whole training
  std::vector<Objective> objectives;
};

class SearchPlan final : public Plan {
 public:
  // What a setting is, options of all trials included: settings that come to the same are tried once.
  using Identity = std::function<std::string(const Setting&)>;

  // `fallback`, the experiment's own setting, is number 0 if there is one.
  SearchPlan(const Design& design, const SearchDesign& search, const Setting* fallback,
             Identity identity);

  std::vector<Trial> next(const TrialTable& results) override;
  const std::vector<Setting>& settings() const override { return settings_; }
  int rung_of(std::size_t setting) const override { return rung_[setting]; }
  Progress progress(const TrialTable& results) const override;

  int last_rung() const { return static_cast<int>(rungs_.size()) - 1; }

 private:
  bool add(std::vector<std::string> values, Place place);
  bool add(const Place& place);
  void add_grid();
  void add_sobol(std::size_t count);
  bool propose(const TrialTable& results);
  std::vector<Trial> open(const std::vector<std::size_t>& members, int rung,
                          const TrialTable& results);
  std::vector<std::size_t> promote(const std::vector<std::size_t>& members, int rung,
                                   const TrialTable& results) const;
  std::vector<Scores> scores(const std::vector<std::size_t>& members, int rung,
                             const TrialTable& results) const;
  std::size_t expected(std::size_t settings, int rung) const;

  const Design& design_;
  const SearchDesign& search_;
  Identity identity_;
  bool has_default_;
  std::vector<std::uint64_t> rungs_;
  std::vector<Setting> settings_;
  std::vector<Place> places_;  // of settings_; of the default empty
  std::vector<std::string> known_;
  std::vector<int> rung_;
  std::size_t drawn_ = 0;  // of Sobol's points
};

}  // namespace medley
