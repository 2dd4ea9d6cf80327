// The folder of one training.
#include "medley/run/run_folder.hpp"

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
  folder.remove_leftovers();
  folder.resume_at(2, 2, [](std::uint64_t) { return true; });
  EXPECT_EQ(folder.best(), 2u);
  EXPECT_EQ(fs::read_symlink(run / "best"), "checkpoints/step-00000002.safetensors");
  std::set<std::string> left;
  for (const auto& entry : fs::recursive_directory_iterator(run))
    left.insert(entry.path().filename().string());
  EXPECT_EQ(left, (std::set<std::string>{"checkpoints", "lock", "best", "step-00000002.safetensors",
                                         ".hidden"}));
  // A best one that is gone is none, whatever the link says.
  folder.resume_at(2, 1, [](std::uint64_t) { return true; });
  EXPECT_FALSE(fs::is_symlink(run / "best"));
}

TEST(RunFolder, BestIsTheLatestThatWasTheBest) {
  const TemporaryFolder temporary;
  const fs::path run = temporary / "run";
  RunFolder::create(run, false);
  RunFolder folder(run);
  for (const std::uint64_t step : {1u, 2u}) ASSERT_TRUE(folder.link(step, true, true, 3).ok());
  EXPECT_EQ(folder.best(), 2u);
  EXPECT_EQ(fs::read_symlink(run / "best"), "checkpoints/step-00000002.safetensors");
}

constexpr const char* config = "# Options of this run of medley-x; --config takes them back.\n";

// All that a run leaves, and what a killed one does.
void leave_run(const fs::path& run) {
  fs::create_directories(run / "checkpoints");
  write_text(run / "config.ini", config);
  write_text(run / "confusion-kind-test.csv", "true,a,b\r\na,1,0\r\n");
  for (const char* name :
       {"losses.csv", "metrics.csv", "diagnostics.csv", "timing.csv", "log.txt", "diverged.csv",
        "range-test.csv", "lock", "checkpoints/step-00000002.safetensors",
        "checkpoints/.step-00000004.safetensors.partial", ".config.ini.partial",
        ".confusion-kind-validation.csv.partial"})
    write_text(run / name, "x");
  fs::create_symlink("checkpoints/step-00000002.safetensors", run / "last");
  fs::create_symlink("checkpoints/step-00000002.safetensors", run / ".best.partial");
  write_text(run / "best", "a copy");
}

std::set<std::string> entries(const fs::path& folder) {
  std::set<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    found.insert(fs::relative(entry.path(), folder).string());
  return found;
}

TEST(RunFolder, ForceClearsARun) {
  const TemporaryFolder temporary;
  leave_run(temporary / "run");
  EXPECT_ERROR(RunFolder::create(temporary / "run", false), "2: ...run: is not empty");
  RunFolder::create(temporary / "run", true);
  EXPECT_EQ(entries(temporary / "run"), (std::set<std::string>{"checkpoints", "lock"}));
}

TEST(RunFolder, ForceLeavesWhatNoRunWroteAndSaysWhatItIs) {
  for (const char* name :
       {".git", ".ssh/id", "notes.txt", ".notes.partial", "confusion-notes.txt", "confusion-.csv",
        "confusion-kind-test.csv.old", "confusion-my-test.csv", "checkpoints/mine.safetensors",
        "checkpoints/step-2.bin", "checkpoints/.hidden",
        "checkpoints/more/step-00000001.safetensors", "losses.csv/x", "config.ini.orig"}) {
    const TemporaryFolder temporary;
    leave_run(temporary / "run");
    fs::remove(temporary / "run/losses.csv");
    fs::remove(temporary / "run/lock");
    fs::create_directories((temporary / "run" / name).parent_path());
    write_text(temporary / "run" / name, "mine");
    const auto before = entries(temporary / "run");
    const std::string text = name;
    const std::string at =
        text.starts_with("checkpoints/more") ? "checkpoints/more" : text.substr(0, text.find("/i"));
    EXPECT_ERROR(RunFolder::create(temporary / "run", true),
                 "2: ...run: holds '" + (text == "losses.csv/x" ? "losses.csv" : at) + "'");
    EXPECT_EQ(entries(temporary / "run"), before) << name;
  }
}

TEST(RunFolder, ForceWantsAConfigurationOfARun) {
  for (const char* text : {"", "[core]\n"}) {
    const TemporaryFolder temporary;
    write_text(temporary / "log.txt", "of something else");
    if (*text != 0) write_text(temporary / "config.ini", text);
    const auto before = entries(temporary.path());
    EXPECT_ERROR(RunFolder::create(temporary.path(), true), "2: ...has no config.ini of a run");
    EXPECT_EQ(entries(temporary.path()), before);
  }
}

// A whole checkpoint, as far as looking for one reads it.
void write_checkpoint(const fs::path& run, std::string_view name, std::uint64_t step,
                      std::uint64_t bytes) {
  fs::create_directories(run / "checkpoints");
  const std::vector<SafetensorsLayout::Tensor> tensors{{"trunk.0.bias", {1}}};
  const std::vector<SafetensorsLayout::Field> fields{
      {std::string(checkpoint_field::step), 20},
      {std::string(checkpoint_field::losses_bytes), 20},
      {std::string(checkpoint_field::metrics_bytes), 20}};
  SafetensorsLayout layout(tensors, fields);
  ASSERT_TRUE(layout.set(0, step) && layout.set(1, bytes) && layout.set(2, std::uint64_t{0}));
  const Folder folder((run / name).parent_path());
  SafetensorsWriter writer(layout, folder);
  (void)writer.begin(fs::path(name).filename().string());
  const std::array<float, 1> bias{static_cast<float>(step)};
  (void)writer.append(bias);
  ASSERT_TRUE(writer.commit().ok());
}

constexpr const char* step_names[] = {"checkpoints/step-00000001.safetensors",
                                      "checkpoints/step-00000002.safetensors",
                                      "checkpoints/step-00000003.safetensors"};

// Three checkpoints that know 10, 20, 30 bytes of losses.csv.
void write_three(const fs::path& run) {
  for (std::uint64_t i = 0; i < 3; ++i) write_checkpoint(run, step_names[i], i + 1, 10 * (i + 1));
  write_text(run / "losses.csv", std::string(30, 'x'));
  write_text(run / "metrics.csv", "");
}

TEST(RunCheckpoints, WithoutLinksTheNewestWholeOneCounts) {
  const TemporaryFolder run;
  EXPECT_EQ(checkpoint_to_resume(run.path()), "");
  EXPECT_EQ(checkpoint_file(run.path()), run / "last");
  write_three(run.path());
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(checkpoint_to_resume(run.path()), run / step_names[2]);
  EXPECT_EQ(checkpoint_file(run.path()), run / step_names[2]);
  fs::resize_file(run / step_names[2], 200);  // half copied
  EXPECT_EQ(checkpoint_to_resume(run.path()), run / step_names[1]);
  EXPECT_EQ(checkpoint_file(run.path()), run / step_names[1]);
  EXPECT_PRED2(holds, "x" + ::testing::internal::GetCapturedStderr(),
               "x...going on from step-00000003...step-00000003...going on from step-00000002");
  fs::create_symlink("checkpoints/step-00000009.safetensors", run / "last");  // to nothing
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(checkpoint_to_resume(run.path()), run / step_names[1]);
  for (const char* name : step_names) write_text(run / name, "x");
  EXPECT_ERROR(checkpoint_to_resume(run.path()), "3: ...no checkpoint of ...is left");
  (void)::testing::internal::GetCapturedStderr();
}

TEST(RunCheckpoints, WhatLastNamesComesFirst) {
  const TemporaryFolder run;
  write_three(run.path());
  fs::create_symlink(step_names[1], run / "last");
  EXPECT_EQ(checkpoint_to_resume(run.path()), run / step_names[1]);
  EXPECT_EQ(checkpoint_file(run.path()), run / "last");
  fs::remove(run / "last");
  write_text(run / "last", std::string(step_names[0]) + "\n");
  EXPECT_EQ(checkpoint_to_resume(run.path()), run / step_names[0]);
  EXPECT_EQ(checkpoint_file(run.path()), run / step_names[0]);
  EXPECT_EQ(checkpoint_file(run / "last"), run / step_names[0]);
  // Its damage is told and not passed over.
  std::string damaged = read_text(run / step_names[0]);
  damaged.back() ^= 1;
  write_text(run / step_names[0], damaged);
  EXPECT_ERROR(checkpoint_to_resume(run.path()), "3: ...step-00000001.safetensors");
}

TEST(RunCheckpoints, LogsThatWereCutAreGoneBackBehind) {
  const TemporaryFolder run;
  write_three(run.path());
  fs::create_symlink(step_names[2], run / "last");
  write_text(run / "losses.csv", std::string(19, 'x'));
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(checkpoint_to_resume(run.path()), run / step_names[0]);
  EXPECT_PRED2(holds, "x" + ::testing::internal::GetCapturedStderr(),
               "x...losses.csv: shorter than when step-00000003...19 bytes, then 30...step-00000002"
               "...going on from step-00000001");
  write_text(run / "losses.csv", std::string(9, 'x'));
  EXPECT_ERROR(checkpoint_to_resume(run.path()), "3: ...losses.csv: shorter...no checkpoint");
}

TEST(RunCheckpoints, CopiesInThePlacesOfLinksAreCheckpoints) {
  const TemporaryFolder run;
  write_three(run.path());
  write_checkpoint(run.path(), "best", 2, 20);
  write_checkpoint(run.path(), "last", 3, 30);
  EXPECT_EQ(checkpoint_file(run.path()), run / "last");
  for (const char* name : step_names) fs::remove(run / name);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(checkpoint_to_resume(run.path()), run / step_names[2]);
  (void)::testing::internal::GetCapturedStderr();
  EXPECT_EQ(read_text(run / step_names[2]), read_text(run / "last"));
  EXPECT_EQ(read_text(run / step_names[1]), read_text(run / "best"));
  EXPECT_FALSE(fs::exists(run / step_names[0]));
}

TEST(LogFile, ShorterThanTheCheckpointKnowsIsRefused) {
  const TemporaryFolder temporary;
  write_text(temporary / "losses.csv", "a,b\n");
  EXPECT_EQ(LogFile(temporary / "losses.csv", 4).bytes(), 4u);
  for (const std::uint64_t bytes : {std::uint64_t{5}, ~std::uint64_t{0}})
    EXPECT_ERROR(LogFile(temporary / "losses.csv", bytes), "3: ...losses.csv: shorter");
  EXPECT_EQ(read_text(temporary / "losses.csv"), "a,b\n");
}

// What was written after the checkpoint is written again.
TEST(LogFile, IsCutToWhatTheCheckpointKnows) {
  const TemporaryFolder temporary;
  write_text(temporary / "losses.csv", "a,b\n1,2\n3,4\n");
  LogFile log(temporary / "losses.csv", 8);
  EXPECT_EQ(read_text(temporary / "losses.csv"), "a,b\n1,2\n");
  EXPECT_TRUE(log.append("5,6\n").ok());
  EXPECT_EQ(read_text(temporary / "losses.csv"), "a,b\n1,2\n5,6\n");
}

}  // namespace
}  // namespace medley
