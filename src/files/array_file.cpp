#include "medley/files/array_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "medley/base/error.hpp"
#include "medley/base/half.hpp"

namespace medley {
namespace {

// IEEE half precision, as its bits.
struct Half {
  std::uint16_t bits;
  explicit operator double() const { return half_to_float(bits); }
};

// Where a member is named behind an archive: "a/b.npz" and "x" of "a/b.npz:x".
struct ArchiveAndMember {
  std::filesystem::path archive;
  std::string member;
};
ArchiveAndMember split_name(const std::filesystem::path& path) {
  const std::string text = path.string();
  const std::size_t colon = text.rfind(':');
  std::error_code ignored;
  if (colon == std::string::npos || colon == 0 || std::filesystem::exists(path, ignored))
    return {path, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::string without_suffix(const std::string& member) {
  return member.ends_with(".npy") ? member.substr(0, member.size() - 4) : member;
}

}  // namespace

ArrayFile::ArrayFile(const std::filesystem::path& path) : name_(path.string()) {
  const auto [archive, member] = split_name(path);
  file_ = MappedFile(archive);
  std::span<const std::byte> bytes = file_.bytes();
  if (is_zip(bytes)) {
    open_member(archive, member);
    bytes = data_;
  } else if (!member.empty()) {
    throw data_error(fmt::format("{} is no .npz archive, so that it has no member '{}'",
                                 archive.string(), member));
  }
  header_ = parse_npy_header(bytes, name_, {.halves = true, .any_order = true});
  data_ = bytes.subspan(header_.data_offset);
  elements_ = records() == 0 ? 0 : static_cast<std::size_t>(header_.elements / records());
}

void ArrayFile::open_member(const std::filesystem::path& path, std::string_view member) {
  archive_ = std::make_unique<ZipFile>(path);
  std::vector<std::string> names;
  for (const ZipFile::Member& m : archive_->members()) names.push_back(without_suffix(m.name));
  const ZipFile::Member* found = nullptr;
  if (member.empty() && names.size() == 1) found = &archive_->members()[0];
  if (!member.empty()) found = archive_->find(member);
  if (!member.empty() && !found) found = archive_->find(std::string(member) + ".npy");
  if (!found)
    throw data_error(fmt::format(
        "{}: {}; name one behind the file, as in {}:{}; it has: {}", path.string(),
        member.empty() ? "an archive of several arrays" : fmt::format("no array '{}'", member),
        path.string(), names.empty() ? "NAME" : names[0], fmt::join(names, ", ")));
  name_ = fmt::format("{}:{}", path.string(), without_suffix(found->name));
  data_ = archive_->read(*found, inflated_);
}

// Goes through the record in C order. The first axis varies slowest in C order, fastest in Fortran's.
template <class T, class Out>
void ArrayFile::gather(std::uint64_t record, std::span<Out> out) const {
  const auto element = [&](std::uint64_t index) {
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), data_.data() + index * sizeof(T), sizeof(T));
    if (header_.big_endian) std::ranges::reverse(bytes);
    return static_cast<Out>(std::bit_cast<T>(bytes));
  };
  if (!header_.fortran_order) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = element(record * elements_ + i);
    return;
  }
  const std::vector<std::uint64_t>& shape = header_.shape;
  std::vector<std::uint64_t> step(shape.size(), 1), at(shape.size(), 0);
  for (std::size_t d = 1; d < shape.size(); ++d) step[d] = step[d - 1] * shape[d - 1];
  std::uint64_t index = record;
  for (Out& value : out) {
    value = element(index);
    for (std::size_t d = shape.size(); d-- > 1;) {  // as an odometer
      index += step[d];
      if (++at[d] < shape[d]) break;
      index -= step[d] * shape[d];
      at[d] = 0;
    }
  }
}

void ArrayFile::read(std::uint64_t record, std::span<double> out) const {
  const auto as = [&]<class T>(T) { gather<T>(record, out); };
  switch (header_.dtype) {
    case DType::i8:
      return as(std::int8_t{});
    case DType::i16:
      return as(std::int16_t{});
    case DType::i32:
      return as(std::int32_t{});
    case DType::i64:
      return as(std::int64_t{});
    case DType::u16:
      return as(std::uint16_t{});
    case DType::u32:
      return as(std::uint32_t{});
    case DType::u64:
      return as(std::uint64_t{});
    case DType::f16:
      return as(Half{});
    case DType::f32:
      return as(0.0f);
    case DType::f64:
      return as(0.0);
    default:
      return as(std::uint8_t{});  // u8, bool
  }
}

void ArrayFile::read(std::uint64_t record, std::span<std::uint8_t> out) const {
  if (out.empty()) return;
  if (!header_.fortran_order)
    std::memcpy(out.data(), data_.data() + record * elements_, out.size());
  else
    gather<std::uint8_t>(record, out);
}

}  // namespace medley
