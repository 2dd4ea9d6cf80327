// Records that several threads prepare are taken in their order; faults are told at their turn.
#include "medley/import/in_order.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

namespace medley {
namespace {

using Numbers = std::vector<std::uint64_t>;

Numbers first(std::uint64_t count) {
  Numbers numbers(count);
  std::iota(numbers.begin(), numbers.end(), std::uint64_t{0});
  return numbers;
}

// Now and then a record takes long, so that others overtake it.
void dawdle(std::uint64_t index) {
  if (index % 7 == 3) std::this_thread::sleep_for(std::chrono::microseconds(300));
}

std::size_t threads_of_process() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    ++count;
  return count;
}

TEST(InOrder, AnyNumberOfThreadsGivesTheSameOrder) {
  for (const int threads : {1, 2, 3, 8, 1000}) {
    for (const std::uint64_t count : {0u, 1u, 2u, 500u}) {
      Numbers taken;
      const auto caller = std::this_thread::get_id();
      in_order<std::uint64_t>(
          threads, count,
          [](std::uint64_t i, std::uint64_t& item) {
            dawdle(i);
            item = i * i;
          },
          [&](std::uint64_t i, std::uint64_t& item) {
            EXPECT_EQ(item, i * i);
            EXPECT_EQ(std::this_thread::get_id(), caller);
            taken.push_back(i);
          });
      EXPECT_EQ(taken, first(count)) << threads;
    }
  }
  EXPECT_EQ(threads_of_process(), 1u);
}

TEST(InOrder, SeveralThreadsPrepareAndEachIsOneOfThem) {
  std::mutex mutex;
  std::set<std::thread::id> seen;
  in_order<int>(
      3, 300,
      [&](std::uint64_t, int&) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
        const std::lock_guard lock(mutex);
        seen.insert(std::this_thread::get_id());
      },
      [](std::uint64_t, int&) {});
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_TRUE(seen.contains(std::this_thread::get_id()));
}

TEST(InOrder, FewRecordsAreAheadOfTheOneWhoseTurnItIs) {
  EXPECT_EQ(records_ahead(1, 1000), 1u);
  EXPECT_EQ(records_ahead(4, 3), 3u);
  std::atomic<std::uint64_t> turn{0}, furthest{0};
  in_order<int>(
      4, 2000,
      [&](std::uint64_t i, int&) {
        const std::uint64_t ahead = i - turn;
        if (ahead > furthest) furthest = ahead;
      },
      [&](std::uint64_t i, int&) {
        std::this_thread::sleep_for(std::chrono::microseconds(i % 100 == 0 ? 1000 : 0));
        turn = i + 1;
      });
  EXPECT_LE(furthest, records_ahead(4, 2000));
}

// Those before the first fault are taken; later faults, also ones that come up earlier, are not told.
TEST(InOrder, AFaultIsThrownAtItsTurn) {
  for (const int threads : {1, 2, 5}) {
    Numbers taken;
    std::string told;
    try {
      in_order<int>(
          threads, 100,
          [](std::uint64_t i, int&) {
            if (i == 40) std::this_thread::sleep_for(std::chrono::milliseconds(3));
            if (i >= 40) throw std::runtime_error("record " + std::to_string(i));
          },
          [&](std::uint64_t i, int&) { taken.push_back(i); });
    } catch (const std::runtime_error& error) {
      told = error.what();
    }
    EXPECT_EQ(told, "record 40") << threads;
    EXPECT_EQ(taken, first(40)) << threads;
    EXPECT_EQ(threads_of_process(), 1u);
  }
}

TEST(InOrder, AFaultOfTakingEndsTheThreadsToo) {
  for (const int threads : {1, 4}) {
    Numbers taken;
    EXPECT_THROW(in_order<int>(
                     threads, 1000, [](std::uint64_t i, int&) { dawdle(i); },
                     [&](std::uint64_t i, int&) {
                       if (i == 10) throw std::bad_alloc();
                       taken.push_back(i);
                     }),
                 std::bad_alloc);
    EXPECT_EQ(taken, first(10)) << threads;
    EXPECT_EQ(threads_of_process(), 1u);
  }
}

}  // namespace
}  // namespace medley
