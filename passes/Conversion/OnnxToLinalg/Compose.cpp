// See Compose.h.
#include "passes/Conversion/OnnxToLinalg/Compose.h"

using namespace mlir;

namespace halyard::lowering {

Value Compose::ints(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, b.getI64Type());
  return onnx::ConstantOp::create(b, DenseElementsAttr::get(type, values));
}

Value Compose::scalar(Type elementType, double value) {
  auto type = RankedTensorType::get({}, elementType);
  Attribute element;
  if (auto floating = dyn_cast<FloatType>(elementType))
    element = b.getFloatAttr(floating, value);
  else
    element = b.getIntegerAttr(elementType, static_cast<int64_t>(value));
  return onnx::ConstantOp::create(b, DenseElementsAttr::get(type, element));
}

Value Compose::constant(const HostTensor &tensor) {
  ElementsAttr elements = toAttribute(tensor);
  return onnx::ConstantOp::create(b, elements.getShapedType(), elements);
}

Value Compose::cast(Value x, Type elementType) {
  if (onnx::elementTypeOf(x) == elementType)
    return x;
  return onnx::CastOp::create(b, unranked(elementType), x, elementType);
}

Value Compose::centred(Value codes, Value zero) {
  Type type = b.getF32Type();
  Value number = cast(codes, type);
  return onnx::isAbsent(zero) ? number : sub(number, cast(zero, type));
}

Value Compose::dequantize(Value codes, Value scale, Value zero) {
  return onnx::DequantizeLinearOp::create(b, like(scale), codes, scale, zero, /*axis=*/-1, /*block_size=*/0,
                                          TypeAttr());
}

Value Compose::transpose(Value x, ArrayRef<int64_t> perm) {
  return onnx::TransposeOp::create(b, like(x), x, b.getDenseI64ArrayAttr(perm));
}

Value Compose::concat(ValueRange parts, int64_t axis) {
  return onnx::ConcatOp::create(b, like(parts.front()), parts, axis);
}

Value Compose::slice(Value x, int64_t axis, int64_t start, int64_t end, int64_t step) {
  return onnx::SliceOp::create(b, like(x), x, ints(start), ints(end), ints(axis), ints(step));
}

Value Compose::gather(Value x, Value indices, int64_t axis) {
  return onnx::GatherOp::create(b, like(x), x, indices, axis);
}

Value Compose::shape(Value x, int64_t start, int64_t end) {
  auto type = RankedTensorType::get({end - start}, b.getI64Type());
  return onnx::ShapeOp::create(b, type, x, b.getI64IntegerAttr(start), b.getI64IntegerAttr(end));
}

Value Compose::range(Value count) {
  Type integer = b.getI64Type();
  Value limit = squeeze(count, {0});
  return onnx::RangeOp::create(b, unranked(integer), scalar(integer, 0), limit, scalar(integer, 1));
}

Value Compose::full(Value shape, Type elementType, double value) {
  auto type = RankedTensorType::get({1}, elementType);
  auto element = DenseElementsAttr::get(type, Attribute(b.getFloatAttr(elementType, value)));
  return onnx::ConstantOfShapeOp::create(b, unranked(elementType), shape, element);
}

std::optional<int64_t> staticExtent(Value x, int64_t axis) {
  auto type = dyn_cast<RankedTensorType>(x.getType());
  if (!type)
    return std::nullopt;
  int64_t extent = type.getDimSize(axis < 0 ? axis + type.getRank() : axis);
  return ShapedType::isDynamic(extent) ? std::nullopt : std::optional(extent);
}

int64_t knownRank(Value x) {
  auto type = dyn_cast<RankedTensorType>(x.getType());
  return type ? type.getRank() : -1;
}

void replaceComposed(Operation *op, ValueRange values) {
  for (auto [result, value] : llvm::zip(op->getResults(), values)) {
    if (!value)
      continue;
    // Keeps what is known of the shape, and with it the types of what is returned.
    if (isa<RankedTensorType>(result.getType()) && isa<OpResult>(value) &&
        isa<UnrankedTensorType>(value.getType()))
      value.setType(result.getType());
    result.replaceAllUsesWith(value);
  }
  op->erase();
}

} // namespace halyard::lowering
