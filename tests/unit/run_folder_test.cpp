// The folder of one training.
#include "run_folder.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

TEST(RunFolder, ResumingRemovesWhatAKilledProcessLeft) {
  const TemporaryFolder temporary;
  const fs::path run = temporary / "run";
  RunFolder::create(run, false);
  for (const char* name : {"checkpoints/.step-00000004.safetensors.partial", ".config.ini.partial",
                           "checkpoints/step-00000002.safetensors",
                           "checkpoints/step-00000003.safetensors", "checkpoints/.hidden"})
    write_text(run / name, "x");
  fs::create_symlink("checkpoints/step-00000003.safetensors", run / ".last.partial");
  RunFolder folder(run);
  folder.resume_at(2, [](std::uint64_t) { return true; });
  std::set<std::string> left;
  for (const auto& entry : fs::recursive_directory_iterator(run))
    left.insert(entry.path().filename().string());
  EXPECT_EQ(left,
            (std::set<std::string>{"checkpoints", "lock", "step-00000002.safetensors", ".hidden"}));
}

TEST(LogFile, ShorterThanTheCheckpointKnowsIsRefused) {
  const TemporaryFolder temporary;
  write_text(temporary / "losses.csv", "a,b\n");
  EXPECT_EQ(LogFile(temporary / "losses.csv", 4).bytes(), 4u);
  for (const std::uint64_t bytes : {std::uint64_t{5}, ~std::uint64_t{0}})
    EXPECT_ERROR(LogFile(temporary / "losses.csv", bytes), "3: ...losses.csv: shorter");
  EXPECT_EQ(read_text(temporary / "losses.csv"), "a,b\n");
}

}  // namespace
}  // namespace medley
