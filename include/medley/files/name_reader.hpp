// Names of files from a stream that may stay open: a pipe, a terminal, a file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "medley/base/error.hpp"

namespace medley {

class NameReader {
 public:
  // Each name ends with `end`, which the last may lack; lines may end with CR LF, and a byte order
  // mark before the first is skipped. Empty names count with `every_line` only. The descriptor must
  // outlive the reader, and nobody else may read from it.
  NameReader(int descriptor, char end, bool every_line = false);

  // The next name, for which it waits; false where there is none. Throws io_error if the stream
  // cannot be read, data_error for a name that is longer than any file's and for a line that holds
  // a zero byte, of which `name` then has the beginning. After a data_error the next call goes on
  // with the next line.
  bool next(std::string& name);
  // Whether next() returns without waiting for whoever writes. Throws io_error.
  bool ready();

 private:
  enum class Found { name, end, nothing_yet };
  Found look(bool may_wait);
  void take_line(std::size_t size);
  bool readable(int timeout) const;
  void fill();

  int fd_;
  char end_;
  bool every_line_;
  bool first_ = true, at_end_ = false;
  bool pending_ = false;   // a name was found that next() has not yet given
  bool skipping_ = false;  // the rest of a line that was refused
  std::string name_;
  std::optional<Error> problem_;  // of that name
  std::vector<char> buffer_;
  std::size_t position_ = 0, filled_ = 0;
};

}  // namespace medley
