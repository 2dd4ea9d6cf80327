#include "medley/import/in_order.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace medley {
namespace {

// The records between the one whose turn it is and the one that is prepared next have a place each.
class Turns {
 public:
  Turns(int threads, std::uint64_t count, const InOrderStep& prepare, const InOrderStep& take)
      : count_(count), prepare_(prepare), take_(take), places_(records_ahead(threads, count)) {
    for (std::uint64_t t = 1; t < std::min<std::uint64_t>(static_cast<unsigned>(threads), count);
         ++t) {
      try {
        others_.emplace_back([this] { serve(); });
      } catch (const std::system_error&) {
        break;  // the system gives no more: those that are there do
      }
    }
  }
  ~Turns() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    room_.notify_all();
    for (std::thread& thread : others_) thread.join();
  }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // The caller takes what is ready, and prepares where nothing is.
  void run() {
    std::unique_lock lock(mutex_);
    while (turn_ < count_) {
      Place& place = places_[turn_ % places_.size()];
      if (place.ready) {
        lock.unlock();
        if (place.fault) std::rethrow_exception(place.fault);
        take_(turn_, turn_ % places_.size());
        lock.lock();
        place.ready = false;
        ++turn_;
        room_.notify_one();
      } else if (has_room()) {
        prepare_next(lock);
      } else {
        ready_.wait(lock);
      }
    }
  }

 private:
  struct Place {
    bool ready = false;
    std::exception_ptr fault;
  };

  bool has_room() const { return next_ < count_ && next_ < turn_ + places_.size(); }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      room_.wait(lock, [this] { return stopped_ || next_ == count_ || has_room(); });
      if (stopped_ || next_ == count_) return;
      const bool awaited = prepare_next(lock);
      if (awaited) ready_.notify_one();
    }
  }

  // Prepares the next record, unlocked; whether it is the one whose turn it is.
  bool prepare_next(std::unique_lock<std::mutex>& lock) {
    const std::uint64_t index = next_++;
    const std::size_t number = index % places_.size();
    Place& place = places_[number];
    lock.unlock();
    try {
      prepare_(index, number);
    } catch (...) {
      place.fault = std::current_exception();
    }
    lock.lock();
    place.ready = true;
    return index == turn_;
  }

  std::uint64_t count_;
  const InOrderStep &prepare_, &take_;
  std::mutex mutex_;
  std::condition_variable room_, ready_;
  std::vector<Place> places_;
  std::uint64_t next_ = 0;  // to be prepared
  std::uint64_t turn_ = 0;  // to be taken
  bool stopped_ = false;
  std::vector<std::thread> others_;
};

}  // namespace

std::size_t records_ahead(int threads, std::uint64_t count) {
  const std::uint64_t ahead = threads > 1 ? std::uint64_t{8} * static_cast<unsigned>(threads) : 1;
  return static_cast<std::size_t>(std::min(ahead, std::max<std::uint64_t>(count, 1)));
}

void in_order_of_places(int threads, std::uint64_t count, const InOrderStep& prepare,
                        const InOrderStep& take) {
  Turns(threads, count, prepare, take).run();
}

}  // namespace medley
