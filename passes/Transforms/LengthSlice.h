// Evaluating a length-only value at concrete lengths.
#ifndef HALYARD_PASSES_TRANSFORMS_LENGTHSLICE_H
#define HALYARD_PASSES_TRANSFORMS_LENGTHSLICE_H

#include "targets/Common/Evaluator.h"

#include "mlir/IR/BuiltinOps.h"

namespace halyard {

/// Everything a length-only value is computed from, as a function of its own, lowered by the one lowering
/// there is.
class LengthSlice {
public:
  /// Fails if an operation on the way has no lowering; what it reported is dropped, because a value that
  /// cannot be evaluated is no error: it is computed while running.
  static mlir::FailureOr<LengthSlice> of(mlir::Value value);

  /// The value at these lengths.
  mlir::FailureOr<HostTensor> at(Evaluator &evaluator, int64_t source, int64_t target);

private:
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
};

} // namespace halyard

#endif
