// Lowering of convolutions to one contraction over windows; padding is an operation of its own, and groups
// are an axis of their own.
#include "passes/Conversion/OnnxToLinalg/Contraction.h"
#include "passes/Conversion/OnnxToLinalg/Windows.h"

using namespace mlir;

namespace halyard::lowering {

Extent windowCount(Lowering &l, Value input, const Windows &windows, int64_t axis, bool ceil) {
  int64_t padding = windows.before[axis] + windows.after[axis] - windows.span(axis),
          stride = windows.strides[axis];
  Extent extent = l.extent(input, axis + 2);
  AffineExpr last = l.b.getAffineSymbolExpr(0) + padding;
  if (!ceil)
    return l.apply(last.floorDiv(stride) + 1, {extent});
  Extent count = l.apply(last.ceilDiv(stride) + 1, {extent});
  // A last window that would start in the padding after the input does not exist.
  std::optional<int64_t> windowsCount = getConstantIntValue(count), length = getConstantIntValue(extent);
  if (windowsCount && length && (*windowsCount - 1) * stride >= *length + windows.before[axis])
    return l.b.getIndexAttr(*windowsCount - 1);
  return count;
}

void appendWindowExprs(Lowering &l, const Windows &windows, int64_t first, int64_t offset,
                       SmallVectorImpl<AffineExpr> &exprs) {
  for (int64_t axis = 0; axis < windows.axes(); ++axis)
    exprs.push_back(l.dim(first + axis) * windows.strides[axis] +
                    l.dim(offset + axis) * windows.dilations[axis]);
}

/// [channels, rest...] as [groups, channels / groups, rest...], from axis `axis` on.
static Value splitGroups(Lowering &l, Value x, int64_t axis, int64_t groups) {
  Extents extents = l.extents(x);
  Extent part = l.apply(l.b.getAffineSymbolExpr(0).floorDiv(groups), {extents[axis]});
  extents[axis] = part;
  extents.insert(extents.begin() + axis, l.b.getIndexAttr(groups));
  return l.reshape(x, extents);
}

static Value addBias(Lowering &l, Value result, Value bias) {
  if (onnx::isAbsent(bias))
    return result;
  Value column = l.unsqueeze(bias, llvm::to_vector(llvm::seq<int64_t>(1, rankOf(result) - 1)));
  return l.elementwise(l.extents(result), elementOf(result), {result, column},
                       [](Scalars &s, ValueRange v) { return s.add(v[0], v[1]); });
}

/// Maps over loops (batch, [group,] filter, windows..., channel, kernel...).
static Value convolve(Lowering &l, Value x, Value w, const Windows &windows, ArrayRef<Extent> extents,
                      bool grouped) {
  int64_t axes = windows.axes(), group = grouped ? 1 : 0;
  int64_t filter = 1 + group, window = filter + 1, channel = window + axes, kernel = channel + 1;
  int64_t loops = kernel + axes;
  SmallVector<AffineExpr> input{l.dim(0)}, weight;
  if (grouped) {
    input.push_back(l.dim(group));
    weight.push_back(l.dim(group));
  }
  input.push_back(l.dim(channel));
  appendWindowExprs(l, windows, window, kernel, input);
  weight.append({l.dim(filter), l.dim(channel)});
  for (int64_t axis = 0; axis < axes; ++axis)
    weight.push_back(l.dim(kernel + axis));
  auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(loops, 0, exprs, l.b.getContext()); };
  return contract(l, extents, l.identity(loops).getMajorSubMap(channel), {{x, map(input)}, {w, map(weight)}},
                  elementOf(x));
}

static LogicalResult lowerConv(onnx::ConvOp op, Lowering &l) {
  Value x = op.getX(), w = op.getW();
  auto weightType = rankedType(w);
  int64_t group = op.getGroup();
  if (!weightType.hasStaticShape())
    return op.emitOpError("needs weights of static shape, got ") << weightType;
  FailureOr<Windows> windows = windowsOf(op, x, weightType.getShape().drop_front(2));
  if (failed(windows))
    return failure();
  Extents result = l.resultExtents(op.getResult(), [&](int64_t axis) {
    return axis < 2 ? l.extent(axis == 0 ? x : w, 0) : windowCount(l, x, *windows, axis - 2, /*ceil=*/false);
  });
  if (windows->padded())
    x = padSpatial(l, x, windows->before, windows->after, Value());
  Extents extents = result;
  if (group != 1) {
    x = splitGroups(l, x, 1, group);
    w = splitGroups(l, w, 0, group);
    extents[1] = l.extent(w, 1);
    extents.insert(extents.begin() + 1, l.b.getIndexAttr(group));
  }
  Value sum = l.reshape(convolve(l, x, w, *windows, extents, group != 1), result);
  l.replace(op, addBias(l, sum, op.getB()));
  return success();
}

//===-- ConvTranspose
//------------------------------------------------------------------------------------------------===//

/// Padding of a transposed convolution; with output_shape it is what remains.
static FailureOr<Windows> transposedWindows(onnx::ConvTransposeOp op, Lowering &l, Extents &result) {
  auto weights = rankedType(op.getW());
  if (!weights.hasStaticShape())
    return op.emitOpError("needs weights of static shape, got ") << weights;
  int64_t axes = weights.getRank() - 2;
  auto given = [&](std::optional<ArrayRef<int64_t>> values, int64_t count, int64_t otherwise) {
    return values ? Ints(values->begin(), values->end()) : Ints(count, otherwise);
  };
  Windows windows{Ints(weights.getShape().drop_front(2)), given(op.getStrides(), axes, 1),
                  given(op.getDilations(), axes, 1), Ints(axes, 0), Ints(axes, 0)};
  Ints pads = given(op.getPads(), 2 * axes, 0), extra = given(op.getOutputPadding(), axes, 0);
  bool same = op.getAutoPad().starts_with("SAME");
  for (int64_t axis = 0; axis < axes; ++axis) {
    int64_t input = rankedType(op.getX()).getDimSize(axis + 2), stride = windows.strides[axis];
    int64_t grown = windows.span(axis) - stride + extra[axis];
    windows.before[axis] = pads[axis];
    windows.after[axis] = pads[axis + axes];
    if (same || op.getOutputShape()) {
      if (ShapedType::isDynamic(input))
        return op.emitOpError("with output_shape or auto_pad needs a static input, got ")
               << op.getX().getType();
      int64_t wanted = op.getOutputShape() ? (*op.getOutputShape())[axis] : input * stride;
      int64_t total = std::max<int64_t>(input * stride + grown - wanted, 0);
      windows.before[axis] = op.getAutoPad() == "SAME_UPPER" ? total / 2 : total - total / 2;
      windows.after[axis] = total - windows.before[axis];
      result.push_back(l.b.getIndexAttr(wanted));
      continue;
    }
    AffineExpr length =
        l.b.getAffineSymbolExpr(0) * stride + (grown - windows.before[axis] - windows.after[axis]);
    result.push_back(l.apply(length, {l.extent(op.getX(), axis + 2)}));
  }
  return windows;
}

/// Each result gathers what inputs scatter to it: input position (o + before - k * dilation) / stride, where
/// whole.
static Value gatherTransposed(Lowering &l, Value x, Value w, const Windows &windows,
                              ArrayRef<Extent> extents) {
  int64_t axes = windows.axes(), channel = 3 + axes, kernel = channel + 1, loops = kernel + axes;
  SmallVector<AffineExpr> weight{l.dim(1), l.dim(channel), l.dim(2)};
  for (int64_t axis = 0; axis < axes; ++axis)
    weight.push_back(l.dim(kernel + axis));
  SmallVector<Value> lengths;
  for (int64_t axis = 0; axis < axes; ++axis)
    lengths.push_back(l.index(l.extent(x, axis + 3)));
  AffineMap weightMap = AffineMap::get(loops, 0, weight, l.b.getContext());
  Type type = elementOf(x), accumulator = accumulatorType(type), index = l.b.getIndexType();
  return contract(
      l, extents, l.identity(loops).getMajorSubMap(channel), Read{w, weightMap}, type,
      [&](Scalars &s, ValueRange v) {
        SmallVector<Value> position{s.position(0), s.position(1), s.position(channel)};
        Value inside = s.integer(s.b.getI1Type(), 1), zero = s.integer(index, 0);
        for (int64_t axis = 0; axis < axes; ++axis) {
          Value tap = s.mul(s.position(kernel + axis), s.integer(index, windows.dilations[axis]));
          Value at = s.sub(s.add(s.position(3 + axis), s.integer(index, windows.before[axis])), tap);
          Value stride = s.integer(index, windows.strides[axis]);
          Value whole = s.equal(arith::RemSIOp::create(s.b, at, stride), zero);
          Value from = arith::DivSIOp::create(s.b, at, stride);
          Value low = arith::CmpIOp::create(s.b, arith::CmpIPredicate::sge, at, zero);
          Value high = arith::CmpIOp::create(s.b, arith::CmpIPredicate::slt, from, lengths[axis]);
          inside = s.logicalAnd(inside, s.logicalAnd(whole, s.logicalAnd(low, high)));
          Value last = s.sub(lengths[axis], s.integer(index, 1));
          position.push_back(arith::MaxSIOp::create(s.b, zero, arith::MinSIOp::create(s.b, from, last)));
        }
        Value element = s.cast(tensor::ExtractOp::create(s.b, x, position), accumulator);
        Value product = s.mul(element, s.cast(v[0], accumulator));
        return s.add(v[1], s.select(inside, product, s.constant(accumulator, 0)));
      });
}

static LogicalResult lowerConvTranspose(onnx::ConvTransposeOp op, Lowering &l) {
  int64_t group = op.getGroup();
  Extents spatial;
  FailureOr<Windows> windows = transposedWindows(op, l, spatial);
  if (failed(windows))
    return failure();
  Value x = splitGroups(l, op.getX(), 1, group), w = splitGroups(l, op.getW(), 0, group);
  Extents extents{l.extent(x, 0), l.b.getIndexAttr(group), l.extent(w, 2)};
  Extents result{extents[0], l.product({extents[1], extents[2]})};
  extents.append(spatial);
  result.append(spatial);
  Value sum = l.reshape(gatherTransposed(l, x, w, *windows, extents), result);
  l.replace(op, addBias(l, sum, op.getB()));
  return success();
}

void addConvolutionLowerings(LoweringTable &table) {
  addLowering<onnx::ConvOp>(table, lowerConv);
  addLowering<onnx::ConvTransposeOp>(table, lowerConvTranspose);
}

} // namespace halyard::lowering
