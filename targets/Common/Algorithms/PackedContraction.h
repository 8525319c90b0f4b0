// Contractions of many rows: weights (or the windows of a convolution) are packed once per panel of columns
// and then read by every row, so that cache misses and strides are paid once.
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_PACKEDCONTRACTION_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_PACKEDCONTRACTION_H

#include "targets/Common/CpuShape.h"
#include "targets/Common/LinalgToHalide/LinalgOps.h"

namespace halyard::kernels {

/// Adds a packed variant to the stage of `op` if it is a product of two operands of which one does not depend
/// on the rows, the reduced extents are static, and a panel fits the stack and the cache. The stage's result
/// then chooses between the variants by the number of rows.
mlir::LogicalResult addPackedVariant(mlir::linalg::LinalgOp op, llvm::ArrayRef<TensorView> operands,
                                     ValueScope &outer, const CpuShape &shape, Stage &stage);

} // namespace halyard::kernels

#endif
