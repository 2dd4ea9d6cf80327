// Records of a split to be shown: some that are spread evenly over it, and the worst by each loss. Only
// these are kept, whatever the size of the split.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/experiment/description.hpp"
#include "medley/report/model_blocks.hpp"
#include "medley/run/prediction.hpp"

namespace medley {

// Of each channel what is drawn black and white, where pixels are not bytes.
using Shades = std::vector<PixelFormat>;
// Of the channels of a source: black and white are three deviations around the mean, but not beyond those of its
// pixels, as pictures of 16 bits seldom fill them. None of bytes, which are drawn as they are.
Shades shades_of(const Source& source);

// A picture as a page can draw it, of up to most_side pixels a side: what of its channels is shown,
// and the place of pixels.
class PictureView {
 public:
  PictureView(Shape input, int most_side, Shades shades = {});
  // Members of samples.picture, as model_blocks.hpp has them.
  nlohmann::json block() const;
  // As texts that a page takes for pictures. `image` is C x H x W.
  std::string picture(Pixels image) const;
  // Of a mask of H x W classes; 255 is not known.
  std::string mask(std::span<const std::uint8_t> mask, int classes) const;

 private:
  std::vector<std::uint8_t> shaded(Pixels image, int channels) const;

  Shape input_;
  int height_, width_;
  Shades shades_;
};

class SampleRecords {
 public:
  using Heads = std::vector<std::pair<int, HeadPrediction>>;
  // Of a split of this many records. The description and the heads must outlive this.
  SampleRecords(const Description& description, const Heads& heads,
                const ModelBlocksOptions& options, std::uint64_t records, Shades shades = {});

  // First, for every record: `losses` has a number a term, that of an evaluation of this record alone;
  // NaN where it has none.
  void choose(std::uint64_t rank, std::span<const double> losses);
  // Then whether it was chosen, and for those what is to be drawn; `record` is its number in the data,
  // `labelled[t]` whether it has target t.
  bool chosen(std::uint64_t rank) const { return records_.contains(rank); }
  void draw(std::uint64_t rank, std::uint64_t record, const Record& content,
            std::span<const bool> labelled, std::span<const std::span<const float>> outputs);

  // As model_blocks.hpp has it.
  nlohmann::json block() const;

 private:
  struct Chosen {
    std::vector<double> losses{};
    nlohmann::json drawn = nlohmann::json::object();
  };
  using Ranks = std::vector<std::uint64_t>;

  bool is_shown(std::uint64_t rank) const;
  void drop(std::uint64_t rank);
  nlohmann::json head_block(const HeadPrediction& head, const Record::Target& target, bool labelled,
                            std::span<const float> outputs) const;

  const Description& d_;
  const Heads& heads_;
  PictureView view_;
  std::size_t worst_count_;
  Ranks shown_;                              // rising
  std::map<std::uint64_t, Chosen> records_;  // by rank
  std::vector<Ranks> worst_;                 // of each term, by falling value
};

}  // namespace medley
