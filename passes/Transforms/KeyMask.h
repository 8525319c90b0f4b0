// Masks that are data, as one number for each key.
//
// A mask over the source says which keys are padding, to every query and head alike. Exporters spread it over
// all of them before it is added to the scores, often after a bias that depends on lengths was added to it.
// Here the two are told apart again, so that the mask takes one number a key and the bias stays a table.
#ifndef HALYARD_PASSES_TRANSFORMS_KEYMASK_H
#define HALYARD_PASSES_TRANSFORMS_KEYMASK_H

#include "passes/Analysis/LengthOnly.h"
#include "passes/Transforms/LayoutBuilder.h"

namespace halyard {

/// A value added to scores, [.., queries, keys]: the sum of what depends on lengths only and of a vector
/// [keys]. Either may be null.
struct MaskParts {
  mlir::Value ofLengths, ofKeys;
};

class KeyMask {
public:
  KeyMask(const ShapeOf &shapeOf, const LengthOnly &lengthOnly, mlir::OpBuilder &builder)
      : shapeOf(shapeOf), lengthOnly(lengthOnly), layout(builder.getContext()), builder(builder) {}

  /// Tells the parts of `value` apart; none if it is no such sum.
  std::optional<MaskParts> split(mlir::Value value);

  /// The vector along `axis` that `value` repeats along all its other axes; null if it does not. A vector of
  /// one element may stand for equal ones.
  mlir::Value along(mlir::Value value, int64_t axis);

  /// 0 for each key for which the vector `condition` holds, and `hidden`, a scalar or a vector, otherwise;
  /// the other way round if `inverted`.
  mlir::Value choose(mlir::Value condition, mlir::Value hidden, bool inverted);

  /// The sum of two vectors or values; the other one where one is null.
  mlir::Value sum(mlir::Value a, mlir::Value b);

private:
  mlir::Value elementwiseAlong(mlir::Operation *op, int64_t axis);

  const ShapeOf &shapeOf;
  const LengthOnly &lengthOnly;
  LayoutBuilder layout;
  mlir::OpBuilder &builder;
};

} // namespace halyard

#endif
