// `import --cifar`: the binary files of CIFAR-10 and CIFAR-100 become a dataset folder.
//
// A record of CIFAR-10 is a byte with the class and 3072 of the picture, red, green, blue, each 32 x 32; one of
// CIFAR-100 has a byte with the coarse class (of 20) and one with the fine class (of 100) before the picture. A file is
// records and nothing else (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "medley/import/import.hpp"

namespace medley {

struct CifarRequest : ImportCommon {
  // Files, or a folder of *.bin (or of the folder cifar-10-batches-bin or cifar-100-binary).
  std::vector<std::filesystem::path> files;
  // The labels of a target by its name: label (of CIFAR-10), fine or coarse (of CIFAR-100), or empty: nothing is known of
  // it. A target of classes that is not here has the labels of its own name, or those that have as many classes.
  std::map<std::string, std::string, std::less<>> columns;
};

// Files that are called test... are the test split, the others' share of which then goes to training; without one, all three
// splits are drawn. Names of classes are those of batches.meta.txt, fine_label_names.txt and coarse_label_names.txt beside
// the first file. Throws data_error naming file and record, usage_error for targets without labels.
DatasetSummary import_cifar(const CifarRequest& request);

}  // namespace medley
