#include "medley/import/import_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <utility>

#include "medley/base/pixel_text.hpp"
#include "medley/files/options.hpp"

namespace medley {
namespace {

constexpr std::size_t source_count = std::variant_size_v<ImportSource>;

// f(index, source type) for each source that is there.
template <class F>
void each_source(bool has_generator, F&& f) {
  const auto call = [&]<class S>(std::size_t index, std::type_identity<S> type) {
    if (has_generator || !requires { S::needs_generator; }) f(index, type);
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (call(I, std::type_identity<std::variant_alternative_t<I, ImportSource>>{}), ...);
  }
  (std::make_index_sequence<source_count>{});
}

void describe_common(po::options_description& options) {
  auto add = options.add_options();
  add("split-fractions",
      po::value<std::string>()->value_name("T,V,E")->default_value("0.7,0.15,0.15"),
      "fractions for training, validation and test");
  add("seed", po::value<std::string>()->value_name("N")->default_value("1"),
      "another number gives another split");
  add("fit", po::value<std::string>()->value_name("HOW")->default_value("crop"),
      "pictures of another aspect ratio: crop (scale the short side, keep the middle), stretch, or "
      "pad (scale the long side, black around)");
  add("pixels", po::value<std::string>()->value_name("TYPE"),
      "what the pixels of the data set are: uint8, uint16 or float32; by default that of arrays "
      "and of "
      "--tiff pages, else uint8. Black stays black and white white: 255 of 8 bits is 65535 of 16");
  add("range", po::value<std::string>()->value_name("LOW..HIGH"),
      "of floats, in the files and in the data set: which is black and which is white, such as "
      "0..1");
  add("threads", po::value<std::string>()->value_name("T"),
      "threads that read pictures, by default the processors at hand; the result does not depend "
      "on it");
  add("out", po::value<std::string>()->value_name("DIR"), "dataset folder to write");
  add("force", po::bool_switch(), "replace DIR if it is a dataset folder");
  add("help", po::bool_switch(), "show this and stop");
}

po::options_description describe(bool has_generator) {
  std::vector<std::string_view> nouns;
  each_source(has_generator, [&]<class S>(std::size_t, std::type_identity<S>) {
    if (!S::noun.empty()) nouns.push_back(S::noun);
  });
  po::options_description options(
      fmt::format("import: {}, become a dataset folder", fmt::join(nouns, ", or ")), 100, 60);
  each_source(has_generator,
              [&]<class S>(std::size_t, std::type_identity<S>) { S::describe(options); });
  describe_common(options);
  return options;
}

bool given(const po::variables_map& values, std::string_view option) {
  const auto found = values.find(std::string(option));
  return found != values.end() && !found->second.defaulted();
}

template <class S>
bool is_own(std::string_view option) {
  po::options_description own;
  S::describe(own);
  return std::ranges::any_of(own.options(),
                             [&](const auto& o) { return o->long_name() == option; });
}

SplitFractions parse_fractions(std::string_view text) {
  const auto refuse = [given = text] {
    return usage_error(fmt::format(
        "--split-fractions: '{}' is not three numbers >= 0 with commas between that sum to 1, "
        "training first and more than 0",
        given));
  };
  SplitFractions fractions{};
  std::uint64_t sum = 0;
  for (std::size_t s = 0; s < 3; ++s) {
    const std::size_t comma = text.find(',');
    const NumberRead<double> read = read_number<double>(text.substr(0, comma));
    if (!read || !(read.value >= 0 && read.value <= 1)) throw refuse();
    if ((comma == std::string_view::npos) != (s == 2)) throw refuse();
    text.remove_prefix(s < 2 ? comma + 1 : text.size());
    fractions[s] = static_cast<std::uint32_t>(read.value * 1e6 + 0.5);
    sum += fractions[s];
  }
  if (sum != 1'000'000 || fractions[0] == 0) throw refuse();
  return fractions;
}

PixelType parse_pixels(std::string_view text) {
  const auto found = std::ranges::find(pixel_type_names, text);
  if (found == pixel_type_names.end())
    throw usage_error(
        fmt::format("--pixels is {}, not '{}'", fmt::join(pixel_type_names, ", "), text));
  return static_cast<PixelType>(found - pixel_type_names.begin());
}

// Options that every source takes.
bool is_for_all(std::string_view option) {
  return option == "out" || option == "force" || option == "threads";
}

// Throws where an option is given that the source does not take. That of another source needs it to be chosen, where the
// first one is there only because none is.
template <class S>
void require_own(const po::variables_map& values, bool is_first, bool has_generator) {
  for (const auto& [name, value] : values) {
    const std::string& option = name;
    if (value.defaulted() || is_for_all(option) || is_own<S>(option) ||
        std::ranges::find(S::takes, option) != S::takes.end())
      continue;
    each_source(has_generator, [&]<class Other>(std::size_t, std::type_identity<Other>) {
      if (is_first && is_own<Other>(option))
        throw usage_error(fmt::format("--{} needs --{}, {}", option, Other::option, Other::names));
    });
    throw usage_error(fmt::format("import --{} takes no --{}", S::option, option));
  }
}

void read_common(const po::variables_map& values, ImportCommon& request) {
  request.fractions = parse_fractions(values["split-fractions"].as<std::string>());
  request.seed = parse_number<std::uint64_t>(values["seed"].as<std::string>(), "seed");
  request.fit = parse_fit(values["fit"].as<std::string>());
  if (values.count("pixels") != 0)
    request.pixels = parse_pixels(values["pixels"].as<std::string>());
  if (values.count("range") != 0) {
    request.floats = range_of_floats(values["range"].as<std::string>());
    if (!request.floats)
      throw usage_error(
          fmt::format("--range: '{}' is not LOW..HIGH, black and a greater white, such as 0..1",
                      values["range"].as<std::string>()));
  }
  request.out = required(values, "out");
  request.force = values["force"].as<bool>();
  request.threads = available_threads();
  if (values.count("threads") != 0)
    request.threads = parse_number<int>(values["threads"].as<std::string>(), "threads");
  if (request.threads < 1) throw usage_error("--threads: at least 1");
}

}  // namespace

std::string import_help(bool has_generator) {
  std::ostringstream text;
  text << describe(has_generator);
  return text.str();
}

ImportOptions parse_import_options(const Arguments& arguments, std::span<const TargetSpec> targets,
                                   bool has_generator) {
  const po::variables_map values = parse_options("import", describe(has_generator), arguments);
  ImportOptions options;
  options.help = values["help"].as<bool>();
  if (options.help) return options;
  std::size_t chosen = 0;
  each_source(has_generator, [&]<class S>(std::size_t index, std::type_identity<S>) {
    if (given(values, S::option)) chosen = index;
  });
  each_source(has_generator, [&]<class S>(std::size_t index, std::type_identity<S>) {
    if (index != chosen) return;
    require_own<S>(values, index == 0, has_generator);
    S source = S::parse(values, targets);
    source.request.targets = targets;
    read_common(values, source.request);
    options.source = std::move(source);
  });
  return options;
}

}  // namespace medley
