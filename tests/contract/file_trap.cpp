// LD_PRELOAD: counts a process's operations that change files, and at a chosen one ends the process
// or pretends that the disk is full. As files change by these operations alone, going through all
// of them is every instant at which a process can be killed.
//
// Environment:
//   FILE_TRAP         "kill N"   SIGKILL in place of operation N (from 1)
//                     "half N"   the same, but half of what it would write is written
//                     "full N"   operation N and all writes after it fail with ENOSPC
//                     "count"    nothing happens
//                     "without links|syncing|locks"   the file system has no symbolic links, cannot
//                                sync folders, or has no locks
//   FILE_TRAP_LOG     a file into which a letter for each operation is written at the end: w for a
//                     write, o for all others
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum class Kind { kill, half, full, count, without };
Kind kind = Kind::count;
long chosen = 0;
const char* lacking = "";  // what the file system is without
std::atomic<long> operations{0};
char letters[1 << 16];

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

// Counts an operation. True if it must fail; `half` does what is half of it.
template <class Half>
bool strikes(bool writes, Half half) {
  const long number = ++operations;
  if (number < static_cast<long>(sizeof letters)) letters[number - 1] = writes ? 'w' : 'o';
  if (kind == Kind::full && (number == chosen || (number > chosen && chosen > 0 && writes))) {
    errno = ENOSPC;
    return true;
  }
  if (number != chosen || kind == Kind::count) return false;
  if (kind == Kind::half) half();
  ::kill(::getpid(), SIGKILL);
  ::pause();
  return true;
}
bool strikes(bool writes = false) {
  return strikes(writes, [] {});
}

// Whether the file system lacks this; errno is then what it answers.
bool lacks(const char* what, int answer) {
  if (kind != Kind::without || std::strcmp(lacking, what) != 0) return false;
  errno = answer;
  return true;
}

bool is_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

__attribute__((constructor)) void read_environment() {
  const char* text = std::getenv("FILE_TRAP");
  if (text == nullptr) return;
  if (std::strncmp(text, "kill ", 5) == 0) kind = Kind::kill;
  if (std::strncmp(text, "half ", 5) == 0) kind = Kind::half;
  if (std::strncmp(text, "full ", 5) == 0) kind = Kind::full;
  if (kind != Kind::count) chosen = std::atol(text + 5);
  if (std::strncmp(text, "without ", 8) == 0) {
    kind = Kind::without;
    lacking = text + 8;
  }
}

__attribute__((destructor)) void tell() {
  const char* path = std::getenv("FILE_TRAP_LOG");
  if (path == nullptr) return;
  kind = Kind::count;
  if (std::FILE* file = std::fopen(path, "w")) {
    std::fputs(letters, file);
    std::fclose(file);
  }
}

template <class Open, class... Start>
int open_file(Open open, int flags, mode_t mode, Start... start) {
  if ((flags & (O_CREAT | O_TRUNC)) != 0 && strikes()) return -1;
  return open(start..., flags, mode);
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

#define OPEN(name)                                                           \
  int name(const char* path, int flags, ...) {                               \
    va_list arguments;                                                       \
    va_start(arguments, flags);                                              \
    const mode_t mode = mode_of(flags, arguments);                           \
    va_end(arguments);                                                       \
    static const auto real = next<int (*)(const char*, int, mode_t)>(#name); \
    return open_file(real, flags, mode, path);                               \
  }
#define OPENAT(name)                                                              \
  int name(int folder, const char* path, int flags, ...) {                        \
    va_list arguments;                                                            \
    va_start(arguments, flags);                                                   \
    const mode_t mode = mode_of(flags, arguments);                                \
    va_end(arguments);                                                            \
    static const auto real = next<int (*)(int, const char*, int, mode_t)>(#name); \
    return open_file(real, flags, mode, folder, path);                            \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void* bytes, size_t count) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  if (is_file(fd) && strikes(true, [&] { (void)!real(fd, bytes, count / 2); })) return -1;
  return real(fd, bytes, count);
}

#define PWRITE(name, Offset)                                                              \
  ssize_t name(int fd, const void* bytes, size_t count, Offset offset) {                  \
    static const auto real = next<ssize_t (*)(int, const void*, size_t, Offset)>(#name);  \
    if (is_file(fd) && strikes(true, [&] { (void)!real(fd, bytes, count / 2, offset); })) \
      return -1;                                                                          \
    return real(fd, bytes, count, offset);                                                \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define SIMPLE(name, parameters, ...)                        \
  int name parameters {                                      \
    static const auto real = next<int(*) parameters>(#name); \
    return strikes() ? -1 : real(__VA_ARGS__);               \
  }
SIMPLE(ftruncate, (int fd, off_t size), fd, size)
SIMPLE(ftruncate64, (int fd, off64_t size), fd, size)
int fsync(int fd) {
  static const auto real = next<int (*)(int)>("fsync");
  if (!is_file(fd) && lacks("syncing", EINVAL)) return -1;
  return strikes() ? -1 : real(fd);
}
int flock(int fd, int operation) {
  static const auto real = next<int (*)(int, int)>("flock");
  return lacks("locks", ENOLCK) ? -1 : real(fd, operation);
}
SIMPLE(rename, (const char* from, const char* to), from, to)
SIMPLE(renameat, (int a, const char* from, int b, const char* to), a, from, b, to)
int symlinkat(const char* target, int folder, const char* name) {
  static const auto real = next<int (*)(const char*, int, const char*)>("symlinkat");
  if (lacks("links", EPERM)) return -1;
  return strikes() ? -1 : real(target, folder, name);
}
SIMPLE(unlink, (const char* path), path)
SIMPLE(unlinkat, (int folder, const char* path, int flags), folder, path, flags)
SIMPLE(remove, (const char* path), path)
SIMPLE(mkdir, (const char* path, mode_t mode), path, mode)

}  // extern "C"
