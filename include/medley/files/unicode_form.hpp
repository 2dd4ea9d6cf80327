// Names of files that look the same in other bytes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace medley {

// Whether two UTF-8 texts may be one text in two Unicode forms: an accented letter as one code
// point in one of them, as a letter and marks after it in the other. It knows no tables of letters
// and may take é for ë, which is enough for a message and for nothing else.
bool may_be_other_form(std::string_view a, std::string_view b);

// A file or folder that `path` may mean in another Unicode form; empty if there is none.
std::filesystem::path file_in_other_form(const std::filesystem::path& path);

// What a message says of such a file, after what it says of the one that is missing.
std::string other_form_note(const std::filesystem::path& other);

}  // namespace medley
