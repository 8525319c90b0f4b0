// Splats: telling and making them, see Splat.h.
#include "passes/Transforms/Splat.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace halyard;

Attribute halyard::splatElement(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto expand = dyn_cast_or_null<onnx::ExpandOp>(op))
    return splatElement(expand.getInput());
  ElementsAttr elements;
  if (auto constant = dyn_cast_or_null<onnx::ConstantOp>(op)) {
    elements = constant.getValue();
  } else if (auto fill = dyn_cast_or_null<onnx::ConstantOfShapeOp>(op)) {
    if (!fill.getValue())
      return FloatAttr::get(Float32Type::get(op->getContext()), 0.0);
    elements = *fill.getValue();
  }
  auto dense = dyn_cast_or_null<DenseElementsAttr>(elements);
  return dense && dense.getNumElements() > 0 && dense.isSplat() ? dense.getSplatValue<Attribute>()
                                                                : Attribute();
}

bool halyard::isNumber(Attribute element, double value) {
  if (auto number = dyn_cast_or_null<FloatAttr>(element))
    return number.getValueAsDouble() == value;
  if (auto number = dyn_cast_or_null<IntegerAttr>(element))
    return number.getType().isInteger(1) || number.getType().isUnsignedInteger()
               ? number.getValue().getZExtValue() == value
               : number.getValue().getSExtValue() == value;
  return false;
}

Value halyard::makeExtents(Operation *op, AffineMap shape) {
  OpBuilder builder(op);
  auto type = RankedTensorType::get({shape.getNumResults()}, builder.getI64Type());
  if (!shape.isConstant())
    return seq::ExtentsOp::create(builder, op->getLoc(), type, shape);
  return onnx::ConstantOp::create(builder, op->getLoc(), type,
                                  builder.getI64TensorAttr(shape.getConstantResults()));
}

Value halyard::makeSplat(Value like, Attribute element, const SymbolicShapes &shapes) {
  auto type = dyn_cast<RankedTensorType>(shapes.refinedType(like));
  AffineMap shape = shapes.shapeMap(like);
  if (!type || !shape)
    return {};
  Operation *op = like.getDefiningOp();
  OpBuilder builder(op);
  auto constant = [&](RankedTensorType ofType) -> Value {
    return onnx::ConstantOp::create(builder, op->getLoc(), ofType, DenseElementsAttr::get(ofType, element));
  };
  if (type.hasStaticShape())
    return constant(type);
  Value scalar = constant(RankedTensorType::get({}, type.getElementType()));
  return onnx::ExpandOp::create(builder, op->getLoc(), type, scalar, makeExtents(op, shape));
}
