// The text files of a run: losses.csv, metrics.csv, timing.csv and log.txt.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "medley/engine/reports.hpp"
#include "medley/experiment/description.hpp"
#include "medley/run/run_folder.hpp"

namespace medley {

// Writing a row does not allocate; opening does.
class RunLogs {
 public:
  // Opens the files of the run, cut to what `state` knows of them, and writes headers where they
  // are missing. With `quiet`, people read log.txt alone. Throws io_error, data_error.
  RunLogs(const Description& description, const std::filesystem::path& run, const RunState& state,
          bool quiet = false);

  std::uint64_t losses_bytes() const { return losses_.bytes(); }
  std::uint64_t metrics_bytes() const { return metrics_.bytes(); }

  // A row of losses.csv; `split` is the name of one, whole_train or best_test. `gradients` may be
  // null.
  Status losses(std::uint64_t epoch, std::uint64_t step, std::string_view split, double total,
                std::span<const double> value, std::span<const double> weight,
                std::span<const bool> measured, const GradientReport* gradients) noexcept;
  Status metrics(std::uint64_t epoch, std::uint64_t step, std::string_view split,
                 std::span<const double> values) noexcept;
  Status timing(std::uint32_t epoch, std::uint64_t step, double seconds,
                std::uint64_t records) noexcept;
  // To people: on stderr, and in log.txt. What does not reach the log stops nothing.
  void say(std::string_view text) noexcept;

  Status sync() noexcept;

 private:
  std::string losses_header() const;
  std::string metrics_header() const;

  const Description& d_;
  const bool quiet_;
  LogFile losses_, metrics_, timing_, log_;
  Row row_;
};

}  // namespace medley
