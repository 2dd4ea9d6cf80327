// Names of files from a stream.
#include "medley/files/name_reader.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <thread>

#include "tests/files_helpers.hpp"

namespace medley {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  ~Pipe() {
    close();
    ::close(ends_[0]);
  }
  int out() const { return ends_[0]; }
  void write(const std::string& text) {
    EXPECT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void close() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }

 private:
  std::array<int, 2> ends_{};
};

std::vector<std::string> names(const std::string& text, char end, bool every_line = false) {
  Pipe pipe;
  std::thread writer([&] {  // of more than a pipe holds
    pipe.write(text);
    pipe.close();
  });
  std::vector<std::string> found;
  NameReader reader(pipe.out(), end, every_line);
  std::string name;
  const auto next = [&] {
    try {
      return reader.next(name);
    } catch (...) {
      std::vector<char> rest(text.size());
      while (::read(pipe.out(), rest.data(), rest.size()) > 0) {
      }
      writer.join();
      throw;
    }
  };
  while (next()) found.push_back(name);
  writer.join();
  return found;
}

using Names = std::vector<std::string>;

TEST(NameReader, EndsNamesWhereItIsTold) {
  EXPECT_EQ(names("a.jpg\n\nb c.png", '\n'), (Names{"a.jpg", "b c.png"}));
  EXPECT_EQ(names(std::string("a\nb\0c\0", 6), '\0'), (Names{"a\nb", "c"}));
  EXPECT_EQ(names("", '\n'), Names{});
  Names many;
  std::string text;
  for (int i = 0; i < 50'000; ++i) {
    many.push_back("pictures/" + std::to_string(i) + ".png");
    text += many.back() + "\n";
  }
  EXPECT_EQ(names(text, '\n'), many);
}

TEST(NameReader, TakesListsOfOtherSystems) {
  EXPECT_EQ(names("a.jpg\r\n\r\nb.jpg\r\n", '\n'), (Names{"a.jpg", "b.jpg"}));
  EXPECT_EQ(names("\xEF\xBB\xBF"
                  "a.jpg\nb\rc.jpg\r",
                  '\n'),
            (Names{"a.jpg", "b\rc.jpg"}));
  EXPECT_EQ(names("\xEF\xBB\xBF\r\na.jpg\n\xEF\xBB\xBF", '\n'), (Names{"a.jpg", "\xEF\xBB\xBF"}));
  // What ends with a zero byte is taken as it is.
  EXPECT_EQ(names(std::string("\xEF\xBB\xBF"
                              "a\r\0",
                              6),
                  '\0'),
            Names{"\xEF\xBB\xBF"
                  "a\r"});
}

TEST(NameReader, MayTakeEveryLine) {
  EXPECT_EQ(names("\na\r\n\r\n\nb", '\n', true), (Names{"", "a", "", "", "b"}));
  EXPECT_EQ(names("a\n", '\n', true), Names{"a"});  // nothing follows the last line end
}

TEST(NameReader, RefusesAStreamWithoutNames) {
  EXPECT_EQ(names(std::string(PATH_MAX, 'x'), '\n').size(), 1u);
  EXPECT_EQ(names("\xEF\xBB\xBF" + std::string(PATH_MAX, 'x') + "\r\n", '\n').size(), 1u);
  EXPECT_ERROR(names(std::string(PATH_MAX + 1, 'x'), '\n'), "3: stdin: ...longer...--null");
  EXPECT_ERROR(names(std::string(1'000'000, 'x'), '\n'), "3: stdin: ...longer...--null");
  const std::string utf16(
      "\xFF\xFE"
      "a\0.\0\n\0",
      8);
  EXPECT_ERROR(names(utf16, '\n'), "3: stdin: a zero byte...--null...UTF-16");
}

TEST(NameReader, GoesOnAfterALineThatItRefused) {
  Pipe pipe;
  NameReader reader(pipe.out(), '\n', true);
  pipe.write("a\n" + std::string(20'000, 'x'));
  std::string name;
  EXPECT_TRUE(reader.next(name));
  EXPECT_EQ(name, "a");
  EXPECT_ERROR(reader.next(name), "3: stdin: ...longer");
  EXPECT_EQ(name, std::string(PATH_MAX, 'x'));
  EXPECT_FALSE(reader.ready());
  pipe.write(std::string(20'000, 'y') + "\n" + std::string("b\0c\nd\n", 6));
  EXPECT_ERROR(reader.next(name), "3: stdin: a zero byte");
  EXPECT_EQ(name, "b");
  EXPECT_TRUE(reader.next(name));
  EXPECT_EQ(name, "d");
  pipe.close();
  EXPECT_FALSE(reader.next(name));
}

TEST(NameReader, TellsWhetherANameIsThere) {
  Pipe pipe;
  NameReader reader(pipe.out(), '\n');
  std::string name;
  EXPECT_FALSE(reader.ready());
  pipe.write("half");
  EXPECT_FALSE(reader.ready());
  pipe.write(" a name\nnext\n\n\r\n");
  EXPECT_TRUE(reader.ready());
  EXPECT_TRUE(reader.ready());
  EXPECT_TRUE(reader.next(name));
  EXPECT_EQ(name, "half a name");
  EXPECT_TRUE(reader.ready());
  EXPECT_TRUE(reader.next(name));
  EXPECT_EQ(name, "next");
  EXPECT_FALSE(reader.ready());  // empty lines are none
  pipe.write("last");
  pipe.close();
  EXPECT_TRUE(reader.ready());
  EXPECT_TRUE(reader.next(name));
  EXPECT_EQ(name, "last");
  EXPECT_TRUE(reader.ready());
  EXPECT_FALSE(reader.next(name));
}

TEST(NameReader, WaitsWhereTheStreamWouldNot) {
  Pipe pipe;
  ASSERT_EQ(::fcntl(pipe.out(), F_SETFL, O_NONBLOCK), 0);
  std::thread writer([&] {
    ::usleep(20'000);
    pipe.write("a\n");
  });
  NameReader reader(pipe.out(), '\n');
  std::string name;
  EXPECT_TRUE(reader.next(name));
  writer.join();
}

TEST(NameReader, TellsThatReadingFailed) {
  const int folder = ::open("/", O_RDONLY);
  NameReader reader(folder, '\n');
  std::string name;
  EXPECT_ERROR(reader.next(name), "4: stdin cannot be read: Is a directory");
  ::close(folder);
}

}  // namespace
}  // namespace medley
