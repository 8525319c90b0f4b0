// Lowering of poolings: reductions over windows, whose loops get their extents from an empty tensor of kernel
// shape.
#include "passes/Conversion/OnnxToLinalg/Reductions.h"
#include "passes/Conversion/OnnxToLinalg/Windows.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace halyard::lowering {

namespace {
/// Loops (batch, channel, windows..., kernel...) over a padded input.
struct Pool {
  Windows windows;
  Extents extents;
  Read input, window;
  AffineMap result;
  bool overhangs = false; ///< ceil_mode made windows that reach beyond the padding.
};
} // namespace

template <typename Op> static FailureOr<Pool> poolOf(Op op, Lowering &l, Value result, bool padLowest) {
  Value x = op.getX();
  FailureOr<Windows> windows = windowsOf(op, x, *op.getKernelShape());
  if (failed(windows))
    return failure();
  Pool pool;
  pool.windows = *windows;
  int64_t axes = windows->axes(), loops = 2 + 2 * axes;
  pool.extents = l.resultExtents(result, [&](int64_t axis) {
    return axis < 2 ? l.extent(x, axis) : windowCount(l, x, *windows, axis - 2, op.getCeilMode());
  });
  Ints after = windows->after;
  for (int64_t axis = 0; axis < axes; ++axis) {
    std::optional<int64_t> count = getConstantIntValue(pool.extents[axis + 2]);
    int64_t length = rankedType(x).getDimSize(axis + 2);
    if (!count || ShapedType::isDynamic(length))
      continue;
    int64_t reached =
        (*count - 1) * windows->strides[axis] + windows->span(axis) - windows->before[axis] - length;
    pool.overhangs |= reached > after[axis];
    after[axis] = std::max(after[axis], reached);
  }
  Type type = elementOf(x);
  Value fill = padLowest ? l.fillExtreme({}, type, /*lowest=*/true) : Value();
  if (windows->padded() || pool.overhangs)
    x = padSpatial(l, x, windows->before, after, fill);
  SmallVector<AffineExpr> input{l.dim(0), l.dim(1)}, kernel;
  appendWindowExprs(l, *windows, 2, 2 + axes, input);
  Extents kernelExtents;
  for (int64_t axis = 0; axis < axes; ++axis) {
    kernel.push_back(l.dim(2 + axes + axis));
    kernelExtents.push_back(l.b.getIndexAttr(windows->kernel[axis]));
  }
  pool.input = {x, AffineMap::get(loops, 0, input, l.b.getContext())};
  pool.window = {l.empty(kernelExtents, type), AffineMap::get(loops, 0, kernel, l.b.getContext())};
  pool.result = l.identity(loops).getMajorSubMap(2 + axes);
  return pool;
}

//===-- MaxPool
//------------------------------------------------------------------------------------------------------===//

/// Position of a window's element in the whole input, row-major or (storage order 1) with spatial axes
/// column-major.
static Value linearPosition(Scalars &s, const Windows &windows, ArrayRef<int64_t> shape, bool columnMajor) {
  int64_t axes = windows.axes();
  Type index = s.b.getIndexType();
  auto at = [&](int64_t axis) {
    Value window = s.mul(s.position(2 + axis), s.integer(index, windows.strides[axis]));
    Value offset = s.mul(s.position(2 + axes + axis), s.integer(index, windows.dilations[axis]));
    return s.sub(s.add(window, offset), s.integer(index, windows.before[axis]));
  };
  Value linear = s.add(s.mul(s.position(0), s.integer(index, shape[1])), s.position(1));
  int64_t plane = 1;
  for (int64_t extent : shape.drop_front(2))
    plane *= extent;
  Value inPlane = s.integer(index, 0);
  for (int64_t i = 0; i < axes; ++i) {
    int64_t axis = columnMajor ? axes - 1 - i : i;
    inPlane = s.add(s.mul(inPlane, s.integer(index, shape[axis + 2])), at(axis));
  }
  return s.add(s.mul(linear, s.integer(index, plane)), inPlane);
}

static LogicalResult lowerMaxPool(onnx::MaxPoolOp op, Lowering &l) {
  auto type = rankedType(op.getX());
  FailureOr<Pool> pool = poolOf(op, l, op.getResult(0), /*padLowest=*/true);
  if (failed(pool))
    return failure();
  Value lowest = l.fillExtreme(pool->extents, type.getElementType(), /*lowest=*/true);
  if (op->getNumResults() == 1) {
    l.replace(op, l.reduce1(lowest, pool->result, {pool->input, pool->window},
                            [](Scalars &s, ValueRange v) { return s.max(v[0], v[2]); }));
    return success();
  }
  if (!type.hasStaticShape())
    return op.emitOpError("with indices needs an input of static shape, got ") << type;
  Value where = l.fill(pool->extents, l.b.getI64Type(), 0.0);
  l.replace(
      op, l.reduce({lowest, where}, pool->result, {pool->input, pool->window}, [&](Scalars &s, ValueRange v) {
        Value larger = s.less(v[2], v[0]);
        Value here = linearPosition(s, pool->windows, type.getShape(), op.getStorageOrder() == 1);
        Value number = arith::IndexCastOp::create(s.b, s.b.getI64Type(), here);
        return SmallVector<Value>{s.select(larger, v[0], v[2]), s.select(larger, number, v[3])};
      }));
  return success();
}

//===-- AveragePool
//--------------------------------------------------------------------------------------------------===//

/// Number of elements of each window that count: those of the input, or with `includePad` of the padded
/// input.
static Value windowCounts(Lowering &l, const Pool &pool, Value x, bool includePad) {
  const Windows &windows = pool.windows;
  int64_t axes = windows.axes();
  SmallVector<AffineExpr> exprs, kernel;
  Extents extents(pool.extents.begin() + 2, pool.extents.end());
  for (int64_t axis = 0; axis < axes; ++axis)
    kernel.push_back(l.dim(axes + axis));
  SmallVector<Value> lengths;
  for (int64_t axis = 0; axis < axes; ++axis)
    lengths.push_back(l.index(l.extent(x, axis + 2)));
  Type type = accumulatorType(elementOf(x)), index = l.b.getIndexType();
  Read window{pool.window.tensor, AffineMap::get(2 * axes, 0, kernel, l.b.getContext())};
  AffineMap result = l.identity(2 * axes).getMajorSubMap(axes);
  return l.reduce1(l.fill(extents, type, 0.0), result, window, [&](Scalars &s, ValueRange v) {
    Value counts = s.integer(s.b.getI1Type(), 1);
    for (int64_t axis = 0; axis < axes; ++axis) {
      Value start = s.mul(s.position(axis), s.integer(index, windows.strides[axis]));
      Value offset = s.mul(s.position(axes + axis), s.integer(index, windows.dilations[axis]));
      Value at = s.sub(s.add(start, offset), s.integer(index, windows.before[axis]));
      Value low = s.integer(index, includePad ? -windows.before[axis] : 0);
      Value high = s.add(lengths[axis], s.integer(index, includePad ? windows.after[axis] : 0));
      counts = s.logicalAnd(counts, arith::CmpIOp::create(s.b, arith::CmpIPredicate::sge, at, low));
      counts = s.logicalAnd(counts, arith::CmpIOp::create(s.b, arith::CmpIPredicate::slt, at, high));
    }
    return s.add(v[1], s.select(counts, s.constant(type, 1), s.constant(type, 0)));
  });
}

static LogicalResult lowerAveragePool(onnx::AveragePoolOp op, Lowering &l) {
  Value x = op.getX();
  Type type = elementOf(x), accumulator = accumulatorType(type);
  FailureOr<Pool> pool = poolOf(op, l, op.getResult(), /*padLowest=*/false);
  if (failed(pool))
    return failure();
  Value sum = l.reduce1(l.fill(pool->extents, accumulator, 0.0), pool->result, {pool->input, pool->window},
                        [&](Scalars &s, ValueRange v) { return s.add(v[2], s.cast(v[0], accumulator)); });
  bool includePad = op.getCountIncludePad();
  SmallVector<Value> operands{sum};
  if (pool->overhangs || (pool->windows.padded() && !includePad))
    operands.push_back(windowCounts(l, *pool, x, includePad));
  int64_t size = 1;
  for (int64_t extent : pool->windows.kernel)
    size *= extent;
  l.replace(op, l.elementwise(pool->extents, type, operands, [&](Scalars &s, ValueRange v) {
    return s.cast(s.div(v[0], v.size() > 1 ? v[1] : s.constant(accumulator, size)), type);
  }));
  return success();
}

//===-- global pooling
//-----------------------------------------------------------------------------------------------===//

static LogicalResult lowerGlobalAverage(onnx::GlobalAveragePoolOp op, Lowering &l) {
  Value x = op.getX();
  l.replace(
      op, l.cast(meanOver(l, x, axesFrom(2, rankOf(x)), [](Scalars &, Value v) { return v; }), elementOf(x)));
  return success();
}

static LogicalResult lowerGlobalMax(onnx::GlobalMaxPoolOp op, Lowering &l) {
  Value x = op.getX();
  l.replace(op, reduceOver(l, x, axesFrom(2, rankOf(x)), /*keep=*/true, Reduction::max));
  return success();
}

void addPoolingLowerings(LoweringTable &table) {
  addLowering<onnx::MaxPoolOp>(table, lowerMaxPool);
  addLowering<onnx::AveragePoolOp>(table, lowerAveragePool);
  addLowering<onnx::GlobalAveragePoolOp>(table, lowerGlobalAverage);
  addLowering<onnx::GlobalMaxPoolOp>(table, lowerGlobalMax);
}

} // namespace halyard::lowering
