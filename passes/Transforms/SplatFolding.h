// Folding of operators on splats.
#ifndef HALYARD_PASSES_TRANSFORMS_SPLATFOLDING_H
#define HALYARD_PASSES_TRANSFORMS_SPLATFOLDING_H

#include "passes/Analysis/SymbolicShapes.h"
#include "passes/Transforms/ConstantFolder.h"
#include "passes/Transforms/IntegerRanges.h"

namespace halyard {

/// A value for the only result of `op` that follows from splat operands, or null: operators on splats alone
/// give splats, a neutral splat leaves the other operand, and a comparison that has one outcome for all
/// elements is a splat. Any operations needed are built before `op`.
mlir::Value foldSplats(mlir::Operation *op, const SymbolicShapes &shapes, IntegerRanges &ranges,
                       ConstantFolder &folder);

} // namespace halyard

#endif
