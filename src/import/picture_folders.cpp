#include "medley/import/picture_folders.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "medley/base/error.hpp"
#include "medley/base/text.hpp"

namespace medley {
namespace {

namespace fs = std::filesystem;

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool passed_over(const std::string& name) {
  return name.starts_with('.') || name == "__MACOSX" || name == "@eaDir" || name == "lost+found" ||
         name == "Thumbs.db" || name == "desktop.ini";
}

std::optional<Split> split_of(const std::string& name) {
  struct Name {
    std::string_view text;
    Split split;
  };
  constexpr std::array<Name, 7> names{{{"train", Split::train},
                                       {"training", Split::train},
                                       {"val", Split::validation},
                                       {"valid", Split::validation},
                                       {"validation", Split::validation},
                                       {"test", Split::test},
                                       {"testing", Split::test}}};
  const std::string word = lower_case(name);
  for (const Name& known : names)
    if (word == known.text) return known.split;
  return std::nullopt;
}

// Also of formats that are not read: a picture that is left out unnoticed is worse than an error.
bool is_named_as_picture(const std::string& name) {
  constexpr std::array<std::string_view, 15> ends{".jpg", ".jpeg", ".jpe",  ".jfif", ".png",
                                                  ".bmp", ".gif",  ".webp", ".tif",  ".tiff",
                                                  ".ppm", ".pgm",  ".avif", ".heic", ".jp2"};
  const std::string word = lower_case(name);
  return std::ranges::any_of(ends, [&](std::string_view end) { return word.ends_with(end); });
}

bool begins_as_picture(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  std::array<char, 12> bytes{};
  const ssize_t size = ::read(fd, bytes.data(), bytes.size());
  ::close(fd);
  const std::string_view start(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  for (const std::string_view magic :
       {std::string_view("\xFF\xD8\xFF"), std::string_view("\x89PNG\r\n\x1A\n"),
        std::string_view("GIF8"), std::string_view("II*\0", 4), std::string_view("MM\0*", 4)})
    if (start.starts_with(magic)) return true;
  return start.starts_with("RIFF") && start.ends_with("WEBP");
}

std::string below(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + '/' + name;
}

// What a folder holds, in bytewise order.
struct Entries {
  std::vector<std::string> folders, files;
};

class Walk {
 public:
  explicit Walk(fs::path root) : root_(std::move(root)) {}

  PictureFolders run() {
    Entries top = entries("");
    list_.has_splits = has_splits(top);
    if (!list_.has_splits) {
      walk_split("", std::move(top), std::nullopt);
      return std::move(list_);
    }
    for (const Split split : {Split::train, Split::validation, Split::test})
      for (const std::string& name : top.folders)
        if (split_of(name) == split) walk_split(name, entries(name), split);
    return std::move(list_);
  }

 private:
  Entries entries(const std::string& folder);
  bool is_picture(const std::string& path) const;
  bool has_splits(const Entries& top) const;
  void walk_split(const std::string& folder, Entries content, std::optional<Split> split);
  void walk(const std::string& folder, Entries content, const FolderPicture& above);

  fs::path root_;
  PictureFolders list_;
  std::vector<std::array<std::uint64_t, 2>>
      open_;  // the folders around this one, as device and number
};

// Reads a folder; the walk goes into it until the caller takes it from open_.
Entries Walk::entries(const std::string& folder) {
  const fs::path path = folder.empty() ? root_ : root_ / folder;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    throw io_error(fmt::format("{} is not a folder of pictures", path.string()));
  const std::array<std::uint64_t, 2> number{status.st_dev, status.st_ino};
  if (std::ranges::find(open_, number) != open_.end())
    throw data_error(fmt::format("{} is a link that leads back to a folder around it: remove it",
                                 path.string()));
  open_.push_back(number);
  Entries found;
  std::error_code error, ignored;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    const bool is_folder = entry->is_directory(ignored);
    if (passed_over(name)) {
      list_.others.push_back(below(folder, name) + (is_folder ? "/" : ""));
    } else {
      (is_folder ? found.folders : found.files).push_back(std::move(name));
    }
  }
  if (error) throw io_error(fmt::format("cannot read {}: {}", path.string(), error.message()));
  std::ranges::sort(found.folders);
  std::ranges::sort(found.files);
  for (const std::string& name : found.folders)
    if (!is_utf8(name))
      throw data_error(fmt::format(
          "{}: the name of the folder is not UTF-8: rename it, such as with convmv -t utf-8",
          (path / name).string()));
  return found;
}

bool Walk::is_picture(const std::string& path) const {
  return is_named_as_picture(path) || begins_as_picture(root_ / path);
}

bool Walk::has_splits(const Entries& top) const {
  std::array<std::string, 3> names;
  std::string other;
  for (const std::string& name : top.folders) {
    const std::optional<Split> split = split_of(name);
    if (!split) {
      other = name;
      continue;
    }
    std::string& known = names[static_cast<std::size_t>(*split)];
    if (!known.empty() && other.empty())
      throw data_error(fmt::format("{}: {} and {} are folders of the same split: keep one of them",
                                   root_.string(), known, name));
    known = name;
  }
  // (A class may be called "train", where others are called "car" and "bus".)
  if (names[0].empty() || !other.empty()) return false;
  for (const std::string& file : top.files)
    if (is_picture(file))
      throw data_error(fmt::format(
          "{}: the picture lies beside the folders of the splits: move it into one of them",
          (root_ / file).string()));
  return true;
}

void Walk::walk_split(const std::string& folder, Entries content, std::optional<Split> split) {
  Entries files{{}, std::move(content.files)};
  for (const std::string& name : content.folders) {
    const std::size_t before = list_.pictures.size();
    const std::string path = below(folder, name);
    walk(path, entries(path), {{}, split, name, {}});
    if (list_.pictures.size() == before) list_.empty.push_back(path);
    // As sorted(os.walk(...)): by the folder's whole path, in which "a-b" comes before "a/b".
    const auto folder_of = [](const FolderPicture& picture) {
      return std::string_view(picture.path).substr(0, picture.path.rfind('/'));
    };
    std::ranges::stable_sort(list_.pictures.begin() + static_cast<std::ptrdiff_t>(before),
                             list_.pictures.end(), {}, folder_of);
  }
  walk(folder, std::move(files), {{}, split, {}, {}});
}

void Walk::walk(const std::string& folder, Entries content, const FolderPicture& above) {
  for (const std::string& name : content.files) {
    FolderPicture picture = above;
    picture.path = below(folder, name);
    if (is_picture(picture.path)) {
      list_.pictures.push_back(std::move(picture));
    } else {
      list_.others.push_back(std::move(picture.path));
    }
  }
  for (const std::string& name : content.folders) {
    FolderPicture inner = above;
    inner.beneath = below(above.beneath, name);
    const std::string path = below(folder, name);
    walk(path, entries(path), inner);
  }
  open_.pop_back();
}

}  // namespace

PictureFolders list_pictures(const fs::path& root) { return Walk(root).run(); }

}  // namespace medley
