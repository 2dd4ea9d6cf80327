// What is suspicious about the records that a network is to learn from or to be measured on, told
// before it is: a sentence each, for people. Labels are looked at in all records; pixels, of
// pictures and masks, in up to 256 records spread over a split, so that large data sets open at once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/experiment/description.hpp"
#include "medley/files/image.hpp"

namespace medley {

// Of all splits: empty ones, groups in several of them or fewer than three in one, pictures that are in two
// splits, targets without a label, classes that training never sees, or a hundred times less often than
// others, pictures that are all alike. Pictures are compared between splits, all of them, where there are
// so many bytes of pictures or fewer.
std::vector<std::string> data_warnings(const Source& source, PictureShape shape,
                                       std::span<const TargetSpec> targets,
                                       std::uint64_t compared_up_to = std::uint64_t{1} << 30);

// Of a split that a model is measured on: targets without a label, pictures that are all alike.
std::vector<std::string> evaluation_warnings(const Source& source, PictureShape shape,
                                             std::span<const TargetSpec> targets, Split split);

// Batch normalization of a single number, whose result is the layer's bias whatever the picture
// shows: 1 x 1 maps in a shard of one sample, as batches of `records` come to have. Nothing or one
// sentence.
std::vector<std::string> normalization_warnings(const Description& description,
                                                std::uint64_t records, std::uint64_t batch_size);

// All that is to be told before a training.
std::vector<std::string> training_warnings(const Source& source, const Description& description,
                                           std::uint64_t batch_size);

}  // namespace medley
