// Products of floats in the tile registers (AMX) of x86-64 processors, which multiply bf16.
#if defined(__x86_64__) && defined(__linux__)

#include "MatrixTiles.h"

using namespace halyard::tiles;

namespace {

/// A float is the sum of three of bf16, its eight upper digits, the next eight and the last (Henry, Tang and
/// Heinecke, arXiv:1904.06376). Of the nine products of two floats the six largest count: what is left out is
/// less than 2^-20 of the product at most, and 2^-24 of it on average. The largest product has sums of its
/// own, as long as a block: the others, added to it one by one, would be rounded to its digits each.
constexpr int kFloatParts = 3;
/// Terms of a tile's row and of a block; columns of a tile and of a panel at most.
constexpr int kTileTerms = 32, kBlockTerms = 128, kTileColumns = 16, kMostColumns = 64;
/// A pair of tiles, for two tiles of columns, and those of all parts.
constexpr int kTileBytes = kRows * kBytes, kPairBytes = 2 * kTileBytes, kStepBytes = kFloatParts * kPairBytes;

/// Two vectors of floats as three rows of tiles, `kPairBytes` apart. A word's lower half is the first one's.
HALYARD_TILES inline void splitFloats(const float *first, const float *second, char *parts) {
  const __m512i upperHalf = _mm512_set1_epi32(static_cast<int32_t>(0xffff0000));
  __m512 low = first ? _mm512_loadu_ps(first) : _mm512_setzero_ps();
  __m512 high = second ? _mm512_loadu_ps(second) : _mm512_setzero_ps();
  for (int part = 0; part < kFloatParts; ++part) {
    const __m512i lowDigits = _mm512_and_si512(_mm512_castps_si512(low), upperHalf);
    const __m512i highDigits = _mm512_and_si512(_mm512_castps_si512(high), upperHalf);
    _mm512_store_si512(parts + part * kPairBytes,
                       _mm512_or_si512(_mm512_srli_epi32(lowDigits, 16), highDigits));
    low = _mm512_sub_ps(low, _mm512_castsi512_ps(lowDigits));
    high = _mm512_sub_ps(high, _mm512_castsi512_ps(highDigits));
  }
}

/// A block of a panel of a weight, split: all parts of two tiles of columns for each step of terms, then
/// those of the next two.
struct SplitBlock {
  int32_t steps;
  alignas(64) char parts[kMostColumns / kTileColumns / 2][kBlockTerms / kTileTerms][kStepBytes];
};

/// Splits the next terms of a panel, of which `left` are left.
HALYARD_TILES void splitBlock(SplitBlock &block, const float *weight, int32_t columns, int32_t left) {
  const int32_t terms = left < kBlockTerms ? left : kBlockTerms;
  block.steps = (terms + kTileTerms - 1) / kTileTerms;
  for (int32_t pair = 0; pair < block.steps * kRows; ++pair) {
    const float *first = weight + 2 * pair * columns, *second = first + columns;
    for (int32_t column = 0; column < columns; column += kTileColumns) {
      const int32_t tile = column / kTileColumns;
      splitFloats(2 * pair < terms ? first + column : nullptr,
                  2 * pair + 1 < terms ? second + column : nullptr,
                  block.parts[tile / 2][pair / kRows] + tile % 2 * kTileBytes + pair % kRows * kBytes);
    }
  }
}

/// Rows, split before: parts `partBytes` apart.
struct SplitRows {
  const char *at;
  int64_t rowBytes, partBytes;
};

template <bool kHasLower> HALYARD_TILES inline void loadRows(const SplitRows &rows, int32_t step, int part) {
  const char *at = rows.at + part * rows.partBytes + step * kBytes;
  _tile_loadd(4, at, rows.rowBytes);
  if (kHasLower)
    _tile_loadd(5, at + kRows * rows.rowBytes, rows.rowBytes);
}

HALYARD_TILES inline void loadColumns(const char *columns, int part) {
  const char *at = columns + part * kPairBytes;
  _tile_loadd(6, at, kBytes);
  _tile_loadd(7, at + kTileBytes, kBytes);
}

template <bool kHasLower> HALYARD_TILES inline void addProducts() {
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  if (kHasLower) {
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}

/// The sums of one block. Each register that is loaded changes one operand.
template <bool kHasLower>
HALYARD_TILES inline void multiplyBlock(const SplitRows &rows, const char (*columns)[kStepBytes],
                                        int32_t steps, Ahead &ahead) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int32_t step = 0; step < steps; ++step) {
    ahead.fetch();
    loadRows<kHasLower>(rows, step, 2);
    loadColumns(columns[step], 0);
    addProducts<kHasLower>();
    loadRows<kHasLower>(rows, step, 1);
    addProducts<kHasLower>();
    loadColumns(columns[step], 1);
    addProducts<kHasLower>();
    loadRows<kHasLower>(rows, step, 0);
    addProducts<kHasLower>();
    loadColumns(columns[step], 2);
    addProducts<kHasLower>();
  }
  for (int32_t step = 0; step < steps; ++step) {
    loadRows<kHasLower>(rows, step, 0);
    loadColumns(columns[step], 0);
    addProducts<kHasLower>();
  }
}

template <bool kHasLower> HALYARD_TILES inline void storeSums(float *sums, int64_t rowBytes) {
  char *upper = reinterpret_cast<char *>(sums), *lower = upper + kRows * rowBytes;
  _tile_stored(0, upper, rowBytes);
  _tile_stored(1, upper + kBytes, rowBytes);
  if (kHasLower) {
    _tile_stored(2, lower, rowBytes);
    _tile_stored(3, lower + kBytes, rowBytes);
  }
}

/// Adds the sums of a block of `count` rows and two tiles of columns to those of the blocks before.
template <bool kHasLower> HALYARD_TILES inline void addSums(float *sums, int32_t columns, int32_t count) {
  alignas(64) float block[2 * kRows][2 * kTileColumns];
  storeSums<kHasLower>(block[0], sizeof block[0]);
  for (int32_t row = 0; row < count; ++row)
    for (int32_t column = 0; column < 2 * kTileColumns; column += kTileColumns) {
      float *sum = sums + row * columns + column;
      _mm512_storeu_ps(sum, _mm512_add_ps(_mm512_loadu_ps(sum), _mm512_load_ps(block[row] + column)));
    }
}

/// One block of a group of rows, as many as registers hold or fewer.
template <bool kHasLower>
HALYARD_TILES inline void multiplyGroup(float *sums, const SplitRows &rows, int32_t count,
                                        const SplitBlock &block, int32_t columns, bool isFirst,
                                        Ahead &ahead) {
  for (int32_t pair = 0; pair < columns / (2 * kTileColumns); ++pair) {
    float *at = sums + pair * 2 * kTileColumns;
    multiplyBlock<kHasLower>(rows, block.parts[pair], block.steps, ahead);
    if (isFirst)
      storeSums<kHasLower>(at, columns * sizeof(float));
    else
      addSums<kHasLower>(at, columns, count);
  }
}

} // namespace

/// sums[i, c] = sum over terms of input[i, k] * weight[k, c], of floats. Sums of a row do not depend on other
/// rows.
///
///   sums      float [rows, columns]
///   input     the parts of floats, bf16 [rows, 3, partTerms], zero behind the terms up to a multiple of 32;
///             rows `rowBytes` bytes apart, from `inputOffset` bytes behind `input` on
///   weight    float [terms, columns], from `weightOffset` bytes behind `weight` on; 32 or 64 columns
///
/// Returns 0.
extern "C" HALYARD_HIDDEN HALYARD_TILES int32_t halyard_tiles_multiply_floats(
    float *sums, const char *input, int64_t inputOffset, int64_t rowBytes, const char *weight,
    int64_t weightOffset, int32_t columns, int32_t terms, int32_t partTerms, int32_t rows) {
  constexpr int32_t kGroup = 2 * kRows, kBfloatBytes = 2;
  require();
  const float *panel = reinterpret_cast<const float *>(weight + weightOffset);
  const int32_t rest = rows % kGroup, lower = rest - kRows;
  const int64_t blockBytes = int64_t(kBlockTerms) * columns * sizeof(float);
  SplitBlock block;
  configure(kRows);
  for (int32_t term = 0; term < terms; term += kBlockTerms) {
    splitBlock(block, panel + int64_t(term) * columns, columns, terms - term);
    const int32_t steps = (rows + kGroup - 1) / kGroup * (columns / (2 * kTileColumns)) * block.steps;
    Ahead ahead{reinterpret_cast<const char *>(panel + int64_t(term + kBlockTerms) * columns),
                (blockBytes / kBytes + steps - 1) / steps * kBytes};
    SplitRows group{input + inputOffset + term * kBfloatBytes, rowBytes, int64_t(partTerms) * kBfloatBytes};
    int32_t row = 0;
    for (; row + kGroup <= rows; row += kGroup, group.at += kGroup * rowBytes)
      multiplyGroup<true>(sums + row * columns, group, kGroup, block, columns, term == 0, ahead);
    if (!rest)
      continue;
    configure(kRows, lower > 0 ? kRows : rest, lower > 0 ? lower : kRows);
    if (lower > 0)
      multiplyGroup<true>(sums + row * columns, group, rest, block, columns, term == 0, ahead);
    else
      multiplyGroup<false>(sums + row * columns, group, rest, block, columns, term == 0, ahead);
    configure(kRows);
  }
  _tile_release();
  return 0;
}

#endif
