/* The beginning of an arena: what a program remembers about each slot between calls.
 *
 *   halyard_arena | source_rows int32[slots] | tokens int64[slots][max_target], with HALYARD_KEEPS_TOKENS
 * only
 *
 * each part padded to HALYARD_ALIGNMENT. The compiler lays out states, cross values and scratch after
 * halyard_arena_header_bytes(...), so these functions are shared by the compiler, generated code and the
 * runtime. Plain C99, no library calls.
 */
#ifndef HALYARD_ARENA_H
#define HALYARD_ARENA_H

#include "program.h"

#ifdef __cplusplus
extern "C" {
#define HALYARD_CONSTEXPR constexpr
#else
#define HALYARD_CONSTEXPR static inline
#endif

#define HALYARD_ARENA_MAGIC 0x414c5948u /* "HYLA" */

typedef struct halyard_arena {
  uint32_t magic; /* HALYARD_ARENA_MAGIC once initialised */
  int32_t slots;
  int32_t max_target;
  uint32_t flags; /* those of the program */
  void *device;   /* what belongs to the arena elsewhere; null if there is nothing */
  uint8_t reserved[48 - sizeof(void *)];
} halyard_arena;

/* `bytes` rounded up to HALYARD_ALIGNMENT. */
HALYARD_CONSTEXPR uint64_t halyard_aligned(uint64_t bytes) {
  return (bytes + (HALYARD_ALIGNMENT - 1)) / HALYARD_ALIGNMENT * HALYARD_ALIGNMENT;
}

/* Bytes of everything described above: the offset at which a compiler's own layout begins. */
HALYARD_CONSTEXPR uint64_t halyard_arena_header_bytes(int32_t slots, int32_t max_target, uint32_t flags) {
  return sizeof(halyard_arena) + halyard_aligned((uint64_t)slots * sizeof(int32_t)) +
         ((flags & HALYARD_KEEPS_TOKENS) ? halyard_aligned((uint64_t)slots * max_target * sizeof(int64_t))
                                         : 0);
}

/* Rows of the encoder's output held by each slot, int32[slots]; 0 where nothing was encoded. */
static inline int32_t *halyard_source_rows(void *arena) {
  return (int32_t *)((uint8_t *)arena + sizeof(halyard_arena));
}

/* The text of a slot, int64[max_target]; only with HALYARD_KEEPS_TOKENS. */
static inline int64_t *halyard_tokens(void *arena, int32_t slot) {
  halyard_arena *header = (halyard_arena *)arena;
  uint8_t *tokens =
      (uint8_t *)arena + sizeof(halyard_arena) + halyard_aligned((uint64_t)header->slots * sizeof(int32_t));
  return (int64_t *)tokens + (int64_t)slot * header->max_target;
}

/* Makes the header of a fresh arena: every slot is empty. The rest of the arena may hold anything. */
static inline void halyard_arena_init(void *arena, int32_t slots, int32_t max_target, uint32_t flags) {
  halyard_arena *header = (halyard_arena *)arena;
  uint64_t bytes = halyard_arena_header_bytes(slots, max_target, flags);
  for (uint64_t i = 0; i < bytes; ++i)
    ((uint8_t *)arena)[i] = 0;
  header->slots = slots;
  header->max_target = max_target;
  header->flags = flags;
  header->magic = HALYARD_ARENA_MAGIC;
}

/* Attention multiplies rows that no text has reached yet by zero, a few at a time, so they have to be
 * numbers: clears what a slot holds before it is used for the first time. Afterwards it holds results of
 * kernels. */
static inline void halyard_clear_slot(const halyard_program *program, void *arena, int32_t slot) {
  const halyard_rows *lists[2] = {program->states, program->crosses};
  const int32_t counts[2] = {program->state_count, program->cross_count};
  if (program->move || halyard_source_rows(arena)[slot])
    return;
  for (int32_t list = 0; list < 2; ++list)
    for (int32_t i = 0; i < counts[list]; ++i) {
      uint64_t bytes = (uint64_t)lists[list][i].rows * (uint64_t)lists[list][i].row_bytes;
      uint8_t *begin = (uint8_t *)arena + lists[list][i].offset + (uint64_t)slot * bytes;
      for (uint64_t at = 0; at < bytes; ++at)
        begin[at] = 0;
    }
}

#ifdef __cplusplus
} // extern "C"
#endif
#endif
