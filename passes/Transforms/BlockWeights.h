// Weights that com.microsoft's operators take packed, by blocks with a scale each, as the floats they stand
// for.
#ifndef HALYARD_PASSES_TRANSFORMS_BLOCKWEIGHTS_H
#define HALYARD_PASSES_TRANSFORMS_BLOCKWEIGHTS_H

#include "dialects/ONNX/IR/ONNX.h"
#include "targets/Common/HostTensor.h"

namespace halyard {

// Each fails with a diagnostic if an operand is not constant, not as the operator's definition says, or of a
// form that is not supported.

/// The matrix [N, K], f32.
mlir::FailureOr<HostTensor> floatWeights(onnx::MSMatMulNBitsOp op);
/// The matrix [N, K], f32, or [K, N] if `transB` is 0.
mlir::FailureOr<HostTensor> floatWeights(onnx::MSMatMulBnb4Op op);
/// What is gathered from, f32.
mlir::FailureOr<HostTensor> floatWeights(onnx::MSGatherBlockQuantizedOp op);

} // namespace halyard

#endif
