#include "medley/data/folds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "medley/base/error.hpp"
#include "medley/base/random.hpp"
#include "medley/data/dataset.hpp"

namespace medley {
namespace {

constexpr std::uint32_t most_folds = 1 << 16;

// What decides between equals, by a record's number.
std::uint64_t chance(const Fold& fold, std::uint64_t record) {
  const auto bits = RandomStream(fold.seed, Purpose::folds, fold.count, record).draw(0);
  return static_cast<std::uint64_t>(bits[0]) << 32 | bits[1];
}

// --- without groups ------------------------------------------------------------------------------

// Replaces keys by their ranks among the different ones.
void rank_keys(std::vector<std::uint64_t>& keys) {
  std::vector<std::uint64_t> sorted = keys;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  for (std::uint64_t& key : keys)
    key = static_cast<std::uint64_t>(std::lower_bound(sorted.begin(), sorted.end(), key) -
                                     sorted.begin());
}

std::vector<std::uint32_t> deal(const Source& source, std::span<const TargetSpec> targets,
                                std::span<const std::uint64_t> records, const Fold& fold) {
  std::vector<std::uint64_t> stratum(records.size());
  for (std::size_t t = 0; t < targets.size(); ++t) {
    if (targets[t].kind != TargetKind::classes) continue;
    const auto classes = static_cast<std::uint64_t>(targets[t].size) + 1;
    for (std::size_t i = 0; i < records.size(); ++i)
      stratum[i] = stratum[i] * classes +
                   static_cast<std::uint64_t>(source.label(records[i], static_cast<int>(t)) + 1);
    rank_keys(stratum);
  }
  struct Card {
    std::uint64_t stratum, chance;
    std::size_t index;
    auto operator<=>(const Card&) const = default;
  };
  std::vector<Card> cards;
  for (std::size_t i = 0; i < records.size(); ++i)
    cards.push_back({stratum[i], chance(fold, records[i]), i});
  std::sort(cards.begin(), cards.end());
  std::vector<std::uint32_t> folds(records.size());
  for (std::size_t i = 0; i < cards.size(); ++i)
    folds[cards[i].index] = static_cast<std::uint32_t>(i % fold.count);
  return folds;
}

// --- with groups ---------------------------------------------------------------------------------

// How many records of a class a group has; the class of all records is the last.
struct Share {
  std::uint32_t group, stratum;
  std::uint64_t records;
};

class GroupDealer {
 public:
  GroupDealer(const Source& source, std::span<const TargetSpec> targets,
              std::span<const std::uint64_t> records, const Fold& fold)
      : fold_(fold) {
    number_groups(source, records);
    count_shares(source, targets, records);
    counts_.resize(strata_ * fold.count);
  }

  std::size_t groups() const { return chance_.size(); }

  std::vector<std::uint32_t> deal() {
    fold_of_.assign(groups(), 0);
    const std::vector<std::uint32_t> order = largest_first();
    for (const std::uint32_t group : order) put(group, best_for(group, 0));
    constexpr int most_rounds = 20;
    bool moves = true;
    for (int round = 0; moves && round < most_rounds; ++round) {
      moves = false;
      for (const std::uint32_t group : order) {
        const std::uint32_t before = fold_of_[group];
        take(group);
        put(group, best_for(group, before));
        moves = moves || fold_of_[group] != before;
      }
    }
    std::vector<std::uint32_t> folds;
    for (const std::uint32_t group : group_of_) folds.push_back(fold_of_[group]);
    return folds;
  }

 private:
  // In the order of their first records, so that what the numbers are does not matter.
  void number_groups(const Source& source, std::span<const std::uint64_t> records) {
    std::unordered_map<std::int64_t, std::uint32_t> index;
    for (const std::uint64_t record : records) {
      const auto [found, added] =
          index.try_emplace(source.group(record), static_cast<std::uint32_t>(chance_.size()));
      if (added) chance_.push_back(chance(fold_, record));
      group_of_.push_back(found->second);
    }
  }

  void count_shares(const Source& source, std::span<const TargetSpec> targets,
                    std::span<const std::uint64_t> records) {
    std::vector<std::uint64_t> found;  // group and class of each label
    const auto add = [&](std::size_t record, std::size_t stratum) {
      found.push_back(std::uint64_t{group_of_[record]} << 32 | stratum);
    };
    for (std::size_t t = 0; t < targets.size(); ++t) {
      if (targets[t].kind != TargetKind::classes) continue;
      for (std::size_t i = 0; i < records.size(); ++i) {
        const std::int32_t label = source.label(records[i], static_cast<int>(t));
        if (label >= 0) add(i, strata_ + static_cast<std::size_t>(label));
      }
      strata_ += static_cast<std::size_t>(targets[t].size);
    }
    for (std::size_t i = 0; i < records.size(); ++i) add(i, strata_);
    ++strata_;
    std::sort(found.begin(), found.end());
    totals_.resize(strata_);
    first_share_.assign(groups() + 1, 0);
    for (std::size_t i = 0, next = 0; i < found.size(); i = next) {
      while (next < found.size() && found[next] == found[i]) ++next;
      const auto group = static_cast<std::uint32_t>(found[i] >> 32);
      const auto stratum = static_cast<std::uint32_t>(found[i]);
      shares_.push_back({group, stratum, next - i});
      totals_[stratum] += next - i;
      first_share_[group + 1] = shares_.size();
    }
  }

  std::span<const Share> shares_of(std::uint32_t group) const {
    return std::span(shares_).subspan(first_share_[group],
                                      first_share_[group + 1] - first_share_[group]);
  }

  std::vector<std::uint32_t> largest_first() const {
    std::vector<std::uint32_t> order(groups());
    std::iota(order.begin(), order.end(), 0u);
    const auto size = [&](std::uint32_t group) { return shares_of(group).back().records; };
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      if (size(a) != size(b)) return size(a) > size(b);
      return chance_[a] != chance_[b] ? chance_[a] < chance_[b] : a < b;
    });
    return order;
  }

  // Σ_s n_sf g_s / n_s
  double overlap(std::uint32_t group, std::uint32_t fold) const {
    double sum = 0.0;
    for (const Share& share : shares_of(group))
      sum += static_cast<double>(at(fold, share.stratum)) * static_cast<double>(share.records) /
             static_cast<double>(totals_[share.stratum]);
    return sum;
  }

  // Of folds that are as good, `first` if it is one of them, else the lowest.
  std::uint32_t best_for(std::uint32_t group, std::uint32_t first) const {
    std::uint32_t best = first;
    double least = overlap(group, first);
    for (std::uint32_t f = 0; f < fold_.count; ++f) {
      const double found = overlap(group, f);
      if (!(found < least)) continue;
      least = found;
      best = f;
    }
    return best;
  }

  void put(std::uint32_t group, std::uint32_t fold) {
    fold_of_[group] = fold;
    for (const Share& share : shares_of(group)) at(fold, share.stratum) += share.records;
  }
  void take(std::uint32_t group) {
    for (const Share& share : shares_of(group)) at(fold_of_[group], share.stratum) -= share.records;
  }

  std::uint64_t& at(std::uint32_t fold, std::uint32_t stratum) {
    return counts_[fold * strata_ + stratum];
  }
  std::uint64_t at(std::uint32_t fold, std::uint32_t stratum) const {
    return counts_[fold * strata_ + stratum];
  }

  const Fold& fold_;
  std::size_t strata_ = 0;
  std::vector<std::uint32_t> group_of_;   // of each record
  std::vector<std::uint64_t> chance_;     // of each group
  std::vector<Share> shares_;             // by group; of all records last
  std::vector<std::size_t> first_share_;  // of each group
  std::vector<std::uint64_t> totals_;     // of each class
  std::vector<std::uint64_t> counts_;     // [fold][class]
  std::vector<std::uint32_t> fold_of_;    // of each group
};

}  // namespace

Fold parse_fold(std::string_view text, std::uint64_t seed) {
  if (text == "all") return {0, 1, seed};
  Fold fold{0, 0, seed};
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, fold.number);
  const bool slash = first.ec == std::errc{} && first.ptr != end && *first.ptr == '/';
  const auto second = slash ? std::from_chars(first.ptr + 1, end, fold.count) : first;
  if (!slash || second.ec != std::errc{} || second.ptr != end || fold.count < 2 ||
      fold.count > most_folds || fold.number < 1 || fold.number > fold.count)
    throw usage_error(
        fmt::format("--fold: '{}' is neither I/N, fold I from 1 to N of N = 2 to {}, nor all", text,
                    most_folds));
  return fold;
}

std::string to_string(const Fold& fold) {
  return fold.count == 1 ? "all" : fmt::format("{}/{}", fold.number, fold.count);
}

std::vector<std::uint32_t> assign_folds(const Source& source, std::span<const TargetSpec> targets,
                                        std::span<const std::uint64_t> records, const Fold& fold,
                                        std::string_view from) {
  const auto too_few = [&](std::size_t found, std::string_view what) {
    return data_error(fmt::format(
        "{}: the training and validation splits together have {} {}, too few for {} folds", from,
        found, what, fold.count));
  };
  if (records.size() < fold.count) throw too_few(records.size(), "records");
  if (!source.has_groups()) return deal(source, targets, records, fold);
  GroupDealer dealer(source, targets, records, fold);
  if (dealer.groups() < fold.count) throw too_few(dealer.groups(), "groups of records");
  return dealer.deal();
}

FoldedSource::FoldedSource(const Source& source, std::span<const TargetSpec> targets,
                           const Fold& fold, std::string_view from)
    : source_(source), fold_(fold) {
  std::vector<std::uint64_t> records;
  for (const Split split : {Split::train, Split::validation})
    source.each_record(split, [&](std::uint64_t record) { records.push_back(record); });
  std::sort(records.begin(), records.end());
  if (!records.empty() && records.back() > std::numeric_limits<std::uint32_t>::max())
    throw data_error(
        fmt::format("{}: record {}; folds are of at most 2^32 records", from, records.back()));
  std::vector<std::uint32_t> folds(records.size());
  if (fold.count > 1) folds = assign_folds(source, targets, records, fold, from);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const bool validates = fold.count > 1 && folds[i] == fold.number - 1;
    records_[validates ? 1 : 0].push_back(static_cast<std::uint32_t>(records[i]));
  }
}

void FoldedSource::measure_channels(PictureShape shape) {
  ChannelStatistics statistics(shape, source_.pixels().type);
  std::vector<std::byte> scratch(source_.scratch_bytes());
  Record record;
  for (const std::uint32_t number : records_of(Split::train)) {
    source_.read(number, scratch, record);
    statistics.add(record.image);
  }
  mean_ = statistics.mean();
  deviation_ = statistics.deviation();
}

std::string FoldedSource::text() const {
  const std::size_t records = records_[0].size() + records_[1].size();
  if (fold_.count == 1)
    return fmt::format("all {} training and validation records are for training", records);
  return fmt::format("fold {} of {} (seed {}), of {} records{}", fold_.number, fold_.count,
                     fold_.seed, records,
                     has_groups() ? " whose groups stay together" : std::string{});
}

std::uint64_t FoldedSource::size(Split split) const {
  return split == Split::test ? source_.size(split) : records_of(split).size();
}

std::uint64_t FoldedSource::record(Split split, std::uint64_t rank) const {
  return split == Split::test ? source_.record(split, rank) : records_of(split)[rank];
}

void FoldedSource::each_record(Split split, const std::function<void(std::uint64_t)>& visit) const {
  if (split == Split::test) return source_.each_record(split, visit);
  for (const std::uint32_t record : records_of(split)) visit(record);
}

}  // namespace medley
