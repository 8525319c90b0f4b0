// Element types in memory and in expressions, and views of arguments and Funcs.
#include "targets/Common/LinalgToHalide/TensorView.h"

#include <limits>

using namespace mlir;
using namespace halyard::kernels;
using Halide::Expr;

Halide::Type halyard::kernels::storageType(Type type) {
  if (type.isF32())
    return Halide::Float(32);
  if (type.isF64())
    return Halide::Float(64);
  if (type.isF16())
    return Halide::Float(16);
  if (type.isBF16())
    return Halide::BFloat(16);
  if (type.isInteger(1))
    return Halide::UInt(8);
  if (isa<IndexType>(type))
    return Halide::Int(64);
  int width = type.getIntOrFloatBitWidth();
  return type.isUnsignedInteger() ? Halide::UInt(width) : Halide::Int(width);
}

Halide::Type halyard::kernels::computeType(Type type) {
  if (type.isF16() || type.isBF16())
    return Halide::Float(32);
  if (type.isInteger(1))
    return Halide::Bool();
  if (isa<IndexType>(type))
    return Halide::Int(32);
  return storageType(type);
}

Expr halyard::kernels::fromStorage(Expr value, Type type) {
  if (type.isInteger(1))
    return value != Halide::cast<uint8_t>(0);
  if (isa<IndexType>(type))
    return toIndex(value);
  if (type.isBF16() && value.type() == Halide::UInt(16)) // the upper half of a float
    return Halide::reinterpret<float>(Halide::cast<uint32_t>(value) << 16);
  return Halide::cast(computeType(type), value);
}

Expr halyard::kernels::toStorage(Expr value, Type type) { return Halide::cast(storageType(type), value); }

Expr halyard::kernels::rounded(Expr value, Type type) {
  if (type.isF16() || type.isBF16())
    return Halide::cast<float>(Halide::cast(storageType(type), value));
  return value;
}

Expr halyard::kernels::toIndex(Expr value) {
  if (value.type() == Halide::Int(32))
    return value;
  if (value.type().bits() < 32)
    return Halide::cast<int32_t>(value);
  // No extent reaches 2^30. A bound at the ends of 32 bits would make sums of index and extent overflow in
  // Halide's bounds of them, which is an error there.
  Expr limit = Halide::cast(value.type(), (1 << 30) - 1);
  return Halide::cast<int32_t>(
      Halide::clamp(value, value.type().is_uint() ? Halide::cast(value.type(), 0) : -limit, limit));
}

std::vector<Expr> halyard::kernels::reversed(ExprsRef indices) { return {indices.rbegin(), indices.rend()}; }

Expr halyard::kernels::clampedIndex(Expr index, Expr extent) {
  return Halide::clamp(std::move(index), 0, std::move(extent) - 1);
}

TensorView halyard::kernels::viewOf(const Halide::ImageParam &param, RankedTensorType type) {
  TensorView view;
  view.elementType = type.getElementType();
  view.isMemory = true;
  int64_t rank = type.getRank();
  for (int64_t i = 0; i < rank; ++i) {
    int64_t extent = type.getDimSize(i);
    view.extents.push_back(ShapedType::isDynamic(extent) ? param.dim(rank - 1 - i).extent()
                                                         : Expr(static_cast<int32_t>(extent)));
  }
  view.at = [param, elementType = view.elementType](ExprsRef indices) {
    return fromStorage(param(reversed(indices)), elementType);
  };
  return view;
}

TensorView halyard::kernels::viewOf(const Halide::Func &func, int tupleIndex, ExprsRef extents,
                                    Type elementType) {
  TensorView view;
  view.elementType = elementType;
  view.extents.assign(extents.begin(), extents.end());
  view.at = [func, tupleIndex, elementType](ExprsRef indices) {
    Halide::FuncRef element = func(reversed(indices));
    Expr value = func.outputs() == 1 ? Expr(element) : Expr(element[tupleIndex]);
    return fromStorage(value, elementType);
  };
  return view;
}

void halyard::kernels::constrainToDense(Halide::OutputImageParam buffer, ExprsRef extents, bool isFirst) {
  Expr stride = 1;
  for (int dim = 0, rank = extents.size(); dim < rank; ++dim) {
    Expr extent = extents[rank - 1 - dim];
    buffer.dim(dim).set_stride(stride);
    if (isFirst)
      buffer.dim(dim).set_min(0);
    if (!extent.defined() || !Halide::Internal::is_const(extent))
      extent = buffer.dim(dim).extent();
    else if (isFirst)
      buffer.dim(dim).set_extent(extent);
    stride = Halide::Internal::simplify(stride * extent);
  }
}
