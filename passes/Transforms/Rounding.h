// Rounding of whole tensors.
#ifndef HALYARD_PASSES_TRANSFORMS_ROUNDING_H
#define HALYARD_PASSES_TRANSFORMS_ROUNDING_H

#include "mlir/IR/Builders.h"

namespace halyard {

/// A tensor of any rank with every element rounded to a narrower floating-point type: one linalg.generic at
/// the builder's insertion point. What is beyond the range of f16 becomes its largest.
mlir::Value roundElements(mlir::OpBuilder &builder, mlir::Location location, mlir::Value tensor,
                          mlir::Type narrow);

} // namespace halyard

#endif
