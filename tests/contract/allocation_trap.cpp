// LD_PRELOAD: counts allocations of a training between two of its checkpoints, in all threads.
//
// It begins when the first checkpoint gets its name (so that all of one round of steps, logging,
// evaluation and saving was seen once) and ends when the file of the name ALLOCATION_TRAP_LAST
// does. Then it writes to the file ALLOCATION_TRAP_REPORT:
//   allocations N
//   a line from /proc/self/status, RssAnon: the memory that is no mapped file
//   where the first allocation came from
//
// Of processes over MPI only the first saves. ALLOCATION_TRAP_SHARED names a file of a page that tells the
// others, each of which writes ALLOCATION_TRAP_REPORT.<process id> at its end; what MPI's libraries ask
// for is not counted then.
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// The allocator of glibc under its own names, which calls nothing of ours.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

// Of this process, or of all.
struct Stage {
  std::atomic<bool> armed, done;
};
Stage own{};
Stage* stage = &own;
bool shared = false;

std::atomic<long> allocations{0};
void* first[64];
std::atomic<int> first_depth{0};

// The first backtrace of a process loads a library: not while the trap is armed.
__attribute__((constructor)) void begin() {
  void* frames[4];
  ::backtrace(frames, 4);
  const char* path = std::getenv("ALLOCATION_TRAP_SHARED");
  const int fd = path ? ::open(path, O_RDWR) : -1;
  if (fd < 0) return;
  void* page = ::mmap(nullptr, sizeof(Stage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (page == MAP_FAILED) return;
  stage = static_cast<Stage*>(page);
  shared = true;
}

void* object_of(const void* address) {
  Dl_info info;
  return ::dladdr(address, &info) != 0 ? info.dli_fbase : nullptr;
}

// Whether the program asked, or a library of its own accord: the first frame decides that is neither
// this library's nor the C library's.
bool is_the_programs(void* const* frames, int depth) {
  static void* const trap = object_of(reinterpret_cast<void*>(&is_the_programs));
  static void* const c_library = object_of(reinterpret_cast<void*>(&std::getenv));
  static void* const program = object_of(reinterpret_cast<void*>(::getauxval(AT_ENTRY)));
  for (int i = 0; i < depth; ++i) {
    void* const object = object_of(frames[i]);
    if (object != trap && object != c_library) return object == program;
  }
  return false;
}

void count() {
  if (!stage->armed.load(std::memory_order_relaxed)) return;
  void* frames[64];
  const int depth = ::backtrace(frames, 64);
  if (shared && !is_the_programs(frames, depth)) return;
  if (allocations.fetch_add(1) == 0) {
    std::memcpy(first, frames, sizeof first);
    first_depth = depth;
  }
}

void copy_line(int to, const char* path, const char* start) {
  char text[8192];
  const int from = ::open(path, O_RDONLY);
  const ssize_t length = from < 0 ? 0 : ::read(from, text, sizeof text - 1);
  if (from >= 0) ::close(from);
  text[length > 0 ? length : 0] = '\0';
  const char* line = std::strstr(text, start);
  if (line == nullptr) return;
  const char* end = std::strchr(line, '\n');
  (void)!::write(to, line, static_cast<size_t>(end - line) + 1);
}

void report() {
  const char* whole = std::getenv("ALLOCATION_TRAP_REPORT");
  char path[4096];
  std::snprintf(path, sizeof path, shared ? "%s.%d" : "%s", whole ? whole : "/dev/null",
                ::getpid());
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (fd < 0) return;
  char text[64];
  const int length = std::snprintf(text, sizeof text, "allocations %ld\n", allocations.load());
  (void)!::write(fd, text, static_cast<size_t>(length));
  copy_line(fd, "/proc/self/status", "RssAnon:");
  ::backtrace_symbols_fd(first, first_depth, fd);
  ::close(fd);
}

// (Launchers have the library too.)
__attribute__((destructor)) void end() {
  if (shared && stage->done) report();
}

}  // namespace

extern "C" {

void* malloc(size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(size_t n, size_t size) {
  count();
  return __libc_calloc(n, size);
}
void* realloc(void* block, size_t size) {
  count();
  return __libc_realloc(block, size);
}
void* memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** block, size_t alignment, size_t size) {
  count();
  *block = __libc_memalign(alignment, size);
  return *block == nullptr ? 12 : 0;
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  static const auto real =
      reinterpret_cast<int (*)(int, const char*, int, const char*)>(::dlsym(RTLD_NEXT, "renameat"));
  const int result = real(from_folder, from, to_folder, to);
  if (std::strncmp(to, "step-", 5) != 0) return result;
  const char* last = std::getenv("ALLOCATION_TRAP_LAST");
  if (last != nullptr && std::strcmp(to, last) == 0) {
    stage->armed = false;
    if (!stage->done.exchange(true) && !shared) report();
  } else if (!stage->done) {
    stage->armed = true;
  }
  return result;
}

}  // extern "C"
