#include "medley/export/export_format.hpp"

#include <optional>

#include "medley/run/model.hpp"

namespace medley {

ExportInput::ExportInput(const Program& program, const po::variables_map& values)
    : program_(program), values_(values), checkpoint_(text("checkpoint")) {}

const std::string& ExportInput::checkpoint() const {
  if (checkpoint_.empty())
    throw usage_error(
        "export: --checkpoint FILE|RUN is missing ('export --help' lists the options)");
  return checkpoint_;
}

bool ExportInput::has(const char* option) const { return values_[option].as<bool>(); }

std::string ExportInput::text(const char* option) const {
  return values_.count(option) > 0 ? values_[option].as<std::string>() : std::string{};
}

const NetworkView& ExportInput::network() {
  if (network_) return *network_;
  const Description& d = program_.description;
  const Session session(program_);
  const Checkpoint checkpoint = load_checkpoint(this->checkpoint(), d, session.arena(), false);
  // Records are there for what a file that another framework wrote does not say.
  const std::string data = text("data");
  std::optional<Dataset> dataset;
  const Source* records = checkpoint.pixels ? nullptr : program_.generator;
  if (!data.empty()) {
    dataset.emplace(data, PictureShape{d.input.c, d.input.h, d.input.w}, d.targets,
                    DatasetOptions{.targets_required = false, .split_required = false});
    records = &*dataset;
  }
  const std::string from = data.empty() ? "the experiment's own data" : data;
  const ModelSource source(checkpoint, d, records, from, true);
  return network_.emplace(view_network(d, session.arena(), source));
}

}  // namespace medley
