// Files that are whole or not there, links that are replaced at once, and locks.
#include "medley/files/atomic_file.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstring>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

TEST(AtomicFile, ReplacesOnlyWhenCommitted) {
  const TemporaryFolder temporary;
  write_text(temporary / "a.txt", "old");
  const Folder folder(temporary.path());
  AtomicFile file(folder);
  ASSERT_TRUE(file.begin("a.txt").ok());
  ASSERT_TRUE(file.write(bytes_of("new text")).ok());
  ASSERT_TRUE(file.write_at(0, bytes_of("NEW")).ok());
  EXPECT_EQ(read_text(temporary / "a.txt"), "old");
  ASSERT_TRUE(file.commit().ok());
  EXPECT_EQ(read_text(temporary / "a.txt"), "NEW text");
  EXPECT_EQ(entries(temporary.path()), 1u);
}

TEST(AtomicFile, LeavesNothingWhenAbandoned) {
  const TemporaryFolder temporary;
  const Folder folder(temporary.path());
  {
    AtomicFile file(folder);
    ASSERT_TRUE(file.begin("a.txt").ok());
    ASSERT_TRUE(file.write(bytes_of("text")).ok());
  }
  EXPECT_EQ(entries(temporary.path()), 0u);
}

TEST(AtomicFile, TakesThePlaceOfWhatAKilledProcessLeft) {
  const TemporaryFolder temporary;
  write_text(temporary / ".a.txt.partial", "a long rest of an earlier attempt");
  write_text(temporary / ".b.txt.partial", "another");
  const Folder folder(temporary.path());
  AtomicFile file(folder);
  ASSERT_TRUE(file.begin("a.txt").ok());
  ASSERT_TRUE(file.write(bytes_of("x")).ok());
  ASSERT_TRUE(file.commit().ok());
  EXPECT_EQ(read_text(temporary / "a.txt"), "x");
  remove_partial_files(temporary.path());
  EXPECT_EQ(entries(temporary.path()), 1u);
}

TEST(AtomicFile, AFullDiskLeavesTheOldFileAndOneMessage) {
  const TemporaryFolder temporary;
  write_text(temporary / "a.bin", "old");
  const Folder folder(temporary.path());
  // A limit on the size of files stands for the full disk: write() fails half-way.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  AtomicFile file(folder);
  const std::string block(600, 'x');
  EXPECT_TRUE(file.begin("a.bin").ok());
  EXPECT_TRUE(file.write(bytes_of(block)).ok());
  const Status failed = file.write(bytes_of(block));
  const Status later = file.commit();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_NE(std::strstr(failed.message(), "cannot write"), nullptr) << failed.message();
  EXPECT_NE(std::strstr(failed.message(), "a.bin: File too large"), nullptr) << failed.message();
  EXPECT_STREQ(later.message(), failed.message());
  EXPECT_ERROR(later.or_throw(), "4: cannot write");
  EXPECT_EQ(read_text(temporary / "a.bin"), "old");
  EXPECT_EQ(entries(temporary.path()), 1u);
  EXPECT_TRUE(file.begin("a.bin").ok());  // and it goes on when there is room again
}

TEST(AtomicFile, NamesThatLeaveTheFolderAreRefused) {
  const TemporaryFolder temporary;
  const Folder folder(temporary.path());
  AtomicFile file(folder);
  for (const std::string_view name : {"../a", "/a", "a/b", "", ".", ".."})
    EXPECT_FALSE(file.begin(name).ok()) << name;
  EXPECT_FALSE(file.begin(std::string(250, 'x')).ok());
  EXPECT_FALSE(file.write(bytes_of("x")).ok());
  EXPECT_FALSE(file.commit().ok());
  EXPECT_ERROR(Folder(temporary / "none"), "4: cannot open the folder");
}

TEST(ReplaceLink, PointsElsewhereAtOnce) {
  const TemporaryFolder temporary;
  const Folder folder(temporary.path());
  write_text(temporary / ".last.partial", "left by a killed process");
  ASSERT_TRUE(replace_link(folder, "last", "checkpoints/1").ok());
  EXPECT_EQ(fs::read_symlink(temporary / "last"), "checkpoints/1");
  ASSERT_TRUE(replace_link(folder, "last", "checkpoints/2").ok());
  EXPECT_EQ(fs::read_symlink(temporary / "last"), "checkpoints/2");
  EXPECT_EQ(entries(temporary.path()), 1u);
  fs::create_directory(temporary / "best");
  EXPECT_FALSE(replace_link(folder, "best", "x").ok());  // a folder is not replaced
  EXPECT_FALSE(replace_link(folder, "../x", "x").ok());
}

TEST(LinkTarget, IsThatOfALinkOrOfTheFileInItsPlace) {
  const TemporaryFolder temporary;
  fs::create_symlink("a/b", temporary / "link");
  write_text(temporary / "file", "a/b\n");
  write_text(temporary / "dos", "a/b\r\n");
  write_text(temporary / "large", std::string(256, 'x'));
  for (const char* name : {"link", "file", "dos"})
    EXPECT_EQ(link_target(temporary / name), "a/b") << name;
  for (const char* name : {"large", "none", "."}) EXPECT_EQ(link_target(temporary / name), "");
}

// Runs in a child process; returns what it returns.
template <class Run>
int in_child(Run run) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(run());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(FileLock, KeepsASecondProcessOut) {
  const TemporaryFolder temporary;
  const auto try_lock = [&] {
    const std::string expected = "in use by process " + std::to_string(::getppid());
    const std::string error = error_of([&] { FileLock second(temporary.path()); });
    return error == "no error" ? 1 : error.find(expected) != std::string::npos ? 0 : 2;
  };
  {
    const FileLock lock(temporary.path());
    EXPECT_EQ(in_child(try_lock), 0);
  }
  EXPECT_EQ(in_child(try_lock), 1);
}

TEST(FileLock, OfADeadProcessDoesNotBlock) {
  const TemporaryFolder temporary;
  in_child([&] {
    new FileLock(temporary.path());  // never destroyed
    ::raise(SIGKILL);
    return 0;
  });
  EXPECT_TRUE(fs::exists(temporary / "lock"));
  EXPECT_EQ(error_of([&] { FileLock lock(temporary.path()); }), "no error");
}

}  // namespace
}  // namespace medley
