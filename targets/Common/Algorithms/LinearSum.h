// Sums of products with a packed weight, in the tile that a schedule keeps in registers.
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_LINEARSUM_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_LINEARSUM_H

#include <Halide.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace halyard::kernels {

/// The sums of several rows by the processor's matrix tiles: `sums(lane, vector, row)` is read instead of the
/// total where `condition` holds. Update 0 says what a function of the runtime computes in its place
/// (Schedules/MatrixTiles.h).
struct MatrixTiles {
  /// Rows that are multiplied together: up to so many, which read weights again and again, or a tile of a
  /// few, full or half, which read them once. Many are at least `kFewestOfMany`, where fewer can be computed
  /// otherwise. Weights that are split for all rows of a call take more.
  static constexpr int kMany = 128, kManyOfFloats = 256, kFewestOfMany = 32, kFull = 16, kHalf = 8;

  int rows;
  Halide::Func sums;
  Halide::Expr condition;
  /// Groups of terms that a tile holds.
  int groupsAtOnce;

  bool hasMany() const { return rows >= kMany; }
};

/// The sums of a block of rows and columns by a GPU's tensor cores: all threads of a block compute them
/// together, into shared memory. `sums(lane, vector, row)`, which is inlined, is read instead of the total
/// where `condition` holds. It reads `tile(x, y, columns, rows)`, which has no value of its own: thread (x,
/// y) has done its part for the block of columns and of rows with these numbers.
struct TensorTile {
  static constexpr int kRows = 64, kColumns = 64;
  /// Threads of a block, in two dimensions.
  static constexpr int kThreadsX = 64, kThreadsY = 2;
  /// Functions of the device: what a thread does, and one of the sums after that.
  static constexpr const char *kTile = "halyard_tensor_tile", *kSum = "halyard_tensor_sum";

  Halide::Func sums, tile;
  Halide::Expr condition;
};

/// `total(lane, vector, row)` is the sum for column `vector * lanes + lane`. It adds up the blocks of terms
/// that `partial(half?, lane, vector, row, block)` sums in registers; a block is a loop over groups of terms,
/// each of which one instruction multiplies and adds. The order of additions depends on the layer alone,
/// never on the rows that are computed together.
struct LinearSum {
  Halide::Func total, partial;
  Halide::Var lane, vector, row;
  /// For targets that sum the two halves of a group apart, a dimension of `partial` of extent 2; `total` adds
  /// them. Halves stand side by side in a vector, or each has vectors of its own.
  std::optional<Halide::Var> half;
  bool areHalvesLanes = false;
  /// Over blocks (update 0 of total); none if there is one block.
  std::optional<Halide::RVar> block;
  /// Over the groups of a block, and within one (update 0 of partial); the latter only where an instruction
  /// adds terms up.
  Halide::RVar group;
  std::optional<Halide::RVar> term;
  /// 4-bit weights: the codes of one group of terms and the next, unpacked, and which of the two (a loop of 2
  /// inside `group` in update 0 of partial). Arguments: term, lane, nibble, vector, pair of groups.
  std::optional<Halide::Func> codes;
  std::optional<Halide::RVar> nibble;
  /// Weights of f16: the terms of a group, widened, and those of the row. Arguments: term, lane, vector,
  /// group; and term, row, group.
  std::optional<Halide::Func> wideWeight, wideInput;
  /// Elements of a row, widened once for all columns of a panel: codes to 16 bits, bf16 to f32. Arguments:
  /// feature, row.
  std::optional<Halide::Func> wideRows;
  /// 4-bit weights that are multiplied as unsigned codes: what that adds to the sum of a block. Then
  /// `partial` holds words of two sums of 16 bits (Schedules/PairProducts.h). Arguments: block, row.
  std::optional<Halide::Func> excess;
  /// Then, if rows have unsigned codes, these as signed ones, four in a word. Arguments: group, row.
  std::optional<Halide::Func> signedRows;
  /// Products of bytes are added up in steps, between which they take registers.
  bool addsInSteps = false;
  /// Columns of a vector and of a panel, terms of a group.
  int lanes, panel, terms;
  /// Columns of the result, and terms.
  int64_t outputs, features;
  /// Where there may be enough rows for matrix tiles and the target has them; most rows first.
  std::vector<MatrixTiles> matrixTiles;
  /// Where there may be enough rows for tensor cores and the target has them.
  std::optional<TensorTile> tensorTile;
  /// Set by the schedule if there may be many rows: tiles of rows that pass a panel before the next one, and
  /// those of a task.
  Halide::Expr tiles, tilesOfTask;
};

} // namespace halyard::kernels

#endif
