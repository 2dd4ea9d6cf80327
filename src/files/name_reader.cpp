#include "medley/files/name_reader.hpp"

#include <climits>
#include <utility>

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
    if (c == '\0')
      throw data_error(
          "stdin: a zero byte within a line: names that end with one need --null, and a list in "
          "UTF-16 is to be converted, as with iconv -f UTF-16 -t UTF-8");
    if (name.size() == PATH_MAX)
      throw data_error(
          "stdin: a name longer than any file's: the names are to be one a line, or with "
          "--null to end with a zero byte");
    name += c;
  }
  const bool found = in_.good() || !name.empty();
  if (end_ == '\n') strip(name);
  return found;
}

// Programs of Windows end lines with CR LF, and begin files with a byte order mark.
void NameReader::strip(std::string& name) {
  if (name.ends_with('\r')) name.pop_back();
  if (std::exchange(first_, false) && name.starts_with("\xEF\xBB\xBF")) name.erase(0, 3);
}

}  // namespace medley
