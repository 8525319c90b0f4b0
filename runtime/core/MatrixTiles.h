// Tile registers (AMX) of x86-64 processors: what functions that multiply in them share.
#ifndef HALYARD_RUNTIME_CORE_MATRIXTILES_H
#define HALYARD_RUNTIME_CORE_MATRIXTILES_H

#include <immintrin.h>
#include <stdint.h>

/// A C++ compiler that knows the instructions is enough: they are enabled for these functions alone.
#define HALYARD_TILES __attribute__((target("amx-tile,amx-int8,amx-bf16,avx512f")))
#define HALYARD_HIDDEN __attribute__((visibility("hidden")))

namespace halyard::tiles {

/// Rows of a tile, and bytes of one of its rows.
constexpr int kRows = 16, kBytes = 64;

/// What `ldtilecfg` reads.
struct alignas(64) Configuration {
  uint8_t palette, startRow, reserved[14];
  uint16_t rowBytes[16];
  uint8_t rows[16];
};
static_assert(sizeof(Configuration) == 64, "as the processor reads it");

/// Registers 0 to 3 hold sums, 4 and 5 rows, 6 and 7 columns. `groups` groups of terms, of 4 bytes each, are
/// multiplied at a time, for so many rows of the upper (0, 1 and 4) and the lower registers.
HALYARD_TILES inline void configure(int32_t groups, int32_t upper = kRows, int32_t lower = kRows) {
  Configuration configuration = {1, 0, {}, {}, {}};
  for (int tile = 0; tile < 8; ++tile) {
    const bool isLower = tile == 2 || tile == 3 || tile == 5;
    configuration.rows[tile] = static_cast<uint8_t>(tile > 5 ? groups : isLower ? lower : upper);
    configuration.rowBytes[tile] = static_cast<uint16_t>(tile == 4 || tile == 5 ? 4 * groups : kBytes);
  }
  // Some compilers believe that no more than a word of it is read.
  asm volatile("" : : "r"(&configuration) : "memory");
  _tile_loadconfig(&configuration);
}

/// What is read for the first time soon: it is fetched meanwhile, which the processor does not do by itself
/// for registers as large as these.
struct Ahead {
  const char *at;
  int64_t bytesOfStep;

  HALYARD_TILES void fetch() {
    for (const char *end = at + bytesOfStep; at < end; at += kBytes)
      _mm_prefetch(at, _MM_HINT_T1);
  }
};

/// Ends the program with a message if the system does not grant the registers.
HALYARD_HIDDEN void require();

} // namespace halyard::tiles

#endif
