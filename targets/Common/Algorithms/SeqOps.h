// The operations of the seq dialect that kernels compute, as Halide Funcs.
#ifndef HALYARD_TARGETS_COMMON_ALGORITHMS_SEQOPS_H
#define HALYARD_TARGETS_COMMON_ALGORITHMS_SEQOPS_H

#include "dialects/Seq/IR/Seq.h"
#include "targets/Common/CpuShape.h"
#include "targets/Common/LinalgToHalide/LinalgOps.h"

namespace halyard::kernels {

/// Translates seq.{attention, norm, rotary, prefix_sum, split, linear, quantize}. `operands` are views of all
/// operands in order; a cache is a view [slots, length, features]. `keyRows`, for attention over caches that
/// is not causal, is an int32 view [slots] of the rows bound per slot.
mlir::FailureOr<Stage> translateSeqOp(mlir::Operation *op, llvm::ArrayRef<TensorView> operands,
                                      const CpuShape &shape, const std::string &name,
                                      const TensorView *keyRows = nullptr);

Stage translateNorm(seq::NormOp op, llvm::ArrayRef<TensorView> operands, const CpuShape &shape,
                    const std::string &name);
Stage translateQuantize(seq::QuantizeOp op, llvm::ArrayRef<TensorView> operands, const CpuShape &shape,
                        const std::string &name);
Stage translateRotary(seq::RotaryOp op, llvm::ArrayRef<TensorView> operands, const std::string &name);
Stage translateSplit(seq::SplitOp op, llvm::ArrayRef<TensorView> operands, const CpuShape &shape,
                     const std::string &name);
Stage translatePrefixSum(seq::PrefixSumOp op, llvm::ArrayRef<TensorView> operands, const std::string &name);

} // namespace halyard::kernels

#endif
