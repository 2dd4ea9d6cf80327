// Arrays of any type and order, alone and in archives: what NumPy saves (tests/golden/arrays.py), and damage.
#include "medley/files/array_file.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

using Json = nlohmann::json;

class Arrays : public ::testing::Test {
 protected:
  Arrays() {
    std::ifstream file("tests/golden/arrays.json");
    golden_ = Json::parse(file)["files"];
  }
  std::string content(std::string_view name) const {
    for (const Json& entry : golden_)
      if (entry["name"] == name) return from_base64(entry["file"].get<std::string>());
    ADD_FAILURE() << "tests/golden/arrays.json has no " << name;
    return {};
  }
  std::string error(std::string_view bytes, std::string_view member = "") {
    write_text(folder_ / "a.npz", bytes);
    return error_of([&] { ArrayFile((folder_ / "a.npz").string() + std::string(member)); });
  }
  TemporaryFolder folder_;
  Json golden_;
};

TEST_F(Arrays, AreWhatNumPySaved) {
  EXPECT_EQ(golden_.size(), 41u);
  for (const Json& entry : golden_) {
    SCOPED_TRACE(entry["name"].get<std::string>());
    write_text(folder_ / "a.npz", from_base64(entry["file"].get<std::string>()));
    const auto member = entry["member"].get<std::string>();
    const ArrayFile file((folder_ / "a.npz").string() + (member.empty() ? "" : ":" + member));
    EXPECT_EQ(file.shape(), entry["shape"].get<std::vector<std::uint64_t>>());
    std::vector<double> found, record(file.elements());
    for (std::uint64_t i = 0; i < file.records(); ++i) {
      file.read(i, record);
      found.insert(found.end(), record.begin(), record.end());
    }
    EXPECT_EQ(found, entry["values"].get<std::vector<double>>());
    if (!file.bytes() || file.dtype() == DType::i8) continue;
    std::vector<std::uint8_t> bytes(file.elements());
    file.read(1, bytes);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), found.begin() + std::ssize(bytes)));
  }
}

TEST_F(Arrays, OfAnArchiveOneIsChosen) {
  const std::string two = content("savez of two");
  EXPECT_PRED2(holds, error(two),
               "3: ...a.npz: an archive of several arrays; name one behind the "
               "file, as in ...a.npz:x; it has: x, deep");
  EXPECT_PRED2(holds, error(two, ":y"), "3: ...no array 'y'...it has: x, deep");
  EXPECT_EQ(error(two, ":deep.npy"), "no error");
  EXPECT_PRED2(holds, error(content("<u2"), ":x"), "3: ...is no .npz archive");
}

TEST_F(Arrays, DamageIsTold) {
  for (const std::string_view name : {"savez", "savez_compressed", "64-bit sizes and a comment"}) {
    SCOPED_TRACE(name);
    const std::string whole = content(name);
    for (std::size_t size = 1; size < whole.size(); size += 7)
      EXPECT_PRED2(holds, error(whole.substr(0, size)), "3: ");
    int told = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ 0x55);
      const std::string found = error(changed);
      told += found.starts_with("3: ");
      EXPECT_TRUE(found.starts_with("3: ") || found == "no error") << found;
    }
    // (Dates and the like are nobody's business; all of the array is.)
    EXPECT_GT(told, 180) << name;
    // A byte of the numbers, which only the checksum holds.
    const bool packed = name == "savez_compressed";
    std::string other = whole;
    other[whole.find("PK\1\2") - (packed ? 8 : 1)] ^= 1;
    EXPECT_PRED2(holds, error(other),
                 packed ? "3: ...is damaged: " : "3: ...its checksum is another");
  }
  EXPECT_PRED2(holds, error("PK\5\6 and so on"), "3: ...not a whole .npz archive");
}

}  // namespace
}  // namespace medley
