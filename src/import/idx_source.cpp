#include "medley/import/idx_source.hpp"

#include "medley/files/options.hpp"

namespace medley {

void IdxSource::describe(OptionsDescription& options) {
  auto add = options.add_options();
  add("idx", po::value<std::string>()->value_name("FILE"),
      "instead of a CSV file: pictures in an IDX file such as MNIST's, also compressed by gzip");
  add("idx-labels", po::value<std::vector<std::string>>()->value_name("TARGET=FILE")->composing(),
      "the IDX file of a target's numbers, a record a picture of --idx (repeatable)");
  add("idx-test", po::value<std::string>()->value_name("FILE"),
      "pictures of the test split, if these have a file of their own; the share of "
      "--split-fractions "
      "for test then goes to training");
  add("idx-test-labels",
      po::value<std::vector<std::string>>()->value_name("TARGET=FILE")->composing(),
      "as --idx-labels, of --idx-test");
}

IdxSource IdxSource::parse(const OptionValues& values, std::span<const TargetSpec> targets) {
  IdxSource source;
  IdxRequest& request = source.request;
  request.records = {required(values, "idx"), target_files(values, "idx-labels", targets)};
  if (values.count("idx-test") != 0) request.test.images = required(values, "idx-test");
  request.test.targets = target_files(values, "idx-test-labels", targets);
  if (request.test.images.empty() && !request.test.targets.empty())
    throw usage_error("--idx-test-labels needs --idx-test, the file of their pictures");
  return source;
}

DatasetSummary IdxSource::run(const ImportContext& context) const {
  IdxRequest complete = request;
  complete.shape = context.shape;
  complete.progress = context.progress;
  return import_idx(complete);
}

}  // namespace medley
