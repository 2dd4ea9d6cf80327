// The picture that a cell of a table names.
#pragma once

#include <filesystem>
#include <string>

namespace medley {

// Sets `path` to the file in the folder `root` that `text` names with the extension, without any, or
// with a usual one, and returns nothing; or returns what is wrong. Not even a look is taken at what
// is outside of the folder.
std::string find_picture(const std::filesystem::path& root, const std::string& extension,
                         const std::string& text, std::string& path);

}  // namespace medley
