// The functions themselves; c_functions.hpp says what stands for what in them.
#pragma once

#include <array>
#include <string_view>

namespace medley {

struct CFunction {
  std::string_view name, calls;  // calls: names with blanks between them
  std::string_view text;
};

// Each behind what it calls.
inline constexpr auto c_function_texts = std::to_array<CFunction>({
    {"normalize", "", R"C(
/* The picture as the network sees it: each channel with mean 0 and deviation 1 over the training data. */
static void @_normalize(const @@_PIXEL *picture, int pixels, int channels, const float *scale,
                        const float *shift, float *y) {
  for (int c = 0; c < channels; ++c) {
    const @@_PIXEL *plane = picture + @@_PLACE(pixels, channels, c, 0);
    for (int i = 0; i < pixels; ++i) {
      const float pixel = (float)plane[@@_PLACE(pixels, channels, 0, i)];
      y[i * channels + c] = pixel * scale[c] + shift[c];
    }
  }
}
)C"},
    {"copy", "", R"C(
static void @_copy(const float *restrict x, int size, float *restrict y) {
  for (int i = 0; i < size; ++i) y[i] = x[i];
}
)C"},
    {"sums", "", R"C(
/* Adds a pixel's value times the weights of `width` outputs to their sums. */
@@_INLINE void @_add_product(float x, const float *weight, int width, float *sum) {
  @@_EACH_OUTPUT
  for (int o = 0; o < width; ++o) sum[o] += x * weight[o];
}

/* The same for `size` values at each of `pixels` places, which are `step` apart: each weight is read
   once for all of them. Every sum is one chain of additions, in the order of memory. */
@@_INLINE void @_add_products(const float *x, int size, int step, int pixels, const float *weight,
                              int width, float *sum) {
  for (int i = 0; i < size; ++i, ++x, weight += width) {
    @_add_product(x[0], weight, width, sum);
    if (pixels > 1) @_add_product(x[step], weight, width, sum + width);
    if (pixels > 2) {
      @_add_product(x[2 * step], weight, width, sum + 2 * width);
      @_add_product(x[3 * step], weight, width, sum + 3 * width);
    }
  }
}
)C"},
    {"dense", "sums", R"C(
@@_INLINE void @_dense_block(const float *x, int size, const float *weight, const float *bias,
                             int width, float *y) {
  float sum[8];
  for (int o = 0; o < width; ++o) sum[o] = bias[o];
  @_add_products(x, size, 0, 1, weight, width, sum);
  for (int o = 0; o < width; ++o) y[o] = sum[o];
}

static void @_dense(const float *x, int size, const float *weight, const float *bias, float *y,
                    int outputs) {
  int o = 0;
  for (; o + 8 <= outputs; o += 8) @_dense_block(x, size, weight + o * size, bias + o, 8, y + o);
  if (outputs & 4) @_dense_block(x, size, weight + o * size, bias + o, 4, y + o);
  o += outputs & 4;
  if (outputs & 2) @_dense_block(x, size, weight + o * size, bias + o, 2, y + o);
  o += outputs & 2;
  if (outputs & 1) @_dense_block(x, size, weight + o * size, bias + o, 1, y + o);
}
)C"},
    {"conv", "sums", R"C(
/* A convolution of height x width x channels: kernel x kernel taps, `stride` apart, `padding` zeros
   around the picture. */
typedef struct {
  int height, width, channels, kernel, stride, padding, outputs;
} @_convolution;

/* `width` outputs of `pixels` places that lie beside each other, from the one at (row, column) on.
   Taps beyond the border are left out; where there are any, pixels is 1. */
@@_INLINE void @_conv_places(const @_convolution *l, const float *x, int row, int column, int pixels,
                             const float *weight, const float *bias, int width, float *y) {
  const int top = row * l->stride - l->padding, left = column * l->stride - l->padding;
  const int first_row = top < 0 ? -top : 0, first = left < 0 ? -left : 0;
  const int rows = top + l->kernel > l->height ? l->height - top : l->kernel;
  const int columns = left + l->kernel > l->width ? l->width - left : l->kernel;
  float sum[8 * @@_PIXELS_AT_ONCE];
  for (int p = 0; p < pixels; ++p) {
    for (int o = 0; o < width; ++o) sum[p * width + o] = bias ? bias[o] : 0.0f;
  }
  for (int k = first_row; k < rows; ++k) {
    @_add_products(x + ((top + k) * l->width + left + first) * l->channels,
                   (columns - first) * l->channels, l->stride * l->channels, pixels,
                   weight + (k * l->kernel + first) * l->channels * width, width, sum);
  }
  for (int p = 0; p < pixels; ++p) {
    for (int o = 0; o < width; ++o) y[p * l->outputs + o] = sum[p * width + o];
  }
}

@@_INLINE void @_conv_block(const @_convolution *l, const float *x, const float *weight,
                            const float *bias, int width, float *y) {
  const int rows = (l->height + 2 * l->padding - l->kernel) / l->stride + 1;
  const int columns = (l->width + 2 * l->padding - l->kernel) / l->stride + 1;
  /* Columns of which all taps are within the picture. */
  const int inner = (l->padding + l->stride - 1) / l->stride;
  const int outer = l->width + l->padding < l->kernel
                        ? 0 : (l->width + l->padding - l->kernel) / l->stride + 1;
  for (int row = 0; row < rows; ++row) {
    float *to = y + row * columns * l->outputs;
    int column = 0;
    while (column < columns) {
      if (column >= inner && column + @@_PIXELS_AT_ONCE <= outer) {
        @_conv_places(l, x, row, column, @@_PIXELS_AT_ONCE, weight, bias, width,
                      to + column * l->outputs);
        column += @@_PIXELS_AT_ONCE;
      } else {
        @_conv_places(l, x, row, column, 1, weight, bias, width, to + column * l->outputs);
        ++column;
      }
    }
  }
}

/* All pixels of 8 outputs, then all of the next 8, so that their weights stay in a cache. */
static void @_conv(@_convolution l, const float *x, const float *weight, const float *bias, float *y) {
  const int taps = l.kernel * l.kernel * l.channels;
  for (int o = 0; o < l.outputs;) {
    const float *w = weight + o * taps, *b = bias ? bias + o : bias;
    const int rest = l.outputs - o;
    if (rest >= 8) {
      @_conv_block(&l, x, w, b, 8, y + o);
      o += 8;
    } else if (rest >= 4) {
      @_conv_block(&l, x, w, b, 4, y + o);
      o += 4;
    } else if (rest >= 2) {
      @_conv_block(&l, x, w, b, 2, y + o);
      o += 2;
    } else {
      @_conv_block(&l, x, w, b, 1, y + o);
      o += 1;
    }
  }
}
)C"},
    {"window", "", R"C(
/* Windows of kernel x kernel pixels of a picture of height x width x channels. */
typedef struct {
  int height, width, channels, kernel, stride, padding;
} @_window;

/* First and last + 1 of the pixels of a window along an axis that are there at all. */
static int @_window_first(const @_window *l, int place) {
  const int first = place * l->stride - l->padding;
  return first < 0 ? 0 : first;
}
static int @_window_end(const @_window *l, int place, int size) {
  const int end = place * l->stride - l->padding + l->kernel;
  return end > size ? size : end;
}
static int @_window_count(const @_window *l, int size) {
  return (size + 2 * l->padding - l->kernel) / l->stride + 1;
}
)C"},
    {"max_pool", "window", R"C(
static void @_max_pool(@_window l, const float *restrict x, float *restrict y) {
  const int rows = @_window_count(&l, l.height), columns = @_window_count(&l, l.width);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column, y += l.channels) {
      for (int c = 0; c < l.channels; ++c) y[c] = -3.402823466e38f;
      for (int r = @_window_first(&l, row); r < @_window_end(&l, row, l.height); ++r) {
        for (int k = @_window_first(&l, column); k < @_window_end(&l, column, l.width); ++k) {
          const float *pixel = x + (r * l.width + k) * l.channels;
          for (int c = 0; c < l.channels; ++c) y[c] = y[c] >= pixel[c] ? y[c] : pixel[c];
        }
      }
    }
  }
}
)C"},
    {"average_pool", "window", R"C(
/* Padding counts as zeros. */
static void @_average_pool(@_window l, const float *restrict x, float *restrict y) {
  const int rows = @_window_count(&l, l.height), columns = @_window_count(&l, l.width);
  const float scale = 1.0f / (float)(l.kernel * l.kernel);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column, y += l.channels) {
      for (int c = 0; c < l.channels; ++c) y[c] = 0.0f;
      for (int r = @_window_first(&l, row); r < @_window_end(&l, row, l.height); ++r) {
        for (int k = @_window_first(&l, column); k < @_window_end(&l, column, l.width); ++k) {
          const float *pixel = x + (r * l.width + k) * l.channels;
          for (int c = 0; c < l.channels; ++c) y[c] += pixel[c];
        }
      }
      for (int c = 0; c < l.channels; ++c) y[c] *= scale;
    }
  }
}
)C"},
    {"global_average_pool", "", R"C(
/* The mean of each channel; summed by rows, as long sums of floats lose digits. */
static void @_global_average_pool(const float *x, int height, int width, int channels, float *y) {
  for (int c = 0; c < channels; ++c) {
    float sum = 0.0f;
    for (int r = 0; r < height; ++r) {
      float of_row = 0.0f;
      for (int k = 0; k < width; ++k) of_row += x[(r * width + k) * channels + c];
      sum += of_row;
    }
    y[c] = sum / (float)(height * width);
  }
}
)C"},
    {"upsample_nearest", "", R"C(
static void @_upsample_nearest(const float *restrict x, int height, int width, int channels,
                               int factor, float *restrict y) {
  for (int r = 0; r < height * factor; ++r) {
    for (int k = 0; k < width * factor; ++k, y += channels) {
      const float *pixel = x + (r / factor * width + k / factor) * channels;
      for (int c = 0; c < channels; ++c) y[c] = pixel[c];
    }
  }
}
)C"},
    {"upsample_bilinear", "", R"C(
/* Where an output pixel lies between two input pixels along an axis, and the second one's share:
   (place + 1/2) / factor - 1/2, not beyond the border. */
typedef struct {
  int low, high;
  float share;
} @_between;
static @_between @_place_between(int place, int size, int factor) {
  const int halves = 2 * place + 1 - factor, twice = halves < 0 ? 0 : halves;
  @_between b;
  b.low = twice / (2 * factor);
  b.high = b.low + 1 < size ? b.low + 1 : size - 1;
  b.share = (float)(twice % (2 * factor)) / (float)(2 * factor);
  return b;
}

static void @_upsample_bilinear(const float *restrict x, int height, int width, int channels,
                                int factor, float *restrict y) {
  for (int r = 0; r < height * factor; ++r) {
    const @_between v = @_place_between(r, height, factor);
    for (int k = 0; k < width * factor; ++k, y += channels) {
      const @_between h = @_place_between(k, width, factor);
      const float *top_left = x + (v.low * width + h.low) * channels;
      const float *top_right = x + (v.low * width + h.high) * channels;
      const float *bottom_left = x + (v.high * width + h.low) * channels;
      const float *bottom_right = x + (v.high * width + h.high) * channels;
      for (int c = 0; c < channels; ++c) {
        const float top = top_left[c] * (1.0f - h.share) + top_right[c] * h.share;
        const float bottom = bottom_left[c] * (1.0f - h.share) + bottom_right[c] * h.share;
        y[c] = top * (1.0f - v.share) + bottom * v.share;
      }
    }
  }
}
)C"},
    {"relu", "", R"C(
static void @_relu(float *x, int size) {
  for (int i = 0; i < size; ++i) x[i] = x[i] < 0.0f ? 0.0f : x[i];
}
)C"},
    {"leaky_relu", "", R"C(
static void @_leaky_relu(float *x, int size, float slope) {
  for (int i = 0; i < size; ++i) x[i] = x[i] < 0.0f ? x[i] * slope : x[i];
}
)C"},
    {"exp", "", R"C(
/* e^x to 2 units in the last place from -87 to 88; beyond, it stays at the ends of that range.
   2^n e^r, r = x - n ln 2; the polynomial is that of Moshier's Cephes library. */
static float @_exp(float x) {
  const float y = x > 88.0f ? 88.0f : x < -87.0f ? -87.0f : x;
  if (x != x) return x;
  const int n = (int)(y * 1.44269504f + (y < 0.0f ? -0.5f : 0.5f));
  const float r = (y - (float)n * 0.693359375f) - (float)n * -2.12194440e-4f; /* ln 2 in two parts */
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  union {
    float number;
    uint32_t bits;
  } power;
  power.bits = (uint32_t)(n + 127) << 23;
  return (p * (r * r) + r + 1.0f) * power.number;
}
)C"},
    {"sigmoid", "exp", R"C(
static void @_sigmoid(float *x, int size) {
  for (int i = 0; i < size; ++i) x[i] = 1.0f / (1.0f + @_exp(-x[i]));
}
)C"},
    {"tanh", "exp", R"C(
static void @_tanh(float *x, int size) {
  for (int i = 0; i < size; ++i) {
    const float v = x[i], a = v < 0.0f ? -v : v, z = v * v;
    if (a < 0.625f) {
      float p = -5.70498872745e-3f;
      p = p * z + 2.06390887954e-2f;
      p = p * z - 5.37397155531e-2f;
      p = p * z + 1.33314422036e-1f;
      p = p * z - 3.33332819422e-1f;
      x[i] = p * z * v + v;
    } else {
      const float t = 1.0f - 2.0f / (@_exp(2.0f * a) + 1.0f);
      x[i] = v < 0.0f ? -t : t;
    }
  }
}
)C"},
    {"batch_norm", "", R"C(
/* Normalization by the averages of the training: a factor and a shift of each channel. */
static void @_batch_norm(float *restrict x, int pixels, int channels, const float *restrict factor,
                         const float *restrict shift) {
  for (int i = 0; i < pixels; ++i, x += channels) {
    for (int c = 0; c < channels; ++c) x[c] = x[c] * factor[c] + shift[c];
  }
}
)C"},
    {"group_norm", "", R"C(
/* 1 / sqrt(x): a first guess from the exponent, then Newton's steps. */
static float @_inverse_root(float x) {
  union {
    float number;
    uint32_t bits;
  } guess;
  guess.number = x;
  guess.bits = 0x5f3759dfu - (guess.bits >> 1);
  float y = guess.number;
  for (int i = 0; i < 4; ++i) y = y * (1.5f - 0.5f * x * y * y);
  return y;
}

/* Mean of the distances, or of their squares, of `size` channels from `middle`, over all pixels; summed
   by pixels and rows, as long sums of floats lose digits. */
static float @_group_mean(const float *x, int height, int width, int channels, int size, float middle,
                          int squares) {
  float sum = 0.0f;
  for (int r = 0; r < height; ++r) {
    float of_row = 0.0f;
    for (int k = 0; k < width; ++k, x += channels) {
      float of_pixel = 0.0f;
      for (int c = 0; c < size; ++c) {
        const float d = x[c] - middle;
        of_pixel += squares ? d * d : d;
      }
      of_row += of_pixel;
    }
    sum += of_row;
  }
  return sum / (float)(height * width * size);
}

static void @_group_norm(float *x, int height, int width, int channels, int groups, float epsilon,
                         const float *weight, const float *bias) {
  const int size = channels / groups;
  for (int g = 0; g < channels; g += size) {
    const float mean = @_group_mean(x + g, height, width, channels, size, 0.0f, 0);
    const float variance = @_group_mean(x + g, height, width, channels, size, mean, 1);
    const float inverse = @_inverse_root(variance + epsilon);
    for (int i = 0; i < height * width; ++i) {
      float *pixel = x + i * channels;
      for (int c = g; c < g + size; ++c) pixel[c] = (pixel[c] - mean) * (inverse * weight[c]) + bias[c];
    }
  }
}
)C"},
    {"add", "", R"C(
static void @_add(float *restrict x, int size, const float *restrict other) {
  for (int i = 0; i < size; ++i) x[i] += other[i];
}
)C"},
    {"join", "", R"C(
/* Puts `channels` of each pixel among the `all` of y. */
static void @_join(const float *restrict x, int pixels, int channels, float *restrict y, int all) {
  for (int i = 0; i < pixels; ++i, x += channels, y += all) {
    for (int c = 0; c < channels; ++c) y[c] = x[c];
  }
}
)C"},
    {"planes", "", R"C(
/* To the caller: channel by channel. */
static void @_planes(const float *x, int pixels, int channels, float *y) {
  for (int c = 0; c < channels; ++c) {
    for (int i = 0; i < pixels; ++i) y[c * pixels + i] = x[i * channels + c];
  }
}
)C"},
    {"softmax", "exp", R"C(
static void @_softmax(float *x, int pixels, int channels) {
  for (int i = 0; i < pixels; ++i, ++x) {
    float most = x[0], sum = 0.0f;
    for (int c = 1; c < channels; ++c) most = x[c * pixels] > most ? x[c * pixels] : most;
    for (int c = 0; c < channels; ++c) {
      x[c * pixels] = @_exp(x[c * pixels] - most);
      sum += x[c * pixels];
    }
    for (int c = 0; c < channels; ++c) x[c * pixels] /= sum;
  }
}
)C"},
    {"largest", "", R"C(
/* The channel with the largest output; of one channel, whether it is above the threshold. */
static int @_largest(const float *x, int pixels, int channels, float threshold) {
  if (channels == 1) return x[0] > threshold;
  int best = 0;
  for (int c = 1; c < channels; ++c) best = x[c * pixels] > x[best * pixels] ? c : best;
  return best;
}
)C"},
});

}  // namespace medley
