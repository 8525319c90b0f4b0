// From MLIR values to Halide expressions and views: the symbol table of the translation.
#ifndef HALYARD_TARGETS_COMMON_LINALGTOHALIDE_VALUESCOPE_H
#define HALYARD_TARGETS_COMMON_LINALGTOHALIDE_VALUESCOPE_H

#include "targets/Common/LinalgToHalide/TensorView.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

namespace halyard::kernels {

/// Scalars and tensors known so far. A scalar that is not known is translated from its defining operation,
/// and so are its operands; one scope lies around another as regions do.
class ValueScope {
public:
  explicit ValueScope(Precision precision, ValueScope *outer = nullptr) : promised(precision), outer(outer) {}

  Precision precision() const { return promised; }

  void define(mlir::Value value, Halide::Expr expr) { scalars[value] = std::move(expr); }
  void define(mlir::Value value, TensorView view) { tensors[value] = std::move(view); }

  /// Makes this the scope of a linalg body: `block` belongs to it and linalg.index reads `loops`.
  void enterBody(mlir::Block *block, ExprsRef loops);

  /// The expression of a scalar, in compute type. On failure an error was emitted at the operation that has
  /// no translation.
  mlir::FailureOr<Halide::Expr> scalar(mlir::Value value);

  /// The view of a tensor, or null if it is not known.
  const TensorView *tensor(mlir::Value value) const;

private:
  mlir::FailureOr<Halide::Expr> translate(mlir::Operation *op);
  mlir::FailureOr<Halide::Expr> translateTensorRead(mlir::Operation *op);

  Precision promised;
  ValueScope *outer;
  mlir::Block *body = nullptr;
  Exprs loopIndices;
  llvm::DenseMap<mlir::Value, Halide::Expr> scalars;
  llvm::DenseMap<mlir::Value, TensorView> tensors;
};

} // namespace halyard::kernels

#endif
