// safetensors: the format of checkpoints, and of models that come from other frameworks.
//
// A file is
//   8 bytes      length of the header, little-endian
//   the header   a JSON object: name -> {"dtype", "shape", "data_offsets": [begin, end]}, and
//                "__metadata__": text -> text; spaces at its end
//   the data     tensor after tensor in row-major order, without holes; offsets count from here
//
// What is written here begins its data on a multiple of 64 bytes. Metadata values may end in
// spaces, since their width is fixed; SafetensorsFile takes them off again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/files/atomic_file.hpp"
#include "medley/files/mapped_file.hpp"

struct XXH3_state_s;

namespace medley {

// The metadata key under which SafetensorsWriter stores the checksum: XXH3-64 of the whole file
// with the 16 hexadecimal digits themselves replaced by spaces.
inline constexpr std::string_view checksum_key = "medley.checksum";

// A mapped file, strictly checked when it is opened.
class SafetensorsFile {
 public:
  struct Tensor {
    std::string name;
    std::string dtype;  // as the file says: "F32", "I64", ...
    std::vector<std::uint64_t> dims;
    std::span<const std::byte> bytes;  // in the mapped file
    // The elements of an F32, F16, BF16 or F64 tensor as F32; empty for other types.
    std::span<const float> values;
  };

  // Throws io_error if the file cannot be read, data_error naming it if it is not as the format
  // says: header longer than 64 MiB, repeated keys, unknown dtype, sizes that overflow or do not
  // match the offsets, holes, overlap, bytes left over, F32 data that are not aligned. F16 and BF16
  // become F32 exactly, F64 by rounding; one that is beyond F32's range is refused.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::string& name() const { return file_.name(); }
  // In the order of the file.
  std::span<const Tensor> tensors() const { return tensors_; }
  // nullptr if there is none of the name.
  const Tensor* find(std::string_view name) const;
  // The values of a tensor of these dimensions. Throws data_error if it is not there, has another
  // shape or is not of floats.
  std::span<const float> floats(std::string_view name, std::span<const std::uint64_t> dims) const;
  // The same of an F64 tensor, as it is: as many as `values` has. Throws data_error for other types
  // too.
  void read_doubles(std::string_view name, std::span<const std::uint64_t> dims,
                    std::span<double> values) const;

  const std::map<std::string, std::string, std::less<>>& metadata() const { return metadata_; }
  // nullptr if there is none of the key.
  const std::string* metadata(std::string_view key) const;
  // Throws data_error if the file has a checksum and it is wrong; false if it has none.
  bool verify_checksum() const;

 private:
  void add_tensor(const std::string& name, const void* json, std::span<const std::byte> data);
  // Both fail where that is not so.
  const Tensor& existing(std::string_view name) const;
  void check_shape(const Tensor& tensor, std::span<const std::uint64_t> dims) const;
  template <class Bits, class ToFloat>
  void convert(Tensor& tensor, ToFloat&& to_float);
  [[noreturn]] void fail(std::string_view what) const;

  MappedFile file_;
  std::size_t header_end_ = 0;
  std::vector<Tensor> tensors_;
  std::vector<std::vector<float>> converted_;  // what tensors of other types of floats hold
  std::map<std::string, std::string, std::less<>> metadata_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

// The header of a file whose tensors and metadata keys never change: built once, its metadata
// values are then set in place.
class SafetensorsLayout {
 public:
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> dims;
    bool wide = false;  // F64, else F32
  };
  struct Field {
    std::string key;
    std::size_t width;  // of the longest value, in bytes
  };

  // The tensors lie in the file in this order. Adds a field for the checksum. Throws
  // std::invalid_argument for repeated or odd names (printable ASCII without quote and backslash).
  SafetensorsLayout(std::span<const Tensor> tensors, std::span<const Field> fields);

  std::size_t tensor_count() const noexcept { return elements_.size(); }
  std::uint64_t elements(std::size_t tensor) const noexcept { return elements_[tensor]; }
  // Bytes of the whole file.
  std::uint64_t file_bytes() const noexcept { return header_.size() + data_bytes_; }

  // Sets the value of the i-th field, padded with spaces to its width. False if it is longer, not
  // printable ASCII, or has a quote or backslash: then nothing is changed.
  [[nodiscard]] bool set(std::size_t field, std::string_view value) noexcept;
  // The same for a number, in decimal.
  [[nodiscard]] bool set(std::size_t field, std::uint64_t value) noexcept;
  // The same for a double, so that it reads back to the same bits.
  [[nodiscard]] bool set_double(std::size_t field, double value) noexcept;
  std::string_view value(std::size_t field) const noexcept;

  // The first bytes of the file, up to the data; the checksum's digits are spaces.
  std::span<const std::byte> header() const noexcept { return std::as_bytes(std::span(header_)); }
  // Where the 16 digits of the checksum are in the file.
  std::size_t checksum_offset() const noexcept { return fields_.back().offset; }

 private:
  struct Slot {
    std::size_t offset, width;
  };
  std::string header_;
  std::vector<Slot> fields_;  // those given, then the checksum
  std::vector<std::uint64_t> elements_;
  std::uint64_t data_bytes_ = 0;
};

// Writes files of one layout into a folder, atomically, without allocating or throwing.
//
//   layout.set(step_field, step);
//   writer.begin("last.safetensors");
//   for (each tensor in order) writer.append(values);   // whole tensors or pieces of them
//   if (Status status = writer.commit(); !status.ok()) ...
//
// After a failure every call returns it until the next begin(), so that looking at commit()'s is
// enough; the file that was there before stays.
class SafetensorsWriter {
 public:
  // Both must outlive the writer. Allocates all that writing will need.
  SafetensorsWriter(const SafetensorsLayout& layout, const Folder& folder);
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  Status begin(std::string_view file_name) noexcept;
  // The next elements of the tensors, in the layout's order.
  Status append(std::span<const float> values) noexcept {
    return append_bytes(std::as_bytes(values));
  }
  Status append(std::span<const double> values) noexcept {
    return append_bytes(std::as_bytes(values));
  }
  // Fails if the tensors are not complete. Then writes the checksum, syncs, renames.
  Status commit() noexcept;
  void abandon() noexcept { file_.abandon(); }

 private:
  Status append_bytes(std::span<const std::byte> bytes) noexcept;

  const SafetensorsLayout& layout_;
  AtomicFile file_;
  XXH3_state_s* hash_;
  std::uint64_t written_ = 0;
};

}  // namespace medley
