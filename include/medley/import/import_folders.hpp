// `import --folders`: folders of pictures, a folder a class or a CSV file beside them, become a dataset folder.
#pragma once

#include "medley/import/import.hpp"

namespace medley {

// The pictures below request.folders (picture_folders.hpp) are a table: its columns are `folder`, the first folder below
// that of the split, `subfolder`, the folders between that one and the picture, `path`, and those of the CSV file
// request.labels, joined by the picture's name (joined_labels.hpp). All else is as import_csv does it, with these columns.
//
// A target of classes that has no column is that of `folder`, if it is the only one. Then a picture outside of class
// folders is bad, and so is a class that validation or test has and training lacks, unless classes are listed. Where
// the tree has folders of splits, these are the splits; if test is one and validation is not, validation is taken from
// training, with the share of `fractions`, and test's share is training's. A picture that labels have no row for,
// and a row without a picture, are bad.
ImportReport import_folders(const ImportRequest& request);

}  // namespace medley
