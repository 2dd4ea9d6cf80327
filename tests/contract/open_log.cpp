// LD_PRELOAD: writes the names of the files that a process opens into the file OPEN_LOG, one a
// line.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>

namespace {

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

using OpenAt = int (*)(int, const char*, int, ...);

void log(const char* name) {
  static const OpenAt open_at = next<OpenAt>("openat");
  const char* const path = std::getenv("OPEN_LOG");
  if (path == nullptr) return;
  const int fd = open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return;
  if (::write(fd, name, std::strlen(name)) < 0 || ::write(fd, "\n", 1) < 0) std::abort();
  ::close(fd);
}

}  // namespace

#define LOGGED(function)                                                                 \
  extern "C" int function(const char* name, int flags, ...) {                            \
    va_list rest;                                                                        \
    va_start(rest, flags);                                                               \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                                        \
    log(name);                                                                           \
    return next<int (*)(const char*, int, ...)>(#function)(name, flags, mode);           \
  }
LOGGED(open)
LOGGED(open64)

#define LOGGED_AT(function)                                                              \
  extern "C" int function(int folder, const char* name, int flags, ...) {                \
    va_list rest;                                                                        \
    va_start(rest, flags);                                                               \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                                        \
    log(name);                                                                           \
    return next<OpenAt>(#function)(folder, name, flags, mode);                           \
  }
LOGGED_AT(openat)
LOGGED_AT(openat64)
