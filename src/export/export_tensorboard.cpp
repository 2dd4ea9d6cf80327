#include "medley/export/export_tensorboard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "medley/export/board_points.hpp"
#include "medley/files/atomic_file.hpp"
#include "medley/report/model_blocks.hpp"
#include "medley/report/page_of_study.hpp"
#include "medley/report/run_files.hpp"
#include "medley/run/model.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

using Strings = std::vector<std::string>;

constexpr std::array<std::string_view, 1> takes{"data"};
constexpr std::size_t samples_of_one_run = 24;

void describe_tensorboard(po::options_description& options) {
  auto add = options.add_options();
  add("folder", po::value<Strings>()->composing()->value_name("RUN"),
      "for TensorBoard instead of a checkpoint: run folder, or a study folder (repeatable)");
  add("split", po::value<std::string>()->value_name("NAME"),
      "for TensorBoard: split that samples are taken from (validation)");
  add("samples", po::value<std::string>()->value_name("N"),
      "for TensorBoard: records shown with their predictions (24 of a single run, 0 of several)");
  add("threads", po::value<std::string>()->value_name("T"),
      "for TensorBoard: at most so many threads for these (default: the processors at hand)");
  add("isa", po::value<std::string>()->value_name("NAME"),
      "for TensorBoard: instruction set for these, also MEDLEY_ISA");
}

// A folder as it is whatever the path to it, so that its name is one.
page::RunFiles run_of(const std::string& folder) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (!error && fs::is_regular_file(real))
    throw usage_error(folder +
                      ": --tensorboard takes a run folder, or a study folder, not a checkpoint");
  return page::read_run(error ? fs::path(folder) : real);
}

// Names are those of folders below DIR.
std::vector<page::RunFiles> runs_of_study(const std::string& folder) {
  const fs::path study = fs::canonical(folder);
  std::vector<page::RunFiles> runs;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(study / "runs", error)) {
    if (!page::is_run(entry.path())) continue;
    runs.push_back(page::read_run(entry.path()));
    runs.back().name = study.filename().string() + "/" + entry.path().filename().string();
  }
  if (page::is_run(study / "final")) {
    runs.push_back(page::read_run(study / "final"));
    runs.back().name = study.filename().string() + "/final";
  }
  if (runs.empty()) throw data_error(folder + ": the study has no runs yet");
  std::ranges::sort(runs, {}, &page::RunFiles::name);
  return runs;
}

std::vector<page::RunFiles> runs_to_write(ExportInput& input) {
  Strings folders;
  if (input.values().count("folder") > 0) folders = input.values()["folder"].as<Strings>();
  if (const std::string given = input.text("checkpoint"); !given.empty())
    folders.insert(folders.begin(), given);
  if (folders.empty())
    throw usage_error("export --tensorboard: say of which run: --folder RUN (repeatable)");
  std::vector<page::RunFiles> runs, of_studies;
  for (const std::string& folder : folders) {
    if (page::is_study(folder)) {
      std::ranges::move(runs_of_study(folder), std::back_inserter(of_studies));
    } else {
      runs.push_back(run_of(folder));
    }
  }
  page::name_apart(runs);
  std::ranges::move(of_studies, std::back_inserter(runs));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (runs[i].name == runs[j].name)
        throw usage_error(fmt::format("export --tensorboard: {} and {} would both be {}",
                                      runs[j].folder.string(), runs[i].folder.string(),
                                      runs[i].name));
    }
  }
  return runs;
}

class Board {
 public:
  Board(ExportInput& input, fs::path to, std::size_t runs) : program_(input.program()), to_(to) {
    options_.data = input.text("data");
    options_.instruction_set = input.text("isa");
    const auto number = [&]<class T>(const char* name, T otherwise) {
      const std::string text = input.text(name);
      return text.empty() ? otherwise : parse_number<T>(text, name);
    };
    options_.samples = number("samples", runs == 1 ? samples_of_one_run : std::size_t{0});
    options_.threads = number("threads", 0);
    if (const std::string split = input.text("split"); !split.empty())
      options_.split = parse_split(split);
  }

  void write(const page::RunFiles& run) {
    BoardPoints points = board_points(run);
    if (options_.samples > 0) add_samples_of(run, points);
    const fs::path folder = to_ / run.name;
    make(folder);
    const FileLock lock(folder);
    // What an earlier export left and this run does not have.
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.is_directory() && has_event_file(entry.path()))
        (void)points[entry.path().filename().string()];
    }
    for (const auto& [split, list] : points) {
      const fs::path at = split.empty() ? folder : folder / split;
      if (!list.empty()) make(at);
      const EventUpdate update = update_event_file(at, list);
      ++files_;
      points_ += list.size();
      begun_ += update == EventUpdate::begun;
      appended_ += update == EventUpdate::appended;
    }
  }

  ExportRows rows(std::size_t runs) const {
    return {{"runs", std::to_string(runs)},
            {"files", std::to_string(files_)},
            {"files_begun", std::to_string(begun_)},
            {"files_appended_to", std::to_string(appended_)},
            {"points", std::to_string(points_)}};
  }

 private:
  static void make(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw io_error(folder.string() + ": cannot be made: " + error.message());
  }

  void add_samples_of(const page::RunFiles& run, BoardPoints& points) {
    const auto leave_out = [&](const std::string& why) {
      fmt::print(stderr, "{}: no samples: {}\n", run.name, why);
    };
    if (run.experiment != program_.description.name) {
      leave_out(fmt::format("it is of '{}', this program of '{}'", run.experiment,
                            program_.description.name));
      return;
    }
    ModelBlocksOptions options = options_;
    options.run = run.folder;
    const nlohmann::json model = model_blocks(program_, options);
    if (model.contains("left_out")) {
      leave_out(model["left_out"].get<std::string>());
      return;
    }
    add_samples(run, model, points);
  }

  const Program& program_;
  const fs::path to_;
  ModelBlocksOptions options_;
  std::size_t files_ = 0, points_ = 0, begun_ = 0, appended_ = 0;
};

ExportRows write_tensorboard(ExportInput& input, const std::string& to) {
  const std::vector<page::RunFiles> runs = runs_to_write(input);
  Board board(input, to, runs.size());
  for (const page::RunFiles& run : runs) board.write(run);
  return board.rows(runs.size());
}

}  // namespace

ExportFormat tensorboard_format() {
  return {"tensorboard",
          "DIR",
          "write what runs have logged, weights, confusion matrices and samples as TensorBoard's "
          "event files, DIR/RUN/train and others; again, also while a run is going, to go on",
          takes,
          describe_tensorboard,
          write_tensorboard};
}

}  // namespace medley
