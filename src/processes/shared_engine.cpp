#include "medley/processes/shared_engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "medley/base/error.hpp"
#include "medley/processes/identity.hpp"
#include "medley/processes/observations.hpp"
#include "medley/processes/prediction_parcel.hpp"
#include "medley/processes/settings_parcel.hpp"
#include "medley/processes/shared_records.hpp"

namespace medley {

SharedEngine::SharedEngine(std::unique_ptr<Engine> own, const Description& description,
                           Processes& processes, std::span<const std::string> arguments)
    : own_(std::move(own)), description_(description), processes_(processes) {
  Parcel who;
  add_identity(who, description, arguments);
  send_request(processes_, {.action = Action::open}, who);
  for_each_reply([](int, Parcel&) {});
}

SharedEngine::~SharedEngine() { ask(Action::close); }

// All are heard before one is thrown: none is left with an answer that nobody takes.
template <class F>
void SharedEngine::for_each_reply(F&& f) const {
  Exit code = Exit::done;
  std::string wrong;
  for (int other = 1; other < processes_.count(); ++other) {
    Parcel reply = receive_parcel(processes_, other);
    const auto found = reply.take<Exit>();
    const std::string message = reply.take_text();
    if (found == Exit::done) {
      f(other, reply);
    } else if (code == Exit::done) {
      code = found;
      wrong = fmt::format("process {} of {}: {}", other + 1, processes_.count(), message);
    }
  }
  if (code != Exit::done) throw Error(code, wrong);
}

void SharedEngine::start(const Settings& settings) {
  const auto& source = dynamic_cast<const Source&>(*settings.source);
  Parcel parcel;
  add_settings(parcel, settings);
  add_records(parcel, source, description_);
  send_request(processes_, {.action = Action::start}, parcel);
  for_each_reply([&](int other, Parcel& reply) {
    if (!reply.take<bool>()) return;  // the same folder
    if (reply.take<std::uint64_t>() == source.fingerprint()) return;
    throw data_error(fmt::format(
        "process {} of {}: its copy of the data set is not that of the first process, {}: copy it "
        "again, or let all read one folder",
        other + 1, processes_.count(), source.folder()));
  });
  Settings shared = settings;
  shared.processes = &processes_;
  own_->start(shared);
}

void SharedEngine::ask(Action action) const { send_request(processes_, {.action = action}); }

void SharedEngine::initialize() {
  ask(Action::initialize);
  own_->initialize();
}

void SharedEngine::parameters_changed() {
  ask(Action::parameters_changed);
  own_->parameters_changed();
}

void SharedEngine::gather_state() {
  ask(Action::gather_state);
  own_->gather_state();
}

void SharedEngine::step(Position& position, double rate_factor, StepReport& report) {
  send_request(processes_, {.action = Action::step, .position = position, .rate = rate_factor});
  own_->step(position, rate_factor, report);
}

void SharedEngine::measure_gradients(const Position& position, GradientReport& report) {
  send_request(processes_, {.action = Action::measure_gradients, .position = position});
  own_->measure_gradients(position, report);
}

void SharedEngine::keep_parameters(std::span<float> memory) const {
  ask(Action::keep_parameters);
  own_->keep_parameters(memory);
}

void SharedEngine::diagnose(const Position& before, std::span<float> memory, const StepReport& step,
                            double rate_ahead, Diagnosis& diagnosis) {
  send_request(processes_, {.action = Action::diagnose, .position = before, .rate = rate_ahead});
  own_->diagnose(before, memory, step, rate_ahead, diagnosis);
}

void SharedEngine::evaluate(Split split, Evaluation& result, RecordObserver* observer) {
  send_request(processes_,
               {.action = Action::evaluate, .split = split, .watched = observer != nullptr});
  own_->evaluate(split, result, observer);
  for (int other = 1; observer != nullptr && other < processes_.count(); ++other) {
    Parcel told = receive_parcel(processes_, other);
    Observations::tell(told, *observer);
  }
}

// Each process predicts some of the records, one after the other.
void SharedEngine::predict(std::span<const Record> records, std::span<float* const> outputs,
                           const LayerOutput& layer) {
  const PredictionShape shape(description_, layer);
  const auto share = [&](int process) {
    return share_of(static_cast<int>(records.size()), process, processes_.count());
  };
  send_request(processes_, {.action = Action::predict});
  for (int other = 1; other < processes_.count(); ++other) {
    const Share theirs = share(other);
    send_parcel(processes_, other,
                shape.parcel(records.subspan(static_cast<std::size_t>(theirs.first),
                                             static_cast<std::size_t>(theirs.count()))));
  }
  own_->predict(records.first(static_cast<std::size_t>(share(0).count())), outputs, layer);
  for (int other = 1; other < processes_.count(); ++other) {
    const Share theirs = share(other);
    shape.each_output(outputs, layer.values, [&](float* first, std::size_t floats) {
      if (theirs.count() > 0)
        processes_.receive(other, first + static_cast<std::size_t>(theirs.first) * floats,
                           static_cast<std::size_t>(theirs.count()) * floats * sizeof(float));
    });
  }
  processes_.wait();
}

}  // namespace medley
