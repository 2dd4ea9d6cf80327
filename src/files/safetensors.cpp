#include "medley/files/safetensors.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "medley/base/error.hpp"
#include "medley/base/half.hpp"
#include "medley/files/json.hpp"

namespace medley {
namespace {

constexpr std::uint64_t longest_header = std::uint64_t{64} << 20;
constexpr std::size_t data_alignment = 64;
constexpr std::size_t digits = 16;  // of the checksum
constexpr std::array<char, digits> blank{' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ',
                                         ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};

struct ElementType {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<ElementType, 15> element_types{{{"BOOL", 1},
                                                     {"U8", 1},
                                                     {"I8", 1},
                                                     {"F8_E5M2", 1},
                                                     {"F8_E4M3", 1},
                                                     {"I16", 2},
                                                     {"U16", 2},
                                                     {"F16", 2},
                                                     {"BF16", 2},
                                                     {"I32", 4},
                                                     {"U32", 4},
                                                     {"F32", 4},
                                                     {"F64", 8},
                                                     {"I64", 8},
                                                     {"U64", 8}}};

// Needs no escape in JSON.
bool is_plain(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

std::string_view without_padding(std::string_view text) {
  const std::size_t last = text.find_last_not_of(' ');
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Little-endian on every machine that is built for; the header's length is taken apart all the
// same.
std::uint64_t read_length(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<std::uint64_t>(bytes[i]);
  return length;
}

void format_checksum(std::array<char, digits + 1>& out, std::uint64_t hash) noexcept {
  std::snprintf(out.data(), out.size(), "%016llx", static_cast<unsigned long long>(hash));
}

}  // namespace

// --- reading -------------------------------------------------------------------------------------

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(path) {
  const auto bytes = file_.bytes();
  if (bytes.size() < 8) fail("it is too short to be a safetensors file");
  const std::uint64_t length = read_length(bytes);
  if (length > longest_header || length > bytes.size() - 8)
    fail(fmt::format("a header of {} bytes in a file of {}: truncated, or no safetensors file",
                     length, bytes.size()));
  header_end_ = 8 + static_cast<std::size_t>(length);
  const std::string_view header = as_text(bytes.subspan(8, length));
  if (!header.starts_with('{')) fail("its header is not a JSON object: no safetensors file");
  const nlohmann::json json = parse_json(header, name());
  for (const auto& [key, value] : json.items()) {
    if (key != "__metadata__") {
      add_tensor(key, &value, bytes.subspan(header_end_));
      continue;
    }
    if (!value.is_object()) fail("__metadata__ is not an object");
    for (const auto& [name, text] : value.items()) {
      if (!text.is_string()) fail(fmt::format("the metadata value \"{}\" is not text", name));
      metadata_.emplace(name, without_padding(text.get<std::string>()));
    }
  }
  std::sort(tensors_.begin(), tensors_.end(), [](const Tensor& a, const Tensor& b) {
    return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
  });
  const std::byte* next = bytes.data() + header_end_;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].bytes.data() != next)
      fail(fmt::format(
          "the data of tensor {} {}", tensors_[i].name,
          tensors_[i].bytes.data() < next ? "overlap those of another" : "come after a hole"));
    next += tensors_[i].bytes.size();
    index_.emplace(tensors_[i].name, i);
  }
  if (next != bytes.data() + bytes.size()) fail("there are bytes after the last tensor");
}

void SafetensorsFile::add_tensor(const std::string& name, const void* value,
                                 std::span<const std::byte> data) {
  const auto& json = *static_cast<const nlohmann::json*>(value);
  const auto refuse = [&](std::string_view what) {
    fail(fmt::format("tensor {}: {}", name, what));
  };
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets"))
    refuse("not exactly dtype, shape and data_offsets");
  const auto& dtype = json["dtype"];
  const auto& shape = json["shape"];
  const auto& offsets = json["data_offsets"];
  const auto type = std::find_if(element_types.begin(), element_types.end(),
                                 [&](const ElementType& t) { return dtype == t.name; });
  if (type == element_types.end()) refuse("its dtype is unknown");
  if (!shape.is_array()) refuse("its shape is not a list");
  std::uint64_t size = type->bytes;
  Tensor tensor{name, std::string(type->name), {}, {}, {}};
  for (const auto& n : shape) {
    if (!n.is_number_unsigned()) refuse("its shape is not of whole numbers >= 0");
    tensor.dims.push_back(n.get<std::uint64_t>());
    if (__builtin_mul_overflow(size, tensor.dims.back(), &size)) refuse("its size overflows");
  }
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    refuse("its data_offsets are not two whole numbers >= 0");
  const auto begin = offsets[0].get<std::uint64_t>(), end = offsets[1].get<std::uint64_t>();
  if (begin > end || end > data.size()) refuse("its data lie outside of the file (truncated?)");
  if (end - begin != size)
    refuse(fmt::format("its shape needs {} bytes, its data_offsets give {}", size, end - begin));
  tensor.bytes = data.subspan(begin, size);
  if (type->name == "F32") {
    if (reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % sizeof(float) != 0)
      refuse("its data are not aligned: save the file again with a current safetensors library");
    tensor.values = {reinterpret_cast<const float*>(tensor.bytes.data()), size / sizeof(float)};
  } else if (type->name == "F16") {
    convert<std::uint16_t>(tensor, half_to_float);
  } else if (type->name == "BF16") {
    convert<std::uint16_t>(tensor, bfloat_to_float);
  } else if (type->name == "F64") {
    convert<double>(tensor, [&](double wide) {
      if (std::isfinite(wide) && std::fabs(wide) > std::numeric_limits<float>::max())
        refuse(fmt::format("{} is beyond the range of F32", wide));
      return static_cast<float>(wide);
    });
  }
  tensors_.push_back(std::move(tensor));
}

// Data of any alignment.
template <class Bits, class ToFloat>
void SafetensorsFile::convert(Tensor& tensor, ToFloat&& to_float) {
  std::vector<float>& values = converted_.emplace_back(tensor.bytes.size() / sizeof(Bits));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Bits bits;
    std::memcpy(&bits, tensor.bytes.data() + i * sizeof bits, sizeof bits);
    values[i] = to_float(bits);
  }
  tensor.values = values;  // which stay where they are when converted_ grows
}

const SafetensorsFile::Tensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const SafetensorsFile::Tensor& SafetensorsFile::existing(std::string_view name) const {
  const Tensor* const tensor = find(name);
  if (tensor == nullptr) fail(fmt::format("it has no tensor {}", name));
  return *tensor;
}

void SafetensorsFile::check_shape(const Tensor& tensor, std::span<const std::uint64_t> dims) const {
  if (!std::ranges::equal(dims, tensor.dims))
    fail(fmt::format("tensor {} has shape [{}], not [{}]", tensor.name,
                     fmt::join(tensor.dims, ", "), fmt::join(dims, ", ")));
}

std::span<const float> SafetensorsFile::floats(std::string_view name,
                                               std::span<const std::uint64_t> dims) const {
  const Tensor& tensor = existing(name);
  if (tensor.values.empty() && !tensor.bytes.empty())
    fail(fmt::format("tensor {} is {}, not F32: save it with .float()", name, tensor.dtype));
  check_shape(tensor, dims);
  return tensor.values;
}

void SafetensorsFile::read_doubles(std::string_view name, std::span<const std::uint64_t> dims,
                                   std::span<double> values) const {
  const Tensor& tensor = existing(name);
  if (tensor.dtype != "F64") fail(fmt::format("tensor {} is {}, not F64", name, tensor.dtype));
  check_shape(tensor, dims);
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), values.size_bytes());
}

const std::string* SafetensorsFile::metadata(std::string_view key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? nullptr : &found->second;
}

bool SafetensorsFile::verify_checksum() const {
  const std::string* const expected = metadata(checksum_key);
  if (expected == nullptr) return false;
  const std::string entry = fmt::format("\"{}\":\"{}\"", checksum_key, *expected);
  const auto bytes = file_.bytes();
  const std::size_t at = as_text(bytes.first(header_end_)).find(entry);
  if (expected->size() != digits || at == std::string_view::npos)
    fail("its checksum is not of the form that is written here");
  const std::size_t begin = at + entry.size() - 1 - digits;
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash(XXH3_createState(),
                                                                             XXH3_freeState);
  XXH3_64bits_reset(hash.get());
  XXH3_64bits_update(hash.get(), bytes.data(), begin);
  XXH3_64bits_update(hash.get(), blank.data(), digits);
  const auto rest = bytes.subspan(begin + digits);
  XXH3_64bits_update(hash.get(), rest.data(), rest.size());
  std::array<char, digits + 1> found{};
  format_checksum(found, XXH3_64bits_digest(hash.get()));
  if (*expected != found.data())
    fail("its checksum is wrong: the file is damaged, take another checkpoint");
  return true;
}

void SafetensorsFile::fail(std::string_view what) const {
  throw data_error(fmt::format("{}: {}", name(), what));
}

// --- writing -------------------------------------------------------------------------------------

SafetensorsLayout::SafetensorsLayout(std::span<const Tensor> tensors,
                                     std::span<const Field> fields) {
  std::map<std::string_view, int> seen;
  const auto check = [&](std::string_view name) {
    if (name.empty() || !is_plain(name) || name == "__metadata__" || seen[name]++ != 0)
      throw std::invalid_argument(fmt::format("odd or repeated safetensors name '{}'", name));
  };
  header_.assign(8, '\0');
  header_ += "{\"__metadata__\":{";
  const auto add_field = [&](std::string_view key, std::size_t width) {
    check(key);
    header_ += fmt::format("{}\"{}\":\"", fields_.empty() ? "" : ",", key);
    fields_.push_back({header_.size(), width});
    header_.append(width, ' ');
    header_ += '"';
  };
  for (const Field& field : fields) add_field(field.key, field.width);
  add_field(checksum_key, digits);
  header_ += '}';
  seen.clear();
  for (const Tensor& tensor : tensors) {
    check(tensor.name);
    std::uint64_t elements = 1;
    for (const std::uint64_t n : tensor.dims)
      if (__builtin_mul_overflow(elements, n, &elements))
        throw std::invalid_argument("the size of a tensor overflows");
    const std::uint64_t end =
        data_bytes_ + elements * (tensor.wide ? sizeof(double) : sizeof(float));
    header_ += fmt::format(",\"{}\":{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                           tensor.name, tensor.wide ? "F64" : "F32", fmt::join(tensor.dims, ","),
                           data_bytes_, end);
    elements_.push_back(elements);
    data_bytes_ = end;
  }
  header_ += '}';
  header_.resize((header_.size() + data_alignment - 1) / data_alignment * data_alignment, ' ');
  const std::uint64_t length = header_.size() - 8;
  for (std::size_t i = 0; i < 8; ++i) header_[i] = static_cast<char>(length >> (8 * i) & 0xFF);
}

bool SafetensorsLayout::set(std::size_t field, std::string_view value) noexcept {
  const Slot& slot = fields_[field];
  if (value.size() > slot.width || !is_plain(value)) return false;
  std::memcpy(header_.data() + slot.offset, value.data(), value.size());
  std::memset(header_.data() + slot.offset + value.size(), ' ', slot.width - value.size());
  return true;
}

bool SafetensorsLayout::set(std::size_t field, std::uint64_t value) noexcept {
  std::array<char, 24> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && set(field, std::string_view(text.data(), end));
}

bool SafetensorsLayout::set_double(std::size_t field, double value) noexcept {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && set(field, std::string_view(text.data(), end));
}

std::string_view SafetensorsLayout::value(std::size_t field) const noexcept {
  return without_padding(
      std::string_view(header_).substr(fields_[field].offset, fields_[field].width));
}

SafetensorsWriter::SafetensorsWriter(const SafetensorsLayout& layout, const Folder& folder)
    : layout_(layout), file_(folder), hash_(XXH3_createState()) {
  if (hash_ == nullptr) throw std::bad_alloc();
}

SafetensorsWriter::~SafetensorsWriter() { XXH3_freeState(hash_); }

Status SafetensorsWriter::begin(std::string_view file_name) noexcept {
  XXH3_64bits_reset(hash_);
  XXH3_64bits_update(hash_, layout_.header().data(), layout_.header().size());
  written_ = layout_.header().size();
  if (Status status = file_.begin(file_name); !status.ok()) return status;
  return file_.write(layout_.header());
}

Status SafetensorsWriter::append_bytes(std::span<const std::byte> bytes) noexcept {
  XXH3_64bits_update(hash_, bytes.data(), bytes.size());
  written_ += bytes.size();
  return file_.write(bytes);
}

Status SafetensorsWriter::commit() noexcept {
  if (written_ != layout_.file_bytes()) return file_.fail("too few or too many values for");
  std::array<char, digits + 1> checksum{};
  format_checksum(checksum, XXH3_64bits_digest(hash_));
  if (Status status = file_.write_at(layout_.checksum_offset(),
                                     std::as_bytes(std::span(checksum).first(digits)));
      !status.ok())
    return status;
  return file_.commit();
}

}  // namespace medley
