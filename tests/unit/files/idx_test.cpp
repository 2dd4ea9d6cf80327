// IDX files: all types, compressed or not, and what is told of damaged ones.
#include "medley/files/idx.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/files_helpers.hpp"
#include "tests/idx_helpers.hpp"

namespace medley {
namespace {

class Idx : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& bytes) const {
    write_text(folder_ / "f.idx", bytes);
    return folder_ / "f.idx";
  }
  // What is said of a file all of whose records are read.
  std::string error(const std::string& bytes) const {
    const std::string text = error_of([&] {
      IdxReader reader(file(bytes));
      for (std::uint64_t i = 0; i < reader.records(); ++i) reader.next();
    });
    const std::size_t at = text.find("f.idx");
    return at == std::string::npos ? text : text.substr(0, 3) + text.substr(at);
  }
  // The elements of all records.
  std::vector<double> all(const std::string& bytes) const {
    IdxReader reader(file(bytes));
    std::vector<double> elements;
    for (std::uint64_t i = 0; i < reader.records(); ++i) {
      reader.next();
      for (std::size_t e = 0; e < reader.elements(); ++e) elements.push_back(reader.element(e));
    }
    return elements;
  }

  TemporaryFolder folder_;
};

TEST_F(Idx, ReadsRecordsWholeOrCompressed) {
  const std::string plain = make_idx({3, 2}, std::string("\x00\x01\x7F\x80\xFE\xFF", 6));
  for (const std::string& bytes : {plain, compressed(plain)}) {
    IdxReader reader(file(bytes));
    EXPECT_EQ(reader.dtype(), DType::u8);
    EXPECT_EQ(shape_text(reader), "3 x 2");
    EXPECT_EQ(reader.elements(), 2u);
    EXPECT_EQ(all(bytes), (std::vector<double>{0, 1, 127, 128, 254, 255}));
  }
}

TEST_F(Idx, ReadsEveryType) {
  const auto bytes = [](std::initializer_list<int> list) {
    std::string text;
    for (const int b : list) text += static_cast<char>(b);
    return text;
  };
  EXPECT_EQ(all(make_idx({2}, bytes({0x7F, 0x80}), 0x09)), (std::vector<double>{127, -128}));
  EXPECT_EQ(all(make_idx({2}, bytes({0x01, 0x02, 0xFF, 0xFE}), 0x0B)),
            (std::vector<double>{258, -2}));
  EXPECT_EQ(all(make_idx({1}, bytes({0x80, 0, 0, 1}), 0x0C)), (std::vector{-2147483647.0}));
  EXPECT_EQ(all(make_idx({1}, bytes({0x3F, 0xC0, 0, 0}), 0x0D)), (std::vector{1.5}));
  EXPECT_EQ(all(make_idx({1}, bytes({0xC0, 0x04, 0, 0, 0, 0, 0, 0}), 0x0E)), (std::vector{-2.5}));
}

TEST_F(Idx, DamageIsToldWithItsRecord) {
  const std::string whole = make_idx({3, 2}, "abcdef"), packed = compressed(whole);
  EXPECT_EQ(error(whole), "no error");
  EXPECT_EQ(
      error(whole.substr(0, whole.size() - 1)),
      "3: f.idx, record 2: the file ends, but its header says 3 x 2; download or copy it again");
  EXPECT_EQ(error(whole + "g"),
            "3: f.idx, record 3: there are bytes behind the last record; its header says 3 x 2; "
            "download or copy it again");
  const std::string cut = "what gzip has compressed is cut off or damaged";
  EXPECT_NE(error(packed.substr(0, packed.size() - 6)).find(cut), std::string::npos);
  std::string other = packed;
  other[other.size() - 6] ^= 1;  // of its checksum
  EXPECT_NE(error(other).find(cut), std::string::npos);
}

TEST_F(Idx, WhatIsNoneIsRefused) {
  const std::string none = "3: f.idx: is no IDX file";
  EXPECT_EQ(error("").substr(0, none.size()), none);
  EXPECT_EQ(error("\x89PNG....").substr(0, none.size()), none);
  EXPECT_EQ(error(make_idx({1}, "a", 7)),
            "3: f.idx: 0x07 is no type of elements of an IDX file: write it again as uint8 (0x08)");
  EXPECT_EQ(error(make_idx({}, "")), "3: f.idx: has no dimension, so that it has no records");
  EXPECT_EQ(error(make_idx({1, 2}, "").substr(0, 9)),
            "3: f.idx: ends in its header; download or copy it again");
  for (const std::vector<std::uint32_t>& shape :
       {std::vector<std::uint32_t>{2, 0}, {1, 0x10000, 0x10000}, {1, 0xFFFFFFFF, 0xFFFFFFFF, 7}}) {
    EXPECT_NE(error(make_idx(shape, "")).find("are empty or larger than"), std::string::npos);
  }
  EXPECT_EQ(error_of([&] { IdxReader reader(folder_ / "none"); }).substr(0, 2), "4:");
  EXPECT_EQ(error_of([&] { IdxReader reader(folder_.path()); }).substr(0, 2), "4:");
}

}  // namespace
}  // namespace medley
