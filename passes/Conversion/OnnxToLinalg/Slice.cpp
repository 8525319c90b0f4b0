// Lowering of Slice and Split. Positions are clamped as ONNX has it; where the lengths tell that clamping
// changes nothing, no code is made for it.
#include "passes/Conversion/OnnxToLinalg/Lowering.h"

using namespace mlir;

namespace halyard::lowering {

namespace {
/// One axis of a slice: elements offset, offset + stride, ... , `size` of them.
struct Window {
  Extent offset, size;
  int64_t stride = 1;
};
} // namespace

static Extent plus(Lowering &l, Extent a, Extent b) {
  return l.apply(l.b.getAffineSymbolExpr(0) + l.b.getAffineSymbolExpr(1), {a, b});
}
static Extent minus(Lowering &l, Extent a, Extent b) {
  return l.apply(l.b.getAffineSymbolExpr(0) - l.b.getAffineSymbolExpr(1), {a, b});
}

static bool isKnownNonNegative(Lowering &l, Extent extent) {
  if (std::optional<int64_t> constant = getConstantIntValue(extent))
    return *constant >= 0;
  AffineExpr expr = l.expressionOf(extent);
  return expr && l.algebra.lessOrEqual(l.algebra.constant(0), expr) == true;
}

/// The smaller or the larger of two.
static Extent extremum(Lowering &l, Extent a, Extent b, bool smaller) {
  if (isEqualConstantIntOrValue(a, b))
    return a;
  if (isKnownNonNegative(l, minus(l, b, a)))
    return smaller ? a : b;
  if (isKnownNonNegative(l, minus(l, a, b)))
    return smaller ? b : a;
  Value x = l.index(a), y = l.index(b);
  return smaller ? Extent(arith::MinSIOp::create(l.b, x, y).getResult())
                 : Extent(arith::MaxSIOp::create(l.b, x, y).getResult());
}

/// A start or end, counted from the front: negative ones count from the end of the axis; then clamped to
/// [low, high].
static Extent position(Lowering &l, Extent given, Extent extent, Extent low, Extent high) {
  Extent front = given;
  std::optional<int64_t> constant = getConstantIntValue(given);
  if (constant && *constant < 0)
    front = *constant < -(int64_t(1) << 40) ? low : plus(l, extent, given);
  else if (constant && *constant > (int64_t(1) << 40))
    return high;
  else if (!isKnownNonNegative(l, given))
    front = Scalars(l.b, false).wrapped(l.index(given), l.index(extent));
  return extremum(l, extremum(l, front, low, /*smaller=*/false), high, /*smaller=*/true);
}

static Window windowOf(Lowering &l, Extent start, Extent end, int64_t step, Extent extent) {
  Extent zero = l.b.getIndexAttr(0), minusOne = l.b.getIndexAttr(-1);
  Window window;
  window.stride = step;
  AffineExpr difference = l.b.getAffineSymbolExpr(0) - l.b.getAffineSymbolExpr(1);
  if (step > 0) {
    window.offset = position(l, start, extent, zero, extent);
    Extent last = position(l, end, extent, zero, extent);
    window.size = l.apply(difference.ceilDiv(step), {last, window.offset});
  } else {
    Extent highest = plus(l, extent, minusOne);
    window.offset = position(l, start, extent, zero, highest);
    Extent last = position(l, end, extent, minusOne, highest);
    window.size = l.apply(difference.ceilDiv(-step), {window.offset, last});
  }
  window.size = extremum(l, window.size, zero, /*smaller=*/false);
  return window;
}

/// The windows of a slice; failure (with an error) if axes or steps are not constant.
static FailureOr<SmallVector<Window>> windowsOf(onnx::SliceOp op, Lowering &l) {
  SmallVector<Window> windows;
  for (Extent extent : l.extents(op.getData()))
    windows.push_back({l.b.getIndexAttr(0), extent, 1});
  int64_t rank = windows.size(), count = rankedType(op.getStarts()).getNumElements();
  std::optional<Ints> axes = Ints(llvm::to_vector(llvm::seq<int64_t>(0, count))), steps = Ints(count, 1);
  if (!onnx::isAbsent(op.getAxes()))
    axes = l.constantInts(op.getAxes());
  if (!onnx::isAbsent(op.getSteps()))
    steps = l.constantInts(op.getSteps());
  if (!axes || !steps)
    return op.emitOpError("needs constant axes and steps");
  for (int64_t i = 0; i < count; ++i) {
    Window &window = windows[normalized((*axes)[i], rank)];
    window = windowOf(l, l.element(op.getStarts(), i), l.element(op.getEnds(), i), (*steps)[i], window.size);
  }
  return windows;
}

/// Reads backwards along the axes of negative stride.
static Value sliceBackwards(Lowering &l, Value data, ArrayRef<Window> windows) {
  Extents sizes;
  SmallVector<Value> offsets;
  for (const Window &window : windows) {
    sizes.push_back(window.size);
    offsets.push_back(l.index(window.offset));
  }
  return l.generic(sizes, elementOf(data), {}, [&](Scalars &s, ValueRange) -> Value {
    SmallVector<Value> indices;
    for (auto [axis, window] : llvm::enumerate(windows)) {
      Value step = s.mul(s.position(axis), s.integer(s.b.getIndexType(), window.stride));
      indices.push_back(s.add(offsets[axis], step));
    }
    Value element = tensor::ExtractOp::create(s.b, data, indices);
    Type plain = signless(element.getType());
    return plain == element.getType() ? element
                                      : UnrealizedConversionCastOp::create(s.b, plain, element).getResult(0);
  });
}

static LogicalResult lowerSlice(onnx::SliceOp op, Lowering &l) {
  FailureOr<SmallVector<Window>> windows = windowsOf(op, l);
  if (failed(windows))
    return failure();
  Extents offsets,
      sizes = l.resultExtents(op.getResult(), [&](int64_t axis) { return (*windows)[axis].size; });
  Ints strides;
  for (auto [window, size] : llvm::zip(*windows, sizes)) {
    window.size = size;
    offsets.push_back(window.offset);
    strides.push_back(window.stride);
  }
  if (llvm::any_of(strides, [](int64_t stride) { return stride < 0; }))
    l.replace(op, sliceBackwards(l, op.getData(), *windows));
  else
    l.replace(op, l.slice(op.getData(), offsets, sizes, strides));
  return success();
}

static LogicalResult lowerSplit(onnx::SplitOp op, Lowering &l) {
  Value input = op.getInput();
  int64_t rank = rankOf(input), axis = normalized(op.getAxis(), rank), parts = op->getNumResults();
  Extents sizes = l.extents(input), offsets(rank, l.b.getIndexAttr(0));
  Extent whole = sizes[axis];
  SmallVector<Value> results;
  for (int64_t part = 0; part < parts; ++part) {
    // Equal parts are rounded up; the last one is what remains.
    Extent size = minus(l, whole, offsets[axis]);
    if (!onnx::isAbsent(op.getSplit()))
      size = l.element(op.getSplit(), part);
    else if (part + 1 < parts)
      size = l.apply(l.b.getAffineSymbolExpr(0).ceilDiv(parts), {whole});
    sizes[axis] = size;
    results.push_back(l.slice(input, offsets, sizes, Ints(rank, 1)));
    offsets[axis] = plus(l, offsets[axis], size);
  }
  l.replace(op, results);
  return success();
}

void addSliceLowerings(LoweringTable &table) {
  addLowering<onnx::SliceOp>(table, lowerSlice);
  addLowering<onnx::SplitOp>(table, lowerSplit);
}

} // namespace halyard::lowering
