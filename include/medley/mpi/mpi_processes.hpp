// Processes that MPI has started, and carries messages between.
#pragma once

#include <mpi.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "medley/engine/processes.hpp"

namespace medley {

// The rules that are kept to (MPI 3.1): messages are sent and received without blocking, by the main
// thread alone (MPI_THREAD_FUNNELED); nothing is summed by the library.
class MpiProcesses final : public Processes {
 public:
  // There can be one. `name` begins what is said on stderr. Where a process has not answered for
  // `patience`, all end with Exit::io.
  MpiProcesses(int& count, char**& texts, std::string_view name, std::chrono::seconds patience);
  ~MpiProcesses();
  MpiProcesses(const MpiProcesses&) = delete;
  MpiProcesses& operator=(const MpiProcesses&) = delete;

  int rank() const override { return rank_; }
  int count() const override { return count_; }
  void send(int to, const void* data, std::size_t bytes) override;
  void receive(int from, void* data, std::size_t bytes) override;
  void wait() override;
  void wait_idly() override;

  // Says why on stderr, and ends all processes with this exit code.
  [[noreturn]] void end_all(std::string_view why, int code);

 private:
  void wait_for_all(bool is_patient);
  bool all_done();
  void give_up();

  std::string name_;
  std::chrono::seconds patience_;
  MPI_Comm world_ = MPI_COMM_NULL;
  int rank_ = 0, count_ = 1;
  std::vector<MPI_Request> requests_;
  std::vector<int> peers_;  // of each request
};

}  // namespace medley
