// Names of pictures on stdin, one a line or ended by zero bytes.
#include <climits>
#include <sstream>

#include "medley/files/name_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace medley;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const char end : {'\n', '\0'}) {
    std::istringstream in{std::string(fuzz::text_of(data, size))};
    std::string name, joined;
    fuzz::accepted([&] {
      NameReader names(in, end);
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
