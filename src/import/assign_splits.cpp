#include <xxhash.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "medley/import/import.hpp"

namespace medley {
namespace {

constexpr std::int64_t million = 1'000'000;

std::vector<std::size_t> hashed_order(std::span<const std::string> names, std::uint64_t seed) {
  std::vector<std::uint64_t> hashes;
  for (const std::string& name : names)
    hashes.push_back(XXH3_64bits_withSeed(name.data(), name.size(), seed));
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return hashes[a] != hashes[b] ? hashes[a] < hashes[b] : names[a] < names[b];
  });
  return order;
}

// The largest group that may be held out.
std::int64_t largest_held_out(std::span<const std::uint64_t> sizes, std::int64_t total,
                              const SplitFractions& fractions) {
  std::int64_t share = million;
  for (const std::uint32_t fraction : {fractions[1], fractions[2]})
    if (fraction > 0) share = std::min<std::int64_t>(share, fraction);
  const std::int64_t groups =
      std::count_if(sizes.begin(), sizes.end(), [](std::uint64_t size) { return size > 0; });
  return std::max(share * total / million / 4, 2 * total / std::max<std::int64_t>(1, groups));
}

struct Fill {
  SplitFractions fractions;
  std::int64_t total = 0, done = 0;
  std::array<std::int64_t, 3> assigned{};

  // Among the splits that a group would not overfill by more than half of itself, the one that
  // lacks the most of its share so far; else the one with the most room.
  std::size_t best_for(std::int64_t size) const {
    std::pair<bool, std::int64_t> best_rank;
    std::size_t best = 3;
    for (std::size_t s = 0; s < 3; ++s) {
      const std::int64_t share = fractions[s], has = assigned[s] * million;
      if (share == 0) continue;
      const bool fits = 2 * has + size * million <= 2 * share * total;
      const std::pair rank{fits, (fits ? share * (done + size) : share * total) - has};
      if (best == 3 || rank > best_rank) {
        best = s;
        best_rank = rank;
      }
    }
    return best;
  }
  Split add(std::int64_t size, std::size_t split) {
    assigned[split] += size;
    done += size;
    return static_cast<Split>(split);
  }
};

// Moves the smallest group of each class that training lacks.
void train_every_class(std::span<const std::size_t> order, std::span<const std::uint64_t> sizes,
                       std::span<const std::vector<std::uint32_t>> classes,
                       std::span<Split> splits) {
  std::map<std::uint32_t, std::size_t> smallest;  // group of each class
  std::set<std::uint32_t> trained;
  for (const std::size_t group : order)
    for (const std::uint32_t number : classes[group]) {
      const auto [found, added] = smallest.try_emplace(number, group);
      if (!added && sizes[group] < sizes[found->second]) found->second = group;
      if (splits[group] == Split::train) trained.insert(number);
    }
  for (const auto& [number, group] : smallest) {
    if (trained.contains(number)) continue;
    splits[group] = Split::train;
    trained.insert(classes[group].begin(), classes[group].end());
  }
}

}  // namespace

std::vector<Split> assign_splits(std::span<const std::string> names,
                                 std::span<const std::uint64_t> sizes,
                                 std::span<const std::vector<std::uint32_t>> classes,
                                 SplitFractions fractions, std::uint64_t seed) {
  const std::vector<std::size_t> order = hashed_order(names, seed);
  Fill fill{fractions, 0, 0, {}};
  for (const std::uint64_t size : sizes) fill.total += static_cast<std::int64_t>(size);
  const std::int64_t largest = largest_held_out(sizes, fill.total, fractions);
  std::vector<Split> splits(names.size(), Split::train);
  // The large groups first, so that the small ones can even out what they leave.
  for (const std::size_t group : order)
    if (const auto size = static_cast<std::int64_t>(sizes[group]); size > largest)
      splits[group] = fill.add(size, static_cast<std::size_t>(Split::train));
  for (const std::size_t group : order)
    if (const auto size = static_cast<std::int64_t>(sizes[group]); size <= largest)
      splits[group] = fill.add(size, fill.best_for(size));
  train_every_class(order, sizes, classes, splits);
  return splits;
}

std::vector<Split> assign_splits(std::uint64_t records, std::span<const ClassColumn> targets,
                                 SplitFractions fractions, std::uint64_t seed) {
  std::vector<std::string> names;
  std::vector<std::vector<std::uint32_t>> classes;
  for (std::uint64_t i = 0; i < records; ++i) {
    names.push_back(std::to_string(i));
    std::uint32_t first = 0;  // the targets' classes are numbered one after the other
    std::vector<std::uint32_t>& own = classes.emplace_back();
    for (const ClassColumn& target : targets) {
      if (target.labels[i] >= 0)
        own.push_back(first + static_cast<std::uint32_t>(target.labels[i]));
      first += static_cast<std::uint32_t>(target.size);
    }
  }
  const std::vector<std::uint64_t> sizes(names.size(), 1);
  return assign_splits(names, sizes, classes, fractions, seed);
}

}  // namespace medley
