// Arrays of records as people save them: .npy files, and members of .npz archives, of any number type,
// byte order and order of axes (C or Fortran).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/files/npy.hpp"
#include "medley/files/zip.hpp"

namespace medley {

class ArrayFile {
 public:
  // A file, or a member of an archive as FILE.npz:MEMBER, with or without ".npy" behind. Of an archive
  // alone, the only member. Stored members are used where they lie, deflated ones take their size in
  // memory. Throws io_error, or data_error naming file and reason, for an archive of several that names
  // its members.
  explicit ArrayFile(const std::filesystem::path& path);

  // For messages.
  const std::string& name() const { return name_; }
  DType dtype() const { return header_.dtype; }
  const std::vector<std::uint64_t>& shape() const { return header_.shape; }
  // The first dimension; 0 of an array without any.
  std::uint64_t records() const { return header_.shape.empty() ? 0 : header_.shape[0]; }
  // Numbers of a record, along all axes but the first.
  std::size_t elements() const { return elements_; }

  // All numbers of a record in C order, exactly or (64-bit integers) to the nearest. Throws nothing.
  void read(std::uint64_t record, std::span<double> out) const;
  // The same where they are bytes.
  void read(std::uint64_t record, std::span<std::uint8_t> out) const;
  // Of uint8, bool or int8: what the second needs.
  bool bytes() const { return size_of(header_.dtype) == 1; }

 private:
  void open_member(const std::filesystem::path& archive, std::string_view member);
  template <class T, class Out>
  void gather(std::uint64_t record, std::span<Out> out) const;

  std::string name_;
  MappedFile file_;
  std::unique_ptr<ZipFile> archive_;
  std::vector<std::byte> inflated_;
  std::span<const std::byte> data_;  // the elements
  NpyHeader header_;
  std::size_t elements_ = 0;
};

}  // namespace medley
