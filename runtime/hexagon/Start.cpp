// The beginning and the end of a program, and the system calls it makes in between: those of Linux, which an
// emulator of programs understands.
#include "../baremetal/System.h"

#include <time.h>

namespace {
enum SystemCall {
  kOpenAt = 56,
  kClose = 57,
  kRead = 63,
  kWrite = 64,
  kExit = 93,
  kClockGetTime = 113,
  kMoveBreak = 214
};

int32_t call(SystemCall number, int32_t first, int32_t second = 0, int32_t third = 0, int32_t fourth = 0) {
  register int32_t r0 asm("r0") = first;
  register int32_t r1 asm("r1") = second;
  register int32_t r2 asm("r2") = third;
  register int32_t r3 asm("r3") = fourth;
  register int32_t r6 asm("r6") = number;
  asm volatile("trap0(#1)" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r3), "r"(r6) : "memory");
  return r0;
}

template <typename T> int32_t address(T *pointer) {
  return static_cast<int32_t>(reinterpret_cast<intptr_t>(pointer));
}
} // namespace

int main(int argc, char **argv);

extern "C" {

int32_t halyard_system_open(const char *path, int32_t isNew) {
  constexpr int32_t workingDirectory = -100, writesNewFile = 01 | 0100 | 01000, everyone = 0666;
  return call(kOpenAt, workingDirectory, address(path), isNew ? writesNewFile : 0, everyone);
}

int32_t halyard_system_read(int32_t file, void *data, uint32_t bytes) {
  return call(kRead, file, address(data), static_cast<int32_t>(bytes));
}

int32_t halyard_system_write(int32_t file, const void *data, uint32_t bytes) {
  return call(kWrite, file, address(data), static_cast<int32_t>(bytes));
}

int32_t halyard_system_close(int32_t file) { return call(kClose, file); }

void *halyard_system_memory(uint32_t bytes) {
  static uint32_t next = (static_cast<uint32_t>(call(kMoveBreak, 0)) + 127) & ~127u;
  if (bytes > UINT32_MAX / 2 || next + bytes < next)
    return nullptr;
  uint32_t begin = next, end = (begin + bytes + 127) & ~127u;
  if (static_cast<uint32_t>(call(kMoveBreak, static_cast<int32_t>(end))) < end)
    return nullptr;
  next = end;
  return reinterpret_cast<void *>(begin);
}

void halyard_system_exit(int32_t status) {
  call(kExit, status);
  __builtin_unreachable();
}

int clock_gettime(int clock, timespec *time) { return call(kClockGetTime, clock, address(time)); }

/// `stack` holds the number of arguments and then the arguments.
__attribute__((noreturn, used)) void halyard_begin(int32_t *stack) {
  halyard_system_exit(main(stack[0], reinterpret_cast<char **>(stack + 1)));
}

/// Vectors are saved at addresses of whole vectors.
__attribute__((naked, noreturn)) void _start() {
  asm volatile("r0 = r29\n"
               "r29 = and(r29,#-128)\n"
               "call halyard_begin\n");
}
}
