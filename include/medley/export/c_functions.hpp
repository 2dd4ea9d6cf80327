// The functions of C that an exported network is made of, as texts: those that it uses, each behind
// those that it calls.
//
// Pictures lie there row by row, of each pixel all channels (height x width x channels), so that the
// innermost loops run over channels that are neighbours in memory; weights in blocks of 8, 4, 2 and 1
// outputs that are computed together (see c_blocks).
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace medley {

// The texts of these functions ("conv", "sigmoid") and of all that they call, in the order of the
// list. In them @_ stands for the model's prefix and @@_ for that of its macros.
std::string c_functions(const std::set<std::string_view>& used);

// What @@_ and @_ stand for put in their place.
std::string with_prefix(std::string_view text, std::string_view prefix, std::string_view macros);

// How many outputs each block of a layer with so many has: 8s, then 4, 2 and 1 as they are needed.
std::vector<int> c_blocks(int outputs);

// Weights from the order of files, O x C x H x W, to that in which the functions read them: block by
// block of outputs, H x W x C x (outputs of the block).
std::vector<float> c_weights(std::span<const float> values, int outputs, int channels, int height,
                             int width);

}  // namespace medley
