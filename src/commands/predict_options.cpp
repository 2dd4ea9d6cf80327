#include "commands/predict_options.hpp"

#include "medley/run/model.hpp"

namespace medley {

po::options_description describe_predict(const Description& d) {
  po::options_description options("options", 100, 60);
  add_model_options(options, d);
  auto add = options.add_options();
  add("data", po::value<std::string>()->value_name("DIR"),
      "dataset folder, of which only images.npy and split.npy are read (of a run of a --fold, "
      "whose "
      "training or validation records are asked for, all); without it and without pictures the "
      "experiment's own data, if it has any");
  add("split", po::value<std::string>()->value_name("NAME"),
      "train, validation, test or all, in this order (default test, which is what all records of a "
      "folder without split.npy are)");
  add("fit", po::value<std::string>()->value_name("HOW"),
      "pictures of another aspect ratio: crop (scale the short side, keep the middle), stretch, or "
      "pad "
      "(scale the long side, black around); as they were imported (default crop)");
  add("null", po::bool_switch(), "names on stdin end with a zero byte, as from find -print0");
  add("skip-bad", po::bool_switch(),
      "go on after a picture that cannot be read: its row is empty, a message says why; if none "
      "could be read, the exit code is 3");
  add("masks", po::value<std::string>()->value_name("DIR"),
      "write each predicted mask, as large as the network sees the picture, to DIR/<record>.png, "
      "indexed "
      "by class (DIR/<record>.<head>.png if there are several mask heads)");
  add("help", po::bool_switch(), "this text");
  return options;
}

PredictOptions predict_options(const Program& program, const po::variables_map& values) {
  const auto text = [&](const char* name) {
    return values.count(name) > 0 ? values[name].as<std::string>() : std::string{};
  };
  PredictOptions o;
  if (values.count("image") > 0) o.images = values["image"].as<std::vector<std::string>>();
  if (o.images == std::vector<std::string>{"-"}) {
    o.images.clear();
    o.stdin_end = values["null"].as<bool>() ? '\0' : '\n';
  } else if (values["null"].as<bool>()) {
    throw usage_error("predict: --null is for names on stdin: give - as the only picture");
  }
  o.data = text("data");
  o.masks = text("masks");
  o.skip_bad = values["skip-bad"].as<bool>();
  if (values.count("fit") > 0) o.fit = parse_fit(text("fit"));
  const std::string split = text("split");
  if (split == "all") {
    o.splits = {Split::train, Split::validation, Split::test};
  } else if (!split.empty()) {
    o.splits = {parse_split(split)};
  }
  if (o.pictures() && !(o.data.empty() && split.empty()))
    throw usage_error("predict: either pictures or --data and --split");
  if (o.pictures()) require_picture_channels(program.description.input.c);
  if (!o.pictures() && o.data.empty() && !program.generator)
    throw usage_error("predict: name pictures, or a dataset folder with --data DIR");
  if (!o.pictures() && (o.skip_bad || values.count("fit") > 0))
    throw usage_error("predict: --fit and --skip-bad are for pictures");
  return o;
}

}  // namespace medley
