#include "medley/processes/identity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "medley/base/version.hpp"
#include "medley/run/checkpoint.hpp"

namespace medley {

namespace {

// Options that a process has of its own: where its data are, and how it computes.
constexpr auto own_options = std::to_array<std::string_view>({"--data", "--threads", "--isa"});

bool is_option(std::string_view text, std::string_view option) {
  return text == option ||
         (text.starts_with(option) && text.substr(option.size()).starts_with("="));
}

std::vector<std::string> common(std::span<const std::string> arguments) {
  std::vector<std::string> left;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto option = std::ranges::find_if(
        own_options, [&](std::string_view name) { return is_option(arguments[i], name); });
    if (option == own_options.end()) {
      left.push_back(arguments[i]);
    } else if (arguments[i] == *option) {
      ++i;
    }
  }
  return left;
}

}  // namespace

void add_identity(Parcel& parcel, const Description& d, std::span<const std::string> arguments) {
  parcel.add(version);
  parcel.add(std::string_view(d.name));
  parcel.add(d.fingerprint);
  const std::vector<std::string> options = common(arguments);
  parcel.add(options.size());
  for (const std::string& option : options) parcel.add(std::string_view(option));
}

std::string differs_from(Parcel& parcel, const Description& d,
                         std::span<const std::string> arguments) {
  // (Another version may tell more than this one reads: it comes first, and is all that is sure.)
  if (const std::string theirs = parcel.take_text(); theirs != version)
    return fmt::format("it is version {}, the first process {}", version, theirs);
  const std::string name = parcel.take_text();
  if (const auto theirs = parcel.take<std::uint64_t>(); name != d.name || theirs != d.fingerprint)
    return fmt::format("it trains the experiment {} ({}), the first process {} ({})", d.name,
                       hexadecimal(d.fingerprint), name, hexadecimal(theirs));
  std::vector<std::string> theirs(parcel.take<std::size_t>());
  for (std::string& option : theirs) option = parcel.take_text();
  const std::vector<std::string> ours = common(arguments);
  const auto [left, right] = std::ranges::mismatch(ours, theirs);
  if (left == ours.end() && right == theirs.end()) return {};
  const auto text = [](auto at, auto end) { return at == end ? "nothing" : *at; };
  return fmt::format("its options say {} where those of the first process say {}",
                     text(left, ours.end()), text(right, theirs.end()));
}

std::string own_option(std::span<const std::string> arguments, std::string_view option) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!is_option(arguments[i], option)) continue;
    if (arguments[i] != option) return arguments[i].substr(option.size() + 1);
    if (i + 1 < arguments.size()) return arguments[i + 1];
  }
  return {};
}

}  // namespace medley
