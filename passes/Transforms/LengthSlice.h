// Evaluating a length-only value at concrete lengths.
#ifndef HALYARD_PASSES_TRANSFORMS_LENGTHSLICE_H
#define HALYARD_PASSES_TRANSFORMS_LENGTHSLICE_H

#include "targets/Common/Evaluator.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace halyard {

/// The largest lengths of a program: the module's `halyard.limits`.
struct LengthLimits {
  int64_t source = 512, target = 512;
  static LengthLimits of(mlir::func::FuncOp function);
};

/// Pairs of a source and a target length.
using Lengths = llvm::SmallVector<std::pair<int64_t, int64_t>>;

/// The lengths at which `extent` takes each of its values, shortest first; none if it depends on both lengths
/// or neither.
std::optional<Lengths> lengthsReaching(mlir::AffineExpr extent, const LengthLimits &limits);

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
