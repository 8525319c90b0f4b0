// The parts of simplification: what the passes of these names, and the pass simplify, run.
#ifndef HALYARD_PASSES_TRANSFORMS_SIMPLIFICATION_H
#define HALYARD_PASSES_TRANSFORMS_SIMPLIFICATION_H

#include "passes/Transforms/ConstantFolder.h"

namespace halyard {

/// Replaces operations that take packed weights by those of floats. Fails after an error.
mlir::LogicalResult floatWeights(mlir::ModuleOp module);

/// Replaces every onnx.If of known condition by the branch it takes. Fails after an error.
mlir::LogicalResult specialiseBranches(mlir::func::FuncOp func);

/// Writes what is known of shapes into types and seq.extents; with `remarks`, says where extents become
/// unknown. Fails after an error.
mlir::LogicalResult resolveShapes(mlir::func::FuncOp func, bool remarks = false);

/// Folds what is constant or a splat, in a function whose types are resolved. Fails after an error.
mlir::LogicalResult foldConstants(mlir::func::FuncOp func, ConstantFolder &folder);

} // namespace halyard

#endif
