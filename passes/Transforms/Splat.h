// Splats: tensors all of whose elements are one constant, of static or dynamic shape.
//
// A splat of static shape is a constant; one of dynamic shape is `onnx.Expand` of a scalar constant to
// `seq.extents`. Attention masks over rows that are all there are splats, and so is what is computed from
// them.
#ifndef HALYARD_PASSES_TRANSFORMS_SPLAT_H
#define HALYARD_PASSES_TRANSFORMS_SPLAT_H

#include "passes/Analysis/SymbolicShapes.h"

#include "mlir/IR/BuiltinAttributes.h"

namespace halyard {

/// The element of a splat, an IntegerAttr or FloatAttr; null if the value is no splat.
mlir::Attribute splatElement(mlir::Value value);

/// Whether the element of a splat is the number `value`.
bool isNumber(mlir::Attribute element, double value);

/// A splat of `element` with the shape of `like`, built before `like`'s operation; null if that shape is not
/// known.
mlir::Value makeSplat(mlir::Value like, mlir::Attribute element, const SymbolicShapes &shapes);

/// The shape as a constant or `seq.extents`: an i64 vector, built before `op`.
mlir::Value makeExtents(mlir::Operation *op, mlir::AffineMap shape);

} // namespace halyard

#endif
