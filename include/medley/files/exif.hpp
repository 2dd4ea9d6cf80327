// How a camera was held: the orientation of a picture, as Exif tells it.
//
//   orientation   row 0 is    column 0 is
//   1             top         left         as it is
//   2             top         right        mirrored
//   3             bottom      right        turned by 180 degrees
//   4             bottom      left
//   5             left        top
//   6             right       top          to be turned by 90 degrees clockwise
//   7             right       bottom
//   8             left        bottom       to be turned by 90 degrees counterclockwise
//
// Exif 2.3 (JEITA CP-3451C), tag 0x0112. Pillow: ImageOps.exif_transpose.
#pragma once

#include <cstddef>
#include <span>

#include "medley/files/deep_image.hpp"

namespace medley {

// The orientation of an Exif block (a TIFF file of either byte order); 1 where it tells none, or where
// the block is damaged: what cameras write is often not quite right, and no pixel depends on the rest.
int exif_orientation(std::span<const std::byte> tiff);

// Turns the picture upright.
void apply_orientation(int orientation, Image& image);
void apply_orientation(int orientation, DeepImage& image);

}  // namespace medley
