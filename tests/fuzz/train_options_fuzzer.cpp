// The arguments of `train`, one a line.
#include "tests/fuzz/arguments.hpp"
#include "tests/fuzz/train_rules.hpp"

using namespace medley;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Description d = fuzz::make_description();
  const Arguments arguments = fuzz::arguments_of(fuzz::text_of(data, size));
  TrainOptions o;
  if (!fuzz::accepted([&] { o = parse_train_options(arguments, d); }) || o.help) return 0;
  fuzz::check_ranges(o, d);
  fuzz::check_config(o, d);
  return 0;
}
