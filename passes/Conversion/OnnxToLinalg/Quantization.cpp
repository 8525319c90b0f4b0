// Lowering of quantisation. Scales and zero points are read through indexing maps: one for all, one per index
// of an axis, or one per block of an axis.
#include "passes/Conversion/OnnxToLinalg/Reductions.h"

using namespace mlir;

namespace halyard::lowering {

/// How the loops over x read a parameter (scale or zero point).
static FailureOr<AffineMap> parameterMap(Operation *op, Lowering &l, Value parameter, int64_t rank,
                                         int64_t axis, int64_t block) {
  auto type = rankedType(parameter);
  MLIRContext *context = l.b.getContext();
  if (type.getRank() == 0)
    return AffineMap::get(rank, 0, {}, context);
  if (type.getNumElements() == 1 && type.getRank() == 1)
    return AffineMap::get(rank, 0, l.b.getAffineConstantExpr(0), context);
  if (type.getRank() == 1)
    return AffineMap::get(rank, 0, l.dim(axis), context);
  if (type.getRank() != rank || block <= 0)
    return op->emitOpError("expects a parameter per tensor, axis or block, got ") << type;
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0; i < rank; ++i)
    exprs.push_back(i == axis ? l.dim(i).floorDiv(block) : l.dim(i));
  return AffineMap::get(rank, 0, exprs, context);
}

static bool isQuantizable(Type type) {
  return isa<IntegerType>(type) && type.getIntOrFloatBitWidth() >= 8 && type.getIntOrFloatBitWidth() <= 32;
}

/// An element with its scale and, where there is one, its zero point.
static FailureOr<SmallVector<Read>> elementAndParameters(Operation *op, Lowering &l, Value x, Value scale,
                                                         Value zero, int64_t axis, int64_t block) {
  int64_t rank = rankOf(x);
  SmallVector<Read> reads{{x, l.identity(rank)}};
  for (Value parameter : {scale, zero}) {
    if (onnx::isAbsent(parameter))
      continue;
    FailureOr<AffineMap> map = parameterMap(op, l, parameter, rank, axis, block);
    if (failed(map))
      return failure();
    reads.push_back({parameter, *map});
  }
  return reads;
}

static LogicalResult dequantize(Operation *op, Lowering &l, Value x, Value scale, Value zero, int64_t axis,
                                int64_t block) {
  int64_t rank = rankOf(x);
  axis = normalized(axis, rank);
  Type type = elementOf(op->getResult(0)), integer = l.b.getI32Type(), real = l.b.getF32Type();
  if (!isQuantizable(elementOf(x)))
    return op->emitOpError("of elements ") << elementOf(x) << " is not supported";
  bool hasZero = !onnx::isAbsent(zero);
  FailureOr<SmallVector<Read>> reads = elementAndParameters(op, l, x, scale, zero, axis, block);
  if (failed(reads))
    return failure();
  l.replace(op, l.generic(l.extents(x), type, *reads, [&](Scalars &s, ValueRange v) {
    Value number = s.cast(v[0], integer);
    if (hasZero)
      number = s.sub(number, s.cast(v[2], integer));
    Value converted = arith::SIToFPOp::create(s.b, real, number);
    return s.cast(s.mul(converted, s.cast(v[1], real)), type);
  }));
  return success();
}

static LogicalResult lowerDequantize(onnx::DequantizeLinearOp op, Lowering &l) {
  return dequantize(op, l, op.getX(), op.getXScale(), op.getXZeroPoint(), op.getAxis(), op.getBlockSize());
}
static LogicalResult lowerMSDequantize(onnx::MSDequantizeLinearOp op, Lowering &l) {
  return dequantize(op, l, op.getX(), op.getXScale(), op.getXZeroPoint(), op.getAxis(), 0);
}

/// saturate(round(x / scale) + zero), all in float32; `zero` may be null.
static Value quantized(Scalars &s, Value x, Value scale, Value zero, Type type) {
  Value rounded = math::RoundEvenOp::create(s.b, s.div(x, scale));
  if (zero)
    rounded = s.add(rounded, zero);
  unsigned width = type.getIntOrFloatBitWidth();
  double low = type.isUnsignedInteger() ? 0 : -std::ldexp(1.0, width - 1);
  double high = std::ldexp(1.0, type.isUnsignedInteger() ? width : width - 1) - 1;
  Value clamped = s.min(s.max(rounded, s.constant(x.getType(), low)), s.constant(x.getType(), high));
  return s.cast(clamped, type);
}

static LogicalResult quantize(Operation *op, Lowering &l, Value x, Value scale, Value zero, int64_t axis,
                              int64_t block) {
  int64_t rank = rankOf(x);
  axis = normalized(axis, rank);
  Type type = elementOf(op->getResult(0)), real = l.b.getF32Type();
  if (!isQuantizable(type))
    return op->emitOpError("to elements ") << type << " is not supported";
  bool hasZero = !onnx::isAbsent(zero);
  FailureOr<SmallVector<Read>> reads = elementAndParameters(op, l, x, scale, zero, axis, block);
  if (failed(reads))
    return failure();
  l.replace(op, l.generic(l.extents(x), type, *reads, [&](Scalars &s, ValueRange v) {
    Value zeroPoint = hasZero ? s.cast(v[2], real) : Value();
    return quantized(s, s.cast(v[0], real), s.cast(v[1], real), zeroPoint, type);
  }));
  return success();
}

static LogicalResult lowerQuantize(onnx::QuantizeLinearOp op, Lowering &l) {
  return quantize(op, l, op.getX(), op.getYScale(), op.getYZeroPoint(), op.getAxis(), op.getBlockSize());
}
static LogicalResult lowerMSQuantize(onnx::MSQuantizeLinearOp op, Lowering &l) {
  return quantize(op, l, op.getX(), op.getYScale(), op.getYZeroPoint(), op.getAxis(), 0);
}

/// Scale and zero point from the range of the values, which includes 0; 255 steps.
static LogicalResult lowerDynamicQuantize(onnx::DynamicQuantizeLinearOp op, Lowering &l) {
  Value x = op.getX();
  Ints axes = axesFrom(0, rankOf(x));
  Type type = elementOf(op.getY()), real = l.b.getF32Type();
  auto reduced = [&](Reduction kind) {
    Value extreme = reduceOver(l, x, axes, /*keep=*/false, kind);
    return l.elementwise({}, real, extreme, [&](Scalars &s, ValueRange v) {
      Value zero = s.constant(real, 0);
      return kind == Reduction::max ? s.max(v[0], zero) : s.min(v[0], zero);
    });
  };
  Value max = reduced(Reduction::max), min = reduced(Reduction::min);
  Value scale = l.elementwise({}, real, {max, min}, [&](Scalars &s, ValueRange v) {
    Value step = s.div(s.sub(v[0], v[1]), s.constant(real, 255));
    return s.select(s.equal(step, s.constant(real, 0)), s.constant(real, 1), step);
  });
  Value zero = l.elementwise({}, type, {min, scale}, [&](Scalars &s, ValueRange v) {
    return quantized(s, s.neg(v[0]), v[1], Value(), type);
  });
  Value y = l.elementwise(l.extents(x), type, {x, scale, zero}, [&](Scalars &s, ValueRange v) {
    return quantized(s, v[0], v[1], s.cast(v[2], real), type);
  });
  l.replace(op, {y, scale, zero});
  return success();
}

void addQuantizationLowerings(LoweringTable &table) {
  addLowering<onnx::DequantizeLinearOp>(table, lowerDequantize);
  addLowering<onnx::MSDequantizeLinearOp>(table, lowerMSDequantize);
  addLowering<onnx::QuantizeLinearOp>(table, lowerQuantize);
  addLowering<onnx::MSQuantizeLinearOp>(table, lowerMSQuantize);
  addLowering<onnx::DynamicQuantizeLinearOp>(table, lowerDynamicQuantize);
}

} // namespace halyard::lowering
