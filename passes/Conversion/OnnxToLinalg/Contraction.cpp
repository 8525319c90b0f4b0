// Lowering of matrix products to one contraction over batch, m, n and k loops, however many axes the operands
// have. Batch axes are broadcast by the indexing maps and transposed operands read in place, so nothing is
// copied.
#include "passes/Conversion/OnnxToLinalg/Contraction.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halyard::lowering {

Read readThrough(Lowering &l, Read read) {
  auto found = l.transposed.find(read.tensor);
  if (found == l.transposed.end())
    return read;
  return {found->second.tensor, found->second.map.compose(read.map)};
}

Value contract(Lowering &l, ArrayRef<Extent> extents, AffineMap map, ArrayRef<Read> reads, Type type,
               Body1 body) {
  SmallVector<Read> inPlace;
  for (const Read &read : reads)
    inPlace.push_back(readThrough(l, read));
  Type accumulator = accumulatorType(type);
  Value sum = l.reduce1(l.fill(extents, accumulator, 0.0), map, inPlace, body);
  return l.cast(sum, type);
}

Value contract(Lowering &l, ArrayRef<Extent> extents, AffineMap map, ArrayRef<Read> reads, Type type) {
  Type accumulator = accumulatorType(type);
  return contract(l, extents, map, reads, type, [&](Scalars &s, ValueRange v) {
    Value product = s.cast(v[0], accumulator);
    for (Value factor : v.drop_front().drop_back())
      product = s.mul(product, s.cast(factor, accumulator));
    return s.add(v.back(), product);
  });
}

MatMulLoops matMulLoops(Lowering &l, Value a, Value b) {
  MatMulLoops loops;
  int64_t rankA = rankOf(a), rankB = rankOf(b);
  int64_t batch = loops.batch = std::max<int64_t>({rankA - 2, rankB - 2, 0});
  AffineExpr m = l.dim(batch), n = l.dim(batch + 1), k = l.dim(batch + 2);
  SmallVector<AffineExpr> exprsA, exprsB, exprsResult;
  loops.extents.assign(batch, l.b.getIndexAttr(1));
  for (Value operand : {a, b}) {
    int64_t offset = batch - (rankOf(operand) - 2);
    for (int64_t loop = offset; loop < batch; ++loop) {
      Extent extent = l.extent(operand, loop - offset);
      if (!isStatic(extent, 1) && (isStatic(loops.extents[loop], 1) || getConstantIntValue(extent)))
        loops.extents[loop] = extent;
    }
  }
  auto addBatch = [&](Value operand, SmallVector<AffineExpr> &exprs) {
    int64_t offset = batch - (rankOf(operand) - 2);
    for (int64_t loop = offset; loop < batch; ++loop) {
      bool spread = isStatic(l.extent(operand, loop - offset), 1) && !isStatic(loops.extents[loop], 1);
      exprs.push_back(spread ? l.b.getAffineConstantExpr(0) : l.dim(loop));
    }
  };
  addBatch(a, exprsA);
  addBatch(b, exprsB);
  for (int64_t axis = 0; axis < batch; ++axis)
    exprsResult.push_back(l.dim(axis));
  if (rankA > 1) {
    exprsA.push_back(m);
    exprsResult.push_back(m);
    loops.extents.push_back(l.extent(a, rankA - 2));
  }
  exprsA.push_back(k);
  exprsB.push_back(k);
  if (rankB > 1) {
    exprsB.push_back(n);
    exprsResult.push_back(n);
    loops.extents.push_back(l.extent(b, rankB - 1));
  }
  // A batch loop of extent 1 reads both operands at 0 when they are told apart from it; name it where it is
  // theirs.
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(batch + 3, 0, exprs, l.b.getContext());
  };
  loops.a = map(exprsA), loops.b = map(exprsB), loops.result = map(exprsResult);
  return loops;
}

/// Loops that no operand has (m or n of a vector) are taken out of the maps.
static void dropUnusedLoops(MatMulLoops &loops, bool hasM, bool hasN) {
  MLIRContext *context = loops.a.getContext();
  int64_t batch = loops.batch, next = batch;
  SmallVector<AffineExpr> renamed;
  for (int64_t loop = 0; loop < batch; ++loop)
    renamed.push_back(getAffineDimExpr(loop, context));
  renamed.push_back(getAffineDimExpr(hasM ? next++ : 0, context));
  renamed.push_back(getAffineDimExpr(hasN ? next++ : 0, context));
  renamed.push_back(getAffineDimExpr(next++, context));
  for (AffineMap *map : {&loops.a, &loops.b, &loops.result})
    *map = map->replaceDimsAndSymbols(renamed, {}, next, 0);
}

static Value matMul(Lowering &l, Value a, Value b, Type type) {
  MatMulLoops loops = matMulLoops(l, a, b);
  dropUnusedLoops(loops, rankOf(a) > 1, rankOf(b) > 1);
  return contract(l, loops.extents, loops.result, {{a, loops.a}, {b, loops.b}}, type);
}

static LogicalResult lowerMatMul(onnx::MatMulOp op, Lowering &l) {
  l.replace(op, matMul(l, op.getA(), op.getB(), elementOf(op.getA())));
  return success();
}

/// alpha * product + beta * c, computed in the accumulator's type.
static Value scaled(Lowering &l, Value product, double alpha, double beta, Value c) {
  Type type = elementOf(product);
  if (alpha == 1 && !c)
    return product;
  SmallVector<Value> operands{product};
  if (c)
    operands.push_back(c);
  return l.elementwise(l.extents(product), type, operands, [&](Scalars &s, ValueRange v) {
    Value result = alpha == 1 ? v[0] : s.mul(v[0], s.constant(v[0].getType(), alpha));
    if (!c)
      return result;
    return s.add(result, beta == 1 ? v[1] : s.mul(v[1], s.constant(v[1].getType(), beta)));
  });
}

static LogicalResult lowerGemm(onnx::GemmOp op, Lowering &l) {
  Value a = op.getA(), b = op.getB(), c = onnx::isAbsent(op.getC()) ? Value() : op.getC();
  AffineExpr m = l.dim(0), n = l.dim(1), k = l.dim(2);
  auto map = [&](AffineExpr first, AffineExpr second) {
    return AffineMap::get(3, 0, {first, second}, l.b.getContext());
  };
  Read left{a, op.getTransA() ? map(k, m) : map(m, k)}, right{b, op.getTransB() ? map(n, k) : map(k, n)};
  Extents extents{l.extent(a, op.getTransA() ? 1 : 0), l.extent(b, op.getTransB() ? 0 : 1)};
  Value product = contract(l, extents, map(m, n), {left, right}, elementOf(a));
  l.replace(op, scaled(l, product, op.getAlpha().convertToDouble(), op.getBeta().convertToDouble(), c));
  return success();
}

/// Swaps the last two results of a map.
static AffineMap swapped(AffineMap map) {
  SmallVector<AffineExpr> exprs(map.getResults());
  std::swap(exprs[exprs.size() - 1], exprs[exprs.size() - 2]);
  return AffineMap::get(map.getNumDims(), 0, exprs, map.getContext());
}

/// A view of a matrix operand as if it were transposed: nothing is computed unless something else reads it.
static Value transposedView(Lowering &l, Value x) {
  Extents extents = l.extents(x);
  std::swap(extents[extents.size() - 1], extents[extents.size() - 2]);
  Read read = readThrough(l, {x, swapped(l.identity(extents.size()))});
  Value result = l.generic(extents, elementOf(x), read, [](Scalars &, ValueRange v) { return v[0]; });
  l.transposed[result] = read;
  return result;
}

static LogicalResult lowerFusedMatMul(onnx::MSFusedMatMulOp op, Lowering &l) {
  if (op.getTransBatchA() || op.getTransBatchB())
    return op.emitOpError("with transBatchA or transBatchB is not supported");
  Value a = op.getTransA() ? transposedView(l, op.getA()) : op.getA();
  Value b = op.getTransB() ? transposedView(l, op.getB()) : op.getB();
  l.replace(op,
            scaled(l, matMul(l, a, b, elementOf(op.getA())), op.getAlpha().convertToDouble(), 1, Value()));
  return success();
}

//===-- MatMulInteger
//------------------------------------------------------------------------------------------------===//

/// Where a zero point is read: one for all, one per `line` (a vector), or shaped as the operand is.
static AffineMap zeroPointMap(Lowering &l, Value zeroPoint, AffineMap operand, AffineExpr line) {
  auto type = rankedType(zeroPoint);
  SmallVector<AffineExpr> exprs;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    AffineExpr expr =
        type.getRank() == 1 ? line : operand.getResult(operand.getNumResults() - type.getRank() + axis);
    exprs.push_back(type.getDimSize(axis) == 1 ? l.b.getAffineConstantExpr(0) : expr);
  }
  return AffineMap::get(operand.getNumDims(), 0, exprs, l.b.getContext());
}

static bool isZero(Lowering &l, Value zeroPoint) {
  auto splat = dyn_cast_or_null<IntegerAttr>(l.splat(zeroPoint));
  return splat && splat.getValue().isZero();
}

static LogicalResult lowerMatMulInteger(onnx::MatMulIntegerOp op, Lowering &l) {
  Value a = op.getA(), b = op.getB();
  MatMulLoops loops = matMulLoops(l, a, b);
  dropUnusedLoops(loops, rankOf(a) > 1, rankOf(b) > 1);
  SmallVector<Read> reads{{a, loops.a}, {b, loops.b}};
  Value zeroA = op.getAZeroPoint(), zeroB = op.getBZeroPoint();
  bool hasA = !onnx::isAbsent(zeroA) && !isZero(l, zeroA), hasB = !onnx::isAbsent(zeroB) && !isZero(l, zeroB);
  if (hasA)
    reads.push_back(
        {zeroA, zeroPointMap(l, zeroA, loops.a, loops.a.getResults()[std::max<int64_t>(rankOf(a) - 2, 0)])});
  if (hasB)
    reads.push_back({zeroB, zeroPointMap(l, zeroB, loops.b, loops.b.getResults().back())});
  Type type = l.b.getI32Type();
  l.replace(op, contract(l, loops.extents, loops.result, reads, type, [&](Scalars &s, ValueRange v) {
              Value x = s.cast(v[0], type), y = s.cast(v[1], type);
              if (hasA)
                x = s.sub(x, s.cast(v[2], type));
              if (hasB)
                y = s.sub(y, s.cast(v[2 + hasA], type));
              return s.add(v.back(), s.mul(x, y));
            }));
  return success();
}

void addContractionLowerings(LoweringTable &table) {
  addLowering<onnx::MatMulOp>(table, lowerMatMul);
  addLowering<onnx::GemmOp>(table, lowerGemm);
  addLowering<onnx::MSFusedMatMulOp>(table, lowerFusedMatMul);
  addLowering<onnx::MatMulIntegerOp>(table, lowerMatMulInteger);
}

} // namespace halyard::lowering
