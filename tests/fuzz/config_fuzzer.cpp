// A config.ini, as --config takes it.
#include "tests/fuzz/train_rules.hpp"

using namespace medley;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Description d = fuzz::make_description();
  const fuzz::InputFile file(fuzz::text_of(data, size));
  const Arguments arguments{"--out", "run", "--config", file.path().string()};
  TrainOptions o;
  if (!fuzz::accepted([&] { o = parse_train_options(arguments, d); })) return 0;
  fuzz::require(o.out == "run" && !o.resume && !o.force && !o.help,
                "what the command does is said on the command line alone");
  fuzz::check_ranges(o, d);
  fuzz::check_config(o, d);
  return 0;
}
