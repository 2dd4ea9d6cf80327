// The pictures of a tree of folders, as people keep them: a folder a class, with or without a folder a split above.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medley/data/source.hpp"

namespace medley {

struct FolderPicture {
  std::string path;            // within the tree
  std::optional<Split> split;  // where the tree has folders of splits
  std::string folder,
      beneath;  // the first folder below the split's, and what is between it and the file
};

struct PictureFolders {
  std::vector<FolderPicture> pictures;
  bool has_splits = false;
  std::vector<std::string>
      others;  // what is passed over: files that are no pictures, and folders with a / behind
  std::vector<std::string> empty;  // first folders, as paths within the tree, without a picture
};

// Lists the pictures below `root`. Where all of its folders are called train, val and test (or training, valid,
// validation, testing; in any case), and one is of training, they are the splits. In each split the order is that of
// torchvision's ImageFolder: by the first folder's name, then folder by folder with what lies in it, all bytewise.
//
// Links are followed. What is hidden (.DS_Store, ._1.jpg, .ipynb_checkpoints) and folders that systems make (__MACOSX,
// @eaDir, lost+found) are passed over. A file is a picture if its name ends as those of pictures do, in any case, or if it
// begins as they do; whether it can be read is not looked at.
//
// Throws io_error for a folder that cannot be read, data_error for a link that leads back, names of folders that
// are not UTF-8, two folders of one split, and a folder or picture beside those of splits.
PictureFolders list_pictures(const std::filesystem::path& root);

}  // namespace medley
