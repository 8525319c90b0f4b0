// Operators without a loop-nest form, for the evaluator: their results depend on data in shape or in order of
// writes.
#ifndef HALYARD_PASSES_CONVERSION_ONNXHOSTOPS_H
#define HALYARD_PASSES_CONVERSION_ONNXHOSTOPS_H

#include "targets/Common/Evaluator.h"

namespace halyard {

/// Makes NonZero, ScatterND, ScatterElements, TensorScatter, TopK, Unique and Compress known to `evaluator`.
/// They check their indices: one outside its axis is an error at the operation.
void registerOnnxHostOps(Evaluator &evaluator);

} // namespace halyard

#endif
