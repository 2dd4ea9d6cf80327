// NumPy's .npy files: a strict reader over a mapped file and a writer that streams.
//
// The format (numpy.lib.format): the bytes 93 "NUMPY", a major and a minor version, the length of
// the header (2 bytes little-endian in version 1.0, 4 in 2.0 and 3.0), the header, the data. The
// header is a Python dict with exactly the keys descr, fortran_order and shape.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/files/mapped_file.hpp"

namespace medley {

// The element types, little-endian: integers, then the others.
enum class DType : std::uint8_t { boolean, i8, i16, i32, i64, u8, u16, u32, u64, f16, f32, f64 };
inline constexpr std::array<std::size_t, 12> dtype_sizes{1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8};
inline constexpr std::array<std::string_view, 12> dtype_names{
    "bool",   "int8",   "int16",  "int32",   "int64",   "uint8",
    "uint16", "uint32", "uint64", "float16", "float32", "float64"};
constexpr std::size_t size_of(DType dtype) { return dtype_sizes[static_cast<std::size_t>(dtype)]; }
constexpr std::string_view to_string(DType dtype) {
  return dtype_names[static_cast<std::size_t>(dtype)];
}

struct NpyHeader {
  DType dtype{};
  std::vector<std::uint64_t> shape;
  std::uint64_t elements = 0;                      // product of the shape
  std::size_t data_offset = 0;                     // where the data begin in the file
  bool big_endian = false, fortran_order = false;  // where NpyReads allows it
};

// What is read besides C-ordered, little-endian, aligned arrays, by those who can say what to do with it.
struct NpyReads {
  bool halves = false;     // float16
  bool any_order = false;  // big-endian numbers, Fortran order, data at any address
};

// Reads and checks the header of a whole .npy file. Throws data_error naming `name` for anything
// but an array of a DType, as `reads` allows, whose data fill the rest of the file exactly.
NpyHeader parse_npy_header(std::span<const std::byte> file, std::string_view name,
                           NpyReads reads = {});

// A mapped .npy file.
class NpyFile {
 public:
  NpyFile() = default;
  // Throws io_error if the file cannot be opened, data_error if it is not as parse_npy_header
  // wants.
  explicit NpyFile(const std::filesystem::path& path, bool read_halves = false)
      : file_(path),
        header_(parse_npy_header(file_.bytes(), file_.name(), {.halves = read_halves})) {}

  DType dtype() const { return header_.dtype; }
  std::span<const std::uint64_t> shape() const { return header_.shape; }
  std::uint64_t elements() const { return header_.elements; }
  const std::string& name() const { return file_.name(); }
  // The whole file, header included.
  std::span<const std::byte> bytes() const { return file_.bytes(); }
  // The elements; T must be the C++ type of dtype(). They are aligned for T.
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(file_.bytes().data() + header_.data_offset);
  }

 private:
  MappedFile file_;
  NpyHeader header_;
};

// "(3, 64, 64)", as numpy prints a shape.
std::string shape_text(std::span<const std::uint64_t> shape);

// Writes an array whose first dimension is not known before the end.
class NpyWriter {
 public:
  // Creates the file of an array of shape N x record_shape. Throws io_error, as all of its
  // functions.
  NpyWriter(const std::filesystem::path& path, DType dtype,
            std::vector<std::uint64_t> record_shape);
  ~NpyWriter();
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;

  // Appends one record: exactly record_bytes().
  void append(std::span<const std::byte> record);
  std::size_t record_bytes() const { return record_bytes_; }
  std::uint64_t records() const { return records_; }
  // Writes N into the header and waits until all is on the disk.
  void finish();

 private:
  void flush();
  std::string header() const;
  [[noreturn]] void fail(std::string_view what) const;

  std::string name_;
  int fd_ = -1;
  DType dtype_;
  std::vector<std::uint64_t> record_shape_;
  std::size_t record_bytes_;
  std::uint64_t records_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace medley
