// TIFF through libtiff. Each file has handlers of its own for messages, so that several threads may read.
#include "medley/files/tiff.hpp"

#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "medley/base/error.hpp"
#include "medley/base/half.hpp"
#include "medley/files/exif.hpp"

namespace medley {
namespace tiff {

// What the page says of itself.
struct PageInfo {
  std::uint32_t width = 0, height = 0;
  std::uint16_t samples = 1, bits = 1, format = SAMPLEFORMAT_UINT, planar = PLANARCONFIG_CONTIG,
                photometric = PHOTOMETRIC_MINISBLACK, orientation = ORIENTATION_TOPLEFT,
                compression = COMPRESSION_NONE;
  bool alpha = false, associated = false;

  bool gray() const {
    return photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE;
  }
  // Samples are the pixels themselves.
  bool plain() const {
    return bits >= 8 && (gray() || photometric == PHOTOMETRIC_RGB ||
                         (photometric == PHOTOMETRIC_SEPARATED && samples != 4));
  }
  PixelType type() const {
    const bool whole = format == SAMPLEFORMAT_UINT || format == SAMPLEFORMAT_VOID;
    if (!plain() || (whole && bits == 8)) return PixelType::u8;
    return whole && bits == 16 ? PixelType::u16 : PixelType::f32;
  }
};

}  // namespace tiff

namespace {

using tiff::PageInfo;

// A small file cannot ask for much memory: of more numbers, or bytes of a strip, than these a byte of the file makes so
// many bytes at most.
constexpr std::uint64_t always_read = 1 << 24, most_expanded = 1 << 12;
constexpr tmsize_t most_at_once = tmsize_t{1} << 28;  // that libtiff may take in one piece

template <class T>
float to_float(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return static_cast<float>(value);
}
float half_at(const std::byte* at) {
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return half_to_float(bits);
}

// How a sample becomes a float; null where it does not.
using Reading = float (*)(const std::byte*);
Reading reading_of(const PageInfo& page) {
  const int bits = page.bits;
  switch (page.format) {
    case SAMPLEFORMAT_UINT:
    case SAMPLEFORMAT_VOID:
      return bits == 8    ? to_float<std::uint8_t>
             : bits == 16 ? to_float<std::uint16_t>
             : bits == 32 ? to_float<std::uint32_t>
             : bits == 64 ? to_float<std::uint64_t>
                          : nullptr;
    case SAMPLEFORMAT_INT:
      return bits == 8    ? to_float<std::int8_t>
             : bits == 16 ? to_float<std::int16_t>
             : bits == 32 ? to_float<std::int32_t>
             : bits == 64 ? to_float<std::int64_t>
                          : nullptr;
    case SAMPLEFORMAT_IEEEFP:
      return bits == 16   ? half_at
             : bits == 32 ? to_float<float>
             : bits == 64 ? to_float<double>
                          : nullptr;
    default:
      return nullptr;
  }
}

// A rectangle of pixels as a strip or tile has it.
struct Block {
  std::uint32_t x, y, width, height;  // in the picture, which may end before the block does
  std::uint32_t stride;               // pixels of a row of the block
};

}  // namespace

// libtiff's view of the file, and what it said last.
struct TiffReader::Handle {
  std::span<const std::byte> file;
  std::uint64_t position = 0;
  TIFF* tiff = nullptr;
  std::string message;
  tiff::PageInfo page;
  std::vector<std::byte> buffer;

  ~Handle() {
    if (tiff) TIFFClose(tiff);
  }

  [[noreturn]] void fail() const {
    throw data_error(fmt::format("damaged TIFF{}{}", message.empty() ? "" : ": ", message));
  }
  void open();
  void read_info();
  bool is_page() const;
  bool next_directory();
  void check() const;
  std::vector<float> read_plain();
  void read_blocks(std::vector<float>& values, Reading reading);
  void place(const Block& block, std::size_t sample, std::size_t samples, Reading reading,
             std::vector<float>& values) const;
  void read_drawn(DeepImage& out);
};

namespace {

extern "C" int keep_message(TIFF*, void* user, const char*, const char* format, std::va_list list) {
  std::array<char, 256> text;
  std::vsnprintf(text.data(), text.size(), format, list);
  *static_cast<std::string*>(user) = text.data();
  return 1;
}
extern "C" int drop_message(TIFF*, void*, const char*, const char*, std::va_list) { return 1; }

}  // namespace

void TiffReader::Handle::open() {
  TIFFOpenOptions* const options = TIFFOpenOptionsAlloc();
  if (!options) throw io_error("no memory to read a TIFF");
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, most_at_once);
  TIFFOpenOptionsSetErrorHandlerExtR(options, keep_message, &message);
  TIFFOpenOptionsSetWarningHandlerExtR(options, drop_message, nullptr);
  tiff = TIFFClientOpenExt(
      "", "r", this,
      [](thandle_t handle, void* to, tmsize_t size) -> tmsize_t {
        auto& h = *static_cast<Handle*>(handle);
        if (size < 0 || h.position > h.file.size()) return -1;
        const auto bytes =
            std::min<std::uint64_t>(static_cast<std::uint64_t>(size), h.file.size() - h.position);
        std::memcpy(to, h.file.data() + h.position, bytes);
        h.position += bytes;
        return static_cast<tmsize_t>(bytes);
      },
      [](thandle_t, void*, tmsize_t) -> tmsize_t { return -1; },
      [](thandle_t handle, toff_t offset, int whence) -> toff_t {
        auto& h = *static_cast<Handle*>(handle);
        h.position = offset + (whence == SEEK_CUR   ? h.position
                               : whence == SEEK_END ? h.file.size()
                                                    : 0);
        return h.position;
      },
      [](thandle_t) { return 0; },
      [](thandle_t handle) -> toff_t { return static_cast<Handle*>(handle)->file.size(); },
      [](thandle_t handle, void** base, toff_t* size) {
        auto& h = *static_cast<Handle*>(handle);
        *base = const_cast<std::byte*>(h.file.data());  // of a file opened to be read
        *size = h.file.size();
        return 1;
      },
      [](thandle_t, void*, toff_t) {}, options);
  TIFFOpenOptionsFree(options);
  if (!tiff) fail();
}

void TiffReader::Handle::read_info() {
  page = {};
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &page.width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &page.height);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &page.samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &page.bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &page.format);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &page.planar);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &page.orientation);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &page.compression);
  TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &page.photometric);
  std::uint16_t extra = 0;
  const std::uint16_t* kinds = nullptr;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
  if (extra == 1 && kinds) {
    page.associated = kinds[0] == EXTRASAMPLE_ASSOCALPHA;
    page.alpha = page.associated || kinds[0] == EXTRASAMPLE_UNASSALPHA;
  }
}

// Not a smaller copy or a mask of another one.
bool TiffReader::Handle::is_page() const {
  std::uint32_t kind = 0;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &kind);
  return (kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) == 0;
}

bool TiffReader::Handle::next_directory() {
  if (TIFFLastDirectory(tiff)) return false;
  message.clear();
  if (TIFFReadDirectory(tiff) == 0) fail();
  return true;
}

// Throws where pages cannot be read, before memory is taken for them.
void TiffReader::Handle::check() const {
  if (page.width == 0 || page.height == 0) throw data_error("a picture without pixels");
  const std::uint64_t pixels = std::uint64_t{page.width} * page.height;
  if (page.height > max_side || page.width > max_side || pixels * page.samples > max_pixels)
    throw data_error(
        fmt::format("{} x {} pixels of {}: at most {} on a side and {} million numbers are read",
                    page.width, page.height, page.samples, max_side, max_pixels / 1'000'000));
  if (page.samples == 0 || page.samples > max_tiff_samples)
    throw data_error(
        fmt::format("{} samples a pixel: 1 to {} are read", page.samples, max_tiff_samples));
  if (pixels * page.samples > always_read &&
      pixels * page.samples * page.bits / 8 / most_expanded > file.size())
    throw data_error("damaged TIFF: the file is cut off");
  if (TIFFIsCODECConfigured(page.compression) == 0)
    throw data_error(fmt::format(
        "a TIFF of compression {}, which is not read: convert it, as with tiffcp -c zip",
        page.compression));
  if (page.plain() && !reading_of(page))
    throw data_error(fmt::format("a TIFF of {} bits a sample (format {}): save it with 8, 16 or 32",
                                 page.bits, page.format));
}

void TiffReader::Handle::place(const Block& block, std::size_t sample, std::size_t samples,
                               Reading reading, std::vector<float>& values) const {
  const std::size_t size = page.bits / 8u, all = page.samples;
  for (std::uint32_t y = 0; y < block.height; ++y) {
    const std::byte* from = buffer.data() + std::size_t{y} * block.stride * samples * size;
    float* to = values.data() + ((std::size_t{block.y} + y) * page.width + block.x) * all + sample;
    for (std::uint32_t x = 0; x < block.width; ++x, to += all)
      for (std::size_t s = 0; s < samples; ++s, from += size) to[s] = reading(from);
  }
}

void TiffReader::Handle::read_blocks(std::vector<float>& values, Reading reading) {
  const bool apart = page.planar == PLANARCONFIG_SEPARATE && page.samples > 1;
  const auto planes = static_cast<std::uint16_t>(apart ? page.samples : 1);
  const std::size_t samples = apart ? 1 : page.samples, pixel = samples * page.bits / 8u;
  const bool tiled = TIFFIsTiled(tiff) != 0;
  std::uint32_t width = page.width, height = 0;
  if (tiled) {
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &height);
  } else {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &height);
    height = std::min(height, page.height);
  }
  const tmsize_t size = tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
  if (width == 0 || height == 0 || size <= 0 ||
      static_cast<std::uint64_t>(size) != std::uint64_t{width} * height * pixel)
    fail();
  if (static_cast<std::uint64_t>(size) > always_read &&
      static_cast<std::uint64_t>(size) / most_expanded > file.size())
    throw data_error("damaged TIFF: a strip or tile is larger than the file can fill");
  buffer.resize(static_cast<std::size_t>(size));
  for (std::uint16_t plane = 0; plane < planes; ++plane) {
    for (std::uint32_t y = 0; y < page.height; y += height) {
      const std::uint32_t rows = std::min(height, page.height - y);
      for (std::uint32_t x = 0; x < page.width; x += width) {
        const std::uint64_t wanted =
            tiled ? static_cast<std::uint64_t>(size) : std::uint64_t{rows} * width * pixel;
        const tmsize_t read =
            tiled ? TIFFReadTile(tiff, buffer.data(), x, y, 0, plane)
                  : TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y, plane), buffer.data(),
                                         static_cast<tmsize_t>(wanted));
        if (read < 0 || static_cast<std::uint64_t>(read) != wanted || !message.empty()) fail();
        place({x, y, std::min(width, page.width - x), rows, width}, plane, samples, reading,
              values);
      }
    }
  }
}

std::vector<float> TiffReader::Handle::read_plain() {
  std::vector<float> values(std::size_t{page.width} * page.height * page.samples);
  read_blocks(values, reading_of(page));
  if (page.photometric == PHOTOMETRIC_MINISWHITE && page.type() != PixelType::f32) {
    const float white = PixelFormat::of(page.type()).high;
    for (float& value : values) value = white - value;
  }
  return values;
}

// As libtiff draws it: RGB and alpha of 8 bits, colours times alpha.
void TiffReader::Handle::read_drawn(DeepImage& out) {
  std::array<char, 1024> why{};
  if (TIFFRGBAImageOK(tiff, why.data()) == 0)
    throw data_error(fmt::format("a TIFF that is not read: {}", why.data()));
  std::vector<std::uint32_t> raster(std::size_t{page.width} * page.height);
  const bool read = TIFFReadRGBAImageOriented(tiff, page.width, page.height, raster.data(),
                                              ORIENTATION_TOPLEFT, 1) != 0;
  if (!read || !message.empty()) fail();
  const std::size_t channels = page.gray() ? 1 : 3;
  out.shape.channels = static_cast<int>(channels);
  out.values.clear();
  for (const std::uint32_t pixel : raster) {
    const std::array<std::uint32_t, 3> colour{TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel)};
    const std::uint32_t white = 255 - TIFFGetA(pixel);
    for (std::size_t c = 0; c < channels; ++c)
      out.values.push_back(static_cast<float>(std::min(colour[c] + white, 255u)));
  }
}

bool is_tiff(std::span<const std::byte> file) {
  constexpr std::array<std::string_view, 4> starts{
      {{"II*\0", 4}, {"MM\0*", 4}, {"II+\0", 4}, {"MM\0+", 4}}};
  const std::string_view begin(reinterpret_cast<const char*>(file.data()),
                               std::min<std::size_t>(file.size(), 4));
  return std::ranges::find(starts, begin) != starts.end();
}

TiffReader::TiffReader(std::span<const std::byte> file) : handle_(std::make_unique<Handle>()) {
  handle_->file = file;
  handle_->open();
  while (!handle_->is_page())
    if (!handle_->next_directory()) throw data_error("a TIFF without a picture");
  handle_->read_info();
}

TiffReader::~TiffReader() = default;

std::uint64_t TiffReader::place() const { return TIFFCurrentDirOffset(handle_->tiff); }

void TiffReader::go_to(std::uint64_t place) {
  handle_->message.clear();
  if (TIFFSetSubDirectory(handle_->tiff, place) == 0) handle_->fail();
  handle_->read_info();
}

bool TiffReader::next_page() {
  do {
    if (!handle_->next_directory()) return false;
  } while (!handle_->is_page());
  handle_->read_info();
  return true;
}

int TiffReader::samples() const {
  const PageInfo& page = handle_->page;
  return page.plain() ? page.samples : page.gray() ? 1 : 3;
}

bool TiffReader::has_alpha() const { return handle_->page.plain() && handle_->page.alpha; }

bool TiffReader::alpha_is_associated() const { return handle_->page.associated; }

PixelType TiffReader::type() const { return handle_->page.type(); }

void TiffReader::read(DeepImage& out) {
  const PageInfo& page = handle_->page;
  handle_->check();
  handle_->message.clear();
  out.shape = {samples(), static_cast<int>(page.height), static_cast<int>(page.width)};
  out.pixels = PixelFormat::of(type());
  if (!page.plain()) return handle_->read_drawn(out);
  out.values = handle_->read_plain();
  if (const auto bad = std::ranges::find_if(out.values, [](float x) { return !std::isfinite(x); });
      bad != out.values.end())
    throw data_error(fmt::format("a pixel of {}: every pixel must be a number", *bad));
  out.orientation = page.orientation;
  apply_orientation(page.orientation, out);
}

void decode_tiff_page(std::span<const std::byte> file, std::uint64_t place, int channels,
                      const PixelFormat& floats, DeepImage& out) {
  TiffReader reader(file);
  if (place != 0) reader.go_to(place);
  reader.read(out);
  if (out.pixels.type == PixelType::f32) {
    if (floats.type != PixelType::f32)
      throw data_error(
          "a TIFF of floats, or of whole numbers that are not of 8 or 16 bits without a sign: only "
          "a "
          "data set of float32 holds them (import with --pixels float32 --range LOW..HIGH)");
    out.pixels = floats;
  }
  if (reader.has_alpha() && channels != reader.samples() && channels <= 3)
    drop_alpha(out, reader.alpha_is_associated());
  to_channels(channels, out);
}

void decode_tiff(std::span<const std::byte> file, int channels, Image& out) {
  DeepImage image;
  decode_deep(file, channels, {}, image);
  out.shape = image.shape;
  out.orientation = image.orientation;
  out.pixels.clear();
  for (const float value : image.values)
    out.pixels.push_back(static_cast<std::uint8_t>(convert_pixel(value, image.pixels, {})));
}

}  // namespace medley
