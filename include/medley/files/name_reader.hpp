// Names of files from a stream.
#pragma once

#include <istream>
#include <string>

namespace medley {

class NameReader {
 public:
  // Each name ends with `end`, which the last may lack; lines may end with CR LF, and a byte order
  // mark before the first is skipped. The stream must outlive the reader.
  NameReader(std::istream& in, char end) : in_(in), end_(end) {}

  // The next name that is not empty; false where there is none. Throws io_error if the stream
  // cannot be read, data_error for a name that is longer than any file's and for a line that holds
  // a zero byte.
  bool next(std::string& name);

 private:
  bool read(std::string& name);
  void strip(std::string& name);

  std::istream& in_;
  char end_;
  bool first_ = true;
};

}  // namespace medley
