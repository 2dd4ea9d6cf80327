#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "medley/base/terminal.hpp"
#include "medley/base/text.hpp"
#include "medley/data/data_warnings.hpp"
#include "medley/files/csv.hpp"
#include "medley/import/import_options.hpp"

namespace medley {
namespace {

// "1234/5398 pictures, 512/s, 8 s left" on a terminal, a few times a second.
Progress terminal_progress() {
  if (::isatty(STDERR_FILENO) == 0) return {};
  using Clock = std::chrono::steady_clock;
  return
      [start = Clock::now(), last = Clock::now()](std::uint64_t done, std::uint64_t total) mutable {
        const auto now = Clock::now();
        if (done < total && now - last < std::chrono::milliseconds(200)) return;
        last = now;
        const double seconds = std::chrono::duration<double>(now - start).count();
        const double rate = static_cast<double>(done) / std::max(seconds, 1e-3);
        const std::string line = fmt::format("{}/{} pictures, {:.0f}/s, {:.0f} s left", done, total,
                                             rate, static_cast<double>(total - done) / rate);
        fmt::print(stderr, "\r{}\033[K{}", cut_to_columns(line, terminal_columns() - 1),
                   done == total ? "\n" : "");
      };
}

void print_table(const DatasetSummary& summary) {
  const auto row = [](std::string_view target, std::string_view name, std::uint64_t train,
                      std::uint64_t validation, std::uint64_t test) {
    fmt::print("{},{},{},{},{}\n", csv_field(target), csv_field(name), train, validation, test);
  };
  fmt::print("target,class,train,validation,test\n");
  const auto& records = summary.records;
  row("", "", records[0], records[1], records[2]);
  for (const DatasetSummary::Target& target : summary.targets) {
    const auto& counts = target.counts;
    for (std::size_t i = 0; i < counts[0].size(); ++i)
      row(target.spec.name,
          i < target.class_names.size() ? target.class_names[i] : std::to_string(i), counts[0][i],
          counts[1][i], counts[2][i]);
    const auto& missing = target.missing;
    if (missing[0] + missing[1] + missing[2] > 0)
      row(target.spec.name, "", missing[0], missing[1], missing[2]);
  }
}

}  // namespace

int import_command(PictureShape shape, std::span<const TargetSpec> targets,
                   const std::vector<std::string>& arguments, const Source* generated) {
  const ImportOptions options = parse_import_options(arguments, targets, generated != nullptr);
  if (options.help) {
    fmt::print("{}", import_help(generated != nullptr));
    return 0;
  }
  const ImportContext context{
      .shape = shape,
      .generator = generated,
      .progress = terminal_progress(),
      .tell = [](const std::string& line) { fmt::print(stderr, "{}\n", printable(line)); }};
  const auto [out, summary] = std::visit(
      [&](const auto& source) {
        return std::pair{source.request.out, source.run(context)};
      },
      options.source);
  fmt::print(stderr, "wrote {}\n", printable(out.string()));
  print_table(summary);
  constexpr auto everything = std::numeric_limits<std::uint64_t>::max() - 1;
  const Dataset written(out, shape, targets, {.verify_images_up_to = 0});
  for (const std::string& warning : data_warnings(written, shape, targets, everything))
    fmt::print(stderr, "warning: {}\n", warning);
  return 0;
}

int import_command(const Program& program, const Arguments& arguments) {
  const Description& d = program.description;
  return import_command({d.input.c, d.input.h, d.input.w}, d.targets, arguments, program.generator);
}

}  // namespace medley
