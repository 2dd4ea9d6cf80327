#include "medley/import/arrays_source.hpp"

#include <fmt/format.h>

#include "medley/files/options.hpp"

namespace medley {
namespace {

void read_targets(const OptionValues& values, std::span<const TargetSpec> targets,
                  ArraysRequest& request) {
  request.targets_in = target_files(values, "npy-labels", targets);
  if (values.count("npy-split") != 0) request.split = required(values, "npy-split");
}

DatasetSummary run_import(ArraysRequest request, const ImportContext& context) {
  request.shape = context.shape;
  request.progress = context.progress;
  return import_arrays(request);
}

}  // namespace

void NpySource::describe(OptionsDescription& options) {
  auto add = options.add_options();
  add("npy", po::value<std::string>()->value_name("FILE"),
      "instead of a CSV file: an array of pictures, an .npy file or FILE.npz:MEMBER; N x H x W, "
      "N x H x W x C or N x C x H x W, of uint8, bool, uint16, or of other numbers with --range");
  add("layout", po::value<std::string>()->value_name("AXES")->default_value("auto"),
      "which axes these are, where the shape alone does not tell: nhw, nhwc or nchw");
  add("npy-labels", po::value<std::vector<std::string>>()->value_name("TARGET=FILE")->composing(),
      "the array of a target, a record a picture (repeatable); by default the member of that name "
      "of "
      "the pictures' archive");
  add("npy-split", po::value<std::string>()->value_name("FILE"),
      "an array of 0 (train), 1 (validation) or 2 (test) a record, instead of --split-fractions");
}

NpySource NpySource::parse(const OptionValues& values, std::span<const TargetSpec> targets) {
  NpySource source;
  source.request.npy = required(values, "npy");
  source.request.layout = parse_layout(values["layout"].as<std::string>());
  read_targets(values, targets, source.request);
  return source;
}

DatasetSummary NpySource::run(const ImportContext& context) const {
  return run_import(request, context);
}

void TiffSource::describe(OptionsDescription& options) {
  auto add = options.add_options();
  add("tiff", po::value<std::vector<std::string>>()->value_name("FILE")->composing(),
      "instead of a CSV file: a TIFF file whose pages are the pictures, one a record (repeatable: "
      "file after file); targets and splits are arrays, as with --npy");
  add("tiff-channels", po::value<std::string>()->value_name("WHERE")->default_value("samples"),
      "where the channels of a picture are: samples of a page, or pages, as many as the experiment "
      "reads channels, one after the other");
}

TiffSource TiffSource::parse(const OptionValues& values, std::span<const TargetSpec> targets) {
  TiffSource source;
  for (const std::string& file : values["tiff"].as<std::vector<std::string>>())
    source.request.tiff.emplace_back(file);
  const std::string where = values["tiff-channels"].as<std::string>();
  if (where != "samples" && where != "pages")
    throw usage_error(fmt::format("--tiff-channels is samples or pages, not '{}'", where));
  source.request.pages_are_channels = where == "pages";
  read_targets(values, targets, source.request);
  return source;
}

DatasetSummary TiffSource::run(const ImportContext& context) const {
  return run_import(request, context);
}

}  // namespace medley
