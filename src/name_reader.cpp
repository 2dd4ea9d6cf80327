#include "name_reader.hpp"

#include <climits>

#include "medley/base/error.hpp"

namespace medley {

bool NameReader::next(std::string& name) {
  while (read(name)) {
    if (!name.empty()) return true;
  }
  if (in_.bad()) throw io_error("stdin cannot be read");
  return false;
}

bool NameReader::read(std::string& name) {
  name.clear();
  char c = 0;
  while (in_.get(c) && c != end_) {
    if (name.size() == PATH_MAX)
      throw data_error(
          "stdin: a name longer than any file's: the names are to be one a line, or with "
          "--null to end with a zero byte");
    name += c;
  }
  return in_.good() || !name.empty();
}

}  // namespace medley
