// safetensors: what is written reads back, and nothing that breaks the format's rules is read.
#include "medley/files/safetensors.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "medley/base/half.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

using Dims = std::vector<std::uint64_t>;

std::string file_text(std::string header, std::string_view data) {
  while (header.size() % 8 != 0) header += ' ';
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) out += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return out + header + std::string(data);
}

std::string tensor(std::string_view name, std::string_view dtype, std::string_view shape,
                   std::string_view offsets) {
  std::string out = "\"";
  return out.append(name)
      .append("\":{\"dtype\":\"")
      .append(dtype)
      .append("\",\"shape\":[")
      .append(shape)
      .append("],\"data_offsets\":[")
      .append(offsets)
      .append("]}");
}

class Safetensors : public ::testing::Test {
 protected:
  std::string error(std::string_view text) {
    write_text(folder_ / "m.safetensors", text);
    return error_of([&] { SafetensorsFile file(folder_ / "m.safetensors"); });
  }
  std::string header_error(const std::string& members, std::size_t data_bytes) {
    return error(file_text("{" + members + "}", std::string(data_bytes, '\0')));
  }
  TemporaryFolder folder_;
};

TEST_F(Safetensors, ReadsWhatOtherLibrariesWrite) {
  const std::array<float, 3> values{1.5f, -2.0f, 0.25f};
  std::string data(8, '\0');
  data.append(reinterpret_cast<const char*>(values.data()), 12);
  write_text(folder_ / "m.safetensors", file_text("{" + tensor("b", "F32", "3,1", "8,20") + "," +
                                                      tensor("count", "I64", "", "0,8") + "," +
                                                      tensor("empty", "F32", "0,5", "8,8") +
                                                      ",\"__metadata__\":{\"format\":\"pt\"}}",
                                                  data));
  const SafetensorsFile file(folder_ / "m.safetensors");
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.tensors()[0].name, "count");  // in the order of the data
  EXPECT_EQ(file.tensors()[0].dtype, "I64");
  EXPECT_TRUE(file.tensors()[0].values.empty());
  EXPECT_EQ(file.tensors()[1].name, "empty");
  const auto found = file.floats("b", Dims{3, 1});
  EXPECT_TRUE(std::equal(found.begin(), found.end(), values.begin(), values.end()));
  EXPECT_EQ(*file.metadata("format"), "pt");
  EXPECT_EQ(file.metadata("none"), nullptr);
  EXPECT_FALSE(file.verify_checksum());
  EXPECT_ERROR(file.floats("c", Dims{}), "3: ...m.safetensors: it has no tensor c");
  EXPECT_ERROR(file.floats("b", Dims{3}), "3: ...shape [3, 1], not [3]");
  EXPECT_ERROR((file.floats("b", Dims{1, 3})), "3: ...shape [3, 1], not [1, 3]");
  EXPECT_ERROR(file.floats("count", Dims{}), "3: ...I64, not F32...float()");
}

TEST_F(Safetensors, OtherFloatsBecomeF32) {
  const auto bytes = [](auto... values) {
    std::string text;
    (text.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
    return text;
  };
  const auto u16 = [](int bits) { return static_cast<std::uint16_t>(bits); };
  // As numpy.float16 and torch.bfloat16 have them; the odd byte before leaves nothing aligned.
  const std::string half = bytes(u16(0x3C00), u16(0xC000), u16(0x3555), u16(0x7BFF), u16(0x0001),
                                 u16(0x83FF), u16(0x8000), u16(0xFC00));
  const std::string brain = bytes(u16(0x3F80), u16(0xC049), u16(0x7F80), u16(0x0001));
  const std::string wide = bytes(0.1, -1e-50, 16777217.0);
  write_text(folder_ / "m.safetensors", file_text("{" + tensor("odd", "U8", "1", "0,1") + "," +
                                                      tensor("half", "F16", "2,4", "1,17") + "," +
                                                      tensor("brain", "BF16", "4", "17,25") + "," +
                                                      tensor("wide", "F64", "3", "25,49") + "}",
                                                  "x" + half + brain + wide));
  const SafetensorsFile file(folder_ / "m.safetensors");
  const auto values = [&](std::string_view name, const Dims& dims) {
    const auto found = file.floats(name, dims);
    return std::vector<float>(found.begin(), found.end());
  };
  constexpr float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(values("half", {2, 4}), (std::vector<float>{1.0f, -2.0f, 0.333251953125f, 65504.0f,
                                                        0x1p-24f, -1023 * 0x1p-24f, 0.0f, -inf}));
  EXPECT_TRUE(std::signbit(values("half", {2, 4})[6]));
  EXPECT_EQ(values("brain", {4}), (std::vector<float>{1.0f, -3.140625f, inf, 0x1p-133f}));
  EXPECT_EQ(values("wide", {3}), (std::vector<float>{0.1f, -0.0f, 16777216.0f}));
  EXPECT_PRED2(holds, error(file_text("{" + tensor("a", "F64", "1", "0,8") + "}", bytes(1e39))),
               "3: ...tensor a: 1e+39 is beyond the range of F32");
}

TEST(Half, EveryFiniteNumberIsThatOfItsBits) {
  // In order of the bits, each number is the next above the one before, by the step of its exponent.
  for (int bits = 0; bits < 0x7C00; ++bits) {
    const int exponent = std::max(bits >> 10, 1);
    const float step = std::ldexp(1.0f, exponent - 25);
    const float here = half_to_float(static_cast<std::uint16_t>(bits));
    EXPECT_EQ(half_to_float(static_cast<std::uint16_t>(bits | 0x8000)), -here);
    if (bits == 0x7BFF) break;  // the largest
    EXPECT_EQ(half_to_float(static_cast<std::uint16_t>(bits + 1)) - here, step) << bits;
  }
  EXPECT_TRUE(std::isinf(half_to_float(0x7C00)) && std::isnan(half_to_float(0x7C01)));
}

// tests/golden/halves.py: CRC-32 of what NumPy makes of those of the 65,536 halves that are numbers, and
// what it makes of doubles at the borders of F32's range and between two of its numbers.
TEST(Half, AllAreThoseOfNumPy) {
  std::ifstream golden("tests/golden/halves.json");
  const nlohmann::json json = nlohmann::json::parse(golden);
  std::vector<float> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = half_to_float(static_cast<std::uint16_t>(i));
  const auto crc = [](const std::vector<float>& values) {
    return crc32(0, reinterpret_cast<const Bytef*>(values.data()),
                 static_cast<uInt>(values.size() * sizeof(float)));
  };
  EXPECT_EQ(std::erase_if(all, [](float x) { return std::isnan(x); }), 2046u);
  EXPECT_EQ(all.size(), json["numbers"]);
  EXPECT_EQ(crc(all), json["crc32"]);
  for (const auto& [wide, narrow] : json["doubles"].items()) {
    const double value = std::strtod(wide.c_str(), nullptr);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(static_cast<float>(value)), narrow) << wide;
  }
}

TEST_F(Safetensors, APointerOfGitLfsIsTold) {
  EXPECT_PRED2(holds, error("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
               "3: ...m.safetensors is a pointer of Git LFS...git lfs pull");
}

TEST_F(Safetensors, HostileFilesAreRefused) {
  const std::string a = tensor("a", "F32", "2", "0,8");
  EXPECT_EQ(header_error(a, 8), "no error");
  EXPECT_PRED2(holds, header_error(a, 7), "3: ...outside of the file");
  EXPECT_PRED2(holds, header_error(a, 12), "3: ...after the last tensor");
  EXPECT_PRED2(holds, header_error(a + "," + a, 8), "3: ...occurs twice");
  EXPECT_PRED2(holds, header_error(a + "," + tensor("b", "F32", "1", "4,8"), 8), "3: ...overlap");
  EXPECT_PRED2(holds, header_error(a + "," + tensor("b", "F32", "1", "12,16"), 16), "3: ...hole");
  EXPECT_PRED2(holds, header_error(tensor("a", "F32", "1", "4,8"), 8), "3: ...hole");
  EXPECT_PRED2(holds, header_error(tensor("a", "F32", "3", "0,8"), 8), "3: ...12 bytes");
  EXPECT_PRED2(holds, header_error(tensor("a", "F32", "1", "0,8"), 8), "3: ...4 bytes");
  EXPECT_PRED2(holds, header_error(tensor("a", "F32", "-2", "0,8"), 8), "3: ...whole numbers");
  EXPECT_PRED2(holds, header_error(tensor("a", "F32", "2.0", "0,8"), 8), "3: ...whole numbers");
  EXPECT_PRED2(holds, header_error(tensor("a", "F32", "2", "8,0"), 8), "3: ...outside");
  EXPECT_PRED2(holds, header_error(tensor("a", "F32", "2", "0"), 8), "3: ...two whole numbers");
  EXPECT_PRED2(holds, header_error(tensor("a", "F33", "2", "0,8"), 8), "3: ...dtype is unknown");
  EXPECT_PRED2(holds, header_error(tensor("a", "F32", "4611686018427387904,4", "0,0"), 0),
               "3: ...overflows");
  EXPECT_PRED2(
      holds, header_error(tensor("u", "U8", "1", "0,1") + "," + tensor("a", "F32", "1", "1,5"), 5),
      "3: ...not aligned");
  EXPECT_PRED2(holds, header_error("\"a\":{\"dtype\":\"F32\"}", 0), "3: ...exactly");
  EXPECT_PRED2(holds, header_error("\"__metadata__\":{\"a\":1}", 0), "3: ...not text");
  EXPECT_PRED2(holds, header_error("\"__metadata__\":[]", 0), "3: ...not an object");
  EXPECT_PRED2(holds, header_error("\"a\":" + std::string(100'000, '['), 0), "3: ");
  EXPECT_PRED2(holds, error("short"), "3: ...too short");
  EXPECT_PRED2(holds, error(std::string(8, '\xFF') + "{}"), "3: ...truncated");
  EXPECT_PRED2(holds, error(file_text("[]", "")), "3: ...not a JSON object");
  EXPECT_PRED2(holds, error(file_text("{} x", "")), "3: ...bad JSON");
  EXPECT_PRED2(holds, error(std::string(8, '\0')), "3: ...not a JSON object");
}

class SafetensorsWriting : public Safetensors {
 protected:
  SafetensorsWriting() { std::iota(values_.begin(), values_.end(), 0.5f); }
  Status write(std::string_view name) {
    static_cast<void>(writer_.begin(name).ok());
    static_cast<void>(writer_.append(std::span(values_).first(5)).ok());  // across two tensors
    static_cast<void>(writer_.append(std::span(values_).subspan(5)).ok());
    return writer_.commit();
  }
  std::array<SafetensorsLayout::Tensor, 3> tensors_{
      {{"trunk.0.weight", {2, 2}}, {"scalar", {}}, {"trunk.0.bias", {3}}}};
  std::array<SafetensorsLayout::Field, 2> fields_{{{"medley.step", 20}, {"note", 12}}};
  SafetensorsLayout layout_{tensors_, fields_};
  std::array<float, 8> values_{};
  Folder place_{folder_.path()};
  SafetensorsWriter writer_{layout_, place_};
};

TEST_F(SafetensorsWriting, ReadsBack) {
  ASSERT_TRUE(layout_.set(0, 1234));
  ASSERT_TRUE(layout_.set(1, "before"));
  ASSERT_TRUE(layout_.set(1, "abc"));  // the longer value leaves no trace
  const Status status = write("a.safetensors");
  ASSERT_TRUE(status.ok()) << status.message();
  const SafetensorsFile file(folder_ / "a.safetensors");
  EXPECT_EQ(*file.metadata("medley.step"), "1234");
  EXPECT_EQ(*file.metadata("note"), "abc");
  EXPECT_EQ(layout_.value(0), "1234");
  EXPECT_TRUE(file.verify_checksum());
  EXPECT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.floats("trunk.0.weight", Dims{2, 2})[3], 3.5f);
  EXPECT_EQ(file.floats("scalar", Dims{})[0], 4.5f);
  EXPECT_EQ(file.floats("trunk.0.bias", Dims{3})[2], 7.5f);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "a.safetensors"), layout_.file_bytes());
  EXPECT_EQ(layout_.header().size() % 64, 0u);
}

TEST_F(SafetensorsWriting, TheSameContentsAreTheSameBytes) {
  ASSERT_TRUE(layout_.set(0, 7) && write("a").ok() && layout_.set(0, 8) && write("b").ok() &&
              layout_.set(0, 7) && write("c").ok());
  EXPECT_EQ(read_text(folder_ / "a"), read_text(folder_ / "c"));
  EXPECT_NE(read_text(folder_ / "a"), read_text(folder_ / "b"));
}

TEST_F(SafetensorsWriting, DoublesReadBackToTheSameBits) {
  std::array<SafetensorsLayout::Field, 1> field{{{"x", 24}}};
  SafetensorsLayout layout({}, field);
  for (const double x : {0.1, -1.0 / 3, 5e-324, -1.7976931348623157e308, 0.0, 123456789.0}) {
    ASSERT_TRUE(layout.set_double(0, x));
    EXPECT_EQ(std::strtod(std::string(layout.value(0)).c_str(), nullptr), x);
  }
}

TEST_F(SafetensorsWriting, ValuesThatDoNotFitChangeNothing) {
  ASSERT_TRUE(layout_.set(1, "abc"));
  EXPECT_FALSE(layout_.set(1, "thirteen char"));
  EXPECT_FALSE(layout_.set(1, "a\"b"));
  EXPECT_FALSE(layout_.set(1, "a\\b"));
  EXPECT_FALSE(layout_.set(1, "\n"));
  EXPECT_FALSE(layout_.set(1, "\xC3\xBC"));
  EXPECT_EQ(layout_.value(1), "abc");
}

TEST_F(SafetensorsWriting, EveryChangedByteIsFound) {
  ASSERT_TRUE(write("a").ok());
  const std::string good = read_text(folder_ / "a");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    write_text(folder_ / "bad", bad);
    EXPECT_PRED2(holds, error_of([&] {
                   const SafetensorsFile file(folder_ / "bad");
                   // A damaged key can hide the checksum: readers of checkpoints demand it.
                   if (!file.verify_checksum()) throw data_error("no checksum");
                 }),
                 "3: ")
        << "byte " << i;
  }
}

TEST_F(SafetensorsWriting, IncompleteFilesAreNotCommitted) {
  ASSERT_TRUE(writer_.begin("a").ok());
  ASSERT_TRUE(writer_.append(std::span(values_).first(7)).ok());
  const Status status = writer_.commit();
  EXPECT_NE(std::strstr(status.message(), "too few"), nullptr) << status.message();
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  ASSERT_TRUE(writer_.begin("a").ok());
  ASSERT_TRUE(writer_.append(values_).ok() && writer_.append(values_).ok());
  EXPECT_FALSE(writer_.commit().ok());
  EXPECT_FALSE(writer_.begin("../a").ok());
  EXPECT_NE(std::strstr(writer_.commit().message(), "not a file name"), nullptr);
}

TEST_F(SafetensorsWriting, DoublesThatAreReadAreThoseWritten) {
  const std::array<SafetensorsLayout::Tensor, 2> tensors{{{"state", {3}, true}, {"bias", {1}}}};
  const SafetensorsLayout layout(tensors, {});
  SafetensorsWriter writer(layout, place_);
  const std::array<double, 3> state{0.1, -1e30, 0x1.0000000000001p-1000};
  const std::array<float, 1> bias{0.5f};
  static_cast<void>(writer.begin("wide").ok());
  static_cast<void>(writer.append(state).ok());
  static_cast<void>(writer.append(bias).ok());
  ASSERT_TRUE(writer.commit().ok());
  const SafetensorsFile file(folder_ / "wide");
  std::array<double, 3> found{};
  file.read_doubles("state", Dims{3}, found);
  EXPECT_EQ(found, state);
  EXPECT_EQ(file.floats("bias", Dims{1})[0], 0.5f);
  EXPECT_ERROR(file.read_doubles("bias", Dims{1}, found), "3: ...bias is F32, not F64");
  EXPECT_ERROR(file.read_doubles("state", Dims{2}, found), "3: ...state has shape [3], not [2]");
  EXPECT_ERROR(file.read_doubles("none", Dims{3}, found), "3: ...no tensor none");
}

TEST(SafetensorsLayout, RefusesOddNames) {
  using Tensors = std::vector<SafetensorsLayout::Tensor>;
  for (const Tensors& tensors :
       {Tensors{{"a", {}}, {"a", {}}}, Tensors{{"a\"b", {}}}, Tensors{{"", {}}},
        Tensors{{"__metadata__", {}}}, Tensors{{"big", {1ull << 40, 1ull << 40}}}})
    EXPECT_THROW(SafetensorsLayout(tensors, {}), std::invalid_argument);
  const std::vector<SafetensorsLayout::Field> twice{{"a", 1}, {"a", 1}};
  EXPECT_THROW(SafetensorsLayout({}, twice), std::invalid_argument);
}

}  // namespace
}  // namespace medley
