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
  uint64_t checksum; /* halyard_checksum of all that follows the header */
  uint64_t padding[4];
} halyard_weights_header;

#define HALYARD_CHECKSUM_SEED 0xcbf29ce484222325ull

/* FNV-1a over 64-bit words; a last partial word is filled up with zeros. To checksum data in parts, each but
 * the last a multiple of eight bytes, hand each call the result of the one before (the first,
 * HALYARD_CHECKSUM_SEED). */
static inline uint64_t halyard_checksum(uint64_t seed, const void *data, uint64_t bytes) {
  const uint8_t *at = (const uint8_t *)data;
  uint64_t whole = bytes / 8 * 8, word = 0;
  for (uint64_t i = 0; i < whole; i += 8) {
    memcpy(&word, at + i, 8);
    seed = (seed ^ word) * 0x100000001b3ull;
  }
  if (whole == bytes)
    return seed;
  word = 0;
  memcpy(&word, at + whole, (size_t)(bytes - whole));
  return (seed ^ word) * 0x100000001b3ull;
}

#ifdef __cplusplus
} // extern "C"
#endif
#endif
