// What the values of mask files mean: indices, gray values or colours become the classes of a target.
//
//   value                                       class
//   a colour that is listed                     that of its name
//   a value that is listed                      its place in the list
//   with a threshold                            1 from there on, else 0
//   0 to classes-1                              itself
//   255 of gray masks with 0 and 255 alone      1, where there are two classes
//   255 besides other values                    not known
//
// What none of these tells is an error that names the option which does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "medley/experiment/records.hpp"
#include "medley/files/mask_picture.hpp"

namespace medley {

struct MaskColour {
  std::string name;
  std::uint32_t rgb = 0;
};

// What options say of a target's masks.
struct MaskMeaning {
  std::vector<MaskColour>
      colours;  // colours of one name are one class; in the order of the names' first colours
  std::vector<std::uint32_t> values;  // of class 0, 1, ...
  std::optional<std::uint32_t> threshold;
  // A value or, of colours, 0xRRGGBB that is not known; or that every value is known.
  std::optional<std::uint32_t> unknown;
  bool all_known = false;
};

// "sky=#0000ff,road=#808080".
std::vector<MaskColour> parse_colours(std::string_view list);
// A line a class with its name and its colour, as #rrggbb or as three numbers from 0 to 255, in any order, with commas,
// blanks, tabs, = or : between; a first line without a colour is a header. Throws data_error naming file and line.
std::vector<MaskColour> read_colours(const std::string& name, std::string_view text);

// The values that occur in the masks of a target.
class MaskCensus {
 public:
  struct Value {
    std::uint64_t files = 0;  // in how many it is
    std::size_t file = 0;     // one of them, and where in it
    std::size_t pixel = 0;
  };
  // Of one file; to be counted, in their order.
  struct File {
    std::unordered_map<std::uint32_t, std::size_t> first;  // value: a pixel that has it
    MaskPicture::Kind kind = MaskPicture::Kind::gray;
    bool lossy = false, too_many = false;
    int width = 0;
    void look_at(const MaskPicture& mask);
  };
  void count(std::size_t number, const File& file);

  std::map<std::uint32_t, Value> values;
  std::uint64_t files = 0, indexed = 0;
  bool one_beside_255 = false;                 // in one of the files
  std::optional<std::size_t> lossy, too_many;  // the first such file
  std::map<std::size_t, int> widths;           // of files named by `values`
};

// The classes of a target's masks.
class MaskClasses {
 public:
  // Throws data_error for values without a class, naming the file with file(number); `notes` gets what was decided.
  MaskClasses(const TargetSpec& spec, const MaskMeaning& meaning, const MaskCensus& census,
              const std::function<std::string(std::size_t)>& file, std::vector<std::string>& notes);

  const std::vector<std::string>& names() const { return names_; }
  // Brings a mask into the form whose values have classes. Throws data_error with the reason alone.
  static void prepare(const MaskMeaning& meaning, MaskPicture& mask);
  // Of a mask that was prepared and counted.
  void map(const MaskPicture& mask, std::vector<std::uint8_t>& classes) const;

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::uint32_t, std::uint8_t> classes_;
};

}  // namespace medley
