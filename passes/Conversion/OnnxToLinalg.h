// Lowering of the onnx dialect to linalg, tensor, arith and math: the one lowering that compile-time
// evaluation and compiled programs share.
#ifndef HALYARD_PASSES_CONVERSION_ONNXTOLINALG_H
#define HALYARD_PASSES_CONVERSION_ONNXTOLINALG_H

#include "mlir/IR/Operation.h"
#include "mlir/Support/LLVM.h"

namespace halyard {

/// Lowers every onnx operation in `root` (a module, or one function). Operations without a loop-nest form
/// (host operations, OnnxHostOps.h) stay. Results need a rank: their types, or the symbolic shapes of the
/// function around them, must tell it. Extents that depend on the lengths are computed from `seq.length`,
/// others from operands. A function whose result types are unranked gets the types found. On failure an error
/// was emitted at an operation, and `root` is left half-lowered.
mlir::LogicalResult lowerOnnxToLinalg(mlir::Operation *root);

/// Whether the operation is one that only the evaluator can run.
bool isOnnxHostOp(mlir::Operation *op);

} // namespace halyard

#endif
