#include "medley/import/find_picture.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "medley/files/unicode_form.hpp"

namespace medley {

namespace fs = std::filesystem;

namespace {

bool is_file(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

std::string find_picture(const fs::path& root, const std::string& extension,
                         const std::string& text, std::string& path) {
  if (text.empty()) return "no picture is named";
  if (text.find('\0') != std::string::npos) return "the name of the picture holds a zero byte";
  const fs::path named(text);
  if (std::find(named.begin(), named.end(), "..") != named.end())
    return fmt::format("'{}' leaves the folder of the pictures", text);
  if (named.is_absolute()) {
    const fs::path inside =
        named.lexically_normal().lexically_relative(fs::absolute(root).lexically_normal());
    // The folder itself with an extension appended would be a file beside it.
    if (inside.empty() || *inside.begin() == ".." || *inside.begin() == ".")
      return fmt::format("'{}' leaves the folder of the pictures", text);
  }
  const std::array<std::string, 12> extensions{extension, "",     ".jpg", ".jpeg", ".png", ".JPG",
                                               ".JPEG",   ".PNG", ".bmp", ".webp", ".BMP", ".WEBP"};
  const auto with = [&](const std::string& end) { return root / (text + end); };
  for (const std::string& end : extensions) {
    path = with(end).string();  // an absolute name stays itself
    if (is_file(path)) return {};
  }
  const std::string problem = fmt::format("there is no picture {}", with(extension).string());
  for (const std::string& end : extensions) {
    if (const fs::path other = file_in_other_form(with(end)); !other.empty())
      return problem + other_form_note(other);
  }
  return problem;
}

}  // namespace medley
