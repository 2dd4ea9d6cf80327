// Mean and deviation of the channels of a data set's pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "medley/base/pixels.hpp"
#include "medley/files/image.hpp"

namespace medley {

// Of what divides pixels, which stay finite then.
inline constexpr float least_deviation = 1e-30f;

// Mean and deviation of each channel. Of integers by exact sums, so that they depend neither on the
// order of the pictures nor on the machine. Of floats x by sums in double precision of d = x - x_0 and
// of d^2, where x_0 is the channel's first pixel, in one order: of each picture pixel i goes to sum
// i mod 8, these are added from first to last, pictures one after the other. So they depend on the
// order of the pictures, and on nothing else.
class ChannelStatistics {
 public:
  explicit ChannelStatistics(PictureShape shape, PixelType type = PixelType::u8)
      : shape_(shape), type_(type), channels_(static_cast<std::size_t>(shape.channels)) {}
  // A picture of C x H x W of that type.
  void add(Pixels picture);
  // One a channel; empty without pictures.
  std::vector<float> mean() const;
  // sqrt(E[x^2] - E[x]^2), divided by n, not by n - 1; 1 for a channel that is constant, so that
  // dividing by it is safe.
  std::vector<float> deviation() const;

 private:
  struct Channel {
    std::uint64_t sum = 0, square_low = 0, square_high = 0;  // squares: 128 bits
    double first = 0, differences = 0, squares = 0;          // of floats
  };
  template <class T>
  void add_integers(const T* pixels, Channel& channel) const;
  void add_floats(const float* pixels, Channel& channel) const;
  std::uint64_t plane() const { return shape_.bytes() / channels_.size(); }

  PictureShape shape_;
  PixelType type_;
  std::uint64_t pictures_ = 0;
  std::vector<Channel> channels_;
};

}  // namespace medley
