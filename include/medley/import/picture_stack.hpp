// Many pictures in one file, by their numbers: an array of NumPy's, or the pages of TIFF files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medley/files/deep_image.hpp"

namespace medley {

// Which axis is which, N records, C channels, H rows, W columns; or to be told by the shape.
enum class ArrayLayout : std::uint8_t { automatic, nhw, nhwc, nchw };
// Throws usage_error for another word than auto, nhw, nhwc, nchw.
ArrayLayout parse_layout(std::string_view text);

class PictureStack {
 public:
  virtual ~PictureStack() = default;
  virtual std::uint64_t size() const = 0;
  // For messages.
  virtual const std::string& name() const = 0;
  // uint8, uint16, or float32 for all that needs a range.
  virtual PixelType type() const = 0;
  // What the numbers are, such as "float64".
  virtual std::string type_name() const = 0;
  // The picture in units of its own, with the channels that the experiment reads; floats with the range
  // that `floats` has. From several threads at once. Throws data_error that names the record.
  virtual void read(std::uint64_t index, const PixelFormat& floats, DeepImage& out) const = 0;
};

// Of an .npy file or a member of an .npz archive (array_file.hpp). Throws data_error where the shape does
// not tell which axis is which, naming --layout.
std::unique_ptr<PictureStack> open_array_pictures(const std::filesystem::path& path,
                                                  PictureShape shape, ArrayLayout layout);

// Pages of TIFF files, one file after the other. `pages_are_channels`: as many pages as the experiment
// reads channels make a picture.
std::unique_ptr<PictureStack> open_tiff_pictures(std::span<const std::filesystem::path> paths,
                                                 PictureShape shape, bool pages_are_channels);

}  // namespace medley
