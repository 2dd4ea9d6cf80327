// A binary file of CIFAR-10 or CIFAR-100.
#include "medley/import/import_cifar.hpp"
#include "tests/fuzz/dataset_folder.hpp"

using namespace medley;

namespace {

constexpr std::array<TargetSpec, 1> of_ten{{{"label", TargetKind::classes, 10}}};
constexpr std::array<TargetSpec, 2> of_hundred{
    {{"fine", TargetKind::classes, 100}, {"coarse", TargetKind::classes, 20}}};
constexpr PictureShape small{1, 4, 4};

void import_as(const std::filesystem::path& file, std::span<const TargetSpec> targets,
               std::size_t records) {
  static const fuzz::WorkFolder work;
  CifarRequest request;
  request.shape = small;
  request.targets = targets;
  request.files = {file};
  request.fractions = {1'000'000, 0, 0};
  request.out = work / "out";
  request.force = true;
  if (!fuzz::accepted([&] { import_cifar(request); })) return;
  const Dataset written(request.out, small, targets);
  fuzz::check_dataset(written, small, targets);
  fuzz::require(written.size() == records, "each record is there");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::InputFile input(fuzz::text_of(data, size));
  import_as(input.path(), of_ten, size / 3073);
  import_as(input.path(), of_hundred, size / 3074);
  return 0;
}
