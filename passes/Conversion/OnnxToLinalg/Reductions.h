// Reductions that several families are made of.
#ifndef HALYARD_PASSES_CONVERSION_ONNXTOLINALG_REDUCTIONS_H
#define HALYARD_PASSES_CONVERSION_ONNXTOLINALG_REDUCTIONS_H

#include "passes/Conversion/OnnxToLinalg/Lowering.h"

namespace halyard::lowering {

enum class Reduction { sum, product, max, min };

/// Maps an element before it is combined.
using Mapped = llvm::function_ref<mlir::Value(Scalars &, mlir::Value)>;

/// Combines `mapped(x)` over `axes`, in element type `type`; the axes stay with extent 1 if `keep`.
mlir::Value reduceOver(Lowering &l, mlir::Value x, llvm::ArrayRef<int64_t> axes, bool keep, Reduction kind,
                       mlir::Type type, Mapped mapped);
mlir::Value reduceOver(Lowering &l, mlir::Value x, llvm::ArrayRef<int64_t> axes, bool keep, Reduction kind);

/// Number of elements along axes, as a scalar of `type` in a body.
mlir::Value countOf(Scalars &s, Extent count, mlir::Type type);

/// Mean over `axes`, which stay with extent 1, in accumulator type.
mlir::Value meanOver(Lowering &l, mlir::Value x, llvm::ArrayRef<int64_t> axes, Mapped mapped);

/// Axes from `first` to the last.
Ints axesFrom(int64_t first, int64_t rank);

} // namespace halyard::lowering

#endif
