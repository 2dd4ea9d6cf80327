// Mapped files: what is said where a page can no longer be read.
#include "medley/files/mapped_file.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <numeric>
#include <thread>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

unsigned sum(const MappedFile& file) {
  unsigned total = 0;
  for (const std::byte byte : file.bytes()) total += static_cast<unsigned>(byte);
  return total;
}

class MappedFileDeath : public ::testing::Test {
 protected:
  MappedFileDeath() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    for (const char* name : {"a.npy", "b\n.npy"})
      write_text(folder_ / name, std::string(100'000, 'x'));
  }
  void cut(std::string_view name) { std::filesystem::resize_file(folder_ / name, 10); }
  TemporaryFolder folder_;
};

TEST_F(MappedFileDeath, AFileThatIsCutOffIsNamed) {
  const auto end = [&] {
    const MappedFile other(folder_ / "a.npy");
    MappedFile file(folder_ / "b\n.npy");
    MappedFile moved;
    moved = std::move(file);
    cut("b\n.npy");
    std::exit(static_cast<int>(sum(other) + sum(moved)));
  };
  EXPECT_EXIT(end(), ::testing::ExitedWithCode(4),
              "b.x0a.npy can no longer be read, as it was cut off while in use.*--resume");
}

TEST_F(MappedFileDeath, InAnyThread) {
  const auto end = [&] {
    const MappedFile file(folder_ / "a.npy");
    cut("a.npy");
    std::thread([&] { std::exit(static_cast<int>(sum(file))); }).join();
  };
  EXPECT_EXIT(end(), ::testing::ExitedWithCode(4), "a.npy can no longer be read");
}

TEST_F(MappedFileDeath, AnotherBusErrorStaysOne) {
  const MappedFile file(folder_ / "a.npy");
  EXPECT_EXIT(static_cast<void>(::raise(SIGBUS)), ::testing::KilledBySignal(SIGBUS), "");
}

TEST(MappedFile, ManyAtOnce) {
  const TemporaryFolder folder;
  write_text(folder / "a", "abc");
  std::vector<MappedFile> files;
  for (int i = 0; i < 200; ++i) files.emplace_back(folder / "a");
  for (const MappedFile& file : files) EXPECT_EQ(file.bytes().size(), 3u);
}

}  // namespace
}  // namespace medley
