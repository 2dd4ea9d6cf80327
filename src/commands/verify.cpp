// `verify`: repeats a run and compares what it writes, byte for byte.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <vector>

#include "commands/commands.hpp"
#include "medley/base/error.hpp"
#include "medley/files/options.hpp"
#include "medley/files/safetensors.hpp"
#include "medley/run/mix_options.hpp"
#include "medley/run/stop_signal.hpp"
#include "medley/run/training_run.hpp"

namespace medley {

namespace {

namespace fs = std::filesystem;

// A folder that goes when the process is done with it.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_((fs::temp_directory_path() / "medley-verify-XXXXXX").string()) {
    if (!::mkdtemp(path_.data())) {
      throw io_error(fmt::format("{}: cannot be made: {}", path_, std::strerror(errno)));
    }
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  fs::path path() const { return path_; }

 private:
  std::string path_;
};

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw io_error(fmt::format("{}: cannot be read", path.string()));
  return {std::istreambuf_iterator<char>(file), {}};
}

// Where two runs part.
struct Difference {
  std::uint64_t step = 0;
  std::string where;
};

// The step of a row of a CSV file, its second column; a very late one where there is none.
std::uint64_t step_of(std::string_view row) {
  std::uint64_t step = 0;
  const std::size_t comma = std::min(row.find(','), row.size() - 1) + 1;
  const auto [end, error] = std::from_chars(row.data() + comma, row.data() + row.size(), step);
  return error == std::errc{} ? step : ~std::uint64_t{0};
}

// Rows with their line ends; the last one may have none.
std::vector<std::string_view> rows_of(std::string_view text) {
  std::vector<std::string_view> rows;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size() - 1) + 1;
    rows.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return rows;
}

// Compares a CSV file of a run with what was repeated of its first `steps` steps. Rows of later
// steps may follow where that is not all of the run (`more`), as of one that was killed; they are
// counted in `later`.
std::optional<Difference> compare_rows(const fs::path& run, const fs::path& repeated,
                                       const char* name, std::uint64_t steps, bool more,
                                       std::size_t& later) {
  const std::string texts[] = {contents(run / name), contents(repeated / name)};
  const std::vector<std::string_view> ours = rows_of(texts[0]), again = rows_of(texts[1]);
  const auto shown = [](std::string_view row) { return row.substr(0, row.find_first_of("\r\n")); };
  for (std::size_t i = 0; i < std::max(ours.size(), again.size()); ++i) {
    if (i < ours.size() && i < again.size() && ours[i] == again[i]) continue;
    if (i >= ours.size())
      return Difference{step_of(again[i]),
                        fmt::format("{}: '{}' is missing", name, shown(again[i]))};
    if (i < again.size())
      return Difference{step_of(again[i]),
                        fmt::format("{}: '{}' is now '{}'", name, shown(ours[i]), shown(again[i]))};
    if (!more || step_of(ours[i]) <= steps)
      return Difference{steps, fmt::format("{}: '{}' is missing now", name, shown(ours[i]))};
    ++later;
  }
  return {};
}

std::string place(std::span<const std::uint64_t> dims, std::size_t element) {
  std::string text;
  for (std::size_t d = dims.size(); d-- > 0;) {
    text = fmt::format("{}{}{}", element % dims[d], text.empty() ? "" : ",", text);
    element /= dims[d];
  }
  return text;
}

// The first tensor of two checkpoints that differs, or what else does. What a mix keeps comes last,
// though it is first in the file: it follows from what parameters have become.
std::string first_different_tensor(const SafetensorsFile& run, const SafetensorsFile& repeated) {
  for (const bool of_mixes : {false, true}) {
    for (const SafetensorsFile::Tensor& tensor : run.tensors()) {
      if (tensor.name.starts_with(checkpoint_field::mix) != of_mixes) continue;
      const SafetensorsFile::Tensor* other = repeated.find(tensor.name);
      if (!other || other->dims != tensor.dims) {
        return fmt::format("tensor {} has another shape", tensor.name);
      }
      for (std::size_t i = 0; i < tensor.values.size(); ++i) {
        if (std::memcmp(&tensor.values[i], &other->values[i], sizeof(float)) == 0) continue;
        return fmt::format("tensor {}[{}] is {} and now {}", tensor.name, place(tensor.dims, i),
                           tensor.values[i], other->values[i]);
      }
    }
  }
  return "only the metadata differs";
}

struct Verdict {
  std::size_t checkpoints = 0;  // compared
  std::size_t later = 0;        // rows of logs beyond the steps that were repeated
  std::optional<Difference> difference;
};

// The earliest difference: in a row of a log, and in the first checkpoint that both have.
Verdict compare(const fs::path& run, const fs::path& repeated, std::uint64_t steps, bool more) {
  Verdict verdict;
  for (const char* name : {"losses.csv", "metrics.csv"}) {
    const auto found = compare_rows(run, repeated, name, steps, more, verdict.later);
    if (found && (!verdict.difference || found->step < verdict.difference->step)) {
      verdict.difference = found;
    }
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(repeated / "checkpoints")) {
    if (fs::exists(run / "checkpoints" / entry.path().filename())) {
      files.push_back(entry.path().filename());
    }
  }
  std::ranges::sort(files);
  verdict.checkpoints = files.size();
  for (const fs::path& file : files) {
    const fs::path ours = run / "checkpoints" / file, again = repeated / "checkpoints" / file;
    if (contents(ours) == contents(again)) continue;
    const std::string tensor =
        fmt::format("{}: {}", file.string(),
                    first_different_tensor(SafetensorsFile(ours), SafetensorsFile(again)));
    if (!verdict.difference)
      verdict.difference = Difference{step_of_checkpoint(file).value_or(0), {}};
    verdict.difference->where += (verdict.difference->where.empty() ? "" : "; ") + tensor;
    break;
  }
  return verdict;
}

po::options_description describe(const Description& d) {
  po::options_description options("options", 100, 60);
  const auto text = [] { return po::value<std::string>(); };
  options.add_options()("run", text()->value_name("RUN"), "the run folder; also without the name");
  options.add_options()("steps", text()->value_name("N"),
                        "repeat the first N steps only (default: all that RUN has done)");
  options.add_options()("data", text()->value_name("DIR"),
                        "dataset folder, where it is no longer where RUN found it");
  options.add_options()("threads", text()->value_name("T"),
                        fmt::format("at most {} for this experiment", d.memory.slots).c_str());
  options.add_options()("isa", text()->value_name("NAME"), "instruction set");
  options.add_options()("help", po::bool_switch(), "this text");
  return options;
}

std::string help(const Description& d) {
  std::ostringstream text;
  text << describe(d);
  return fmt::format(
      "medley-{0} verify: repeats a run and says whether it comes out the same, byte for byte\n\n"
      "  medley-{0} verify RUN [options]\n\n"
      "Trains again with RUN's options, in a folder that is removed afterwards, and compares\n"
      "losses.csv, metrics.csv and the checkpoints that RUN has kept. RUN is not changed. Exit "
      "code 0 if all bytes agree; 3 if they part, with the step and the "
      "tensor.\n\n{1}",
      d.name, text.str());
}

}  // namespace

int verify_command(const Program& program, const Arguments& arguments) {
  const Description& d = program.description;
  po::positional_options_description positional;
  positional.add("run", 1);
  const po::variables_map values = parse_options("verify", describe(d), arguments, &positional);
  if (values["help"].as<bool>()) {
    fmt::print("{}", help(d));
    return 0;
  }
  if (values.count("run") == 0) {
    throw usage_error("verify: the run folder is missing ('verify --help' lists the options)");
  }
  const fs::path run = values["run"].as<std::string>();
  const Session session(program, values.count("isa") > 0 ? values["isa"].as<std::string>() : "");
  const Description chosen = with_options(d, load_checkpoint(run, d, session.arena(), false));
  const Checkpoint last = load_checkpoint(run, chosen, session.arena(), true);
  const std::uint64_t done = last.state.position.step;

  const TemporaryFolder temporary;
  Arguments training{"--config", (run / "config.ini").string(), "--out",
                     (temporary.path() / "run").string()};
  for (const char* name : {"data", "threads", "isa"}) {
    if (values.count(name) == 0) continue;
    training.push_back(fmt::format("--{}", name));
    training.push_back(values[name].as<std::string>());
  }
  TrainOptions options = parse_train_options(training, d);
  require_same_options(last, options, d);
  options.stop_after = done;
  if (values.count("steps") > 0) {
    const auto wanted = parse_number<std::uint64_t>(values["steps"].as<std::string>(), "steps");
    if (wanted == 0) throw usage_error("--steps: at least 1");
    options.stop_after = std::min(done, wanted);
  }
  TrainingRun repetition(session, options);
  const TrainingRun::Ending ending = repetition.train();
  if (stop_signal() != 0) return 128 + stop_signal();
  if (ending == TrainingRun::Ending::diverged) {
    throw data_error(fmt::format("{}: does not come out the same: it diverges now after step {}",
                                 run.string(), repetition.step()));
  }

  const Verdict verdict = compare(run, options.out, repetition.step(), !repetition.finished());
  if (!verdict.difference) {
    fmt::print("name,value\nagrees,yes\nsteps,{}\ncheckpoints,{}\n", repetition.step(),
               verdict.checkpoints);
    fmt::print(stderr, "{}: the first {} steps come out the same, byte for byte{}\n", run.string(),
               repetition.step(),
               verdict.later == 0
                   ? std::string{}
                   : fmt::format("; {} rows of later steps were not compared", verdict.later));
    return static_cast<int>(Exit::done);
  }
  throw data_error(fmt::format(
      "{}: does not come out the same{}; it parts at step {}: {}", run.string(),
      last.data == repetition.source().fingerprint() ? "" : ", from data that are not the same",
      verdict.difference->step, verdict.difference->where));
}

}  // namespace medley
