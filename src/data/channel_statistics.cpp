#include "medley/data/channel_statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

namespace medley {

void ChannelStatistics::add(Pixels picture) {
  with_pixel_type(type_, [&]<class T>(T) {
    const T* const pixels = picture.as<T>();
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      if constexpr (std::is_integral_v<T>)
        add_integers(pixels + c * plane(), channels_[c]);
      else
        add_floats(pixels + c * plane(), channels_[c]);
    }
  });
  ++pictures_;
}

template <class T>
void ChannelStatistics::add_integers(const T* pixels, Channel& channel) const {
  // Blocks of a fixed length, whose sums fit the type, let the compiler add many at once.
  using Sum = std::conditional_t<sizeof(T) == 1, std::uint32_t, std::uint64_t>;
  constexpr std::size_t block = 64;
  std::uint64_t all_squares = 0;
  const auto add = [&](std::size_t first, std::size_t count) {
    Sum sum = 0, squares = 0;
    for (std::size_t i = first; i < first + count; ++i) {
      const Sum value = pixels[i];
      sum += value;
      squares += value * value;
    }
    channel.sum += sum;
    all_squares += squares;
  };
  std::size_t i = 0;
  for (; i + block <= plane(); i += block) add(i, block);
  add(i, plane() - i);
  channel.square_low += all_squares;
  channel.square_high += channel.square_low < all_squares;
}

void ChannelStatistics::add_floats(const float* pixels, Channel& channel) const {
  constexpr std::size_t ways = 8;
  if (pictures_ == 0) channel.first = pixels[0];
  std::array<double, ways> differences{}, squares{};
  const auto add = [&](std::size_t first, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k) {
      const double difference = static_cast<double>(pixels[first + k]) - channel.first;
      differences[k] += difference;
      squares[k] += difference * difference;
    }
  };
  std::size_t i = 0;
  for (; i + ways <= plane(); i += ways) add(i, ways);
  add(i, plane() - i);
  for (std::size_t k = 0; k < ways; ++k) {
    channel.differences += differences[k];
    channel.squares += squares[k];
  }
}

std::vector<float> ChannelStatistics::mean() const {
  std::vector<float> mean;
  if (pictures_ == 0) return mean;
  const auto n = static_cast<double>(pictures_ * plane());
  for (const Channel& c : channels_)
    mean.push_back(static_cast<float>(type_ == PixelType::f32 ? c.first + c.differences / n
                                                              : static_cast<double>(c.sum) / n));
  return mean;
}

std::vector<float> ChannelStatistics::deviation() const {
  __extension__ using Wide = unsigned __int128;
  std::vector<float> deviation;
  if (pictures_ == 0) return deviation;
  const std::uint64_t n = pictures_ * plane();
  for (const Channel& c : channels_) {
    double root = 0;
    if (type_ == PixelType::f32) {
      const auto count = static_cast<double>(n);
      const double variance = (c.squares - c.differences * c.differences / count) / count;
      root = variance > 0 ? std::sqrt(variance) : 0;
    } else {
      // n^2 times the variance, exactly; one rounding each for the conversion, division and root.
      const Wide squares = Wide{c.square_high} << 64 | c.square_low;
      const Wide scaled = Wide{n} * squares - Wide{c.sum} * c.sum;
      root = std::sqrt(static_cast<double>(scaled)) / static_cast<double>(n);
    }
    const auto value = static_cast<float>(root);
    deviation.push_back(value >= least_deviation ? value : 1.0f);
  }
  return deviation;
}

}  // namespace medley
