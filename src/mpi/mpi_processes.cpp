#include "medley/mpi/mpi_processes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <thread>

#include "medley/base/error.hpp"

namespace medley {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// MPI counts in int.
constexpr std::size_t most_bytes = std::size_t{1} << 30;

// What others answer to a step is there soon; a command may be long in coming.
constexpr milliseconds polls_for{2};
constexpr microseconds sleeps_for{50};

// More between two looks is time in which this process did not run: stopped itself, it knows nothing of others.
constexpr milliseconds most_between_looks{100};

// The first process speaks before the second, and that one before all others, so that one sentence is
// said: launchers take some seconds to end processes.
constexpr std::chrono::seconds lets_others_speak{4};

}  // namespace

MpiProcesses::MpiProcesses(int& count, char**& texts, std::string_view name,
                           std::chrono::seconds patience)
    : name_(name), patience_(patience) {
  int provided = 0;
  MPI_Init_thread(&count, &texts, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_dup(MPI_COMM_WORLD, &world_);
  MPI_Comm_set_errhandler(world_, MPI_ERRORS_RETURN);
  MPI_Comm_rank(world_, &rank_);
  MPI_Comm_size(world_, &count_);
  if (provided < MPI_THREAD_FUNNELED)
    end_all("this MPI library allows no threads", static_cast<int>(Exit::usage));
}

MpiProcesses::~MpiProcesses() {
  MPI_Comm_free(&world_);
  MPI_Finalize();
}

void MpiProcesses::send(int to, const void* data, std::size_t bytes) {
  const auto* first = static_cast<const char*>(data);
  for (std::size_t at = 0; at < bytes; at += most_bytes) {
    const auto some = static_cast<int>(std::min(most_bytes, bytes - at));
    MPI_Isend(first + at, some, MPI_BYTE, to, 0, world_, &requests_.emplace_back());
    peers_.push_back(to);
  }
}

void MpiProcesses::receive(int from, void* data, std::size_t bytes) {
  auto* first = static_cast<char*>(data);
  for (std::size_t at = 0; at < bytes; at += most_bytes) {
    const auto some = static_cast<int>(std::min(most_bytes, bytes - at));
    MPI_Irecv(first + at, some, MPI_BYTE, from, 0, world_, &requests_.emplace_back());
    peers_.push_back(from);
  }
}

void MpiProcesses::wait() { wait_for_all(false); }
void MpiProcesses::wait_idly() { wait_for_all(true); }

void MpiProcesses::wait_for_all(bool is_patient) {
  const auto most = patience_ + std::min(rank_, 2) * lets_others_speak;
  Clock::duration waited{};
  for (auto before = Clock::now(); !all_done();) {
    if (waited > most && !is_patient) give_up();
    if (waited < polls_for) {
      ::sched_yield();
    } else {
      std::this_thread::sleep_for(sleeps_for);
    }
    const auto now = Clock::now();
    waited += std::min<Clock::duration>(now - before, most_between_looks);
    before = now;
  }
  requests_.clear();
  peers_.clear();
}

bool MpiProcesses::all_done() {
  int done = 0;
  const int error =
      MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE);
  if (error == MPI_SUCCESS) return done != 0;
  std::array<char, MPI_MAX_ERROR_STRING> text;
  int length = 0;
  MPI_Error_string(error, text.data(), &length);
  end_all(fmt::format("a message was lost: {}",
                      std::string_view(text.data(), static_cast<std::size_t>(length))),
          static_cast<int>(Exit::io));
}

// Whoever has not taken part in what all others have.
void MpiProcesses::give_up() {
  std::set<int> silent;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    int done = 0;
    MPI_Test(&requests_[i], &done, MPI_STATUS_IGNORE);
    if (done == 0) silent.insert(peers_[i] + 1);
  }
  if (silent.empty()) return;
  end_all(fmt::format("process {} of {} {} not answered for {} s", fmt::join(silent, ", "), count_,
                      silent.size() == 1 ? "has" : "have", patience_.count()),
          static_cast<int>(Exit::io));
}

void MpiProcesses::end_all(std::string_view why, int code) {
  fmt::print(
      stderr,
      "{}: {}: all processes end; what was saved last is whole, --resume goes on from there\n",
      name_, why);
  MPI_Abort(world_, code);
  std::_Exit(code);
}

}  // namespace medley
