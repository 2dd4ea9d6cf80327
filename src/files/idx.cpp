#include "medley/files/idx.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>

#include "medley/base/error.hpp"

namespace medley {
namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 26;  // of a record

std::optional<DType> dtype_of(std::uint8_t code) {
  switch (code) {
    case 0x08:
      return DType::u8;
    case 0x09:
      return DType::i8;
    case 0x0B:
      return DType::i16;
    case 0x0C:
      return DType::i32;
    case 0x0D:
      return DType::f32;
    case 0x0E:
      return DType::f64;
    default:
      return std::nullopt;
  }
}

// The number of type T whose bytes, the highest first, begin there.
template <class T, class Bits>
double number_at(const std::uint8_t* bytes) {
  Bits bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) bits = static_cast<Bits>(bits << 8 | bytes[i]);
  return static_cast<double>(std::bit_cast<T>(bits));
}

constexpr std::string_view again = "; download or copy it again";

}  // namespace

// zlib's, which reads files that are not compressed as they are.
struct IdxReader::Stream {
  explicit Stream(gzFile opened) : file(opened) {}
  ~Stream() { ::gzclose_r(file); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  gzFile file;
};

IdxReader::IdxReader(const std::filesystem::path& path) : name_(path.string()) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw io_error(fmt::format("{}: cannot be opened: {}", name_, std::strerror(errno)));
  const gzFile file = ::gzdopen(fd, "rb");
  if (file == nullptr) {
    ::close(fd);
    throw io_error(fmt::format("{}: cannot be read: out of memory", name_));
  }
  stream_ = std::make_unique<Stream>(file);

  std::array<std::uint8_t, 4> head{};
  if (read(head) < head.size() || head[0] != 0 || head[1] != 0)
    throw data_error(fmt::format(
        "{}: is no IDX file, which begins with two zero bytes (picture files come in by "
        "a CSV file, NumPy's as a dataset folder)",
        name_));
  const std::optional<DType> dtype = dtype_of(head[2]);
  if (!dtype)
    throw data_error(fmt::format(
        "{}: 0x{:02x} is no type of elements of an IDX file: write it again as uint8 (0x08)", name_,
        head[2]));
  if (head[3] == 0)
    throw data_error(fmt::format("{}: has no dimension, so that it has no records", name_));
  dtype_ = *dtype;
  std::vector<std::uint8_t> sizes(std::size_t{4} * head[3]);
  if (read(sizes) < sizes.size()) throw data_error(name_ + ": ends in its header" + again.data());
  for (std::size_t d = 0; d < head[3]; ++d) {
    shape_.push_back(
        static_cast<std::uint64_t>(number_at<std::uint32_t, std::uint32_t>(&sizes[4 * d])));
  }
  for (std::size_t d = 1; d < shape_.size(); ++d) {
    if (shape_[d] == 0 || shape_[d] > most_bytes / size_of(dtype_) / elements_)
      throw data_error(fmt::format("{}: records of shape {} are empty or larger than {} bytes",
                                   name_, shape_text(*this), most_bytes));
    elements_ *= static_cast<std::size_t>(shape_[d]);
  }
  record_.resize(elements_ * size_of(dtype_));
}

IdxReader::~IdxReader() = default;

void IdxReader::fail(const std::string& problem) const {
  throw data_error(fmt::format("{}, record {}: {}{}", name_, done_, problem, again));
}

// How many bytes there were.
std::size_t IdxReader::read(std::span<std::uint8_t> out) {
  const int count = ::gzread(stream_->file, out.data(), static_cast<unsigned>(out.size()));
  int code = Z_OK;
  const char* const message = ::gzerror(stream_->file, &code);
  if (code == Z_ERRNO)
    throw io_error(fmt::format("{}: cannot be read: {}", name_, std::strerror(errno)));
  if (code != Z_OK && code != Z_STREAM_END)
    fail(fmt::format("what gzip has compressed is cut off or damaged ({})", message));
  return static_cast<std::size_t>(std::max(count, 0));
}

void IdxReader::next() {
  if (read(record_) < record_.size())
    fail(fmt::format("the file ends, but its header says {}", shape_text(*this)));
  if (++done_ < records()) return;
  std::array<std::uint8_t, 1> more{};
  if (read(more) > 0)
    fail(fmt::format("there are bytes behind the last record; its header says {}",
                     shape_text(*this)));
}

double IdxReader::element(std::size_t i) const {
  const std::uint8_t* const at = record_.data() + i * size_of(dtype_);
  switch (dtype_) {
    case DType::u8:
      return *at;
    case DType::i8:
      return number_at<std::int8_t, std::uint8_t>(at);
    case DType::i16:
      return number_at<std::int16_t, std::uint16_t>(at);
    case DType::i32:
      return number_at<std::int32_t, std::uint32_t>(at);
    case DType::f32:
      return number_at<float, std::uint32_t>(at);
    default:
      return number_at<double, std::uint64_t>(at);
  }
}

std::string shape_text(const IdxReader& reader) {
  return fmt::format("{}", fmt::join(reader.shape(), " x "));
}

}  // namespace medley
