// The training of training.hpp without a C library: what a linker asks for is here, and a program is
// what a processor jumps to. Linux lends it two system calls, to print and to end.
#include "tests/core/training.hpp"

// Compilers call these four wherever they like.
namespace {
// In a loop, keeps the compiler from taking it for the function that it stands in.
inline void as_written() { asm volatile("" ::: "memory"); }
}  // namespace
extern "C" {
void* memcpy(void* to, const void* from, std::size_t size) {
  auto* t = static_cast<unsigned char*>(to);
  auto* f = static_cast<const unsigned char*>(from);
  for (std::size_t i = 0; i < size; ++i, as_written()) t[i] = f[i];
  return to;
}
void* memmove(void* to, const void* from, std::size_t size) {
  auto* t = static_cast<unsigned char*>(to);
  auto* f = static_cast<const unsigned char*>(from);
  if (t < f) return memcpy(to, from, size);
  for (std::size_t i = size; i > 0; --i, as_written()) t[i - 1] = f[i - 1];
  return to;
}
void* memset(void* to, int value, std::size_t size) {
  auto* t = static_cast<unsigned char*>(to);
  for (std::size_t i = 0; i < size; ++i, as_written()) t[i] = static_cast<unsigned char>(value);
  return to;
}
int memcmp(const void* a, const void* b, std::size_t size) {
  auto* left = static_cast<const unsigned char*>(a);
  auto* right = static_cast<const unsigned char*>(b);
  for (std::size_t i = 0; i < size; ++i, as_written()) {
    if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
  }
  return 0;
}
}

namespace {

#if defined(__x86_64__)
constexpr long write_call = 1, exit_call = 231;
long system_call(long number, long a, long b, long c) {
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
constexpr long write_call = 64, exit_call = 94;
long system_call(long number, long a, long b, long c) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
#else  // compiled only: a board's start is its own
constexpr long write_call = 0, exit_call = 0;
long system_call(long, long, long, long) { return 0; }
#endif

}  // namespace

extern "C" [[noreturn]] void start() {
  using namespace medley::testing;
  // Static, as they are larger than a stack; here, as nobody runs constructors before this.
  static const CoreRecords records;
  static medley::OneWorker worker;
  static medley::Trainer<CoreExperiment, medley::OneWorker> trainer(arena);
  static std::array<medley::Score, 64> scores;
  const medley::Settings settings = medley::settings_of<CoreExperiment>(records);
  trainer.start(settings, worker, std::span(scores).first(trainer.score_count(records)));
  Outcome outcome = train(trainer, records, arena);
  // Where there is no memory for scores, the rest of an evaluation is the same.
  static medley::Evaluation evaluation;
  trainer.start(settings, worker, {});
  trainer.evaluate(medley::Split::validation, evaluation);
  outcome.complete = outcome.complete && evaluation.metrics[0].scores.empty() &&
                     evaluation.total == outcome.validation_total;
  print(outcome, [](const char* text, std::size_t size) {
    system_call(write_call, 1, reinterpret_cast<long>(text), static_cast<long>(size));
  });
  for (;;) system_call(exit_call, 0, 0, 0);
}

#if defined(__x86_64__)
asm(".globl _start\n_start:\n  xor %ebp, %ebp\n  and $-16, %rsp\n  call start\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n  mov x29, #0\n  bl start\n");
#endif
