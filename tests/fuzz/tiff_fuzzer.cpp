// A TIFF file: as a picture, and page after page.
#include <cmath>

#include "medley/files/tiff.hpp"
#include "tests/fuzz/picture.hpp"

using namespace medley;

namespace {

void read_pages(std::span<const std::byte> file) {
  TiffReader reader(file);
  DeepImage page;
  int pages = 0;
  do {
    const bool read = fuzz::accepted([&] { reader.read(page); });
    if (!read) continue;
    fuzz::require(page.shape.channels >= 1 && page.shape.channels <= max_tiff_samples &&
                      page.shape.channels == reader.samples() &&
                      page.values.size() == page.shape.bytes(),
                  "numbers are as many as the shape says");
    for (const float value : page.values) fuzz::require(std::isfinite(value), "pixels are numbers");
    if (page.pixels.type != PixelType::f32)
      for (const float value : page.values)
        fuzz::require(value >= 0 && value <= page.pixels.high && value == std::floor(value),
                      "whole numbers are whole and in range");
    const PictureShape frame{page.shape.channels, 3, 5};
    std::vector<std::byte> fitted(frame.bytes() * size_of(page.pixels.type));
    fit_image(page, Fit::pad, frame, page.pixels, fitted);
  } while (++pages < 16 && reader.next_page());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  if (!is_tiff(file)) return 0;
  fuzz::decode_and_fit(fuzz::text_of(data, size));
  fuzz::accepted([&] { read_pages(file); });
  return 0;
}
