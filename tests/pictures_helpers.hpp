// Pictures made in memory by tests: PNG files put together chunk by chunk, JPEG files by libjpeg.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
#include <jpeglib.h>
}

#include "medley/files/image.hpp"
#include "tests/files_helpers.hpp"

namespace medley {

inline std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

inline std::string png_chunk(std::string_view type, std::string_view data) {
  const std::string body = std::string(type) + std::string(data);
  const auto crc = static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
  return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(crc);
}

// Colour types of the PNG format.
enum PngColour { png_gray = 0, png_rgb = 2, png_palette = 3, png_gray_alpha = 4, png_rgba = 6 };

struct PngParts {
  std::uint32_t width, height;
  int bit_depth, colour;
  std::string rows;    // each begins with its filter, 0
  std::string chunks;  // between IHDR and IDAT
  bool interlaced = false;
};

inline std::string make_png(const PngParts& parts) {
  std::string header = big_endian(parts.width) + big_endian(parts.height);
  header += {static_cast<char>(parts.bit_depth), static_cast<char>(parts.colour), 0, 0,
             static_cast<char>(parts.interlaced)};
  std::string packed(::compressBound(parts.rows.size()), '\0');
  uLongf size = packed.size();
  ::compress(reinterpret_cast<Bytef*>(packed.data()), &size,
             reinterpret_cast<const Bytef*>(parts.rows.data()), parts.rows.size());
  packed.resize(size);
  return "\x89PNG\r\n\x1A\n" + png_chunk("IHDR", header) + parts.chunks +
         png_chunk("IDAT", packed) + png_chunk("IEND", "");
}

// An 8-bit gray or RGB picture as a PNG file.
inline std::string make_png(const Image& image) {
  const auto row = static_cast<std::size_t>(image.shape.width * image.shape.channels);
  std::string rows;
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.shape.height); ++y) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(image.pixels.data() + y * row), row);
  }
  return make_png({static_cast<std::uint32_t>(image.shape.width),
                   static_cast<std::uint32_t>(image.shape.height), 8,
                   image.shape.channels == 1 ? png_gray : png_rgb, rows, ""});
}

// A picture whose pixels are value(y, x, channel).
// A picture file in memory as decode_image() reads it.
inline Image decode(std::string_view file, int channels = 3) {
  Image image;
  decode_image(bytes_of(file), channels, image);
  return image;
}

inline Image make_image(PictureShape shape, const std::function<int(int, int, int)>& value) {
  Image image{shape, {}};
  for (int y = 0; y < shape.height; ++y)
    for (int x = 0; x < shape.width; ++x)
      for (int c = 0; c < shape.channels; ++c)
        image.pixels.push_back(static_cast<std::uint8_t>(value(y, x, c)));
  return image;
}

// The picture as a JPEG file of quality 90; 4 channels make a CMYK file. `tune` may change
// settings.
inline std::string make_jpeg(const Image& image,
                             const std::function<void(jpeg_compress_struct&)>& tune = {}) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_width = static_cast<JDIMENSION>(image.shape.width);
  info.image_height = static_cast<JDIMENSION>(image.shape.height);
  info.input_components = image.shape.channels;
  info.in_color_space = image.shape.channels == 1   ? JCS_GRAYSCALE
                        : image.shape.channels == 3 ? JCS_RGB
                                                    : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 90, TRUE);
  if (tune) tune(info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(
        image.pixels.data() +
        static_cast<std::size_t>(info.next_scanline) *
            static_cast<std::size_t>(image.shape.width * image.shape.channels));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const std::string file(reinterpret_cast<char*>(buffer), size);
  std::free(buffer);
  return file;
}

}  // namespace medley
