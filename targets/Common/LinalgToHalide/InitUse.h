// Whether an operation reads what its init holds. Needed with and without Halide at hand.
#ifndef HALYARD_TARGETS_COMMON_LINALGTOHALIDE_INITUSE_H
#define HALYARD_TARGETS_COMMON_LINALGTOHALIDE_INITUSE_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace halyard::kernels {

/// True if `op` reduces, or its body uses the value of `init`; else only the init's shape matters.
inline bool readsInit(mlir::linalg::LinalgOp op, mlir::OpOperand *init) {
  return op.getNumReductionLoops() > 0 || op.payloadUsesValueFromOperand(init);
}

} // namespace halyard::kernels

#endif
