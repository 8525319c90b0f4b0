// What one operation of a kernel becomes: a Func, with what a schedule needs to know about it.
#ifndef HALYARD_TARGETS_COMMON_LINALGTOHALIDE_STAGE_H
#define HALYARD_TARGETS_COMMON_LINALGTOHALIDE_STAGE_H

#include "mlir/IR/Operation.h"
#include "targets/Common/Algorithms/LaneSum.h"
#include "targets/Common/Algorithms/LinearSum.h"
#include "targets/Common/LinalgToHalide/TensorView.h"

namespace halyard::kernels {

struct CpuShape;

/// The same reduction with the operand that its innermost loop runs along copied to the stack first: a panel
/// of columns and all terms, dense, in the order it is read. Pays when many rows share it.
struct PackedVariant {
  /// When it is used instead of the direct Func.
  Halide::Expr condition;
  Halide::Func panel, func;
  llvm::SmallVector<Halide::Var, 4> vars;
  llvm::SmallVector<Halide::RVar, 4> reductions;
  /// Extents of the panel, in the order of its arguments.
  llvm::SmallVector<int> panelExtents;
  /// Tile of accumulators.
  int columns, rows;
};

/// A Func that is the product of two others, as a function of the runtime computes it
/// (Schedules/MatrixTiles.h): result(i, j) = sum over terms k of left(k, j) right(i, k), of bf16. `left` has
/// rows of terms; `right` has rows of 16 pairs of terms, as words; `result` has rows of 16 floats. With three
/// parts (seq.split) of each operand, the terms of a part come before those of the next.
struct MatrixProduct {
  std::string result, left, right;
  /// j and k: multiples of 16 and of 32.
  int rows, terms;
  int parts;
};

/// A Func that computes the results of one operation. With several results it is a tuple.
struct Stage {
  mlir::Operation *op = nullptr;
  Halide::Func func;
  /// Arguments of the Func, outermost first (the Func itself takes them innermost first), and their extents.
  llvm::SmallVector<Halide::Var, 4> vars;
  Exprs extents;
  /// Set if the operation reduces: the variables of update 0, innermost first.
  llvm::SmallVector<Halide::RVar, 4> reductions;
  /// True if the update reads rows before its own, so that rows are computed in order.
  bool isScan = false;
  /// True if rows reduce over ranges of their own.
  bool isRagged = false;
  /// Helpers that hold one value per row (the first of `vars`): sums over features, and what follows from
  /// them.
  std::vector<LaneSum> rowSums;
  std::vector<Halide::Func> rowValues;
  /// Sums that every element of the Func reads at its own index.
  std::vector<LaneSum> elementSums;
  std::optional<PackedVariant> packed;
  /// Set if the Func finishes sums with a packed weight; it is then inlined.
  std::optional<LinearSum> linear;
  /// Products in matrix tiles that the Func reads.
  std::vector<MatrixProduct> products;
  /// True if the Func is computed row by row into memory of its own, because several results read it.
  bool isKeptPerRow = false;
  /// True if results have different ranks: each becomes an output of its own.
  bool areResultsApart = false;
  /// Keys that one turn of its loops over keys reads, if the operation attends to caches.
  int keysOfTurn = 0;
  /// Set if the operation brings its own schedule, for when it is an output.
  std::function<void(Stage &, const CpuShape &)> schedule;
  /// One view per result.
  llvm::SmallVector<TensorView, 1> results;

  bool reduces() const { return !reductions.empty(); }
  /// Precision::relaxed describes why its comparisons cannot be strict.
  bool reducesSeveral() const { return reduces() && func.outputs() > 1; }
};

} // namespace halyard::kernels

#endif
