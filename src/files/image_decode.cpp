// JPEG through libjpeg, PNG through libpng (png_decoder.hpp). Both report errors by longjmp: every function that calls
// setjmp has only trivial locals, and what must be freed belongs to an object outside of it.
#include <fmt/format.h>

#include <csetjmp>
#include <cstdio>
#include <string>

#include "files/image_formats.hpp"
#include "files/png_decoder.hpp"
#include "medley/base/error.hpp"
#include "medley/files/deep_image.hpp"
#include "medley/files/exif.hpp"
#include "medley/files/image.hpp"
#include "medley/files/mapped_file.hpp"
#include "medley/files/tiff.hpp"

extern "C" {
#include <jerror.h>
#include <jpeglib.h>
}

namespace medley {
namespace {

// --- JPEG ----------------------------------------------------------------------------------------

// More scans than any real progressive file has: a small file of many scans keeps a decoder busy
// for hours.
constexpr int max_scans = 200;
constexpr int exif_marker = JPEG_APP0 + 1;

class JpegDecoder {
 public:
  explicit JpegDecoder(std::span<const std::byte> file) : file_(file) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = [](j_common_ptr info) { self(info).stop(info); };
    errors_.emit_message = [](j_common_ptr info, int level) { self(info).warn(info, level); };
    progress_.progress_monitor = [](j_common_ptr info) { self(info).count_scans(info); };
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  // Each returns false after an error; message() says which.
  bool read_header() {
    if (setjmp(jump_) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(file_.data()), file_.size());
    jpeg_save_markers(&info_, exif_marker, 0xFFFF);
    jpeg_read_header(&info_, TRUE);
    return true;
  }
  bool decode(std::uint8_t* out) {
    if (setjmp(jump_) != 0) return false;
    info_.dct_method = JDCT_ISLOW;
    info_.do_fancy_upsampling = TRUE;
    info_.do_block_smoothing = FALSE;
    info_.out_color_space = color_space();
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = out + static_cast<std::size_t>(info_.output_scanline) * info_.output_width *
                               static_cast<std::size_t>(components());
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  // False for a file that is too short for its pixels: Huffman codes take at least a bit for each
  // block of 8 x 8.
  bool long_enough() const {
    std::uint64_t blocks = 0;
    for (int i = 0; i < info_.num_components; ++i) {
      const jpeg_component_info& component = info_.comp_info[i];
      blocks += std::uint64_t{component.width_in_blocks} * component.height_in_blocks;
    }
    return blocks / 8 <= file_.size();
  }
  // libjpeg does not notice where arithmetic-coded data are cut off.
  bool arithmetic() const { return info_.arith_code; }
  std::uint64_t height() const { return info_.image_height; }
  std::uint64_t width() const { return info_.image_width; }
  // Components of the decoded picture: 1 gray, 3 RGB, 4 CMYK.
  int components() const {
    const J_COLOR_SPACE space = color_space();
    return space == JCS_GRAYSCALE ? 1 : space == JCS_CMYK ? 4 : 3;
  }
  // As the first Exif block tells it; known until decode() forgets the markers.
  int orientation() const {
    constexpr std::string_view start("Exif\0\0", 6);
    for (const jpeg_marker_struct* m = info_.marker_list; m != nullptr; m = m->next) {
      const std::string_view data(reinterpret_cast<const char*>(m->data), m->data_length);
      if (m->marker == exif_marker && data.starts_with(start))
        return exif_orientation(std::as_bytes(std::span(data.substr(start.size()))));
    }
    return 1;
  }
  // Adobe's programs store CMYK inverted, and say so in a marker.
  bool inverted() const { return info_.saw_Adobe_marker; }
  const char* message() const { return message_; }

 private:
  J_COLOR_SPACE color_space() const {
    switch (info_.jpeg_color_space) {
      case JCS_GRAYSCALE:
        return JCS_GRAYSCALE;
      case JCS_CMYK:
      case JCS_YCCK:
        return JCS_CMYK;
      default:
        return JCS_RGB;
    }
  }

  static JpegDecoder& self(j_common_ptr info) {
    return *static_cast<JpegDecoder*>(info->client_data);
  }
  [[noreturn]] void stop(j_common_ptr info) {
    errors_.format_message(info, message_);
    longjmp(jump_, 1);
  }
  // libjpeg goes on after damaged data and invents the rest; for training data damage is an error.
  // Two warnings speak of headers that are merely unusual.
  void warn(j_common_ptr info, int level) {
    if (level >= 0) return;
    if (errors_.msg_code == JWRN_ADOBE_XFORM || errors_.msg_code == JWRN_NOT_SEQUENTIAL) return;
    stop(info);
  }
  void count_scans(j_common_ptr info) {
    if (info_.input_scan_number <= max_scans) return;
    std::snprintf(message_, sizeof message_, "more than %d scans", max_scans);
    static_cast<void>(info);
    longjmp(jump_, 1);
  }

  std::span<const std::byte> file_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  char message_[JMSG_LENGTH_MAX]{};
};

// CMYK as printed on white paper: each colour's light is what its ink and black let through.
void cmyk_to_rgb(std::vector<std::uint8_t>& pixels, bool inverted) {
  const std::size_t count = pixels.size() / 4;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned flip = inverted ? 0 : 255;
    const unsigned light = pixels[4 * i + 3] ^ flip;
    for (std::size_t c = 0; c < 3; ++c)
      pixels[3 * i + c] =
          static_cast<std::uint8_t>(((pixels[4 * i + c] ^ flip) * light + 127) / 255);
  }
  pixels.resize(3 * count);
}

void decode_jpeg(std::span<const std::byte> file, Image& out) {
  JpegDecoder decoder(file);
  if (!decoder.read_header()) throw data_error(fmt::format("damaged JPEG: {}", decoder.message()));
  check_size(decoder.height(), decoder.width());
  if (decoder.arithmetic()) throw data_error("a JPEG with arithmetic coding: convert it");
  if (!decoder.long_enough()) refuse_short_file("JPEG");
  out.shape = {decoder.components(), static_cast<int>(decoder.height()),
               static_cast<int>(decoder.width())};
  out.pixels.resize(out.shape.bytes());
  out.orientation = decoder.orientation();
  if (!decoder.decode(out.pixels.data()))
    throw data_error(fmt::format("damaged JPEG: {}", decoder.message()));
  if (out.shape.channels == 4) {
    cmyk_to_rgb(out.pixels, decoder.inverted());
    out.shape.channels = 3;
  }
}

// --- PNG -----------------------------------------------------------------------------------------

Error damaged(const PngDecoder& decoder) {
  return data_error(fmt::format("damaged PNG: {}", decoder.message()));
}

void open_png(PngDecoder& decoder) {
  if (!decoder.read_header()) throw damaged(decoder);
  check_size(decoder.height(), decoder.width());
  if (!decoder.long_enough()) refuse_short_file("PNG");
}

void decode_png(std::span<const std::byte> file, Image& out) {
  PngDecoder decoder(file);
  open_png(decoder);
  if (!decoder.start()) throw damaged(decoder);
  out.shape = {decoder.components(), static_cast<int>(decoder.height()),
               static_cast<int>(decoder.width())};
  out.pixels.resize(out.shape.bytes());
  if (!decoder.decode(out.pixels.data())) throw damaged(decoder);
}

// --- all ----------------------------------------------------------------------------------------

// Lays a picture whose last channel is alpha on white.
void drop_alpha(Image& image) {
  if (image.shape.channels % 2 == 1) return;
  const auto components = static_cast<std::size_t>(image.shape.channels);
  std::vector<std::uint8_t>& p = image.pixels;
  const std::size_t count = p.size() / components, kept = components - 1;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned alpha = p[components * i + kept];
    for (std::size_t c = 0; c < kept; ++c)
      p[kept * i + c] = static_cast<std::uint8_t>(
          (p[components * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  p.resize(kept * count);
  --image.shape.channels;
}

void to_channels(int channels, Image& image) {
  if (image.shape.channels == channels) return;
  const std::size_t count = image.pixels.size() / static_cast<std::size_t>(image.shape.channels);
  std::vector<std::uint8_t>& p = image.pixels;
  if (channels == 1) {  // ITU-R BT.601 luma in 16 fractional bits
    for (std::size_t i = 0; i < count; ++i)
      p[i] = static_cast<std::uint8_t>(
          (p[3 * i] * 19595u + p[3 * i + 1] * 38470u + p[3 * i + 2] * 7471u + 32768u) >> 16);
    p.resize(count);
  } else {
    p.resize(3 * count);
    for (std::size_t i = count; i-- > 0;) p[3 * i] = p[3 * i + 1] = p[3 * i + 2] = p[i];
  }
  image.shape.channels = channels;
}

constexpr std::string_view png_start("\x89PNG\r\n\x1A\n");

}  // namespace

bool decode_deep_png(std::span<const std::byte> file, DeepImage& out) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(png_start)) return false;
  PngDecoder decoder(file);
  open_png(decoder);
  if (decoder.bits() != 16) return false;
  if (!decoder.start_deep()) throw damaged(decoder);
  const int components = decoder.components();
  out.shape = {components, static_cast<int>(decoder.height()), static_cast<int>(decoder.width())};
  out.pixels = PixelFormat::of(PixelType::u16);
  std::vector<std::uint16_t> pixels(out.shape.bytes());
  if (!decoder.decode(reinterpret_cast<std::uint8_t*>(pixels.data()))) throw damaged(decoder);
  out.values.assign(pixels.begin(), pixels.end());
  if (components == 2 || components == 4) drop_alpha(out, false);
  return true;
}

void require_picture_channels(int channels) {
  if (channels == 1 || channels == 3) return;
  throw usage_error(fmt::format(
      "this experiment reads {0} channels, but pictures are decoded to 1 (gray) or 3 (red, green, "
      "blue): save such data with NumPy, as images.npy of shape (N, {0}, H, W), and name its "
      "folder "
      "with --data",
      channels));
}

void decode_image(std::span<const std::byte> file, int channels, Image& out) {
  if (is_tiff(file)) return decode_tiff(file, channels, out);
  require_picture_channels(channels);
  const std::string_view start(reinterpret_cast<const char*>(file.data()),
                               std::min<std::size_t>(file.size(), 12));
  if (file.empty()) throw data_error("an empty file");
  out.orientation = 1;
  if (start.starts_with("\xFF\xD8\xFF")) {
    decode_jpeg(file, out);
  } else if (start.starts_with(png_start)) {
    decode_png(file, out);
  } else if (start.starts_with("BM")) {
    decode_bmp(file, out);
  } else if (start.starts_with("RIFF") && start.ends_with("WEBP")) {
    decode_webp(file, out);
  } else {
    const char* const kind = start.starts_with("GIF8") ? " but a GIF"
                             : start.starts_with("<")  ? " but a text"
                                                       : "";
    throw data_error(fmt::format("neither JPEG, PNG, BMP, TIFF nor WebP{}: convert it", kind));
  }
  drop_alpha(out);
  apply_orientation(out.orientation, out);
  to_channels(channels, out);
}

void load_picture(const std::filesystem::path& path, Fit fit, PictureShape shape,
                  std::span<std::uint8_t> out) {
  const MappedFile file(path);
  Image image;
  try {
    decode_image(file.bytes(), shape.channels, image);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file.name(), error.what()));
  }
  fit_image(image, fit, shape, out);
}

}  // namespace medley
