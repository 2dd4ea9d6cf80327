// What to do with an array that is not as a dataset folder wants it, in NumPy's words: each of these
// looks at the array's shape and values and returns the end of a sentence, such as "save
// x.transpose(0, 3, 1, 2), where x is the array".
#pragma once

#include <string>

#include "medley/files/image.hpp"
#include "medley/files/npy.hpp"

namespace medley {

// For pictures that are neither uint8 nor uint16, nor floats with a range, of shape N x C x H x W.
std::string images_hint(const NpyFile& file, PictureShape shape);
// For a mask of so many classes that is not uint8 of shape N x H x W.
std::string mask_hint(const NpyFile& file, PictureShape shape, int classes);
// For class numbers that are not integers of shape N.
std::string labels_hint(const NpyFile& file, int classes);
// For values that are not float32 of shape N x size.
std::string values_hint(const NpyFile& file, int size);
// For splits that are not uint8 of shape N.
std::string split_hint(const NpyFile& file);

}  // namespace medley
