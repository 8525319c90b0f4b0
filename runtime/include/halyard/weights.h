/* The file NAME.weights: a header of 64 bytes, then tensors at the offsets that the compiler chose. Offsets
 * count from the beginning of the file, header included, and are multiples of HALYARD_ALIGNMENT. The compiler
 * writes it with these functions and the runtime checks it with them. Little-endian. Plain C99, no library
 * calls.
 */
#ifndef HALYARD_WEIGHTS_H
#define HALYARD_WEIGHTS_H

#include "program.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HALYARD_WEIGHTS_MAGIC 0x57445241594c4148ull /* "HALYARDW" */

typedef struct halyard_weights_header {
  uint64_t magic; /* HALYARD_WEIGHTS_MAGIC */
  uint32_t abi;   /* HALYARD_ABI */
  uint32_t reserved;
  uint64_t bytes;    /* of the whole file */
  uint64_t checksum; /* of all that follows the header */
  uint64_t padding[4];
} halyard_weights_header;

/* FNV-1a over 64-bit words, eight of them side by side: word i of every 64 bytes belongs to lane i, so that
 * reading a file is what takes the time, not multiplying. */
typedef struct halyard_checksum {
  uint64_t lanes[8];
} halyard_checksum;

#define HALYARD_CHECKSUM_SEED 0xcbf29ce484222325ull
#define HALYARD_CHECKSUM_PRIME 0x100000001b3ull

static inline halyard_checksum halyard_checksum_begin(void) {
  halyard_checksum sum;
  for (int lane = 0; lane < 8; ++lane)
    sum.lanes[lane] = HALYARD_CHECKSUM_SEED + (uint64_t)lane;
  return sum;
}

static inline void halyard_checksum_block(halyard_checksum *sum, const uint8_t *block) {
#pragma GCC unroll 8
  for (int lane = 0; lane < 8; ++lane) {
    uint64_t word;
    memcpy(&word, block + 8 * lane, 8);
    sum->lanes[lane] = (sum->lanes[lane] ^ word) * HALYARD_CHECKSUM_PRIME;
  }
}

/* Continues with the next part of the data. All parts but the last are multiples of 64 bytes; the last is
 * filled up with zeros. */
static inline void halyard_checksum_add(halyard_checksum *sum, const void *data, uint64_t bytes) {
  const uint8_t *at = (const uint8_t *)data;
  halyard_checksum now = *sum; /* apart from `sum`, so that it stays in registers */
  for (; bytes >= 64; bytes -= 64, at += 64)
    halyard_checksum_block(&now, at);
  if (bytes) {
    uint8_t last[64] = {0};
    memcpy(last, at, (size_t)bytes);
    halyard_checksum_block(&now, last);
  }
  *sum = now;
}

static inline uint64_t halyard_checksum_end(const halyard_checksum *sum) {
  uint64_t all = HALYARD_CHECKSUM_SEED;
  for (int lane = 0; lane < 8; ++lane)
    all = (all ^ sum->lanes[lane]) * HALYARD_CHECKSUM_PRIME;
  return all;
}

#ifdef __cplusplus
} // extern "C"
#endif
#endif
