// The arguments of `import`, one a line.
#include "tests/fuzz/arguments.hpp"
#include "tests/fuzz/import_rules.hpp"

using namespace medley;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> arguments = fuzz::arguments_of(fuzz::text_of(data, size));
  ImportOptions o;
  const bool accepted =
      fuzz::accepted([&] { o = parse_import_options(arguments, fuzz::targets, size % 2 == 0); });
  if (!accepted || o.help) return 0;
  std::visit(
      [](const auto& source) {
        fuzz::check_common(source.request);
        fuzz::check_own(source);
      },
      o.source);
  return 0;
}
