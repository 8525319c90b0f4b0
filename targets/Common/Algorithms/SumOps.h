// linalg reductions that are sums along an axis which is contiguous in memory: products with weights stored
// [N, K] above all. They are kept in vectors of partial sums, where other reductions are vectorised over
// their results.
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_SUMOPS_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_SUMOPS_H

#include "targets/Common/CpuShape.h"
#include "targets/Common/LinalgToHalide/LinalgOps.h"

namespace halyard::kernels {

/// True if the operation adds a term that does not depend on the sum, over one axis that is the last of every
/// operand it indexes, while no operand is contiguous along the innermost axis of the result.
bool isContiguousSum(mlir::linalg::LinalgOp op);

/// Translates such an operation: the stage's Func adds the init to `elementSums[0]`.
mlir::FailureOr<Stage> translateContiguousSum(mlir::linalg::LinalgOp op, llvm::ArrayRef<TensorView> operands,
                                              ValueScope &outer, const CpuShape &shape,
                                              const std::string &name);

} // namespace halyard::kernels

#endif
