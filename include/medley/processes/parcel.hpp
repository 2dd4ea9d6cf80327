// What processes tell each other of more than plain numbers, as bytes: written at one end, read in the
// same order at the other. Both are of the same build.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace medley {

class Parcel {
 public:
  Parcel() = default;
  explicit Parcel(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  template <class T>
  requires std::is_trivially_copyable_v<T>
  void add(const T& value) { add_bytes(&value, sizeof(T)); }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void add(std::span<const T> values) {
    add(values.size());
    add_bytes(values.data(), values.size_bytes());
  }
  void add(std::string_view text) { add(std::span<const char>(text)); }

  template <class T>
  requires std::is_trivially_copyable_v<T>
  void take(T& value) {
    std::memcpy(&value, bytes_.data() + taken_, sizeof(T));
    taken_ += sizeof(T);
  }
  template <class T>
  requires std::is_trivially_copyable_v<T> T take() {
    T value;
    take(value);
    return value;
  }
  template <class T>
  std::vector<T> take_all() {
    std::vector<T> values(take<std::size_t>());
    if (!values.empty())
      std::memcpy(values.data(), bytes_.data() + taken_, values.size() * sizeof(T));
    taken_ += values.size() * sizeof(T);
    return values;
  }
  std::string take_text() {
    const std::vector<char> text = take_all<char>();
    return {text.begin(), text.end()};
  }

  bool at_end() const { return taken_ == bytes_.size(); }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void add_bytes(const void* data, std::size_t bytes) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + bytes);
  }

  std::vector<std::byte> bytes_;
  std::size_t taken_ = 0;
};

}  // namespace medley
