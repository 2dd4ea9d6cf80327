#include "medley/processes/serve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "medley/base/error.hpp"
#include "medley/files/options.hpp"
#include "medley/processes/identity.hpp"
#include "medley/processes/observations.hpp"
#include "medley/processes/prediction_parcel.hpp"
#include "medley/processes/request.hpp"
#include "medley/processes/settings_parcel.hpp"
#include "medley/processes/shared_records.hpp"

namespace medley {

namespace {

class Server {
 public:
  Server(const Program& program, Processes& processes, std::span<const std::string> arguments)
      : program_(program), processes_(processes), arguments_(arguments) {}

  // False: nothing more is asked.
  bool serve_one() {
    Request request;
    processes_.receive(0, &request, sizeof(request));
    if (in_loop_) {
      processes_.wait();
    } else {
      processes_.wait_idly();
    }
    in_loop_ = of_loop(request.action);
    Parcel parcel = request.bytes > 0 ? receive_parcel(processes_, 0, request.bytes) : Parcel{};
    switch (request.action) {
      case Action::open:
        open(parcel);
        break;
      case Action::start:
        start(parcel);
        break;
      case Action::close:
        session_.reset();
        break;
      case Action::finish:
        return false;
      case Action::predict:
        predict();
        break;
      default:
        work(request);
    }
    return true;
  }

 private:
  // Whether the first process is in a loop of steps then, where the next request is soon there. Before it
  // may read data for hours, or wait for somebody who types; behind it, write pages.
  static bool of_loop(Action action) {
    return action == Action::step || action == Action::measure_gradients ||
           action == Action::keep_parameters || action == Action::diagnose ||
           action == Action::evaluate || action == Action::gather_state;
  }

  // Tells the first process how something went that may throw; `more` adds to a good answer.
  template <class F>
  void reply(F&& attempt) {
    Parcel answer;
    try {
      Parcel more;
      attempt(more);
      answer.add(Exit::done);
      answer.add(std::string_view());
      for (const std::byte byte : more.bytes()) answer.add(byte);
    } catch (const Error& error) {
      answer = {};
      answer.add(error.code());
      answer.add(std::string_view(error.what()));
    }
    send_parcel(processes_, 0, answer);
  }

  void open(Parcel& parcel) {
    reply([&](Parcel&) {
      if (const std::string how = differs_from(parcel, program_.description, arguments_);
          !how.empty())
        throw usage_error(how + ": processes that train together are called alike");
      session_.emplace(program_, own_option(arguments_, "--isa"));
    });
  }

  void start(Parcel& parcel) {
    records_.reset();
    reply([&](Parcel& more) {
      settings_.take(parcel, program_.description);
      records_ = std::make_unique<SharedRecords>(parcel, program_.description, program_.generator,
                                                 own_option(arguments_, "--data"));
      more.add(records_->is_copy());
      if (records_->is_copy()) more.add(records_->fingerprint());
    });
    if (!records_) return;
    Settings settings = settings_.settings;
    const std::string threads = own_option(arguments_, "--threads");
    settings.threads =
        std::min(threads.empty() ? available_threads() : parse_number<int>(threads, "threads"),
                 program_.description.memory.slots);
    settings.source = records_.get();
    settings.processes = &processes_;
    session_->engine().start(settings);
    memory_.resize(session_->engine().diagnosis_floats());
  }

  void work(const Request& request) {
    Engine& engine = session_->engine();
    Position position = request.position;
    switch (request.action) {
      case Action::initialize:
        return engine.initialize();
      case Action::parameters_changed:
        return engine.parameters_changed();
      case Action::gather_state:
        return engine.gather_state();
      case Action::step:
        return engine.step(position, request.rate, report_);
      case Action::measure_gradients: {
        GradientReport ignored;
        return engine.measure_gradients(position, ignored);
      }
      case Action::keep_parameters:
        return engine.keep_parameters(memory_);
      case Action::diagnose: {
        Diagnosis ignored;
        return engine.diagnose(position, memory_, report_, request.rate, ignored);
      }
      default:
        return evaluate(request);
    }
  }

  void evaluate(const Request& request) {
    Evaluation ignored;
    if (!request.watched) return session_->engine().evaluate(request.split, ignored);
    Observations told;
    session_->engine().evaluate(request.split, ignored, &told);
    send_parcel(processes_, 0, told.parcel());
  }

  void predict() {
    Parcel parcel = receive_parcel(processes_, 0);
    PredictedParcel work(parcel, program_.description);
    if (work.records().empty()) return;
    session_->engine().predict(work.records(), work.outputs(), work.layer());
    for (const std::vector<float>& values : work.values())
      processes_.send(0, values.data(), values.size() * sizeof(float));
    processes_.wait();
  }

  const Program& program_;
  Processes& processes_;
  std::span<const std::string> arguments_;
  std::optional<Session> session_;
  std::unique_ptr<SharedRecords> records_;
  SettingsParcel settings_;
  StepReport report_;
  bool in_loop_ = false;
  std::vector<float> memory_;
};

}  // namespace

void serve(const Program& program, Processes& processes, std::span<const std::string> arguments) {
  Server server(program, processes, arguments);
  while (server.serve_one()) {
  }
}

}  // namespace medley
