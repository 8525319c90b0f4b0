/* How much of a piece of memory was ever written: it is filled with a pattern before, and looked through
 * after. */
#ifndef HALYARD_CORTEXM_MEMORY_H
#define HALYARD_CORTEXM_MEMORY_H

#include <stdint.h>

enum { HALYARD_UNTOUCHED = 0xA5 };

static inline void halyard_paint(volatile uint8_t *begin, const uint8_t *end) {
  while (begin != end)
    *begin++ = HALYARD_UNTOUCHED;
}

/* Bytes up to the last one that was written; for a stack, which grows downwards, from the first one on. */
static inline uint32_t halyard_used(const uint8_t *begin, const uint8_t *end) {
  while (end != begin && end[-1] == HALYARD_UNTOUCHED)
    --end;
  return (uint32_t)(end - begin);
}
static inline uint32_t halyard_stack_used(const uint8_t *begin, const uint8_t *end) {
  while (begin != end && *begin == HALYARD_UNTOUCHED)
    ++begin;
  return (uint32_t)(end - begin);
}

#endif
