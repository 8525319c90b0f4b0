// Linear layers over packed weights (seq.linear).
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_LINEAR_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_LINEAR_H

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/CpuShape.h"
#include "targets/Common/LinalgToHalide/Stage.h"

namespace halyard::kernels {

/// Translates seq.linear; `operands` are views of all operands in order. The stage's Func holds finished
/// elements and is inlined into its reader; `Stage::linear` is what needs a schedule.
Stage translateLinear(seq::LinearOp op, llvm::ArrayRef<TensorView> operands, const CpuShape &shape,
                      const std::string &name);

} // namespace halyard::kernels

#endif
