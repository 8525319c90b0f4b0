/* What a program without an operating system asks of the debugger or emulator that it runs under: Arm's
 * semihosting. Nothing of the C library is used.
 */
#ifndef HALYARD_CORTEXM_SEMIHOSTING_H
#define HALYARD_CORTEXM_SEMIHOSTING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline int32_t halyard_semihosting(int32_t operation, const void *argument) {
  register int32_t code __asm__("r0") = operation;
  register const void *block __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(code) : "r"(block) : "memory");
  return code;
}

static inline void halyard_print(const char *text) { halyard_semihosting(0x04, text); }

static inline void halyard_print_number(uint32_t number) {
  char text[11], *at = text + 10;
  *at = 0;
  do
    *--at = (char)('0' + number % 10);
  while (number /= 10);
  halyard_print(at);
}

/* The words that the program was started with, its own path first, as one line of at most `bytes`. */
static inline int halyard_command_line(char *line, uint32_t bytes) {
  struct {
    char *line;
    uint32_t bytes;
  } block = {line, bytes};
  return halyard_semihosting(0x15, &block);
}

static inline void halyard_exit(int32_t status) {
  const int32_t block[2] = {0x20026, status};
  for (;;)
    halyard_semihosting(0x20, block);
}

#ifdef __cplusplus
} // extern "C"
#endif
#endif
