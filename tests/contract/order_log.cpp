// LD_PRELOAD: writes what a process does to files into the file ORDER_LOG, a line an operation in
// the order in which they are done: "write PATH", "sync PATH", "rename FROM TO", "link PATH",
// "remove PATH". Paths are absolute.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace {

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}
using Write = ssize_t (*)(int, const void*, size_t);

void log(const std::string& line) {
  static const Write write = next<Write>("write");
  static const char* const path = std::getenv("ORDER_LOG");
  static const int fd = path ? ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
  if (fd >= 0 && write(fd, line.data(), line.size()) < 0) std::abort();
}

std::string path_of(int fd) {
  char path[4096];
  const ssize_t size =
      ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return size < 0 ? "?" : std::string(path, static_cast<size_t>(size));
}
std::string path_in(int folder, const char* name) {
  return name[0] == '/' || folder == AT_FDCWD ? name : path_of(folder) + "/" + name;
}
bool is_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
  static const Write real = next<Write>("write");
  if (is_file(fd)) log("write " + path_of(fd) + "\n");
  return real(fd, bytes, count);
}
#define PWRITE(name, Offset)                                                             \
  ssize_t name(int fd, const void* bytes, size_t count, Offset offset) {                 \
    static const auto real = next<ssize_t (*)(int, const void*, size_t, Offset)>(#name); \
    if (is_file(fd)) log("write " + path_of(fd) + "\n");                                 \
    return real(fd, bytes, count, offset);                                               \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

int fsync(int fd) {
  log("sync " + path_of(fd) + "\n");
  return next<int (*)(int)>("fsync")(fd);
}
int renameat(int a, const char* from, int b, const char* to) {
  log("rename " + path_in(a, from) + " " + path_in(b, to) + "\n");
  return next<int (*)(int, const char*, int, const char*)>("renameat")(a, from, b, to);
}
int symlinkat(const char* target, int folder, const char* name) {
  log("link " + path_in(folder, name) + "\n");
  return next<int (*)(const char*, int, const char*)>("symlinkat")(target, folder, name);
}
int unlinkat(int folder, const char* name, int flags) {
  log("remove " + path_in(folder, name) + "\n");
  return next<int (*)(int, const char*, int)>("unlinkat")(folder, name, flags);
}

}  // extern "C"
