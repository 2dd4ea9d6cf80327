#include "medley/run/mask_files.hpp"

#include <fmt/format.h>

#include "medley/base/error.hpp"
#include "medley/files/mask_image.hpp"

namespace medley {

MaskFiles::MaskFiles(std::filesystem::path folder, std::ptrdiff_t heads)
    : folder_(std::move(folder)), heads_(heads) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error)
    throw io_error(fmt::format("{} cannot be made: {}", folder_.string(), error.message()));
}

void MaskFiles::save(const std::string& record, const HeadPrediction& head,
                     std::span<const float> output) {
  std::string file = std::filesystem::path(record).stem().string();
  if (heads_ > 1) file += "." + head.head();
  if (!names_.insert(file).second) {
    throw data_error(fmt::format(
        "{}: another picture's mask is already {}.png in {}; predict them into different folders",
        record, file, folder_.string()));
  }
  write_mask(folder_ / (file + ".png"), head.shape().h, head.shape().w, head.mask(output),
             head.classes());
}

}  // namespace medley
