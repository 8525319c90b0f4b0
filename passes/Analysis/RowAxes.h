// Row axes: which axis of each value of a step is decoder time.
//
// A step can be computed incrementally, new rows only, exactly when every operation treats the rows along
// time independently, but for the few that reach back on purpose (causal self-attention, prefix sums). The
// analysis says where time is in each value, or which operation mixes rows and why.
#ifndef HALYARD_PASSES_ANALYSIS_ROWAXES_H
#define HALYARD_PASSES_ANALYSIS_ROWAXES_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/Analysis/BindingTime.h"

#include <optional>
#include <string>

namespace halyard {

class RowAxes {
public:
  /// Analyses the operations of a step whose first argument, the tokens, has time in `tokenAxis`. Values
  /// bound before the step have no row axis.
  RowAxes(mlir::Block &step, const BindingTimes &times, int64_t tokenAxis)
      : RowAxes(step, times, llvm::ArrayRef(std::optional<int64_t>(tokenAxis))) {}

  /// The same for any block some of whose arguments have rows, in the given axes, and are bound to the step.
  RowAxes(mlir::Block &block, const BindingTimes &times, llvm::ArrayRef<std::optional<int64_t>> argumentAxes);

  /// The time axis of a value, or none if it has none.
  std::optional<int64_t> of(mlir::Value value) const;

  /// The first operation that mixes rows; null if every one is row-wise.
  mlir::Operation *offender() const { return offending; }
  /// Why it does, to be put into a remark.
  llvm::StringRef reason() const { return why; }

  /// Whether `slice` takes the first rows of a table that is constant: a positional table.
  static bool isPositional(mlir::tensor::ExtractSliceOp slice, const BindingTimes &times, int64_t &axis);

private:
  void visit(mlir::Operation *op);
  void visitGeneric(mlir::linalg::LinalgOp op);
  void visitSlice(mlir::tensor::ExtractSliceOp op);
  void visitReshape(mlir::Operation *op, mlir::Value from, mlir::Value to,
                    llvm::ArrayRef<mlir::ReassociationIndices> groups, bool collapses);
  void visitInsertSlice(mlir::tensor::InsertSliceOp op);
  void visitConcat(mlir::tensor::ConcatOp op);
  void visitNamed(mlir::Operation *op);
  void fail(mlir::Operation *op, const llvm::Twine &reason);

  const BindingTimes &times;
  llvm::DenseMap<mlir::Value, int64_t> axes;
  mlir::Operation *offending = nullptr;
  std::string why;
};

} // namespace halyard

#endif
