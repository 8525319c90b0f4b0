// Which kernels of encode and bind can be given the rows of several sources at a time.
//
// Rows of sources that lie end to end are rows like others to a kernel that treats each by itself: it is
// called once for all of them, and reads its weights once. Other kernels, attention above all, are called for
// every source by itself. Nothing of this is a matter of names or of kinds of layers: it follows from the
// kernels.
#ifndef HALYARD_PASSES_ANALYSIS_SOURCEROWS_H
#define HALYARD_PASSES_ANALYSIS_SOURCEROWS_H

#include "dialects/Runtime/IR/Runtime.h"
#include "passes/Analysis/StageExtents.h"

#include <optional>

namespace halyard {

class SourceRows {
public:
  /// Analyses the stages of a program that form-dispatches has made calls of.
  SourceRows(seq::ProgramOp program, const StageExtents &extents);

  /// Whether it helps to encode several sources together: layers can be computed of all their rows, and all
  /// that is passed between kernels can lie end to end.
  bool isWorthwhile() const { return layers > 0 && !impossible; }

  /// Whether a call can be given the rows of all sources.
  bool isTogether(mlir::Operation *op) const { return together.contains(op); }

  /// How many elements a tensor has for each position of its source; none if their number is not in
  /// proportion to the positions.
  std::optional<int64_t> elementsPerPosition(mlir::Value tensor) const;

private:
  std::optional<int64_t> rowAxis(mlir::Value tensor) const;
  bool hasRowsOfSource(mlir::Value tensor) const;
  bool isSameForAll(mlir::Value tensor) const;
  bool leavesRows(mlir::Operation &op, rt::DispatchOp call, mlir::AffineExpr rows) const;
  bool isRowWise(rt::DispatchOp call) const;
  void visit(mlir::Block &block);

  const StageExtents &extents;
  llvm::DenseSet<mlir::Operation *> together;
  int64_t layers = 0;
  bool impossible = false;
};

/// Stores of a value, or of reshapes of all of it.
llvm::SmallVector<seq::StoreOp> storesOf(mlir::Value value);

} // namespace halyard

#endif
