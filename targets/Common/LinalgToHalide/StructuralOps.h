// tensor operations that only say where elements lie, as views: they become index arithmetic of whoever reads
// them.
#ifndef HALYARD_TARGETS_COMMON_LINALGTOHALIDE_STRUCTURALOPS_H
#define HALYARD_TARGETS_COMMON_LINALGTOHALIDE_STRUCTURALOPS_H

#include "targets/Common/LinalgToHalide/ValueScope.h"

namespace halyard::kernels {

/// The view of the single result of a structural operation whose operands are known to `scope`. Knows empty,
/// extract_slice, insert_slice, expand_shape, collapse_shape, reshape, cast, bitcast, concat, pad, splat,
/// from_elements, generate, linalg.fill and tensor constants. On failure an error was emitted at the
/// operation.
mlir::FailureOr<TensorView> translateStructuralOp(mlir::Operation *op, ValueScope &scope,
                                                  Precision precision);

/// True for the operations above.
bool isStructuralOp(mlir::Operation *op);

} // namespace halyard::kernels

#endif
