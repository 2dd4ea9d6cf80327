// Text of unknown origin.
#include "medley/base/text.hpp"

#include <gtest/gtest.h>

namespace medley {
namespace {

TEST(Printable, LeavesTextAlone) {
  for (const char* text : {"", "a b\\x1b'\"", "Grüße, 世界 👕", "\u00A0"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesWhatSteersATerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable(std::string_view("\0\t\r\n\x7f", 5)), "\\x00\\x09\\x0d\\x0a\\x7f");
  EXPECT_EQ(printable("\u009B31m"), "\\xc2\\x9b31m");
}

TEST(Printable, EscapesWhatIsNoUtf8) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("Gr\xf6\xdf\x65"), "Gr\\xf6\\xdfe");
  EXPECT_EQ(printable("\xc3"), "\\xc3");                             // cut off
  EXPECT_EQ(printable("\xe4\xb8z"), "\\xe4\\xb8z");                  // cut off by another letter
  EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80");                    // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // half of a surrogate pair
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond Unicode
}

TEST(Utf8, IsTold) {
  EXPECT_TRUE(is_utf8("Ä\x1b\u009B 👕"));
  EXPECT_FALSE(is_utf8("a\x80"));
  EXPECT_FALSE(is_utf8("\xc1\xbf"));
}

}  // namespace
}  // namespace medley
