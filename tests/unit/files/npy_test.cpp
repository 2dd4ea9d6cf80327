// .npy files: what numpy.save writes is read, all else is refused with its reason.
#include "medley/files/npy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

// A file as NumPy lays it out, with any header text.
std::string npy(std::string dict, std::string_view data, int major = 1) {
  const std::size_t fixed = major == 1 ? 10 : 12;
  while ((fixed + dict.size() + 1) % 64 != 0) dict += ' ';
  dict += '\n';
  std::string out = "\x93NUMPY";
  out += {static_cast<char>(major), '\0'};
  for (std::size_t i = 0; i < fixed - 8; ++i)
    out += static_cast<char>(dict.size() >> (8 * i) & 0xFF);
  return out + dict + std::string(data);
}

std::string dict(std::string_view descr, std::string_view shape, std::string_view order = "False") {
  std::string out = "{'descr': '";
  return out.append(descr)
      .append("', 'fortran_order': ")
      .append(order)
      .append(", 'shape': ")
      .append(shape)
      .append(", }");
}

NpyHeader parse(std::string_view file) { return parse_npy_header(bytes_of(file), "a.npy"); }

TEST(Npy, HeadersOfEveryVersionAreRead) {
  for (const int major : {1, 2, 3}) {
    const std::string file = npy(dict("<i2", "(2, 3)"), std::string(12, 'x'), major);
    const NpyHeader header = parse(file);
    EXPECT_EQ(header.dtype, DType::i16);
    EXPECT_EQ(header.shape, (std::vector<std::uint64_t>{2, 3}));
    EXPECT_EQ(header.elements, 6u);
    EXPECT_EQ(header.data_offset, file.size() - 12);
  }
}

TEST(Npy, ShapesAndKeysInAnySpelling) {
  EXPECT_EQ(parse(npy(dict("|u1", "()"), "x")).elements, 1u);
  EXPECT_EQ(parse(npy(dict("|u1", "(3,)"), "xyz")).shape, (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(parse(npy(dict("|b1", "(0, 7)"), "")).elements, 0u);
  EXPECT_EQ(parse(npy(dict("|u1", "(3,)", "True"), "xyz")).elements, 3u);  // one axis has no order
  EXPECT_EQ(parse(npy("{\"shape\":(1,2),\"fortran_order\":False,\"descr\":\"<f8\"}",
                      std::string(16, 'x')))
                .dtype,
            DType::f64);
}

TEST(Npy, HostileFilesAreRefused) {
  const std::string good = npy(dict("|u1", "(3,)"), "xyz");
  for (std::size_t n = 0; n < good.size(); ++n)
    EXPECT_ERROR(parse(std::string_view(good).substr(0, n)), "3: a.npy: ");
  EXPECT_ERROR(parse(good + "x"), "3: a.npy: ...has 3 bytes of data...has 4...junk");
  EXPECT_ERROR(parse(npy(dict("|u1", "(3,)"), "xyz", 4)), "3: ...format 4.0");
  EXPECT_ERROR(parse("PK\x03\x04 an archive"), "3: ...not a .npy file...npz");
  const auto refused = [&](std::string_view descr, std::string_view shape, std::string_view order,
                           std::string_view part) {
    EXPECT_ERROR(parse(npy(dict(descr, shape, order), "")), part);
  };
  refused(">i4", "(0,)", "False", "3: ...big-endian...astype('<i4')");
  refused("<f2", "(0,)", "False", "3: ...'<f2'...astype");
  refused("|O", "(0,)", "False", "3: ...'|O'");
  refused("|u1", "(0, 2)", "True", "3: ...Fortran order...ascontiguousarray");
  refused("|u1", "(0, 2)", "Maybe", "3: ...fortran_order");
  refused("|u1", "(-1,)", "False", "3: ...whole number");
  refused("|u1", "(1.5,)", "False", "3: ...shape");
  refused("|u1", "(2)", "False", "3: ...not a tuple");
  refused("|u1", "(2 3)", "False", "3: ...shape");
  refused("|u1", "(99999999999999999999,)", "False", "3: ...too large");
  refused("<f8", "(4294967296, 4294967296)", "False", "3: ...larger than any file");
  refused("<f8", "(0, 4294967296, 4294967296)", "False", "3: ...larger than any file");
  EXPECT_ERROR(parse(npy("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (0,)}", "")),
               "3: ...structured");
  EXPECT_ERROR(parse(npy("{'descr': '|u1', 'descr': '|u1'}", "")), "3: ...repeated");
  EXPECT_ERROR(parse(npy("{'descr': '|u1', 'evil': 1}", "")), "3: ...unknown");
  EXPECT_ERROR(parse(npy("{'descr': '|u1'}", "")), "3: ...lacks");
  EXPECT_ERROR(parse(npy(dict("|u1", "(0,)") + " x", "")), "3: ...after the header");
}

TEST(Npy, UnalignedDataAreRefused) {
  std::string file = npy(dict("<f4", "(1,)"), "1234");
  file.insert(10, " ");  // one space more in the header
  ++file[8];
  EXPECT_ERROR(parse(file), "3: ...aligned");
}

TEST(Npy, WriterStreamsAndPatchesTheCount) {
  const TemporaryFolder folder;
  {
    NpyWriter writer(folder / "a.npy", DType::i32, {2});
    for (std::int32_t i = 0; i < 300'000; ++i) {  // more than the buffer holds
      const std::array<std::int32_t, 2> record{i, -i};
      writer.append(std::as_bytes(std::span(record)));
    }
    writer.finish();
  }
  const NpyFile file(folder / "a.npy");
  EXPECT_EQ(file.dtype(), DType::i32);
  EXPECT_EQ(shape_text(file.shape()), "(300000, 2)");
  EXPECT_EQ(file.as<std::int32_t>()[2 * 299'999 + 1], -299'999);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.as<std::int32_t>()) % 64, 0u);
}

TEST(Npy, WriterRefusesARecordOfAnotherSize) {
  const TemporaryFolder folder;
  NpyWriter writer(folder / "a.npy", DType::f32, {3, 2});
  EXPECT_EQ(writer.record_bytes(), 24u);
  EXPECT_ERROR(writer.append(bytes_of("short")), "4: ...5 bytes instead of 24");
}

TEST(Npy, AFullDiskIsReported) {
  NpyWriter writer("/dev/full", DType::u8, {4});
  writer.append(bytes_of("abcd"));
  EXPECT_ERROR(writer.finish(), "4: cannot write /dev/full: No space left");
}

TEST(Npy, FilesThatCannotBeOpened) {
  const TemporaryFolder folder;
  EXPECT_ERROR(NpyFile(folder / "none.npy"), "4: cannot open ...none.npy: No such file");
  EXPECT_ERROR(NpyFile(folder.path()), "4: ...not a regular file");
  write_text(folder / "empty.npy", "");
  EXPECT_ERROR(NpyFile(folder / "empty.npy"), "3: ...empty.npy: not a .npy file");
  EXPECT_ERROR(NpyWriter(folder / "no/such.npy", DType::u8, {}), "4: cannot create");
}

}  // namespace
}  // namespace medley
