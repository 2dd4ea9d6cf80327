// `import`: pictures and a CSV file that describes them, IDX files (import_idx.hpp), or a generator,
// become a dataset folder. A further format is a source: import_source.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medley/data/dataset_writer.hpp"
#include "medley/data/source.hpp"
#include "medley/files/image.hpp"
#include "medley/import/mask_set.hpp"

namespace medley {

// The fractions of the records in the three splits, in millionths that sum to one million.
using SplitFractions = std::array<std::uint32_t, 3>;

// What every import has: where to, and how records are split and pictures fitted.
struct ImportCommon {
  PictureShape shape;
  std::span<const TargetSpec> targets;

  SplitFractions fractions{700'000, 150'000, 150'000};
  std::uint64_t seed = 1;
  Fit fit = Fit::crop;

  std::filesystem::path out;
  bool force = false;

  std::optional<PixelType> pixels;    // that the data set is to have
  std::optional<PixelFormat> floats;  // black and white of floats, in the files and in the data set

  int threads = 1;    // that read pictures; the result does not depend on it
  Progress progress;  // called after each picture, if given
};

// Of a table of pictures: a CSV file, or folders (import_folders.hpp). Targets are of kind classes or values.
struct ImportRequest : ImportCommon {
  std::filesystem::path csv;
  std::filesystem::path folders,
      labels;                       // instead: the folders, and a CSV file of the same pictures
  char separator = 0, decimal = 0;  // of the CSV file; 0: found out
  std::filesystem::path images;     // folder; no file outside of it is opened
  std::string image_column = "image";
  std::string extension;  // appended to the column's text
  // The columns of each target by its name: one, or `size` of them for values; a single one without a name: nothing is
  // known of the target. A target that is not here has the column of its own name.
  std::map<std::string, std::vector<std::string>, std::less<>> columns;
  std::string group_column;   // rows with the same text share a split; empty: the image column
  std::string weight_column;  // how much rows count (weight.npy); empty: all alike
  std::vector<std::pair<std::string, std::string>> excludes;     // column, value
  std::map<std::string, std::uint64_t, std::less<>> min_counts;  // by target
  std::vector<std::string> missing;  // cells of these texts are not known, as empty ones are
  // All classes of a target by its name, in order; a target that is not here has those that occur.
  std::map<std::string, std::vector<std::string>, std::less<>> classes;
  std::map<std::string, std::string, std::less<>> positive;  // of two that occur the one that is 1
  bool skip_bad = false;
  MaskRequest masks;  // of targets that are masks
  bool tile = false;  // cut pictures into tiles (tiles.hpp) of the shape, instead of fitting them
  int tile_overlap = 0;
};

struct ImportReport {
  DatasetSummary summary;
  std::uint64_t rows = 0;            // of the CSV file without its header
  std::uint64_t excluded = 0;        // by `excludes`
  std::uint64_t rare = 0;            // by `min_counts`
  std::vector<std::string> skipped;  // file, row and reason of every row left out by skip_bad
  std::vector<std::string> notes;    // what was decided on the way: texts taken for one class
};

// Reads the CSV file, decides each row's split, and writes the pictures that are left as a dataset
// folder. Text classes are numbered as `classes` lists them, else in the order of their names:
// numbers by value (1 and 1.0 are one class), the two spellings of a boolean false first, all else
// bytewise; of two, `positive` is 1. An empty cell is a missing target, and so is one of the texts of `missing`; among
// values, NaN is one too. Classes with fewer than their min_count rows are left out with their
// rows, counted after the excludes. A bad row (picture missing or damaged, a cell that cannot be
// read, a class that is not listed, too few or many fields) throws data_error naming file, row and
// reason, or is listed if skip_bad is set. Throws data_error if the number of classes is not the
// target's, or if a class that nobody listed is called NA, null or the like. Memory grows by some
// bytes a row, not with the pictures.
ImportReport import_csv(const ImportRequest& request);

// What the pixels of a data set are that is made of files of this type, `name`: of that type, if options
// do not say otherwise. Throws usage_error where floats, there or here, have no range.
PixelFormat imported_pixels(const ImportCommon& request, PixelType type, std::string_view name);

// The classes of a target, a label a record; negative where it is not known.
struct ClassColumn {
  std::span<const std::int32_t> labels;
  int size = 0;
};
// assign_splits of records that belong to no groups, by their numbers.
std::vector<Split> assign_splits(std::uint64_t records, std::span<const ClassColumn> targets,
                                 SplitFractions fractions, std::uint64_t seed);

// A split for each group such that the sizes come near the fractions (training's must not be 0):
// groups in the order of their hash (XXH3-64 of the name with the seed), each to the split that
// lacks most of its share and has room. A group larger than a quarter of a held-out split, and than
// twice the mean group, goes to training, lest one sender be the whole test. `classes` lists for
// each group the classes that occur in it (any numbering): of a class that training has nowhere,
// the smallest group that has it is moved there.
std::vector<Split> assign_splits(std::span<const std::string> names,
                                 std::span<const std::uint64_t> sizes,
                                 std::span<const std::vector<std::uint32_t>> classes,
                                 SplitFractions fractions, std::uint64_t seed);

// The subcommand. Parses the options, imports, prints a table (CSV: target, class, records in each
// split) on stdout and messages for people on stderr; `--help` prints the options. `generated` is
// the experiment's own generator for `--generated`, if it has one. Returns the exit code; throws
// Error.
int import_command(PictureShape shape, std::span<const TargetSpec> targets,
                   const std::vector<std::string>& arguments, const Source* generated = nullptr);

}  // namespace medley
