// What is said of arrays that are not as a dataset folder wants them: the remedy must be the one that
// helps, in NumPy's words.
#include <gtest/gtest.h>

#include <limits>

#include "medley/data/dataset.hpp"
#include "tests/files_helpers.hpp"

namespace medley {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

template <class T>
void save(const std::filesystem::path& path, DType dtype, std::vector<std::uint64_t> shape,
          std::vector<T> pattern) {
  const std::uint64_t records = shape[0];
  NpyWriter writer(path, dtype, {shape.begin() + 1, shape.end()});
  std::vector<T> record(writer.record_bytes() / sizeof(T));
  std::size_t next = 0;
  for (std::uint64_t i = 0; i < records; ++i) {
    for (T& value : record) value = pattern[next++ % pattern.size()];
    writer.append(std::as_bytes(std::span(record)));
  }
  writer.finish();
}

using Bytes = std::vector<std::uint8_t>;
using Floats = std::vector<float>;

class ArrayHints : public ::testing::Test {
 protected:
  // What opening says of an images.npy, for pictures of this shape.
  template <class T>
  std::string images(PictureShape shape, DType dtype, std::vector<std::uint64_t> dims,
                     std::vector<T> pattern) {
    save(folder_ / "images.npy", dtype, std::move(dims), std::move(pattern));
    return error_of([&] { Dataset(folder_.path(), shape, {}, {.split_required = false}); });
  }
  // Of a target of two records of 1 x 4 x 6.
  template <class T>
  std::string target(TargetKind kind, int size, DType dtype, std::vector<std::uint64_t> dims,
                     std::vector<T> pattern) {
    constexpr PictureShape shape{1, 4, 6};
    save(folder_ / "images.npy", DType::u8, {2, 1, 4, 6}, Bytes{0, 9});
    save(folder_ / "y.npy", dtype, std::move(dims), std::move(pattern));
    const TargetSpec spec{"y", kind, size};
    return error_of(
        [&] { Dataset(folder_.path(), shape, std::span(&spec, 1), {.split_required = false}); });
  }
  TemporaryFolder folder_;
};

TEST_F(ArrayHints, ChannelsInAnotherPlace) {
  constexpr PictureShape colour{3, 4, 6}, gray{1, 4, 6};
  const auto of = [&](PictureShape shape, std::vector<std::uint64_t> dims) {
    return images(shape, DType::u8, std::move(dims), Bytes{0, 9});
  };
  EXPECT_PRED2(holds, of(colour, {2, 4, 6, 3}),
               "3: ...images.npy has shape (2, 4, 6, 3)...(N, 3, 4, 6)...save x.transpose(0, 3, 1, "
               "2), where x is");
  EXPECT_PRED2(holds, of(colour, {2, 3, 6, 4}), "3: ...save x.transpose(0, 1, 3, 2),");
  EXPECT_PRED2(holds, of(colour, {4, 6, 3, 2}), "3: ...save x.transpose(3, 2, 0, 1),");
  EXPECT_PRED2(holds, of(colour, {2, 4, 6}), "3: ...save x[:, None].repeat(3, axis=1),");
  EXPECT_PRED2(holds, of(colour, {2, 72}), "3: ...save x.reshape(-1, 3, 4, 6),");
  EXPECT_PRED2(holds, of(colour, {3, 4, 6}), "3: ...save x[None],");
  EXPECT_PRED2(holds, of(gray, {2, 4, 6}), "3: ...save x[:, None],");
  EXPECT_PRED2(holds, of(gray, {2, 4, 6, 1}), "3: ...save x.transpose(0, 3, 1, 2),");
  EXPECT_PRED2(holds, of(colour, {2, 8, 8, 3}),
               "3: ...resize the pictures to 4 x 6, and save "
               "x.transpose(0, 3, 1, 2)");
  EXPECT_PRED2(holds, of(colour, {2, 3, 8, 8}), "3: ...resize the pictures to 4 x 6");
  EXPECT_PRED2(holds, of(gray, {2, 3, 4, 6}),
               "3: ...make pictures of 1 channel, 4 high and 6 wide");
  // An experiment with a mask has no import of pictures.
  EXPECT_EQ(of(colour, {2, 4, 6, 3}).find("mport"), std::string::npos);
}

TEST_F(ArrayHints, PicturesOfFloatsAreScaledByTheirRange) {
  constexpr PictureShape gray{1, 4, 6};
  const std::vector<std::uint64_t> dims{2, 1, 4, 6}, last{2, 4, 6, 1};
  EXPECT_PRED2(holds, images(gray, DType::f32, dims, Floats{0, 0.25f, 1}),
               "3: ...has dtype float32, not uint8: its values go from 0 to 1; save (x * "
               "255).round().astype('uint8'), where");
  EXPECT_PRED2(holds, images(gray, DType::f64, last, std::vector<double>{0, 0.25, 1}),
               "3: ...save (x.transpose(0, 3, 1, 2) * 255).round().astype('uint8'),");
  EXPECT_PRED2(holds, images(gray, DType::f32, {2, 4, 6}, Floats{0, 0.25f, 1}),
               "3: ...save (x[:, None] * 255).round().astype('uint8'),");
  EXPECT_PRED2(holds, images(gray, DType::f32, dims, Floats{0, 3, 255}),
               "3: ...go from 0 to 255; save x.round().astype('uint8'),");
  EXPECT_PRED2(holds, images(gray, DType::f32, dims, Floats{-1, 1}),
               "3: ...save ((x + 1) * 127.5).round().astype('uint8'),");
  EXPECT_PRED2(holds, images(gray, DType::f32, dims, Floats{-2.5f, 2}),
               "3: ...go from -2.5 to 2; bring them to 0..255 and save x.astype('uint8'),");
  EXPECT_PRED2(holds, images(gray, DType::f32, dims, Floats{0, nan}), "3: ...without NaN");
  // 0, 0.5, 1 and the least number in half precision; 200 and 3.
  EXPECT_PRED2(holds,
               images(gray, DType::f16, dims, std::vector<std::uint16_t>{0, 0x3800, 0x3C00, 1}),
               "3: ...has dtype float16...from 0 to 1; save (x * 255).round().astype('uint8'),");
  EXPECT_PRED2(holds, images(gray, DType::f16, dims, std::vector<std::uint16_t>{0x5A40, 0x4200}),
               "3: ...go from 3 to 200; save x.round().astype('uint8'),");
}

TEST_F(ArrayHints, PicturesOfIntegersAreCutOnlyWhereNothingIsLost) {
  constexpr PictureShape gray{1, 4, 6};
  const std::vector<std::uint64_t> dims{2, 1, 4, 6};
  EXPECT_PRED2(holds, images(gray, DType::i64, dims, std::vector<std::int64_t>{0, 255}),
               "3: ...has dtype int64...save x.astype('uint8'),");
  EXPECT_PRED2(holds, images(gray, DType::i32, dims, std::vector<std::int32_t>{0, 65535}),
               "3: ...has dtype int32...go from 0 to 65535; save x.astype('uint16'),");
  EXPECT_EQ(images(gray, DType::u16, dims, std::vector<std::uint16_t>{0, 65535}), "no error");
  EXPECT_PRED2(holds, images(gray, DType::u16, {2, 4, 6}, std::vector<std::uint16_t>{0, 65535}),
               "3: ...has shape (2, 4, 6)...save x[:, None],");
  EXPECT_PRED2(holds, images(gray, DType::i32, dims, std::vector<std::int32_t>{-300, 1}),
               "3: ...go from -300 to 1; bring them to 0..255");
  EXPECT_PRED2(holds, images(gray, DType::boolean, dims, Bytes{0, 1}),
               "3: ...has dtype bool...save x.astype('uint8') * 255,");
}

TEST_F(ArrayHints, Masks) {
  const auto of = [&]<class T>(DType dtype, std::vector<std::uint64_t> dims,
                               std::vector<T> pattern) {
    return target(TargetKind::mask, 3, dtype, std::move(dims), std::move(pattern));
  };
  EXPECT_EQ(of(DType::boolean, {2, 4, 6}, Bytes{0, 1}), "no error");
  EXPECT_PRED2(holds, of(DType::u8, {2, 4, 6, 1}, Bytes{0, 1}),
               "3: ...y.npy has shape (2, 4, 6, 1), not (2, 4, 6)...save x[..., 0],");
  EXPECT_PRED2(holds, of(DType::u8, {2, 1, 4, 6}, Bytes{0, 1}), "3: ...save x[:, 0],");
  EXPECT_PRED2(holds, of(DType::u8, {2, 4, 6, 3}, Bytes{0, 1}),
               "3: ...save x.argmax(axis=-1).astype('uint8'),");
  EXPECT_PRED2(holds, of(DType::u8, {2, 6, 4}, Bytes{0, 1}), "3: ...save x.transpose(0, 2, 1),");
  EXPECT_PRED2(holds, of(DType::i64, {2, 4, 6}, std::vector<std::int64_t>{0, 1, 2}),
               "3: ...has dtype int64, not uint8: save x.astype('uint8'),");
  EXPECT_PRED2(holds, of(DType::i64, {2, 4, 6, 1}, std::vector<std::int64_t>{0, -1, 2}),
               "3: ...save np.where(x[..., 0] < 0, 255, x[..., 0]).astype('uint8'),");
  EXPECT_PRED2(holds, of(DType::f32, {2, 4, 6}, Floats{0, 0.3f, 1}),
               "3: ...save (x > 0.5).astype('uint8'),");
  EXPECT_PRED2(holds, of(DType::f32, {2, 4, 6}, Floats{0, 1, nan}),
               "3: ...save np.nan_to_num(x, nan=255).astype('uint8'),");
  EXPECT_PRED2(holds, of(DType::u8, {2, 9}, Bytes{0}), "3: ...make masks 4 high and 6 wide");
}

TEST_F(ArrayHints, LabelsAndValues) {
  const auto labels = [&]<class T>(DType dtype, std::vector<std::uint64_t> dims,
                                   std::vector<T> pattern) {
    return target(TargetKind::classes, 4, dtype, std::move(dims), std::move(pattern));
  };
  EXPECT_PRED2(holds, labels(DType::f32, {2}, Floats{0, 3}),
               "3: ...y.npy has dtype float32...save x.astype('int32'),");
  EXPECT_PRED2(holds, labels(DType::f32, {2}, Floats{nan, 3}),
               "3: ...save np.nan_to_num(x, nan=-1).astype('int32'),");
  EXPECT_PRED2(holds, labels(DType::f64, {2}, std::vector<double>{0.5, 3}),
               "3: ...go from 0.5 to 3, not all of them whole...'values'");
  EXPECT_PRED2(holds, labels(DType::i8, {2, 1}, std::vector<std::int8_t>{1}),
               "3: ...(2, 1), not (2,)...save x[:, 0],");
  EXPECT_PRED2(holds, labels(DType::u8, {2, 4}, Bytes{1}), "3: ...save x.argmax(axis=1),");
  const auto values = [&]<class T>(DType dtype, std::vector<std::uint64_t> dims,
                                   std::vector<T> pattern) {
    return target(TargetKind::values, 2, dtype, std::move(dims), std::move(pattern));
  };
  EXPECT_PRED2(holds, values(DType::f16, {2, 2}, std::vector<std::uint16_t>{0}),
               "3: ...has dtype float16, not float32: save x.astype('float32'),");
  EXPECT_PRED2(holds, values(DType::f64, {2, 1, 2}, std::vector<double>{0}),
               "3: ...save x.reshape(-1, 2).astype('float32'),");
  EXPECT_PRED2(holds, values(DType::f32, {2, 3}, Floats{0}), "3: ...save 2 numbers a record");
}

TEST_F(ArrayHints, Splits) {
  const auto of = [&]<class T>(DType dtype, std::vector<std::uint64_t> dims,
                               std::vector<T> pattern) {
    save(folder_ / "images.npy", DType::u8, {2, 1, 4, 6}, Bytes{0, 9});
    save(folder_ / "split.npy", dtype, std::move(dims), std::move(pattern));
    return error_of([&] { Dataset(folder_.path(), {1, 4, 6}, {}); });
  };
  EXPECT_PRED2(holds, of(DType::i64, {2}, std::vector<std::int64_t>{0, 1}),
               "3: ...split.npy is int64 of shape (2,)...save x.astype('uint8'),");
  EXPECT_PRED2(holds, of(DType::u8, {2, 1}, Bytes{0}), "3: ...save x.reshape(-1),");
  EXPECT_EQ(of(DType::u8, {3}, Bytes{0}).find("save"), std::string::npos);
}

}  // namespace
}  // namespace medley
