#include "medley/import/folders_source.hpp"

#include "medley/files/options.hpp"
#include "medley/import/import_folders.hpp"

namespace medley {

void FoldersSource::describe(OptionsDescription& options) {
  auto add = options.add_options();
  add("folders", po::value<std::string>()->value_name("DIR"),
      "instead of a CSV file: pictures in a folder a class, with folders train, val and test above "
      "or without; the "
      "classes are those of the experiment's only target of classes that has no column, or of "
      "--target NAME=folder");
  add("labels", po::value<std::string>()->value_name("FILE"),
      "CSV file of targets, a row a picture of --folders, which its column --image names by its "
      "path or by its name "
      "alone, with extension or without; its columns are used as those of --csv");
}

FoldersSource FoldersSource::parse(const OptionValues& values,
                                   std::span<const TargetSpec> targets) {
  FoldersSource source;
  source.request.folders = required(values, "folders");
  if (values.count("labels") != 0) source.request.labels = required(values, "labels");
  read_table_options(values, targets, source.request);
  return source;
}

DatasetSummary FoldersSource::run(const ImportContext& context) const {
  ImportRequest complete = request;
  complete.shape = context.shape;
  complete.progress = context.progress;
  return tell_table(import_folders(complete), "pictures", context);
}

}  // namespace medley
