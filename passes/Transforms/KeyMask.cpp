// A value is followed from where it is added to scores back to where it is a vector: through movement by its
// layout view, whose atoms beside the keys must all be broadcast, and through elementwise operators by
// following every operand. What is found is computed again, on vectors.
#include "passes/Transforms/KeyMask.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Analysis/Elementwise.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace halyard {

std::optional<MaskParts> KeyMask::split(Value value) {
  if (lengthOnly(value))
    return MaskParts{value, {}};
  auto shape = shapeOf(value);
  if (!shape || shape->empty())
    return std::nullopt;
  if (Value keys = along(value, shape->size() - 1))
    return MaskParts{{}, keys};
  auto add = value.getDefiningOp<onnx::AddOp>();
  auto a = add ? split(add.getA()) : std::nullopt, b = add ? split(add.getB()) : std::nullopt;
  if (!a || !b)
    return std::nullopt;
  return MaskParts{sum(a->ofLengths, b->ofLengths), sum(a->ofKeys, b->ofKeys)};
}

Value KeyMask::along(Value value, int64_t axis) {
  auto view = LayoutView::of(value, shapeOf, /*throughScales=*/false);
  if (!view || axis < 0)
    return {};
  auto isVector = [&] {
    for (int64_t other = 0; other < view->rank(); ++other)
      if (other != axis &&
          llvm::any_of(view->axis(other), [&](unsigned atom) { return !view->atom(atom).broadcast; }))
        return false;
    return true;
  };
  Operation *op = value.getDefiningOp();
  if (!isVector())
    return op && view->base() == value && isElementwise(op) ? elementwiseAlong(op, axis) : Value();
  SmallVector<unsigned> kept = view->baseOrder();
  if (!kept.empty() && ArrayRef(kept) != ArrayRef(view->axis(axis)))
    return {};
  return layout.reshape(builder, value.getLoc(), view->base(), {view->extent(kept)});
}

Value KeyMask::elementwiseAlong(Operation *op, int64_t axis) {
  int64_t rank = shapeOf(op->getResult(0))->size();
  IRMapping mapping;
  for (Value operand : op->getOperands()) {
    if (onnx::isAbsent(operand))
      continue;
    auto shape = shapeOf(operand);
    if (!shape)
      return {};
    if (shape->empty())
      continue; // a scalar
    Value vector = along(operand, axis - (rank - static_cast<int64_t>(shape->size())));
    if (!vector)
      return {};
    mapping.map(operand, vector);
  }
  Operation *clone = builder.clone(*op, mapping);
  AffineExpr extent = (*shapeOf(op->getResult(0)))[axis];
  clone->getResult(0).setType(layout.typeOf({extent}, onnx::elementTypeOf(op->getResult(0))));
  return clone->getResult(0);
}

Value KeyMask::choose(Value condition, Value hidden, bool inverted) {
  Location loc = condition.getLoc();
  Type element = onnx::elementTypeOf(hidden);
  Value zero = layout.scalar(builder, loc, element, 0.0);
  return onnx::WhereOp::create(builder, loc, UnrankedTensorType::get(element), condition,
                               inverted ? hidden : zero, inverted ? zero : hidden);
}

Value KeyMask::sum(Value a, Value b) {
  if (!a || !b)
    return a ? a : b;
  auto type = UnrankedTensorType::get(onnx::elementTypeOf(a));
  return onnx::AddOp::create(builder, a.getLoc(), type, a, b);
}

} // namespace halyard
