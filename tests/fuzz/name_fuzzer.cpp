// Names of pictures on stdin, one a line or ended by zero bytes.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "medley/files/name_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace medley;

namespace {

// The text as a file that is read from its beginning.
int opened(std::string_view text) {
  static const int fd = ::memfd_create("names", 0);
  fuzz::require(::ftruncate(fd, 0) == 0 &&
                    ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
                "the text is written");
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

// A line is a name or an error, and none is left out.
void every_line(std::string_view text, char end) {
  NameReader names(opened(text), end, true);
  std::size_t lines = 0;
  std::string name;
  for (bool more = true; more; lines += more) {
    fuzz::require(names.ready(), "a file need not be waited for");
    try {
      more = names.next(name);
    } catch (const Error&) {
    }
  }
  const auto ends = static_cast<std::size_t>(std::count(text.begin(), text.end(), end));
  fuzz::require(lines == ends + (!text.empty() && text.back() != end), "a result a line");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const char end : {'\n', '\0'}) {
    every_line(fuzz::text_of(data, size), end);
    std::string name, joined;
    fuzz::accepted([&] {
      NameReader names(opened(fuzz::text_of(data, size)), end);
      while (names.next(name)) {
        fuzz::require(!name.empty() && name.size() <= PATH_MAX, "a name has a sensible length");
        fuzz::require(name.find(end) == std::string::npos, "what ends a name is not in it");
        joined += name;
      }
      std::string rest(fuzz::text_of(data, size));
      if (end == '\n') {  // carriage returns before line ends, and a byte order mark, are no names'
        if (rest.starts_with("\xEF\xBB\xBF")) rest.erase(0, 3);
        std::erase(rest, '\r');
        std::erase(joined, '\r');
      }
      std::erase(rest, end);
      fuzz::require(joined == rest, "all names are read");
    });
  }
  return 0;
}
