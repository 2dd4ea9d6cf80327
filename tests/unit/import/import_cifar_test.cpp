// `import --cifar`: binary files of CIFAR-10 and CIFAR-100.
#include "medley/import/import_cifar.hpp"

#include <gtest/gtest.h>

#include "medley/data/dataset.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

constexpr PictureShape cifar_size{3, 32, 32};
constexpr TargetSpec ten[]{{"class", TargetKind::classes, 10}};
constexpr TargetSpec hundred[]{{"kind", TargetKind::classes, 100},
                               {"family", TargetKind::classes, 20}};

class ImportCifar : public ::testing::Test {
 protected:
  ImportCifar() { fs::create_directories(folder_ / "in"); }
  // Records numbered on from `first`: labels `first` modulo the classes; red is the number, green a ramp, blue 9.
  void file(const std::string& name, int count, int first, int labels = 1) {
    std::string bytes;
    for (int n = first; n < first + count; ++n) {
      if (labels == 2) bytes += static_cast<char>(n % 20);
      bytes += static_cast<char>(n % (labels == 1 ? 10 : 100));
      for (int i = 0; i < 3072; ++i)
        bytes += static_cast<char>(i < 1024 ? n : i < 2048 ? i % 256 : 9);
    }
    write_text(folder_ / "in" / name, bytes);
  }
  CifarRequest request(std::span<const TargetSpec> targets, PictureShape shape = cifar_size) const {
    CifarRequest r;
    r.shape = shape;
    r.targets = targets;
    r.files = {folder_ / "in"};
    r.out = folder_ / "out";
    r.force = true;
    r.threads = 2;
    return r;
  }
  static std::string error(const CifarRequest& r) {
    return error_of([&] { import_cifar(r); });
  }
  TemporaryFolder folder_;
};

TEST_F(ImportCifar, TenClassesAndATestFile) {
  file("data_batch_2.bin", 30, 30);
  file("data_batch_1.bin", 30, 0);
  file("test_batch.bin", 10, 60);
  write_text(folder_ / "in/batches.meta.txt",
             "airplane\nautomobile\r\nb\nc\nd\ne\nf\ng\nh\ntruck\n\n");
  const CifarRequest r = request(ten);
  EXPECT_EQ(import_cifar(r).records, (std::array<std::uint64_t, 3>{51, 9, 10}));
  const Dataset data(r.out, r.shape, ten);
  EXPECT_EQ(data.class_names(0)[1], "automobile");
  EXPECT_EQ(data.class_names(0)[9], "truck");
  for (std::uint64_t i = 0; i < data.size(); ++i) {
    Record record;
    data.read(i, {}, record);
    const int number = static_cast<int>(i);
    EXPECT_EQ(data.label(i, 0), number % 10);
    EXPECT_EQ(record.image[0], number);
    EXPECT_EQ(record.image[1023], number);
    EXPECT_EQ(record.image[1024 + 37], 37);
    EXPECT_EQ(record.image[3071], 9);
  }
  data.each_record(Split::test, [](std::uint64_t i) { EXPECT_GE(i, 60u); });
  // Which records are for validation does not depend on those of the test split.
  const std::string split = read_text(r.out / "split.npy");
  file("test_batch.bin", 33, 60);
  import_cifar(r);
  EXPECT_EQ(read_text(r.out / "split.npy").substr(128, 60), split.substr(128, 60));
}

TEST_F(ImportCifar, FineAndCoarseLabels) {
  fs::create_directories(folder_ / "in/cifar-100-binary");
  file("cifar-100-binary/train.bin", 40, 75, 2);
  std::string names;
  for (int i = 0; i < 20; ++i) names += "group " + std::to_string(i) + "\n";
  write_text(folder_ / "in/cifar-100-binary/coarse_label_names.txt", names);
  CifarRequest r = request(hundred);
  import_cifar(r);
  const Dataset data(r.out, r.shape, hundred);
  EXPECT_EQ(data.size(), 40u);
  EXPECT_EQ(data.label(30, 0), 5);  // record 105
  EXPECT_EQ(data.label(30, 1), 5);
  EXPECT_EQ(data.label(20, 0), 95);
  EXPECT_EQ(data.label(20, 1), 15);
  EXPECT_TRUE(data.class_names(0).empty());
  EXPECT_EQ(data.class_names(1)[19], "group 19");
  constexpr TargetSpec fine_and_more[]{{"a", TargetKind::classes, 100},
                                       {"place", TargetKind::values, 2},
                                       {"mask", TargetKind::mask, 2}};
  r = request(fine_and_more);
  EXPECT_PRED2(holds, error(r),
               "2: ...coarse (20 classes) and fine (100 classes)...--target place=");
  r.columns = {{"place", ""}, {"mask", ""}, {"a", "fine"}};
  EXPECT_EQ(import_cifar(r).targets[1].missing[0],
            40u);  // each has a class that training must have
  r.columns["a"] = "coarse";
  EXPECT_PRED2(holds, error(r), "2: 'coarse' has 20 classes, but...'a' has 100");
  r.columns["a"] = "label";
  EXPECT_PRED2(holds, error(r), "2: ...nothing called 'label' for the target 'a'");
}

TEST_F(ImportCifar, OtherSizesAndGray) {
  file("one.bin", 1, 200);
  CifarRequest r = request(ten, {1, 16, 16});
  r.files = {folder_ / "in/one.bin"};
  r.fractions = {1'000'000, 0, 0};
  import_cifar(r);
  const Dataset data(r.out, r.shape, ten);
  Record record;
  data.read(0, {}, record);
  // Of the first 2 x 2: 0.299 * 200 + 0.587 * green + 0.114 * 9, green 0, 1, 32, 33, with the filter's reach beyond.
  EXPECT_NEAR(record.image[0], 60.8 + 0.587 * 20, 8);
}

TEST_F(ImportCifar, WhatCannotBe) {
  CifarRequest r = request(ten);
  EXPECT_PRED2(holds, error(r), "3: ...in holds no .bin files");
  const auto refuse = [&](std::string_view bytes, const std::string& told) {
    write_text(folder_ / "in/data_batch_1.bin", bytes);
    EXPECT_PRED2(holds, error(r), told);
    EXPECT_FALSE(fs::exists(r.out));
  };
  refuse("", "3: ...data_batch_1.bin is empty");
  refuse(std::string(6145, '\0'), "3: ...has 6145 bytes, neither a multiple of 3073");
  refuse("\x1F\x8B" + std::string(3071, '\0'), "3: ...is compressed: unpack it");
  refuse(std::string(3073, '\0') + '\x0A' + std::string(3072, '\0'),
         "3: ...data_batch_1.bin, record 1: the label is 10, but there are 0 to 9");
  refuse(std::string(3074, '\x14'), "2: ...nothing for the target 'class'");
  r.targets = hundred;
  refuse(std::string(3074, '\x14'),
         "3: ...record 0: the coarse label is 20, but there are 0 to 19");
  r.targets = ten;
  file("data_batch_1.bin", 2, 0);
  file("x.bin", 1, 0, 2);
  EXPECT_PRED2(holds, error(r), "3: ...data_batch_1.bin is of CIFAR-10, and ...x.bin is not");
  fs::remove(folder_ / "in/x.bin");
  write_text(folder_ / "in/batches.meta.txt", "one\ntwo\n");
  EXPECT_PRED2(holds, error(r), "3: ...batches.meta.txt does not have the names of 10 classes");
  r.files = {folder_ / "nowhere.bin"};
  EXPECT_PRED2(holds, error(r), "4: cannot open ...nowhere.bin");
}

}  // namespace
}  // namespace medley
