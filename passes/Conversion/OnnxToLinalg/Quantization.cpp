// Lowering of quantisation. Scales and zero points are read through indexing maps: one for all, one per index
// of an axis, or one per block of an axis. Matrices quantised by blocks are unpacked in the contraction that
// reads them.
#include "passes/Conversion/OnnxToLinalg/Contraction.h"
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

//===-- MatMulNBits
//--------------------------------------------------------------------------------------------------===//

namespace {
/// A matrix [N, K] packed by blocks along K, read by the loops n and k.
struct PackedMatrix {
  AffineExpr n, k;
  int64_t bits, blockSize, blocks, loops;

  int64_t perByte() const { return 8 / bits; }
  /// Block of k.
  AffineExpr block() const { return k.floorDiv(blockSize); }
};
} // namespace

/// Where a parameter per block is read, be it a matrix or flattened; `perEntry` blocks share an entry.
static AffineMap blockMap(Lowering &l, Value parameter, const PackedMatrix &matrix, int64_t perEntry) {
  AffineExpr entry = perEntry == 1 ? matrix.block() : matrix.block().floorDiv(perEntry);
  int64_t entries = llvm::divideCeil(matrix.blocks, perEntry);
  MLIRContext *context = l.b.getContext();
  if (rankOf(parameter) == 1)
    return AffineMap::get(matrix.loops, 0, matrix.n * entries + entry, context);
  return AffineMap::get(matrix.loops, 0, {matrix.n, entry}, context);
}

/// The bits of entry `position` in a byte, as an i32.
static Value unpacked(Scalars &s, Value byte, Value position, int64_t bits) {
  Type integer = s.b.getI32Type();
  Value word = arith::ExtUIOp::create(s.b, integer, byte);
  if (bits == 8)
    return word;
  Value slot = arith::RemUIOp::create(s.b, position, s.integer(s.b.getIndexType(), 8 / bits));
  Value shift = s.mul(arith::IndexCastOp::create(s.b, integer, slot), s.integer(integer, bits));
  Value shifted = arith::ShRUIOp::create(s.b, word, shift);
  return arith::AndIOp::create(s.b, shifted, s.integer(integer, (1 << bits) - 1));
}

static LogicalResult lowerMatMulNBits(onnx::MSMatMulNBitsOp op, Lowering &l) {
  Value a = op.getA(), zero = op.getZeroPoints();
  int64_t bits = op.getBits(), rank = rankOf(a);
  if (!onnx::isAbsent(op.getGIdx()))
    return op.emitOpError("with g_idx (reordered groups) is not supported");
  if (bits != 2 && bits != 4 && bits != 8)
    return op.emitOpError("expects bits to be 2, 4 or 8, got ") << bits;
  // Loops: those of a but for its last axis, then n, then k.
  PackedMatrix matrix{l.dim(rank - 1), l.dim(rank), bits, static_cast<int64_t>(op.getBlockSize()), 0,
                      rank + 1};
  matrix.blocks = llvm::divideCeil(op.getK(), matrix.blockSize);
  SmallVector<AffineExpr> left;
  for (int64_t axis = 0; axis + 1 < rank; ++axis)
    left.push_back(l.dim(axis));
  left.push_back(matrix.k);
  MLIRContext *context = l.b.getContext();
  AffineExpr byte = (matrix.k % matrix.blockSize).floorDiv(matrix.perByte());
  SmallVector<Read> reads{{a, AffineMap::get(rank + 1, 0, left, context)},
                          {op.getB(), AffineMap::get(rank + 1, 0, {matrix.n, matrix.block(), byte}, context)},
                          {op.getScales(), blockMap(l, op.getScales(), matrix, 1)}};
  bool hasZero = !onnx::isAbsent(zero), packedZero = hasZero && isa<IntegerType>(elementOf(zero));
  if (hasZero)
    reads.push_back({zero, blockMap(l, zero, matrix, packedZero ? matrix.perByte() : 1)});
  Extents extents = l.extents(a);
  extents.back() = l.b.getIndexAttr(op.getN());
  Type type = elementOf(a), real = l.b.getF32Type();
  Value sum = contract(
      l, extents, l.identity(rank + 1).getMajorSubMap(rank), reads, type, [&](Scalars &s, ValueRange v) {
        Value number =
            s.cast(arith::SIToFPOp::create(s.b, real, unpacked(s, v[1], s.position(rank), bits)), real);
        Value block =
            arith::DivUIOp::create(s.b, s.position(rank), s.integer(s.b.getIndexType(), matrix.blockSize));
        Value middle = s.constant(real, 1 << (bits - 1));
        if (packedZero)
          middle = arith::SIToFPOp::create(s.b, real, unpacked(s, v[3], block, bits));
        else if (hasZero)
          middle = s.cast(v[3], real);
        Value weight = s.mul(s.sub(number, middle), s.cast(v[2], real));
        return s.add(v.back(), s.mul(s.cast(v[0], real), weight));
      });
  if (!onnx::isAbsent(op.getBias()))
    sum = l.elementwise(extents, type, {sum, op.getBias()},
                        [](Scalars &s, ValueRange v) { return s.add(v[0], v[1]); });
  l.replace(op, sum);
  return success();
}

void addQuantizationLowerings(LoweringTable &table) {
  addLowering<onnx::DequantizeLinearOp>(table, lowerDequantize);
  addLowering<onnx::MSDequantizeLinearOp>(table, lowerMSDequantize);
  addLowering<onnx::QuantizeLinearOp>(table, lowerQuantize);
  addLowering<onnx::MSQuantizeLinearOp>(table, lowerMSQuantize);
  addLowering<onnx::DynamicQuantizeLinearOp>(table, lowerDynamicQuantize);
  addLowering<onnx::MSMatMulNBitsOp>(table, lowerMatMulNBits);
}

} // namespace halyard::lowering
