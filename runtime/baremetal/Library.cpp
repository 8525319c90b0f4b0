// What compilers and kernels expect of a C library, for systems without one.
#include "Math.h"

#include <stddef.h>

extern "C" {

__attribute__((no_builtin)) void *memcpy(void *to, const void *from, size_t bytes) {
  uint8_t *target = static_cast<uint8_t *>(to);
  const uint8_t *source = static_cast<const uint8_t *>(from);
  uintptr_t both = reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from);
  typedef uint32_t __attribute__((may_alias)) Word;
  if (both % sizeof(Word) == 0)
    for (; bytes >= sizeof(Word); bytes -= sizeof(Word), target += sizeof(Word), source += sizeof(Word))
      *reinterpret_cast<Word *>(target) = *reinterpret_cast<const Word *>(source);
  for (; bytes; --bytes)
    *target++ = *source++;
  return to;
}

__attribute__((no_builtin)) void *memmove(void *to, const void *from, size_t bytes) {
  uint8_t *target = static_cast<uint8_t *>(to);
  const uint8_t *source = static_cast<const uint8_t *>(from);
  if (reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from) >= bytes)
    return memcpy(to, from, bytes);
  while (bytes--)
    target[bytes] = source[bytes];
  return to;
}

__attribute__((no_builtin)) void *memset(void *to, int value, size_t bytes) {
  for (uint8_t *target = static_cast<uint8_t *>(to); bytes; --bytes)
    *target++ = static_cast<uint8_t>(value);
  return to;
}

__attribute__((no_builtin)) int memcmp(const void *a, const void *b, size_t bytes) {
  const uint8_t *left = static_cast<const uint8_t *>(a), *right = static_cast<const uint8_t *>(b);
  for (size_t i = 0; i < bytes; ++i)
    if (left[i] != right[i])
      return left[i] < right[i] ? -1 : 1;
  return 0;
}

__attribute__((no_builtin)) size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length])
    ++length;
  return length;
}

float floorf(float value) { return halyard::soft::floorOf(value); }
float expf(float value) { return halyard::soft::exponential(value); }
float logf(float value) { return halyard::soft::logarithm(value); }
float fminf(float a, float b) { return b < a || a != a ? b : a; }
double pow(double base, double exponent) { return halyard::soft::power(base, exponent); }
float sinf(float value) { return halyard::soft::sineOf(value, 0); }
float cosf(float value) { return halyard::soft::sineOf(value, 1); }
}
