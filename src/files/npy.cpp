#include "medley/files/npy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

#include "medley/base/error.hpp"

namespace medley {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::array<std::string_view, 12> descriptors{"b1", "i1", "i2", "i4", "i8", "u1",
                                                       "u2", "u4", "u8", "f2", "f4", "f8"};

// The three entries of the header's dict, read from left to right.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  struct Result {
    std::string descr;
    bool fortran_order = false;
    std::vector<std::uint64_t> shape;
  };

  Result parse() {
    expect('{');
    while (!accept('}')) {
      entry();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (position_ != text_.size()) fail("text after the header's dict");
    if (!descr_ || !fortran_order_ || !shape_)
      fail("the header lacks descr, fortran_order or shape");
    return {*descr_, *fortran_order_, *shape_};
  }

 private:
  void entry() {
    const std::string key = string();
    expect(':');
    if (key == "descr" && !descr_) {
      descr_ = descriptor();
    } else if (key == "fortran_order" && !fortran_order_) {
      fortran_order_ = boolean();
    } else if (key == "shape" && !shape_) {
      shape_ = tuple();
    } else {
      fail(fmt::format("unknown or repeated header key '{}'", key));
    }
  }

  std::string descriptor() {
    skip_spaces();
    if (position_ < text_.size() && (text_[position_] == '[' || text_[position_] == '('))
      fail("structured arrays are not read: save each field as an array of its own");
    return string();
  }

  std::string string() {
    skip_spaces();
    if (position_ == text_.size()) fail("the header ends too early");
    const char quote = text_[position_];
    if (quote != '\'' && quote != '"') fail("the header is not a dict of strings");
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) fail("the header ends inside a string");
    const std::string_view value = text_.substr(position_ + 1, end - position_ - 1);
    for (const char c : value)
      if (c < ' ' || c > '~' || c == '\\') fail("odd characters in the header");
    position_ = end + 1;
    return std::string(value);
  }

  bool boolean() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(position_).starts_with(word)) {
        position_ += word.size();
        return word == "True";
      }
    }
    fail("fortran_order is neither True nor False");
  }

  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> values;
    expect('(');
    bool comma = true;  // between any two numbers
    while (!accept(')')) {
      if (!comma || values.size() == 32) fail("the shape cannot be read");
      values.push_back(number());
      comma = accept(',');
    }
    if (values.size() == 1 && !comma) fail("the shape is not a tuple");
    return values;
  }

  std::uint64_t number() {
    skip_spaces();
    std::uint64_t value = 0;
    const char* const first = text_.data() + position_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value);
    if (error == std::errc::result_out_of_range) fail("a dimension of the shape is too large");
    if (error != std::errc{}) fail("a dimension of the shape is no whole number >= 0");
    position_ += static_cast<std::size_t>(end - first);
    return value;
  }

  void skip_spaces() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n'))
      ++position_;
  }
  bool accept(char c) {
    skip_spaces();
    if (position_ == text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}' expected at byte {} of the header", c, position_));
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw data_error(fmt::format("{}: bad .npy header: {}", name_, what));
  }

  std::string_view text_, name_;
  std::size_t position_ = 0;
  std::optional<std::string> descr_;
  std::optional<bool> fortran_order_;
  std::optional<std::vector<std::uint64_t>> shape_;
};

DType dtype_of(std::string_view descr, std::string_view name, NpyReads reads) {
  const auto refuse = [&](std::string_view remedy) {
    return data_error(
        fmt::format("{}: arrays of dtype '{}' are not read: {}", name, descr, remedy));
  };
  if (descr.size() == 3) {
    const bool one_byte = descr[2] == '1';
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
      if (descr.substr(1) != descriptors[i]) continue;
      if (static_cast<DType>(i) == DType::f16 && !reads.halves) break;
      if (descr[0] == '<' || (descr[0] == '>' && reads.any_order) ||
          (one_byte && (descr[0] == '|' || descr[0] == '>')))
        return static_cast<DType>(i);
      if (descr[0] == '>')
        throw refuse(fmt::format("it is big-endian; save it with .astype('<{}')", descriptors[i]));
    }
  }
  const char kind = descr.size() > 1 ? descr[1] : ' ';
  if (kind == 'U' || kind == 'S' || kind == 'O')
    throw refuse(
        "save numbers; of texts, np.unique(x, return_inverse=True)[1] gives the class numbers");
  throw refuse("save it as an integer type, bool, float32 or float64, with numpy's .astype");
}

std::uint64_t product(std::span<const std::uint64_t> shape, std::size_t item,
                      std::string_view name) {
  // A dimension of 0 must not hide an overflow of the others.
  std::uint64_t elements = 1, guard = item;
  for (const std::uint64_t n : shape) {
    elements *= n;
    const std::uint64_t factor = n == 0 ? 1 : n;
    if (guard > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / factor)
      throw data_error(
          fmt::format("{}: a shape of {} is larger than any file", name, shape_text(shape)));
    guard *= factor;
  }
  return elements;
}

std::string header_text(DType dtype, std::span<const std::uint64_t> shape) {
  const std::string_view code = descriptors[static_cast<std::size_t>(dtype)];
  return fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': {}, }}",
                     size_of(dtype) == 1 ? '|' : '<', code, shape_text(shape));
}

}  // namespace

std::string shape_text(std::span<const std::uint64_t> shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

NpyHeader parse_npy_header(std::span<const std::byte> file, std::string_view name, NpyReads reads) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const auto fail = [&](std::string_view what) {
    return data_error(fmt::format("{}: {}", name, what));
  };
  if (!text.starts_with(magic))
    throw fail("not a .npy file: save it with numpy.save (an .npz archive is not read)");
  if (text.size() < 10) throw fail("truncated .npy header");
  const int major = text[6], minor = text[7];
  if (major < 1 || major > 3 || minor != 0)
    throw fail(fmt::format(".npy format {}.{} is unknown", major, minor));
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t begin = 8 + length_bytes;
  if (text.size() < begin) throw fail("truncated .npy header");
  std::size_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;)
    length = length << 8 | static_cast<unsigned char>(text[8 + i]);
  if (length > text.size() - begin) throw fail("truncated .npy header");

  const HeaderParser::Result dict = HeaderParser(text.substr(begin, length), name).parse();
  NpyHeader header{dtype_of(dict.descr, name, reads), dict.shape, 0, begin + length};
  header.big_endian = dict.descr.starts_with('>');
  header.fortran_order = dict.fortran_order && dict.shape.size() > 1;
  if (header.fortran_order && !reads.any_order)
    throw fail("the array is in Fortran order: save it with numpy.ascontiguousarray");
  const std::size_t item = size_of(header.dtype);
  header.elements = product(header.shape, item, name);
  const std::uint64_t expected = header.elements * item, found = text.size() - header.data_offset;
  if (found != expected)
    throw fail(fmt::format("a {} array of shape {} has {} bytes of data, but the file has {} ({})",
                           to_string(header.dtype), shape_text(header.shape), expected, found,
                           found < expected ? "truncated: write it again" : "junk after the data"));
  if (header.data_offset % item != 0 && !reads.any_order)
    throw fail("its data are not aligned: save it again with numpy.save");
  return header;
}

NpyWriter::NpyWriter(const std::filesystem::path& path, DType dtype,
                     std::vector<std::uint64_t> record_shape)
    : name_(path.string()),
      dtype_(dtype),
      record_shape_(std::move(record_shape)),
      record_bytes_(product(record_shape_, size_of(dtype), name_) * size_of(dtype)) {
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) fail("cannot create");
  buffer_.reserve(1 << 20);
  const std::string start = header();
  const auto bytes = std::as_bytes(std::span(start));
  buffer_.assign(bytes.begin(), bytes.end());
}

NpyWriter::~NpyWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void NpyWriter::append(std::span<const std::byte> record) {
  if (record.size() != record_bytes_)
    throw io_error(
        fmt::format("{}: a record of {} bytes instead of {}", name_, record.size(), record_bytes_));
  if (buffer_.size() + record.size() > buffer_.capacity()) flush();
  buffer_.insert(buffer_.end(), record.begin(), record.end());
  ++records_;
}

void NpyWriter::finish() {
  flush();
  const std::string patched = header();
  if (::pwrite(fd_, patched.data(), patched.size(), 0) != static_cast<ssize_t>(patched.size()))
    fail("cannot write");
  if (::fsync(fd_) != 0) fail("cannot write");
  const int closed = ::close(fd_);
  fd_ = -1;
  if (closed != 0) fail("cannot write");
}

void NpyWriter::flush() {
  std::size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t n = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot write");
    done += static_cast<std::size_t>(n);
  }
  buffer_.clear();
}

// As long for the first record as for the last: the space is reserved for the longest N.
std::string NpyWriter::header() const {
  std::vector<std::uint64_t> shape{std::numeric_limits<std::uint64_t>::max()};
  shape.insert(shape.end(), record_shape_.begin(), record_shape_.end());
  const std::size_t reserved = header_text(dtype_, shape).size();
  const std::size_t total = (10 + reserved + 1 + 63) / 64 * 64;  // data aligned to 64 bytes
  shape[0] = records_;
  std::string text = header_text(dtype_, shape);
  text.resize(total - 10 - 1, ' ');
  const std::size_t length = text.size() + 1;
  std::string out(magic);
  out += {'\x01', '\x00', static_cast<char>(length & 0xFF), static_cast<char>(length >> 8)};
  return out + text + '\n';
}

void NpyWriter::fail(std::string_view what) const {
  throw io_error(fmt::format("{} {}: {}", what, name_, std::strerror(errno)));
}

}  // namespace medley
