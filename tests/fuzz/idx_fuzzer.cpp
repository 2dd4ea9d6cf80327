// An IDX file, compressed or not, as pictures, and as a target of each kind.
#include "medley/files/idx.hpp"
#include "medley/import/import_idx.hpp"
#include "tests/fuzz/dataset_folder.hpp"

using namespace medley;

namespace {

// Reads all records; what their shape was.
std::vector<std::uint64_t> read_all(const std::filesystem::path& path) {
  IdxReader reader(path);
  fuzz::require(!reader.shape().empty() && reader.elements() > 0, "there are records of something");
  for (std::uint64_t i = 0; i < reader.records(); ++i) {
    reader.next();
    fuzz::require(reader.bytes().size() == reader.elements() * size_of(reader.dtype()),
                  "a record is whole");
    static_cast<void>(reader.element(reader.elements() - 1));
  }
  return reader.shape();
}

// Files of two records each.
struct Others {
  fuzz::WorkFolder work;
  IdxFiles files;
  Others() {
    const auto put = [&](const char* name, std::string_view bytes) {
      work.write(name, bytes);
      return work / name;
    };
    using namespace std::string_view_literals;
    files.images = put("images", "\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\2abcdefgh"sv);
    files.targets = {
        {"kind", put("kind", "\0\0\x08\1\0\0\0\2\0\1"sv)},
        {"place", put("place", "\0\0\x08\2\0\0\0\2\0\0\0\2\0\1\2\3"sv)},
        {"mask", put("mask", "\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\2\0\1\0\1\0\1\0\xFF"sv)}};
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Others others;
  const fuzz::InputFile input(fuzz::text_of(data, size));
  std::vector<std::uint64_t> shape;
  if (!fuzz::accepted([&] { shape = read_all(input.path()); })) shape.clear();

  IdxRequest request;
  request.shape = fuzz::picture_shape;
  request.targets = fuzz::targets;
  request.records = others.files;
  if (shape.size() == 1) {
    request.records.targets["kind"] = input.path();
  } else if (shape.size() == 2) {
    request.records.targets["place"] = input.path();
  } else if (size % 2 == 0) {
    request.records.targets["mask"] = input.path();
  } else {
    request.records.images = input.path();
  }
  request.out = others.work / "out";
  request.force = true;
  if (!fuzz::accepted([&] { import_idx(request); })) return 0;
  fuzz::require(!shape.empty() && shape[0] == 2,
                "what is imported is sound, and as long as the others");
  const Dataset written(request.out, fuzz::picture_shape, fuzz::targets);
  fuzz::check_dataset(written, fuzz::picture_shape, fuzz::targets);
  fuzz::require(written.size() == 2, "each record is there");
  return 0;
}
