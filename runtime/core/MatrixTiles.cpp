// Products of many rows with a panel of a weight or with each other, in the tile registers (AMX) of x86-64
// processors. Kernels of targets with such registers call these functions, for as many rows and columns as
// the registers hold sums of; everything before and after is theirs. A C++ compiler that knows the
// instructions is enough: they are enabled for these functions alone.
#if defined(__x86_64__) && defined(__linux__)

#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#define HALYARD_TILES __attribute__((target("amx-tile,amx-int8,amx-bf16")))
#define HALYARD_HIDDEN __attribute__((visibility("hidden")))

namespace {

/// Rows of a tile, and bytes of one of its rows.
constexpr int kRows = 16, kBytes = 64;

/// What `ldtilecfg` reads.
struct alignas(64) Configuration {
  uint8_t palette, startRow, reserved[14];
  uint16_t rowBytes[16];
  uint8_t rows[16];
};
static_assert(sizeof(Configuration) == 64, "as the processor reads it");

} // namespace

/// Asks the system for the registers' state, which is off until a process does: once for all of its threads.
/// Returns 1 if it is granted. Makes the system call by itself, because it is called while a program is being
/// loaded, when the C library may not be ready.
extern "C" HALYARD_HIDDEN int32_t halyard_tiles_allowed(void) {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(long(SYS_arch_prctl)), "D"(kRequestPermission), "S"(kTileData)
               : "rcx", "r11", "memory");
  return result == 0;
}

namespace {

/// Programs that chose among several instruction sets have asked before; for others this is the first time.
void requireTiles() {
  static bool isAllowed = false;
  if (__atomic_load_n(&isAllowed, __ATOMIC_RELAXED))
    return;
  if (!halyard_tiles_allowed()) {
    fputs("this program was compiled for a processor with tile registers (AMX), and the system does not "
          "grant them\n",
          stderr);
    abort();
  }
  __atomic_store_n(&isAllowed, true, __ATOMIC_RELAXED);
}

/// Registers 0 to 3 hold sums, 4 and 5 rows, 6 and 7 columns. `groups` groups of terms, of 4 bytes each, are
/// multiplied at a time, for so many rows of a register.
HALYARD_TILES inline void configure(int32_t groups, int32_t rows = kRows) {
  Configuration configuration = {1, 0, {}, {}, {}};
  for (int tile = 0; tile < 8; ++tile) {
    configuration.rows[tile] = static_cast<uint8_t>(tile < 6 ? rows : groups);
    configuration.rowBytes[tile] = static_cast<uint16_t>(tile == 4 || tile == 5 ? 4 * groups : kBytes);
  }
  // Some compilers believe that no more than a word of it is read.
  asm volatile("" : : "r"(&configuration) : "memory");
  _tile_loadconfig(&configuration);
}

} // namespace

/// sums[i, c] = sum over terms of input[i, k] * weight[k, c], for 32 rows and `columns` columns, a multiple
/// of 32.
///
///   sums      int32 [32, columns]
///   input     bytes without a sign, rows `rowBytes` bytes apart, from `inputOffset` bytes behind `input` on
///   weight    bytes with a sign [groups, columns, 4], from `weightOffset` bytes behind `weight` on
///   groups    groups of 4 terms; a multiple of `groupsAtOnce`, which is at most 16
///
/// Returns 0.
extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t halyard_tiles_multiply_bytes(
    int32_t *sums, const uint8_t *input, int64_t inputOffset, int64_t rowBytes, const int8_t *weight,
    int64_t weightOffset, int32_t columns, int32_t groups, int32_t groupsAtOnce) {
  requireTiles();
  configure(groupsAtOnce);
  const int64_t groupBytes = int64_t(columns) * 4;
  for (int32_t column = 0; column < columns; column += 2 * kRows) {
    const uint8_t *rows = input + inputOffset;
    const int8_t *panel = weight + weightOffset + column * 4;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int32_t group = 0; group < groups; group += groupsAtOnce) {
      _tile_loadd(6, panel, groupBytes);
      _tile_loadd(7, panel + kBytes, groupBytes);
      _tile_loadd(4, rows, rowBytes);
      _tile_loadd(5, rows + kRows * rowBytes, rowBytes);
      _tile_dpbusd(0, 4, 6);
      _tile_dpbusd(1, 4, 7);
      _tile_dpbusd(2, 5, 6);
      _tile_dpbusd(3, 5, 7);
      rows += groupsAtOnce * 4;
      panel += groupsAtOnce * groupBytes;
    }
    int32_t *upper = sums + column, *lower = upper + kRows * columns;
    _tile_stored(0, upper, groupBytes);
    _tile_stored(1, upper + kRows, groupBytes);
    _tile_stored(2, lower, groupBytes);
    _tile_stored(3, lower + kRows, groupBytes);
  }
  _tile_release();
  return 0;
}

/// The same for 8 rows. They pass a weight once, so it comes from memory: it is fetched some kilobytes ahead,
/// which the processor does not do by itself for registers as large as these.
extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t halyard_tiles_multiply_few_bytes(
    int32_t *sums, const uint8_t *input, int64_t inputOffset, int64_t rowBytes, const int8_t *weight,
    int64_t weightOffset, int32_t columns, int32_t groups, int32_t groupsAtOnce) {
  constexpr int kFewRows = 8, kLine = 64, kAhead = 4096;
  requireTiles();
  configure(groupsAtOnce, kFewRows);
  const int64_t groupBytes = int64_t(columns) * 4;
  const bool hasFour = columns % (4 * kRows) == 0; // tiles of columns, else two
  for (int32_t column = 0; column < columns; column += hasFour ? 4 * kRows : 2 * kRows) {
    const uint8_t *rows = input + inputOffset;
    const int8_t *panel = weight + weightOffset + column * 4;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int32_t group = 0; group < groups; group += groupsAtOnce) {
      for (int64_t line = 0; line < groupsAtOnce * groupBytes; line += kLine)
        _mm_prefetch(reinterpret_cast<const char *>(panel) + kAhead + line, _MM_HINT_T0);
      _tile_loadd(4, rows, rowBytes);
      _tile_loadd(6, panel, groupBytes);
      _tile_dpbusd(0, 4, 6);
      _tile_loadd(7, panel + kBytes, groupBytes);
      _tile_dpbusd(1, 4, 7);
      if (hasFour) {
        _tile_loadd(6, panel + 2 * kBytes, groupBytes);
        _tile_dpbusd(2, 4, 6);
        _tile_loadd(7, panel + 3 * kBytes, groupBytes);
        _tile_dpbusd(3, 4, 7);
      }
      rows += groupsAtOnce * 4;
      panel += groupsAtOnce * groupBytes;
    }
    int32_t *result = sums + column;
    _tile_stored(0, result, groupBytes);
    _tile_stored(1, result + kRows, groupBytes);
    if (hasFour) {
      _tile_stored(2, result + 2 * kRows, groupBytes);
      _tile_stored(3, result + 3 * kRows, groupBytes);
    }
  }
  _tile_release();
  return 0;
}

/// result[j, i] = sum over terms of left[j, k] * right[k, i], for `rows` rows, a multiple of 16, and 32
/// columns.
///
///   result    float [rows, 32]
///   left      bf16, rows `leftRowBytes` bytes apart, from `leftOffset` bytes behind `left` on
///   right     bf16 [terms / 2, 32, 2], from `rightOffset` bytes behind `right` on
///   terms     a multiple of 32
///
/// Returns 0.
extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t
halyard_tiles_multiply_bfloats(float *result, const char *left, int64_t leftOffset, int64_t leftRowBytes,
                               const char *right, int64_t rightOffset, int32_t rows, int32_t terms) {
  requireTiles();
  configure(kRows);
  constexpr int64_t kColumns = 2 * kRows, kPairBytes = kColumns * 4;
  for (int32_t row = 0; row < rows; row += 2 * kRows) {
    const char *upper = left + leftOffset + row * leftRowBytes, *lower = upper + kRows * leftRowBytes;
    const char *columns = right + rightOffset;
    const bool isLast = row + kRows == rows; // one tile of rows only
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int32_t term = 0; term < terms; term += 2 * kRows) {
      _tile_loadd(6, columns, kPairBytes);
      _tile_loadd(7, columns + kBytes, kPairBytes);
      _tile_loadd(4, upper, leftRowBytes);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      if (!isLast) {
        _tile_loadd(5, lower, leftRowBytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
      upper += kBytes;
      lower += kBytes;
      columns += kRows * kPairBytes;
    }
    float *sums = result + row * kColumns;
    _tile_stored(0, sums, kPairBytes);
    _tile_stored(1, sums + kRows, kPairBytes);
    if (!isLast) {
      _tile_stored(2, sums + kRows * kColumns, kPairBytes);
      _tile_stored(3, sums + kRows * kColumns + kRows, kPairBytes);
    }
  }
  _tile_release();
  return 0;
}

#endif
