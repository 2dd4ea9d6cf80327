// Decoders of formats of pictures, and what they share. Each leaves the channels that the file has: gray, gray and alpha,
// RGB, or RGB and alpha; and throws data_error with the reason alone.
#pragma once

#include "medley/files/image.hpp"

namespace medley {

// Throws unless a picture has pixels, and not too many.
void check_size(std::uint64_t height, std::uint64_t width);

// For a file whose header promises more pixels than its length can hold: told before memory is taken for them.
[[noreturn]] void refuse_short_file(const char* kind);

// A BMP file (also of OS/2), by stb_image. Its palette's colours are looked up.
void decode_bmp(std::span<const std::byte> file, Image& out);

// A WebP file, lossy or lossless, by libwebp.
void decode_webp(std::span<const std::byte> file, Image& out);

}  // namespace medley
