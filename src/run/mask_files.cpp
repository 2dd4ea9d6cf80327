#include "medley/run/mask_files.hpp"

#include <fmt/format.h>

#include "medley/base/error.hpp"
#include "medley/files/mask_image.hpp"

namespace medley {

MaskFiles::MaskFiles(std::filesystem::path folder, std::ptrdiff_t heads, bool again)
    : folder_(std::move(folder)), heads_(heads), again_(again) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error)
    throw io_error(fmt::format("{} cannot be made: {}", folder_.string(), error.message()));
}

std::string MaskFiles::save(std::string_view record, const HeadPrediction& head, int height,
                            int width, std::span<const std::uint8_t> mask) {
  std::string file = std::filesystem::path(record).stem().string();
  if (heads_ > 1) file += "." + head.head();
  if (!again_ && !names_.insert(file).second) {
    throw data_error(fmt::format(
        "{}: another picture's mask is already {}.png in {}; predict them into different folders",
        record, file, folder_.string()));
  }
  const std::filesystem::path path = folder_ / (file + ".png");
  write_mask(path, height, width, mask, head.classes());
  return path.string();
}

}  // namespace medley
