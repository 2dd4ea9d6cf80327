#include <fmt/format.h>

#include <algorithm>

#include "medley/base/error.hpp"
#include "medley/files/mapped_file.hpp"
#include "medley/files/tiff.hpp"
#include "medley/import/picture_stack.hpp"

namespace medley {
namespace {

// Calls f; what it says of a page gets the file's name and the page's number, from 0.
template <class F>
auto of_page(const MappedFile& file, std::uint64_t page, F&& f) {
  try {
    return f();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}, page {}: {}", file.name(), page, error.what()));
  }
}

class TiffPictures final : public PictureStack {
 public:
  TiffPictures(std::span<const std::filesystem::path> paths, PictureShape shape,
               bool pages_are_channels)
      : channels_(shape.channels), pages_each_(pages_are_channels ? channels_ : 1) {
    for (const std::filesystem::path& path : paths) add(path);
  }

  std::uint64_t size() const override { return pages_.size() / step(); }
  const std::string& name() const override { return files_[0].name(); }
  PixelType type() const override { return type_; }
  std::string type_name() const override {
    return type_ == PixelType::f32 ? "floats, or whole numbers that are not of 8 or 16 bits"
                                   : std::string(to_string(type_));
  }

  void read(std::uint64_t index, const PixelFormat& floats, DeepImage& out) const override {
    if (pages_each_ == 1) return read_page(index, channels_, floats, out);
    DeepImage channel;
    for (std::uint64_t c = 0; c < step(); ++c) {
      read_page(index * step() + c, 1, floats, channel);
      if (c == 0) {
        out.shape = {channels_, channel.shape.height, channel.shape.width};
        out.pixels = channel.pixels;
        out.values.resize(out.shape.bytes());
      }
      const Page& page = pages_[index * step() + c];
      if (channel.shape.height != out.shape.height || channel.shape.width != out.shape.width)
        throw data_error(fmt::format("{}, page {}: of another size than the first of its picture",
                                     files_[page.file].name(), page.number));
      for (std::size_t i = 0; i < channel.values.size(); ++i)
        out.values[i * step() + c] = channel.values[i];
    }
  }

 private:
  struct Page {
    std::size_t file;
    std::uint64_t number, place;
  };
  std::uint64_t step() const { return static_cast<std::uint64_t>(pages_each_); }

  void add(const std::filesystem::path& path) {
    files_.emplace_back(path);
    const MappedFile& file = files_.back();
    std::uint64_t number = 0;
    of_page(file, 0, [&] {
      if (!is_tiff(file.bytes())) throw data_error("no TIFF file");
    });
    auto reader = of_page(file, 0, [&] { return std::make_unique<TiffReader>(file.bytes()); });
    do {
      of_page(file, number, [&] { take(*reader); });
      pages_.push_back({files_.size() - 1, number, reader->place()});
      ++number;
    } while (of_page(file, number, [&] { return reader->next_page(); }));
    if (number % step() != 0)
      throw data_error(fmt::format("{}: {} pages, which are not pictures of {} channels each",
                                   file.name(), number, channels_));
  }

  // Holds a page against the first one of all.
  void take(const TiffReader& reader) {
    if (pages_.empty()) type_ = reader.type();
    if (reader.type() != type_)
      throw data_error(fmt::format("{} pixels, but those of the first page are {}",
                                   to_string(reader.type()), to_string(type_)));
    const int samples = reader.samples() - (reader.has_alpha() ? 1 : 0);
    const bool colour = (samples == 1 && channels_ == 3) || (samples == 3 && channels_ == 1);
    if (pages_each_ > 1 && reader.samples() != 1)
      throw data_error(
          fmt::format("{} samples a pixel, but with --tiff-channels pages a page is a "
                      "channel",
                      reader.samples()));
    if (pages_each_ == 1 && samples != channels_ && reader.samples() != channels_ && !colour)
      throw data_error(fmt::format(
          "{} sample{} a pixel, but the experiment reads {} channels{}", reader.samples(),
          reader.samples() == 1 ? "" : "s", channels_,
          samples == 1 ? ": if these are pages of their own, say --tiff-channels pages" : ""));
  }

  void read_page(std::uint64_t index, int channels, const PixelFormat& floats,
                 DeepImage& out) const {
    const Page& page = pages_[index];
    const MappedFile& file = files_[page.file];
    of_page(file, page.number,
            [&] { decode_tiff_page(file.bytes(), page.place, channels, floats, out); });
  }

  int channels_, pages_each_;
  std::vector<MappedFile> files_;
  std::vector<Page> pages_;
  PixelType type_ = PixelType::u8;
};

}  // namespace

std::unique_ptr<PictureStack> open_tiff_pictures(std::span<const std::filesystem::path> paths,
                                                 PictureShape shape, bool pages_are_channels) {
  return std::make_unique<TiffPictures>(paths, shape, pages_are_channels);
}

}  // namespace medley
