// The masks of a table's pictures, one or several targets of them.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "medley/files/image.hpp"
#include "medley/import/mask_pairs.hpp"
#include "medley/import/mask_values.hpp"
#include "medley/import/picture_folders.hpp"

namespace medley {

// The masks of a target: where they are, how they are called, what their values mean.
struct MaskFolder {
  std::filesystem::path folder;
  std::optional<MaskNaming> naming;
  MaskMeaning meaning;
};

struct MaskRequest {
  std::map<std::string, MaskFolder, std::less<>> targets;
  bool allow_unmasked = false;  // nothing is known of a picture without a mask
};

// A mask as the picture lies, and what was done to it.
struct ReadMask {
  std::size_t target = 0;
  Image classes;  // one channel; no pixel where the picture has no mask
  bool turned = false,
       scaled = false;  // as the picture's Exif tells; of another size than the picture
};

class MaskSet {
 public:
  using Notes = std::vector<std::string>;

  // Throws usage_error where a target is no mask. The targets must outlive this.
  MaskSet(std::span<const TargetSpec> targets, MaskRequest request);

  // Finds the masks of pictures, given by their paths within their folder, and looks at all of them. What concerns one
  // picture alone is its problem(); what concerns all is thrown as data_error.
  void find(const std::filesystem::path& folder, std::span<const std::string> pictures, int threads,
            Notes& notes);
  // Why a picture cannot be taken; empty: it can.
  const std::string& problem(std::size_t picture) const { return problems_[picture]; }
  // The masks of a picture that was decoded. `exact`: a mask of another size than the picture's is refused, else one
  // of other proportions. Throws data_error with file and reason. From any thread.
  void read(std::size_t picture, const Image& decoded, bool exact,
            std::vector<ReadMask>& out) const;
  // Names of classes, where colours have some.
  std::vector<std::string> class_names(std::size_t target) const;
  // Takes away what is a mask, where a target's are in the folder of the pictures.
  void leave_out_masks(const std::filesystem::path& folder,
                       std::vector<FolderPicture>& pictures) const;

  nlohmann::json provenance() const;

 private:
  struct Target {
    std::size_t number;
    TargetSpec spec;
    MaskFolder files;
    MaskPairs pairs;
    std::optional<MaskClasses> classes;
    std::string path(std::size_t picture) const {
      return (files.folder / pairs.masks[picture]).string();
    }
  };

  void pair(Target& target, const std::filesystem::path& folder,
            std::span<const std::string> pictures, Notes& notes);
  void look_at(Target& target, int threads, Notes& notes);
  static void decode(const Target& target, std::size_t picture, MaskPicture& out);

  MaskRequest request_;
  std::vector<Target> targets_;
  std::vector<std::string> problems_;
};

}  // namespace medley
