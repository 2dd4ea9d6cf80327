// Times what processes of a training send each other: all to all, at once, as Exchange has them do.
//
//     mpirun -np 2 [--mca btl tcp,self] bench-messages
//
// The first process prints JSON: `latency`, seconds until 8 bytes from each are with all others; and
// `message`, seconds that another message of 8 bytes to each adds to that; `bandwidth`, bytes a second that
// a process sends, while it receives as many, in messages of 1 MiB. The least of many measurements, as what
// disturbs them only adds. Exit code 0.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "medley/engine/processes.hpp"
#include "medley/mpi/mpi_processes.hpp"

namespace medley {

namespace {

// Seconds of an exchange of so many messages of a size with each other process.
double exchange_seconds(MpiProcesses& processes, int messages, std::size_t bytes, int repeats) {
  using Clock = std::chrono::steady_clock;
  const Company company(&processes);
  const auto size = static_cast<std::size_t>(messages) * bytes;
  std::vector<char> out(size), in(size * static_cast<std::size_t>(processes.count()));
  const auto exchange = [&] {
    company.each_other([&](int other) {
      for (std::size_t at = 0; at < size; at += bytes) {
        processes.send(other, out.data() + at, bytes);
        processes.receive(other, in.data() + static_cast<std::size_t>(other) * size + at, bytes);
      }
    });
    processes.wait();
  };
  double least = 1e9;
  for (int round = 0; round < 100; ++round) {
    exchange();
    const auto start = Clock::now();
    for (int i = 0; i < repeats; ++i) exchange();
    const double taken = std::chrono::duration<double>(Clock::now() - start).count();
    least = std::min(least, taken / repeats);
  }
  return least;
}

int run(int count, char** texts) {
  MpiProcesses processes(count, texts, "bench-messages", std::chrono::seconds(60));
  constexpr int many = 16;
  constexpr std::size_t large = std::size_t{1} << 20;
  const double one = exchange_seconds(processes, 1, 8, 20);
  const double more = exchange_seconds(processes, 1 + many, 8, 10);
  const double bulk = exchange_seconds(processes, 1, large, 2);
  if (processes.rank() != 0) return 0;
  const double others = processes.count() - 1;
  fmt::print(
      "{{\"processes\": {}, \"latency\": {:.4g}, \"message\": {:.4g}, \"bandwidth\": {:.4g}}}\n",
      processes.count(), one, std::max(more - one, 0.0) / many / others,
      others * large / std::max(bulk - one, 1e-9));
  return 0;
}

}  // namespace
}  // namespace medley

int main(int count, char** texts) { return medley::run(count, texts); }
