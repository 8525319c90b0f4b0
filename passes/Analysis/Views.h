// Operations that move nothing: reshapes, casts, and slices that are one contiguous piece of memory.
#ifndef HALYARD_PASSES_ANALYSIS_VIEWS_H
#define HALYARD_PASSES_ANALYSIS_VIEWS_H

#include "passes/Analysis/StageExtents.h"

namespace halyard {

/// Whether the operation's result is memory of its operand, given that every tensor is stored row-major and
/// dense.
bool isView(mlir::Operation *op, const StageExtents &extents);

/// The element of the source at which a view begins, as a function of lengths.
mlir::AffineExpr viewBegin(mlir::Operation *view, const StageExtents &extents);

/// The first column of a value that is some columns of all rows of a tensor of rank two.
std::optional<int64_t> firstColumn(mlir::Value value);

} // namespace halyard

#endif
