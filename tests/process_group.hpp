// Processes that are threads of one program, for tests of engines that train together.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "medley/engine/processes.hpp"

namespace medley::testing {

// Messages between them, in order. They are counted.
class ProcessGroup {
 public:
  explicit ProcessGroup(int count) : boxes_(static_cast<std::size_t>(count * count)) {
    for (int rank = 0; rank < count; ++rank) members_.emplace_back(*this, rank, count);
  }

  // Calls f(processes) for each, in a thread of its own.
  template <class F>
  void run(F&& f) {
    std::vector<std::thread> threads;
    for (Member& member : members_) threads.emplace_back([&] { f(member); });
    for (std::thread& thread : threads) thread.join();
  }

  // Bytes that were sent, in all.
  std::size_t bytes() {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  using Message = std::vector<std::byte>;

  class Member final : public Processes {
   public:
    Member(ProcessGroup& group, int rank, int count) : group_(group), rank_(rank), count_(count) {}
    int rank() const override { return rank_; }
    int count() const override { return count_; }
    void send(int to, const void* data, std::size_t bytes) override {
      const auto* first = static_cast<const std::byte*>(data);
      group_.put(rank_, to, Message(first, first + bytes));
    }
    void receive(int from, void* data, std::size_t bytes) override {
      wanted_.push_back({from, data, bytes});
    }
    void wait() override {
      for (const Wanted& wanted : wanted_) {
        const Message message = group_.take(wanted.from, rank_);
        if (message.size() != wanted.bytes) throw std::logic_error("a message of another length");
        std::memcpy(wanted.data, message.data(), message.size());
      }
      wanted_.clear();
    }

   private:
    struct Wanted {
      int from;
      void* data;
      std::size_t bytes;
    };
    ProcessGroup& group_;
    int rank_, count_;
    std::vector<Wanted> wanted_;
  };

  std::deque<Message>& box(int from, int to) {
    return boxes_[static_cast<std::size_t>(from) * members_.size() + static_cast<std::size_t>(to)];
  }
  void put(int from, int to, Message message) {
    const std::lock_guard lock(mutex_);
    bytes_ += message.size();
    box(from, to).push_back(std::move(message));
    arrived_.notify_all();
  }
  Message take(int from, int to) {
    std::unique_lock lock(mutex_);
    std::deque<Message>& messages = box(from, to);
    if (!arrived_.wait_for(lock, std::chrono::seconds(60), [&] { return !messages.empty(); }))
      throw std::logic_error("a message that nobody has sent");
    Message message = std::move(messages.front());
    messages.pop_front();
    return message;
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::deque<Message>> boxes_;
  std::deque<Member> members_;
  std::size_t bytes_ = 0;
};

}  // namespace medley::testing
