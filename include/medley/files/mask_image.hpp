// Predicted masks as PNG files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace medley {

// Writes height x width classes below `classes` (at most 255) as an indexed PNG: a pixel's index is
// its class (Pillow's mode P gives them back as an array), its colour is for the eye: black and
// white for two classes, the colours of PASCAL VOC for more; 255 is not known, and gray. Throws io_error
// naming the file.
void write_mask(const std::filesystem::path& path, int height, int width,
                std::span<const std::uint8_t> mask, int classes);

}  // namespace medley
