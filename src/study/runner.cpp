#include "medley/study/runner.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <limits>
#include <new>
#include <thread>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"
#include "medley/run/stop_signal.hpp"
#include "medley/run/training_run.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

using std::chrono::milliseconds;

// How often a trial is gone on with whose process was killed by somebody else.
constexpr int most_kills = 3;
constexpr int paused = 0;

// The life of a child. Messages go to stderr, which the parent reads.
int train_here(const Program& program, const Arguments& arguments, const TrainingPart& part) {
  TrainOptions options = parse_train_options(arguments, program.description);
  options.stop_after_epochs = part.epochs;
  options.stop_after = part.steps;
  const Session session(program, options.isa);
  TrainingRun run(session, options);
  switch (run.train()) {
    case TrainingRun::Ending::diverged:
      return static_cast<int>(Exit::diverged);
    case TrainingRun::Ending::stopped:
      return stop_signal() == 0 ? paused : 128 + stop_signal();
    case TrainingRun::Ending::complete:
      if (part.prints_results) run.print_results();
  }
  return static_cast<int>(Exit::done);
}

int guarded(const auto& body) {
  try {
    return body();
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", printable(error.what()));
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "out of memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", printable(error.what()));
  }
  return static_cast<int>(Exit::io);
}

void end_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(static_cast<int>(Exit::terminated));
}

// In the child: it ends with its parent, listens to the parent alone (a terminal's signals go to all
// of a group), and says nothing on the parent's streams.
void settle(pid_t parent, int messages) {
  end_with(parent);
  ::setpgid(0, 0);
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(nothing, STDOUT_FILENO);
  ::dup2(messages, STDERR_FILENO);
}

// What this process says goes there, and what it prints nowhere, until the end of the scope.
class Muted {
 public:
  explicit Muted(int messages) {
    std::fflush(stdout);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
      kept_[fd] = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nothing, STDOUT_FILENO);
    ::dup2(messages, STDERR_FILENO);
    ::close(nothing);
  }
  ~Muted() {
    std::fflush(stdout);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
      ::dup2(kept_[fd], fd);
      ::close(kept_[fd]);
    }
  }
  Muted(const Muted&) = delete;
  Muted& operator=(const Muted&) = delete;

 private:
  std::array<int, STDERR_FILENO + 1> kept_{};
};

// The last line of what was said there.
std::string last_line(int messages) {
  const off_t size = ::lseek(messages, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::min<off_t>(size, 4096)), '\0');
  const ssize_t read = ::pread(messages, text.data(), text.size(), size - std::ssize(text));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
  while (text.ends_with('\n')) text.pop_back();
  return printable(text.substr(text.rfind('\n') + 1));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {
    if (fd < 0) throw io_error(fmt::format("no process for a trial: {}", std::strerror(errno)));
  }
  ~FileDescriptor() { ::close(fd_); }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int number() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

SharedFlag::SharedFlag()
    : page_(::mmap(nullptr, sizeof(std::sig_atomic_t), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
  if (page_ == MAP_FAILED)
    throw io_error(fmt::format("no memory to share with trials: {}", std::strerror(errno)));
}

SharedFlag::~SharedFlag() { ::munmap(page_, sizeof(std::sig_atomic_t)); }

TrialRunner::TrialRunner(const Program& program, const Design& design, const StudyFolder& folder,
                         RunnerOptions options, Tick tick)
    : program_(program),
      design_(design),
      folder_(folder),
      options_(std::move(options)),
      tick_(std::move(tick)) {}

Arguments TrialRunner::arguments(const Setting& setting, std::uint64_t trial) const {
  Arguments all = design_.shared;
  all.insert(all.end(), setting.options.begin(), setting.options.end());
  const auto add = [&](std::string name, std::string value) {
    all.push_back(std::move(name));
    all.push_back(std::move(value));
  };
  add("--seed", std::to_string(design_.seed_of(trial)));
  if (design_.folds > 0) add("--fold", fmt::format("{}/{}", design_.fold_of(trial), design_.folds));
  add("--test", design_.measures_test ? "on" : "off");
  return all;
}

TrialRunner::Outcome TrialRunner::train(const fs::path& out, const Arguments& options,
                                        const TrainingPart& part) const {
  Arguments all{"--out", out.string()};
  std::error_code error;
  if (fs::exists(out / "config.ini", error)) {
    all.push_back("--resume");
  } else {
    all.insert(all.end(), options.begin(), options.end());
  }
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) all.insert(all.end(), {name, value});
  };
  add("--threads", std::to_string(options_.threads));
  add("--isa", options_.isa);
  add("--data", options_.data);

  const FileDescriptor messages(::memfd_create("messages", MFD_CLOEXEC));
  if (program_.share) {  // a child could not speak with the other processes
    const Muted muted(messages.number());
    const int code = guarded([&] { return train_here(program_, all, part); });
    return {code, false, last_line(messages.number())};
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) ends[0] = ends[1] = -1;
  const FileDescriptor ended(ends[0]);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    settle(parent, messages.number());
    also_stop_for(stop_.flag());
    const int code = guarded([&] { return train_here(program_, all, part); });
    ::_exit(code);  // what the parent's streams hold is the parent's to write
  }
  ::close(ends[1]);
  if (child < 0) throw io_error(fmt::format("no process for a trial: {}", std::strerror(errno)));
  // The pipe is closed by the child's end.
  for (pollfd end{ended.number(), POLLIN, 0}; ::poll(&end, 1, 200) <= 0;) {
    if (stop_signal() != 0) stop_.flag() = stop_signal();
    tick();
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), WIFSIGNALED(status),
          last_line(messages.number())};
}

std::optional<TrialRow> TrialRunner::run(const Setting& setting, const Trial& trial) const {
  const fs::path out = folder_.run(trial.number);
  TrialRow row{.trial = trial, .values = setting.values, .metrics = {}};
  std::string what;
  for (int kills = 0;;) {
    const Outcome outcome = train(out, arguments(setting, trial.number), {.epochs = trial.epochs});
    if (stop_signal() != 0) return std::nullopt;
    if (outcome.code == static_cast<int>(Exit::done)) break;
    if (outcome.code == static_cast<int>(Exit::diverged)) {
      row.status = TrialStatus::diverged;
      what = outcome.message;
      break;
    }
    // Somebody else has ended it, maybe as the first of many: that is no result.
    const bool ended = outcome.killed || outcome.code > 128;
    if (ended && ++kills < most_kills) {
      std::this_thread::sleep_for(milliseconds(300));
      continue;
    }
    row.status = TrialStatus::failed;
    what =
        outcome.killed ? fmt::format("killed by signal {}", outcome.code - 128) : outcome.message;
    break;
  }
  row.metrics.assign(design_.metrics.size(), std::numeric_limits<double>::quiet_NaN());
  row.trial.epochs = 0;
  if (row.status != TrialStatus::failed) {
    auto [epochs, metrics] = read_result(out, design_, trial.epochs);
    row.trial.epochs = epochs;
    if (row.status == TrialStatus::complete) row.metrics = std::move(metrics);
  }
  if (row.status == TrialStatus::complete) return row;
  folder_.say(fmt::format("trial {}: {}: {}", trial.number, to_string(row.status), what));
  return row;
}

void TrialRunner::run_steps(const fs::path& out, const Setting& setting,
                            std::uint64_t steps) const {
  const Outcome outcome = train(out, arguments(setting, 0), {.steps = steps});
  if (stop_signal() != 0 || outcome.code == static_cast<int>(Exit::done) ||
      outcome.code == static_cast<int>(Exit::diverged))
    return;
  throw Error(outcome.killed ? Exit::io : static_cast<Exit>(outcome.code), outcome.message);
}

bool TrialRunner::run_final(const fs::path& out, const Arguments& options) const {
  const Outcome outcome = train(out, options, {.prints_results = true});
  if (stop_signal() != 0) return false;
  if (outcome.code == static_cast<int>(Exit::done)) {
    std::ifstream stream(out / "test.csv", std::ios::binary);
    folder_.write("test.csv", std::string{std::istreambuf_iterator<char>(stream), {}});
    return true;
  }
  throw Error(outcome.killed ? Exit::io : static_cast<Exit>(outcome.code),
              fmt::format("the final training in {} has failed: {}", out.string(),
                          outcome.killed ? "it was killed" : outcome.message));
}

void require_one_job(const Program& program, int jobs) {
  if (jobs > 1 && program.share)
    throw usage_error(
        "--jobs: one training at a time, as all processes take part in each; for several at once, "
        "start this command several times on the same study");
}

bool in_processes(int count, const std::function<bool()>& worker,
                  const std::function<void()>& tick) {
  const SharedFlag stop;
  const pid_t parent = ::getpid();
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      end_with(parent);
      ::setpgid(0, 0);
      also_stop_for(stop.flag());
      ::_exit(guarded([&] { return worker() ? 0 : 128 + stop_signal(); }));
    }
    if (child < 0) break;
    children.push_back(child);
  }
  if (children.empty()) throw io_error(fmt::format("no process: {}", std::strerror(errno)));
  int failure = 0;
  while (!children.empty()) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (stop_signal() != 0) stop.flag() = stop_signal();
    if (ended > 0) {
      std::erase(children, ended);
      const int code = WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(Exit::io);
      if (code != 0 && code < 128 && failure == 0) {
        failure = code;
        stop.flag() = SIGTERM;
      }
      continue;
    }
    tick();
    std::this_thread::sleep_for(milliseconds(20));
  }
  if (failure != 0)
    throw Error(static_cast<Exit>(failure),
                "one of the processes of the study has ended, see above");
  return stop_signal() == 0;
}

bool work(Plan& plan, const Design& design, const StudyFolder& folder, const TrialRunner& runner) {
  milliseconds wait{20};
  for (;;) {
    const std::vector<Trial> open = plan.next(folder.trials(design));
    if (open.empty()) return true;
    bool any = false;
    for (const Trial& trial : open) {
      if (stop_signal() != 0) return false;
      const std::optional<RangeLock> claim = folder.claim(trial.number);
      if (!claim || folder.trials(design).has(trial)) continue;
      const auto start = std::chrono::steady_clock::now();
      const std::optional<TrialRow> row =
          runner.run(plan.settings()[design.setting_of(trial.number)], trial);
      if (!row) return false;
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      folder.add(design, *row, seconds.count());
      any = true;
    }
    // All that is left is in the hands of others: their results, or their end, are waited for.
    if (any) {
      wait = milliseconds(20);
    } else {
      runner.tick();
      std::this_thread::sleep_for(wait);
      wait = std::min(wait * 2, milliseconds(500));
    }
  }
}

}  // namespace medley
