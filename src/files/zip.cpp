#include "medley/files/zip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>

#include "medley/base/error.hpp"

namespace medley {
namespace {

// Beginnings of the records of an archive, and what of these records is always there.
constexpr std::uint32_t local_header = 0x04034b50, directory_entry = 0x02014b50,
                        directory_end = 0x06054b50, wide_end = 0x06064b50,
                        wide_locator = 0x07064b50;
constexpr std::size_t local_bytes = 30, entry_bytes = 46, end_bytes = 22, wide_end_bytes = 56,
                      locator_bytes = 20;
constexpr std::uint16_t stored = 0, deflated = 8, wide_field = 1;
constexpr std::uint32_t in_wide_field = 0xFFFFFFFFu;  // the number is in the 64-bit extension

// Deflate makes at most so many bytes of one.
constexpr std::uint64_t most_inflated = 1032;

// Little-endian numbers; the caller has seen that they are within the bytes.
std::uint64_t number(std::span<const std::byte> bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | std::to_integer<unsigned>(bytes[at + i]);
  return value;
}
std::uint32_t number32(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(number(bytes, at, 4));
}
std::uint16_t number16(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(number(bytes, at, 2));
}

// Where the record at the end begins: behind it may be a comment.
std::optional<std::size_t> find_end(std::span<const std::byte> file) {
  constexpr std::size_t longest_comment = 65535;
  if (file.size() < end_bytes) return std::nullopt;
  const std::size_t last = file.size() - end_bytes;
  for (std::size_t at = last + 1; at-- > last - std::min(last, longest_comment);)
    if (number32(file, at) == directory_end &&
        at + end_bytes + number16(file, at + 20) == file.size())
      return at;
  return std::nullopt;
}

// Takes 64-bit numbers from an entry's extra fields, for those that did not fit, in their order.
// False where one is missing.
bool widen(std::span<const std::byte> extra, std::span<std::uint64_t* const> numbers) {
  std::span<const std::byte> wide;
  while (extra.size() >= 4 && wide.empty()) {
    const std::size_t size = number16(extra, 2);
    if (size > extra.size() - 4) return false;
    if (number16(extra, 0) == wide_field) wide = extra.subspan(4, size);
    extra = extra.subspan(4 + size);
  }
  for (std::uint64_t* const value : numbers) {
    if (*value != in_wide_field) continue;
    if (wide.size() < 8) return false;
    *value = number(wide, 0, 8);
    wide = wide.subspan(8);
  }
  return true;
}

// zlib's state, which is given back.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, -MAX_WBITS) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Whether all of `in` becomes all of `out`.
  bool inflate_all(std::span<const std::byte> in, std::span<std::byte> out) {
    constexpr std::size_t part = std::size_t{1} << 30;  // zlib counts in 32 bits
    int result = ready_ ? Z_OK : Z_MEM_ERROR;
    while (result == Z_OK) {
      const std::size_t given = std::min(part, in.size()), room = std::min(part, out.size());
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
      stream_.avail_in = static_cast<uInt>(given);
      std::byte spare{};  // room for a byte too many, which is then told
      stream_.next_out = reinterpret_cast<Bytef*>(room > 0 ? out.data() : &spare);
      stream_.avail_out = static_cast<uInt>(std::max<std::size_t>(room, 1));
      result = ::inflate(&stream_, Z_NO_FLUSH);
      const std::size_t made = std::max<std::size_t>(room, 1) - stream_.avail_out;
      if (made > room || (result == Z_OK && made == 0 && stream_.avail_in == given)) return false;
      in = in.subspan(given - stream_.avail_in);
      out = out.subspan(made);
    }
    return result == Z_STREAM_END && in.empty() && out.empty();
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

std::uint32_t checksum(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

bool is_zip(std::span<const std::byte> file) {
  if (file.size() < 4) return false;
  const std::uint32_t begin = number32(file, 0);
  return begin == local_header || begin == directory_end;
}

ZipFile::ZipFile(const std::filesystem::path& path) : file_(path) { read_directory(); }

void ZipFile::fail(std::string_view problem) const {
  throw data_error(fmt::format("{}: {}", name(), problem));
}

void ZipFile::read_directory() {
  const std::span<const std::byte> file = file_.bytes();
  const std::optional<std::size_t> end = find_end(file);
  if (!end) fail("not a whole .npz archive: it is cut off or of another kind");
  std::uint64_t count = number16(file, *end + 10), size = number32(file, *end + 12),
                begin = number32(file, *end + 16);
  if (number16(file, *end + 4) != number16(file, *end + 6)) fail("an archive in several parts");
  if (*end >= locator_bytes && number32(file, *end - locator_bytes) == wide_locator) {
    const std::uint64_t wide = number(file, *end - locator_bytes + 8, 8);
    if (wide > file.size() || file.size() - wide < wide_end_bytes ||
        number32(file, wide) != wide_end)
      fail("damaged: the archive's directory is not where it should be");
    count = number(file, wide + 32, 8);
    size = number(file, wide + 40, 8);
    begin = number(file, wide + 48, 8);
  }
  if (begin > *end || size > *end - begin) fail("damaged: the archive's directory is cut off");
  std::span<const std::byte> directory = file.subspan(begin, size);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (directory.size() < entry_bytes || number32(directory, 0) != directory_entry)
      fail("damaged: the archive's directory is cut off");
    const std::size_t name_bytes = number16(directory, 28), extra_bytes = number16(directory, 30),
                      all = entry_bytes + name_bytes + extra_bytes + number16(directory, 32);
    if (directory.size() < all) fail("damaged: the archive's directory is cut off");
    Member member;
    member.name.assign(reinterpret_cast<const char*>(directory.data()) + entry_bytes, name_bytes);
    member.method = number16(directory, 10);
    member.crc = number32(directory, 16);
    member.packed = number32(directory, 20);
    member.bytes = number32(directory, 24);
    member.header = number32(directory, 42);
    const std::array<std::uint64_t*, 3> wide{&member.bytes, &member.packed, &member.header};
    if (!widen(directory.subspan(entry_bytes + name_bytes, extra_bytes), wide))
      fail("damaged: sizes of a member are missing");
    if ((number16(directory, 8) & 1u) != 0) fail("an encrypted archive");
    members_.push_back(std::move(member));
    directory = directory.subspan(all);
  }
}

const ZipFile::Member* ZipFile::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(members_, [&](const Member& member) { return member.name == name; });
  return found == members_.end() ? nullptr : &*found;
}

std::span<const std::byte> ZipFile::read(const Member& member,
                                         std::vector<std::byte>& memory) const {
  const std::span<const std::byte> file = file_.bytes();
  const auto damaged = [&](std::string_view how) {
    return data_error(fmt::format("{}: member {} is damaged: {}", name(), member.name, how));
  };
  if (member.header > file.size() || file.size() - member.header < local_bytes ||
      number32(file, member.header) != local_header)
    throw damaged("it is not where it should be");
  const std::uint64_t data = member.header + local_bytes + number16(file, member.header + 26) +
                             number16(file, member.header + 28);
  if (data > file.size() || member.packed > file.size() - data) throw damaged("it is cut off");
  std::span<const std::byte> bytes = file.subspan(data, member.packed);
  if (member.method == deflated) {
    if (member.bytes / most_inflated > member.packed) throw damaged("its size cannot be right");
    memory.resize(member.bytes);
    if (!Inflater().inflate_all(bytes, memory)) throw damaged("it cannot be inflated");
    bytes = memory;
  } else if (member.method != stored) {
    throw data_error(
        fmt::format("{}: member {} is compressed by method {}: save it with "
                    "numpy.savez or savez_compressed",
                    name(), member.name, member.method));
  }
  if (bytes.size() != member.bytes) throw damaged("its size is another");
  if (checksum(bytes) != member.crc) throw damaged("its checksum is another");
  return bytes;
}

}  // namespace medley
