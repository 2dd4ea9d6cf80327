// IDX files, as MNIST and its successors come in, whole or compressed by gzip: a strict reader, record
// after record.
//
// The format: two zero bytes; the elements' type (08 uint8, 09 int8, 0B int16, 0C int32, 0D float32,
// 0E float64); the number of dimensions; each dimension in 4 bytes; the elements. All numbers are
// big-endian. The first dimension counts the records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "medley/files/npy.hpp"

namespace medley {

class IdxReader {
 public:
  // Reads the header. Throws io_error if the file cannot be read, data_error if it is no IDX file.
  explicit IdxReader(const std::filesystem::path& path);
  ~IdxReader();
  IdxReader(const IdxReader&) = delete;
  IdxReader& operator=(const IdxReader&) = delete;

  const std::string& name() const { return name_; }
  DType dtype() const { return dtype_; }
  // Of all records, such as {60000, 28, 28}.
  const std::vector<std::uint64_t>& shape() const { return shape_; }
  std::uint64_t records() const { return shape_[0]; }
  // Elements of a record, at least 1.
  std::size_t elements() const { return elements_; }

  // Reads the next of the records; behind the last, the file must end. Throws data_error naming the
  // record where the file is cut off, damaged, or goes on.
  void next();
  // An element of the record that was read.
  double element(std::size_t i) const;
  // All of it, of uint8.
  std::span<const std::uint8_t> bytes() const { return record_; }

 private:
  struct Stream;

  std::size_t read(std::span<std::uint8_t> out);
  [[noreturn]] void fail(const std::string& problem) const;

  std::string name_;
  std::unique_ptr<Stream> stream_;
  DType dtype_{};
  std::vector<std::uint64_t> shape_;
  std::size_t elements_ = 1;
  std::uint64_t done_ = 0;
  std::vector<std::uint8_t> record_;
};

// "60000 x 28 x 28"
std::string shape_text(const IdxReader& reader);

}  // namespace medley
