// Products of many rows with a panel of a weight or with each other, in the tile registers (AMX) of x86-64
// processors. Kernels of targets with such registers call these functions, for as many rows and columns as
// the registers hold sums of; everything before and after is theirs. A C++ compiler that knows the
// instructions is enough: they are enabled for these functions alone.
#if defined(__x86_64__) && defined(__linux__)

#include "MatrixTiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

using namespace halyard::tiles;

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

/// Programs that chose among several instruction sets have asked before; for others this is the first time.
void halyard::tiles::require() {
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

namespace {

/// Operands of a product. Groups of terms have 4 bytes, of which one row has `groups`; the right operand is
/// [groups, columns] of them.
struct Operands {
  const char *left, *right;
  int64_t leftRowBytes;
  int32_t columns, groups, groupsAtOnce;

  int64_t groupBytes() const { return int64_t(columns) * 4; }
};

/// Adds the products of one group of registers, of which every one that is loaded is used twice.
template <bool kHasBytes, bool kHasLower>
HALYARD_TILES inline void multiplyTiles(const char *rows, const char *columns, const Operands &operands) {
  const int64_t groupBytes = operands.groupBytes(), rowBytes = operands.leftRowBytes;
  _tile_loadd(6, columns, groupBytes);
  _tile_loadd(7, columns + kBytes, groupBytes);
  _tile_loadd(4, rows, rowBytes);
  if (kHasLower)
    _tile_loadd(5, rows + kRows * rowBytes, rowBytes);
  if (kHasBytes) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
  } else {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
  }
  if (kHasLower && kHasBytes) {
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  } else if (kHasLower) {
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}

/// The sums of as many rows as the registers hold, and of two tiles of columns, from `column` on.
template <bool kHasBytes, bool kHasLower>
HALYARD_TILES inline void multiplyTile(char *result, const Operands &operands, int32_t row, int32_t column,
                                       Ahead &ahead) {
  const int64_t groupBytes = operands.groupBytes();
  const char *rows = operands.left + row * operands.leftRowBytes, *columns = operands.right + column * 4;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int32_t group = 0; group < operands.groups; group += operands.groupsAtOnce) {
    ahead.fetch();
    multiplyTiles<kHasBytes, kHasLower>(rows, columns, operands);
    rows += operands.groupsAtOnce * 4;
    columns += operands.groupsAtOnce * groupBytes;
  }
  char *upper = result + row * groupBytes + column * 4, *lower = upper + kRows * groupBytes;
  _tile_stored(0, upper, groupBytes);
  _tile_stored(1, upper + kBytes, groupBytes);
  if (kHasLower) {
    _tile_stored(2, lower, groupBytes);
    _tile_stored(3, lower + kBytes, groupBytes);
  }
}

/// Two tiles of columns pass all rows while they are near.
template <bool kHasBytes>
HALYARD_TILES void multiply(char *result, const Operands &operands, int32_t rows, int64_t aheadBytes) {
  constexpr int32_t kTileRows = 2 * kRows;
  const int32_t full = rows / kTileRows * kTileRows, left = rows - full, lower = left - kRows;
  const int64_t steps = int64_t(operands.columns / kTileRows) * (operands.groups / operands.groupsAtOnce) *
                        ((rows + kTileRows - 1) / kTileRows);
  Ahead ahead{operands.right + operands.groups * operands.groupBytes(),
              (aheadBytes / kBytes + steps - 1) / steps * kBytes};
  if (full > 0)
    configure(operands.groupsAtOnce);
  for (int32_t column = 0; column < operands.columns && full > 0; column += kTileRows)
    for (int32_t row = 0; row < full; row += kTileRows)
      multiplyTile<kHasBytes, true>(result, operands, row, column, ahead);
  if (left > 0)
    configure(operands.groupsAtOnce, lower > 0 ? kRows : left, lower > 0 ? lower : kRows);
  for (int32_t column = 0; column < operands.columns && left > 0; column += kTileRows)
    if (lower > 0)
      multiplyTile<kHasBytes, true>(result, operands, full, column, ahead);
    else
      multiplyTile<kHasBytes, false>(result, operands, full, column, ahead);
  _tile_release();
}

} // namespace

/// sums[i, c] = sum over terms of input[i, k] * weight[k, c], for `rows` rows and `columns` columns, a
/// multiple of 32. Meanwhile `aheadBytes` bytes behind the weight are fetched.
///
///   sums      int32 [rows, columns]
///   input     bytes without a sign, rows `rowBytes` bytes apart, from `inputOffset` bytes behind `input` on
///   weight    bytes with a sign [groups, columns, 4], from `weightOffset` bytes behind `weight` on
///   groups    groups of 4 terms; a multiple of `groupsAtOnce`, which is at most 16
///
/// Returns 0.
extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t
halyard_tiles_multiply_bytes(char *sums, const char *input, int64_t inputOffset, int64_t rowBytes,
                             const char *weight, int64_t weightOffset, int32_t columns, int32_t groups,
                             int32_t groupsAtOnce, int32_t aheadBytes, int32_t rows) {
  require();
  multiply<true>(sums, {input + inputOffset, weight + weightOffset, rowBytes, columns, groups, groupsAtOnce},
                 rows, aheadBytes);
  return 0;
}

/// The same for bf16, of which a group has 2 terms, and sums of float. The sums of a row do not depend on
/// other rows.
extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t
halyard_tiles_multiply_bfloats(char *sums, const char *input, int64_t inputOffset, int64_t rowBytes,
                               const char *weight, int64_t weightOffset, int32_t columns, int32_t groups,
                               int32_t groupsAtOnce, int32_t aheadBytes, int32_t rows) {
  require();
  multiply<false>(sums, {input + inputOffset, weight + weightOffset, rowBytes, columns, groups, groupsAtOnce},
                  rows, aheadBytes);
  return 0;
}

/// Products of attention are small: registers are configured once for many of them, on the thread that
/// multiplies. Return 0.
extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t halyard_tiles_begin(void) {
  require();
  configure(kRows);
  return 0;
}

extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t halyard_tiles_end(void) {
  _tile_release();
  return 0;
}

namespace {

/// Adds the products of up to four tiles of rows with one tile of columns.
template <int kTiles>
HALYARD_TILES inline void addColumn(const char *rows, int64_t rowBytes, const char *column, int32_t groups) {
  constexpr int32_t kGroups = kBytes / 4;
  const int64_t tileBytes = kRows * rowBytes;
  for (int32_t group = 0; group < groups; group += kGroups) {
    _tile_loadd(4, column, kBytes);
    _tile_loadd(5, rows, rowBytes);
    _tile_dpbf16ps(0, 5, 4);
    if (kTiles > 1) {
      _tile_loadd(6, rows + tileBytes, rowBytes);
      _tile_dpbf16ps(1, 6, 4);
    }
    if (kTiles > 2) {
      _tile_loadd(7, rows + 2 * tileBytes, rowBytes);
      _tile_dpbf16ps(2, 7, 4);
    }
    if (kTiles > 3) {
      _tile_loadd(5, rows + 3 * tileBytes, rowBytes);
      _tile_dpbf16ps(3, 5, 4);
    }
    rows += kBytes;
    column += kGroups * kBytes;
  }
}

/// Parts of floats that are multiplied with each other (FloatTiles.cpp), the largest product last.
constexpr int kPartProducts = 6;
constexpr int kLeftParts[kPartProducts] = {2, 1, 0, 1, 0, 0}, kRightParts[kPartProducts] = {0, 1, 2, 0, 1, 0};

template <bool kHasParts, int kTiles>
HALYARD_TILES inline void multiplyColumn(char *result, const char *rows, int64_t rowBytes, const char *column,
                                         int32_t groups) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int product = 0; product < (kHasParts ? kPartProducts : 1); ++product) {
    const int left = kHasParts ? kLeftParts[product] : 0, right = kHasParts ? kRightParts[product] : 0;
    addColumn<kTiles>(rows + left * groups * 4, rowBytes, column + right * groups * kBytes, groups);
  }
  _tile_stored(0, result, kBytes);
  if (kTiles > 1)
    _tile_stored(1, result + kRows * kBytes, kBytes);
  if (kTiles > 2)
    _tile_stored(2, result + 2 * kRows * kBytes, kBytes);
  if (kTiles > 3)
    _tile_stored(3, result + 3 * kRows * kBytes, kBytes);
}

template <bool kHasParts>
HALYARD_TILES inline void multiplyColumns(char *result, const char *row, int64_t rowBytes, const char *column,
                                          int32_t groups, int32_t rows) {
  constexpr int32_t kMost = 4 * kRows;
  for (; rows >= kMost; rows -= kMost) {
    multiplyColumn<kHasParts, 4>(result, row, rowBytes, column, groups);
    row += kMost * rowBytes;
    result += kMost * kBytes;
  }
  if (rows == 3 * kRows)
    multiplyColumn<kHasParts, 3>(result, row, rowBytes, column, groups);
  else if (rows == 2 * kRows)
    multiplyColumn<kHasParts, 2>(result, row, rowBytes, column, groups);
  else if (rows == kRows)
    multiplyColumn<kHasParts, 1>(result, row, rowBytes, column, groups);
}

} // namespace

/// result[i, c] = sum over terms of left[i, k] * right[k, c] for 16 columns, of bf16, between
/// halyard_tiles_begin and halyard_tiles_end.
///
///   result    float [rows, 16]
///   left      rows `rowBytes` bytes apart, from `leftOffset` bytes behind `left` on
///   right     [groups, 16, 2], from `rightOffset` bytes behind `right` on
///   groups    groups of 2 terms, a multiple of 16
///   rows      a multiple of 16
///
/// Returns 0.
extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t
halyard_tiles_multiply_column(char *result, const char *left, int64_t leftOffset, int64_t rowBytes,
                              const char *right, int64_t rightOffset, int32_t groups, int32_t rows) {
  multiplyColumns<false>(result, left + leftOffset, rowBytes, right + rightOffset, groups, rows);
  return 0;
}

/// The same for floats, given by their three parts: rows of the left operand, and the right operand, have all
/// groups of the first part, then those of the second and of the third.
extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t halyard_tiles_multiply_column_of_floats(
    char *result, const char *left, int64_t leftOffset, int64_t rowBytes, const char *right,
    int64_t rightOffset, int32_t groups, int32_t rows) {
  multiplyColumns<true>(result, left + leftOffset, rowBytes, right + rightOffset, groups, rows);
  return 0;
}

/// The sums of halyard_tiles_multiply_bytes for `rowCount` rows, at most 16. They pass a weight once, so it
/// comes from memory: it is fetched some kilobytes ahead.
extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t halyard_tiles_multiply_few_bytes(
    int32_t *sums, const uint8_t *input, int64_t inputOffset, int64_t rowBytes, const int8_t *weight,
    int64_t weightOffset, int32_t columns, int32_t groups, int32_t groupsAtOnce, int32_t rowCount) {
  constexpr int kLine = 64, kAhead = 4096;
  require();
  configure(groupsAtOnce, rowCount, rowCount);
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

#endif
