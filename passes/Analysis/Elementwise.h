// Operators of the onnx dialect computed element by element.
#ifndef HALYARD_PASSES_ANALYSIS_ELEMENTWISE_H
#define HALYARD_PASSES_ANALYSIS_ELEMENTWISE_H

#include "mlir/IR/Operation.h"

namespace halyard {

/// Whether each element of the result follows from one element of every operand, operands being broadcast.
bool isElementwise(mlir::Operation *op);

} // namespace halyard

#endif
