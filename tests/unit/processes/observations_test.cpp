// What is told of records, told again.
#include "medley/processes/observations.hpp"

#include <gtest/gtest.h>

#include <string>

namespace medley {
namespace {

class Notes final : public RecordObserver {
 public:
  void loss(std::uint64_t rank, int term, double value, double weight) override {
    note("loss", rank, term, value, weight);
  }
  void loss_sums(std::uint64_t rank, int term, std::span<const double> sums) override {
    note("sums", rank, term, static_cast<double>(sums.size()));
    for (const double sum : sums) note("sum", rank, term, sum);
  }
  void predicted(std::uint64_t rank, int metric, int label, int prediction,
                 std::uint64_t positions) override {
    note("predicted", rank, metric, label, prediction, static_cast<double>(positions));
  }
  void scored(std::uint64_t rank, int metric, const Score& score) override {
    note("scored", rank, metric, static_cast<double>(score.value), score.label);
  }
  void erred(std::uint64_t rank, int metric, double absolute, double squared,
             int dimensions) override {
    note("erred", rank, metric, absolute, squared, dimensions);
  }
  std::vector<std::string> lines;

 private:
  template <class... Values>
  void note(std::string what, std::uint64_t rank, int of, Values... values) {
    what += " " + std::to_string(rank) + " " + std::to_string(of);
    ((what += " " + std::to_string(std::bit_cast<std::uint64_t>(static_cast<double>(values)))),
     ...);
    lines.push_back(what);
  }
};

TEST(Observations, AreToldAgainInOrderAndBitForBit) {
  const auto tell = [](RecordObserver& observer) {
    const double sums[]{1.0 / 3.0, -0.0};
    observer.loss(1, 2, 0.1, 3.0);
    observer.loss_sums(~std::uint64_t{0}, 1, sums);
    observer.loss_sums(4, 1, {});
    observer.predicted(5, 0, -1, 7, std::uint64_t{1} << 40);
    observer.scored(6, 1, {.value = 0.3f, .label = 1});
    observer.erred(7, 3, 1.0 / 7.0, 1e-300, 2);
  };
  Notes expected, found;
  Observations kept;
  tell(expected);
  tell(kept);
  Parcel parcel(std::vector<std::byte>(kept.parcel().bytes().begin(), kept.parcel().bytes().end()));
  Observations::tell(parcel, found);
  EXPECT_EQ(found.lines, expected.lines);
  EXPECT_EQ(found.lines.size(), 8u);
  EXPECT_TRUE(parcel.at_end());
}

}  // namespace
}  // namespace medley
