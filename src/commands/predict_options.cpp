#include "commands/predict_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

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
  add("stream", po::bool_switch(),
      "names on stdin, each answered by a row before the next is waited for: as --skip-bad, and "
      "whatever a line holds");
  add("skip-bad", po::bool_switch(),
      "go on after a picture that cannot be read: its row is empty, a message says why; if none "
      "could be read, the exit code is 3");
  add("format", po::value<std::string>()->value_name("NAME"),
      "csv or jsonl (a JSON object a line) on stdout, or npy (arrays in the folder --out) (default "
      "csv)");
  add("out", po::value<std::string>()->value_name("DIR"), "folder for the arrays of --format npy");
  add("top", po::value<std::string>()->value_name("K"), "tell the K best classes (default 1)");
  add("probabilities", po::bool_switch(), "tell the probabilities of all classes; of masks: npy");
  add("outputs", po::bool_switch(),
      "tell the outputs as they are, such as logits; of masks: jsonl or npy");
  add("features", po::bool_switch(), "tell the output of the trunk as well: jsonl or npy");
  add("layer", po::value<std::string>()->value_name("PATH"),
      "with --features: of this layer instead, which `info` lists, such as trunk.2");
  add("masks", po::value<std::string>()->value_name("DIR"),
      "write each predicted mask to DIR/<record>.png, indexed by class (DIR/<record>.<head>.png if "
      "there are several mask heads)");
  add("mask-size", po::value<std::string>()->value_name("SIZE"),
      "of masks: network (as large as the network sees the picture) or own (as large as the "
      "picture; 255 where --fit crop has cut it off) (default network)");
  add("tile", po::bool_switch(),
      "cut pictures into tiles as large as the network's input, without scaling them, and put "
      "their masks together; other heads see the picture as without");
  add("tile-overlap", po::value<std::string>()->value_name("N"),
      "pixels that neighbouring tiles share at least (default a quarter of the side)");
  add("help", po::bool_switch(), "this text");
  return options;
}

namespace {

constexpr std::array<std::string_view, 3> format_names{"csv", "jsonl", "npy"};

PredictionFormat parse_format(const std::string& text) {
  for (std::size_t i = 0; i < format_names.size(); ++i)
    if (text == format_names[i]) return static_cast<PredictionFormat>(i);
  throw usage_error(fmt::format("--format is csv, jsonl or npy, not '{}'", text));
}

void refuse_if(bool wrong, std::string_view why) {
  if (wrong) throw usage_error(fmt::format("predict: {}", why));
}

bool answers(const Description& d, TargetKind kind) {
  return std::ranges::any_of(d.terms, [&](const TermInfo& term) {
    return !term.is_penalty && d.targets[static_cast<std::size_t>(term.target_index)].kind == kind;
  });
}

void check_records(const Program& program, const PredictOptions& o, bool names_fit,
                   bool names_split) {
  refuse_if(o.pictures() && (!o.data.empty() || names_split),
            "either pictures or --data and --split");
  refuse_if(!o.pictures() && o.data.empty() && !program.generator,
            "name pictures, or a dataset folder with --data DIR");
  refuse_if(!o.pictures() && (o.skip_bad || names_fit), "--fit and --skip-bad are for pictures");
}

void check_parts(const Description& d, const PredictOptions& o, bool names_layer) {
  const bool csv = o.format == PredictionFormat::csv, npy = o.format == PredictionFormat::npy;
  refuse_if(npy && o.out.empty(), "--format npy needs a folder, --out DIR");
  refuse_if(!npy && !o.out.empty(), "--out is for --format npy");
  refuse_if(npy && o.images.every_line, "--stream answers on stdout, as csv or jsonl");
  refuse_if(o.features && csv, "--features are lists of numbers: --format jsonl or npy");
  refuse_if(names_layer && !o.features, "--layer says which --features are told");
  refuse_if(o.top > 1 && npy, "--top is for csv and jsonl; arrays have --probabilities");
  refuse_if(o.top > 1 && !answers(d, TargetKind::classes), "--top: no head answers classes");
  const bool by_class = answers(d, TargetKind::classes), by_pixel = answers(d, TargetKind::mask);
  refuse_if(o.probabilities && !by_class && !by_pixel, "--probabilities: no head answers classes");
  refuse_if(o.probabilities && !by_class && !npy, "--probabilities of masks: --format npy");
  refuse_if(o.outputs && csv && !by_class && !answers(d, TargetKind::values),
            "--outputs of masks: --format jsonl or npy");
}

void check_masks(const Description& d, const PredictOptions& o, bool names_fit,
                 bool names_overlap) {
  const bool npy = o.format == PredictionFormat::npy;
  const bool others =
      o.features || answers(d, TargetKind::classes) || answers(d, TargetKind::values);
  if ((o.tile || !o.masks.empty()) && !answers(d, TargetKind::mask)) {
    throw usage_error(
        fmt::format("{}: no head of '{}' answers a mask", o.tile ? "--tile" : "--masks", d.name));
  }
  refuse_if(names_overlap && !o.tile, "--tile-overlap is for --tile");
  refuse_if(o.tile && !o.pictures(), "--tile is for pictures");
  refuse_if(o.tile && npy,
            "--tile gives masks of any size, of which no array can be made: --masks");
  refuse_if(o.tile && names_fit && !others, "--tile takes pictures as they are, without --fit");
  refuse_if(o.own_size && (o.masks.empty() || !o.pictures()),
            "--mask-size own is for --masks of pictures");
  refuse_if(o.overlap < 0 || o.overlap >= std::min(d.input.h, d.input.w),
            "--tile-overlap is 0 or more and less than a tile's side");
}

}  // namespace

PredictOptions predict_options(const Program& program, const po::variables_map& values) {
  const Description& d = program.description;
  const auto text = [&](const char* name) {
    return values.count(name) > 0 ? values[name].as<std::string>() : std::string{};
  };
  const auto given = [&](const char* name) { return values.count(name) > 0; };
  const auto is_set = [&](const char* name) { return values[name].as<bool>(); };
  PredictOptions o;
  if (given("image")) o.images.names = values["image"].as<std::vector<std::string>>();
  o.images.every_line = is_set("stream");
  if (o.images.names == std::vector<std::string>{"-"} ||
      (o.images.every_line && o.images.names.empty())) {
    o.images.names.clear();
    o.images.stdin_end = is_set("null") ? '\0' : '\n';
  }
  refuse_if(o.images.every_line && !o.images.stdin_end, "--stream takes names from stdin");
  refuse_if(is_set("null") && !o.images.stdin_end,
            "--null is for names on stdin: give - as the only picture");
  o.data = text("data");
  o.masks = text("masks");
  o.out = text("out");
  o.layer = text("layer");
  o.skip_bad = is_set("skip-bad") || o.images.every_line;
  o.probabilities = is_set("probabilities");
  o.outputs = is_set("outputs");
  o.features = is_set("features");
  o.tile = is_set("tile");
  o.overlap = std::min(d.input.h, d.input.w) / 4;
  if (given("format")) o.format = parse_format(text("format"));
  if (given("fit")) o.fit = parse_fit(text("fit"));
  if (given("top")) o.top = parse_number<int>(text("top"), "top");
  refuse_if(o.top < 1, "--top: at least 1");
  if (given("tile-overlap")) o.overlap = parse_number<int>(text("tile-overlap"), "tile-overlap");
  const std::string size = text("mask-size"), split = text("split");
  refuse_if(!size.empty() && size != "own" && size != "network", "--mask-size is network or own");
  o.own_size = size == "own";
  if (split == "all") {
    o.splits = {Split::train, Split::validation, Split::test};
  } else if (!split.empty()) {
    o.splits = {parse_split(split)};
  }
  check_records(program, o, given("fit"), given("split"));
  check_parts(d, o, given("layer"));
  check_masks(d, o, given("fit"), given("tile-overlap"));
  return o;
}

int feature_layer(const Description& d, const std::string& path) {
  int last_of_trunk = -1, named = -1;
  std::string all;
  for (int i = 0; i < static_cast<int>(d.layers.size()); ++i) {
    const LayerInfo& layer = d.layers[static_cast<std::size_t>(i)];
    if (layer.path.starts_with("trunk")) last_of_trunk = i;
    if (!layer.has_value) continue;
    if (layer.path == path) named = i;
    all += (all.empty() ? "" : ", ") + layer.path;
  }
  const int found = path.empty() ? last_of_trunk : named;
  if (found < 0) {
    throw usage_error(fmt::format(
        "predict: {} whose output can be told; there are: {}",
        path.empty() ? "the trunk has no layer" : fmt::format("there is no layer '{}'", path),
        all));
  }
  return found;
}

}  // namespace medley
