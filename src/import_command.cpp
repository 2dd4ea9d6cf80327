#include <fmt/format.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "medley/base/error.hpp"
#include "medley/files/csv.hpp"
#include "medley/files/import.hpp"

namespace medley {
namespace {

namespace po = boost::program_options;

po::options_description describe(bool has_generator) {
  po::options_description options("import: pictures and a CSV file become a dataset folder", 100,
                                  60);
  auto add = options.add_options();
  add("csv", po::value<std::string>()->value_name("FILE"),
      "CSV file with a header and a row a picture");
  add("images", po::value<std::string>()->value_name("DIR"),
      "folder of the JPEG and PNG files; none outside of it is opened");
  add("image", po::value<std::string>()->value_name("COLUMN")->default_value("image"),
      "column that names the picture");
  add("extension", po::value<std::string>()->value_name("TEXT")->default_value(""),
      "appended to the name, such as .jpg; without such a file the name as it is, then .jpg, .jpeg "
      "and .png are tried");
  add("target", po::value<std::vector<std::string>>()->value_name("NAME=COLUMN")->composing(),
      "column of a target, if its name is another (repeatable; for a target of several values once "
      "for each, in order)");
  add("split-by", po::value<std::string>()->value_name("COLUMN"),
      "rows with the same text in this column go into the same split (such as the person who took "
      "the picture); without it, rows of the same picture");
  add("split-fractions",
      po::value<std::string>()->value_name("T,V,E")->default_value("0.7,0.15,0.15"),
      "fractions for training, validation and test");
  add("seed", po::value<std::string>()->value_name("N")->default_value("1"),
      "another number gives another split");
  add("exclude", po::value<std::vector<std::string>>()->value_name("COLUMN=VALUE")->composing(),
      "leave out the rows with this text in this column (repeatable)");
  add("min-count", po::value<std::vector<std::string>>()->value_name("TARGET=N")->composing(),
      "leave out the classes of a target that have fewer than N rows, counted after --exclude "
      "(repeatable)");
  add("fit", po::value<std::string>()->value_name("HOW")->default_value("crop"),
      "pictures of another aspect ratio: crop (scale the short side, keep the middle), stretch, or "
      "pad (scale the long side, black around)");
  add("skip-bad", po::bool_switch(),
      "leave out rows that cannot be read or whose picture is missing or damaged, and list them; "
      "without it the first one is an error");
  if (has_generator)
    add("generated", po::bool_switch(),
        "write the experiment's own generated pictures instead; takes --out and --force alone");
  add("out", po::value<std::string>()->value_name("DIR"), "dataset folder to write");
  add("force", po::bool_switch(), "replace DIR if it is a dataset folder");
  add("help", po::bool_switch(), "show this and stop");
  return options;
}

po::variables_map parse(const po::options_description& options,
                        const std::vector<std::string>& arguments) {
  po::variables_map values;
  try {
    const po::positional_options_description none;
    using namespace po::command_line_style;
    po::store(po::command_line_parser(arguments)
                  .options(options)
                  .positional(none)
                  .style(allow_long | long_allow_adjacent | long_allow_next)
                  .run(),
              values);
    po::notify(values);
  } catch (const po::error& error) {
    throw usage_error(fmt::format("import: {} (import --help lists the options)", error.what()));
  }
  return values;
}

std::string required(const po::variables_map& values, const char* option) {
  if (values.count(option) == 0 || values[option].as<std::string>().empty())
    throw usage_error(fmt::format("import needs --{} (import --help lists the options)", option));
  return values[option].as<std::string>();
}

std::uint64_t whole_number(std::string_view text, std::string_view option) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw usage_error(fmt::format("--{}: '{}' is not a whole number >= 0", option, text));
  return value;
}

// The pairs of a repeatable option of the form LEFT=RIGHT.
std::vector<std::pair<std::string, std::string>> pairs(const po::variables_map& values,
                                                       const char* option) {
  std::vector<std::pair<std::string, std::string>> result;
  if (values.count(option) == 0) return result;
  for (const std::string& text : values[option].as<std::vector<std::string>>()) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw usage_error(fmt::format("--{}: '{}' is not of the form {}", option, text,
                                    std::string_view(option) == "target"      ? "NAME=COLUMN"
                                    : std::string_view(option) == "min-count" ? "TARGET=N"
                                                                              : "COLUMN=VALUE"));
    result.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

SplitFractions parse_fractions(std::string_view text) {
  const auto refuse = [&] {
    return usage_error(fmt::format(
        "--split-fractions: '{}' is not three numbers >= 0 with commas between that sum to 1, "
        "training first and more than 0",
        text));
  };
  SplitFractions fractions{};
  const char* position = text.data();
  const char* const end = position + text.size();
  std::uint64_t sum = 0;
  for (std::size_t s = 0; s < 3; ++s) {
    double value = 0;
    const auto [stop, error] = std::from_chars(position, end, value);
    if (error != std::errc{} || !(value >= 0 && value <= 1)) throw refuse();
    if (s < 2 ? (stop == end || *stop != ',') : stop != end) throw refuse();
    position = stop + 1;
    fractions[s] = static_cast<std::uint32_t>(value * 1e6 + 0.5);
    sum += fractions[s];
  }
  if (sum != 1'000'000 || fractions[0] == 0) throw refuse();
  return fractions;
}

// "1234/5398 pictures, 512/s, 8 s left" on a terminal, a few times a second.
Progress terminal_progress() {
  if (::isatty(STDERR_FILENO) == 0) return {};
  using Clock = std::chrono::steady_clock;
  return
      [start = Clock::now(), last = Clock::now()](std::uint64_t done, std::uint64_t total) mutable {
        const auto now = Clock::now();
        if (done < total && now - last < std::chrono::milliseconds(200)) return;
        last = now;
        const double seconds = std::chrono::duration<double>(now - start).count();
        const double rate = static_cast<double>(done) / std::max(seconds, 1e-3);
        fmt::print(stderr, "\r{}/{} pictures, {:.0f}/s, {:.0f} s left \033[K{}", done, total, rate,
                   static_cast<double>(total - done) / rate, done == total ? "\n" : "");
      };
}

void print_table(const DatasetSummary& summary) {
  const auto row = [](std::string_view target, std::string_view name, std::uint64_t train,
                      std::uint64_t validation, std::uint64_t test) {
    fmt::print("{},{},{},{},{}\n", csv_field(target), csv_field(name), train, validation, test);
  };
  fmt::print("target,class,train,validation,test\n");
  const auto& records = summary.records;
  row("", "", records[0], records[1], records[2]);
  for (const DatasetSummary::Target& target : summary.targets) {
    const auto& counts = target.counts;
    for (std::size_t i = 0; i < counts[0].size(); ++i)
      row(target.spec.name,
          i < target.class_names.size() ? target.class_names[i] : std::to_string(i), counts[0][i],
          counts[1][i], counts[2][i]);
    const auto& missing = target.missing;
    if (missing[0] + missing[1] + missing[2] > 0)
      row(target.spec.name, "", missing[0], missing[1], missing[2]);
  }
}

ImportRequest request_of(PictureShape shape, std::span<const TargetSpec> targets,
                         const po::variables_map& values) {
  ImportRequest request;
  request.shape = shape;
  request.targets = targets;
  request.csv = required(values, "csv");
  request.images = required(values, "images");
  request.image_column = required(values, "image");
  request.extension = values["extension"].as<std::string>();
  for (const auto& pair : pairs(values, "target")) {
    const std::string &name = pair.first, &column = pair.second;
    if (std::none_of(targets.begin(), targets.end(),
                     [&](const TargetSpec& spec) { return spec.name == name; })) {
      std::vector<std::string_view> names;
      for (const TargetSpec& spec : targets) names.push_back(spec.name);
      throw usage_error(fmt::format("--target: the experiment has no target '{}'; it has: {}", name,
                                    fmt::join(names, ", ")));
    }
    request.columns[name].push_back(column);
  }
  if (values.count("split-by") != 0) request.group_column = required(values, "split-by");
  request.fractions = parse_fractions(values["split-fractions"].as<std::string>());
  request.seed = whole_number(values["seed"].as<std::string>(), "seed");
  request.excludes = pairs(values, "exclude");
  for (const auto& [name, count] : pairs(values, "min-count"))
    request.min_counts[name] = whole_number(count, "min-count");
  request.fit = parse_fit(values["fit"].as<std::string>());
  request.skip_bad = values["skip-bad"].as<bool>();
  request.out = required(values, "out");
  request.force = values["force"].as<bool>();
  request.progress = terminal_progress();
  return request;
}

DatasetSummary import_generated(PictureShape shape, std::span<const TargetSpec> targets,
                                const po::variables_map& values, const Source& source) {
  for (const auto& [name, value] : values)
    if (!value.defaulted() && name != "generated" && name != "out" && name != "force")
      throw usage_error(fmt::format("import --generated takes no --{}", name));
  return write_dataset(source, required(values, "out"), shape, targets, values["force"].as<bool>(),
                       {{"source", "generated"}}, terminal_progress());
}

}  // namespace

int import_command(PictureShape shape, std::span<const TargetSpec> targets,
                   const std::vector<std::string>& arguments, const Source* generated) {
  const po::options_description options = describe(generated != nullptr);
  const po::variables_map values = parse(options, arguments);
  if (values["help"].as<bool>()) {
    std::ostringstream text;
    text << options;
    fmt::print("{}", text.str());
    return 0;
  }
  DatasetSummary summary;
  if (generated != nullptr && values["generated"].as<bool>()) {
    summary = import_generated(shape, targets, values, *generated);
  } else {
    ImportReport report = import_csv(request_of(shape, targets, values));
    summary = std::move(report.summary);
    for (const std::string& line : report.skipped) fmt::print(stderr, "skipped: {}\n", line);
    const std::uint64_t written = summary.records[0] + summary.records[1] + summary.records[2];
    fmt::print(stderr, "{} rows: {} written, {} excluded, {} of rare classes, {} bad and skipped\n",
               report.rows, written, report.excluded, report.rare, report.skipped.size());
  }
  fmt::print(stderr, "wrote {}\n", required(values, "out"));
  print_table(summary);
  return 0;
}

}  // namespace medley
