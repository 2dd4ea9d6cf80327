// Sessions: an engine at work in the one arena of a program.
#include "medley/run/session.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/files_helpers.hpp"
#include "tests/scripted_engine.hpp"

namespace medley {
namespace {

TEST(Session, TwoAtOnceAreRefused) {
  const testing::ScriptedProgram made;
  {
    const Session first(made.program, "scripted");
    made.program.arena[3] = 1.0f;
    EXPECT_THROW(Session(made.program, "scripted"), std::logic_error);
    EXPECT_THROW(Session(made.program, "scripted"), std::logic_error);  // still
    EXPECT_EQ(first.arena()[3], 1.0f);
  }
  const Session next(made.program, "scripted");
  EXPECT_EQ(next.arena(), made.program.arena.data());
}

TEST(Session, FindsTheArenaAsItWasAtFirst) {
  const testing::ScriptedProgram made;
  for (int i = 0; i < 3; ++i) {
    const Session session(made.program, "scripted");
    for (float& x : made.program.arena) {
      EXPECT_EQ(x, 0.0f);
      x = 3.5f;
    }
  }
}

TEST(Session, OneThatCannotBeginLeavesTheArenaFree) {
  testing::ScriptedProgram made;
  made.program.variants.push_back({"other", made.program.variants[0].make, false});
  EXPECT_ERROR(Session(made.program, "none"),
               "2: cannot use the instruction set 'none'; this binary has: scripted other (not on "
               "this processor)");
  EXPECT_ERROR(Session(made.program, "other"), "2: cannot use the instruction set 'other'");
  EXPECT_EQ(Session(made.program, "scripted").instruction_set(), "scripted");
}

}  // namespace
}  // namespace medley
