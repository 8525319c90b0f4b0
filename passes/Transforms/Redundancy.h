// Operators that change nothing, or nothing that their consumer sees, given the symbolic shapes around them.
#ifndef HALYARD_PASSES_TRANSFORMS_REDUNDANCY_H
#define HALYARD_PASSES_TRANSFORMS_REDUNDANCY_H

#include "passes/Analysis/SymbolicShapes.h"

namespace halyard {

/// A value equal to the only result of `op` that makes it unnecessary, or null: the input of a Slice of
/// everything, of an Expand or Reshape to the shape that is there, the one operand of a Concat, a table
/// gathered at 0, 1, 2, ....
mlir::Value redundantResult(mlir::Operation *op, const SymbolicShapes &shapes);

/// Simplifies the operands of `op` in place; whether it did. Expands are left to the broadcasting of
/// elementwise operators, a Reshape of a Reshape reads the first one's input, attention goes without a mask
/// that hides nothing, empty operands of a Concat are
/// dropped.
bool simplifyOperands(mlir::Operation *op, const SymbolicShapes &shapes);

} // namespace halyard

#endif
