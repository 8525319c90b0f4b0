// Lowering of softmax and of the normalisations: a reduction or two and one generic that combines them.
#include "passes/Conversion/OnnxToLinalg/Reductions.h"

using namespace mlir;

namespace halyard::lowering {

//===-- softmax
//------------------------------------------------------------------------------------------------------===//

namespace {
/// Parts of a softmax along one axis: the maximum, exp(x - maximum) and its sum.
struct SoftmaxParts {
  Value max, exponential, sum;
};
} // namespace

static SoftmaxParts softmaxParts(Lowering &l, Value x, int64_t axis) {
  SoftmaxParts parts;
  Type accumulator = accumulatorType(elementOf(x));
  parts.max = reduceOver(l, x, axis, /*keep=*/true, Reduction::max);
  parts.exponential = l.elementwise(l.extents(x), accumulator, {x, parts.max}, [&](Scalars &s, ValueRange v) {
    return s.exp(s.sub(s.cast(v[0], accumulator), s.cast(v[1], accumulator)));
  });
  parts.sum = reduceOver(l, parts.exponential, axis, /*keep=*/true, Reduction::sum);
  return parts;
}

static LogicalResult lowerSoftmax(onnx::SoftmaxOp op, Lowering &l) {
  Value x = op.getInput();
  SoftmaxParts parts = softmaxParts(l, x, normalized(op.getAxis(), rankOf(x)));
  Type type = elementOf(x);
  l.replace(op, l.elementwise(l.extents(x), type, {parts.exponential, parts.sum},
                              [&](Scalars &s, ValueRange v) { return s.cast(s.div(v[0], v[1]), type); }));
  return success();
}

static LogicalResult lowerLogSoftmax(onnx::LogSoftmaxOp op, Lowering &l) {
  Value x = op.getInput();
  SoftmaxParts parts = softmaxParts(l, x, normalized(op.getAxis(), rankOf(x)));
  Type type = elementOf(x), accumulator = accumulatorType(type);
  l.replace(op, l.elementwise(l.extents(x), type, {x, parts.max, parts.sum}, [&](Scalars &s, ValueRange v) {
    Value shifted = s.sub(s.cast(v[0], accumulator), s.cast(v[1], accumulator));
    return s.cast(s.sub(shifted, s.log(v[2])), type);
  }));
  return success();
}

/// 1 where an element is the first one that equals the maximum.
static LogicalResult lowerHardmax(onnx::HardmaxOp op, Lowering &l) {
  Value x = op.getInput();
  int64_t rank = rankOf(x), axis = normalized(op.getAxis(), rank);
  Type type = elementOf(x), integer = l.b.getI64Type();
  Value max = reduceOver(l, x, axis, /*keep=*/true, Reduction::max);
  Value candidates = l.elementwise(l.extents(x), integer, {x, max}, [&](Scalars &s, ValueRange v) {
    return s.select(s.equal(v[0], v[1]), s.position(axis, integer), s.highest(integer));
  });
  Value first = reduceOver(l, candidates, axis, /*keep=*/true, Reduction::min);
  l.replace(op, l.elementwise(l.extents(x), type, {first}, [&](Scalars &s, ValueRange v) {
    return s.select(s.equal(v[0], s.position(axis, integer)), s.constant(type, 1), s.constant(type, 0));
  }));
  return success();
}

//===-- mean and variance
//--------------------------------------------------------------------------------------------===//

namespace {
/// Statistics over `axes`, which stay with extent 1.
struct Moments {
  Value mean, variance;
};
} // namespace

static Moments momentsOver(Lowering &l, Value x, ArrayRef<int64_t> axes) {
  Moments moments;
  Type accumulator = accumulatorType(elementOf(x));
  moments.mean = meanOver(l, x, axes, [](Scalars &, Value v) { return v; });
  Value centred = l.elementwise(l.extents(x), accumulator, {x, moments.mean}, [&](Scalars &s, ValueRange v) {
    return s.sub(s.cast(v[0], accumulator), v[1]);
  });
  moments.variance = meanOver(l, centred, axes, [](Scalars &s, Value v) { return s.mul(v, v); });
  return moments;
}

static Value inverseRoot(Scalars &s, Value x, double epsilon) {
  Type type = x.getType();
  return s.div(s.constant(type, 1), s.sqrt(s.add(x, s.constant(type, epsilon))));
}

/// (x - mean) / sqrt(variance + epsilon) * scale + bias, where scale and bias (either may be null) broadcast
/// to x.
static Value normalize(Lowering &l, Value x, Moments moments, double epsilon, Value scale, Value bias) {
  Type type = elementOf(x), accumulator = accumulatorType(type);
  SmallVector<Value> operands{x, moments.mean, moments.variance};
  for (Value parameter : {scale, bias})
    if (parameter)
      operands.push_back(parameter);
  return l.elementwise(l.extents(x), type, operands, [&](Scalars &s, ValueRange v) {
    Value centred = s.sub(s.cast(v[0], accumulator), v[1]);
    Value result = s.mul(centred, inverseRoot(s, v[2], epsilon));
    unsigned next = 3;
    if (scale)
      result = s.mul(result, s.cast(v[next++], accumulator));
    if (bias)
      result = s.add(result, s.cast(v[next], accumulator));
    return s.cast(result, type);
  });
}

static LogicalResult lowerLayerNormalization(onnx::LayerNormalizationOp op, Lowering &l) {
  Value x = op.getX(), bias = onnx::isAbsent(op.getB()) ? Value() : op.getB();
  int64_t rank = rankOf(x);
  double epsilon = op.getEpsilon().convertToDouble();
  Moments moments = momentsOver(l, x, axesFrom(normalized(op.getAxis(), rank), rank));
  SmallVector<Value> results{normalize(l, x, moments, epsilon, op.getScale(), bias), moments.mean, Value()};
  if (op->getNumResults() > 2)
    results[2] = l.elementwise(l.extents(moments.variance), elementOf(moments.variance), moments.variance,
                               [&](Scalars &s, ValueRange v) { return inverseRoot(s, v[0], epsilon); });
  l.replace(op, ArrayRef(results).take_front(op->getNumResults()));
  return success();
}

static LogicalResult lowerRMSNormalization(onnx::RMSNormalizationOp op, Lowering &l) {
  Value x = op.getX();
  int64_t rank = rankOf(x);
  Type type = elementOf(op.getResult()), accumulator = accumulatorType(elementOf(x));
  double epsilon = op.getEpsilon().convertToDouble();
  Value square = meanOver(l, x, axesFrom(normalized(op.getAxis(), rank), rank),
                          [](Scalars &s, Value v) { return s.mul(v, v); });
  l.replace(op, l.elementwise(l.extents(x), type, {x, square, op.getScale()}, [&](Scalars &s, ValueRange v) {
    Value scaled = s.mul(s.cast(v[0], accumulator), inverseRoot(s, v[1], epsilon));
    return s.cast(s.mul(s.cast(scaled, type), s.cast(v[2], type)), type);
  }));
  return success();
}

/// A vector over channels, as an operand that broadcasts to [batch, channels, spatial...].
static Value perChannel(Lowering &l, Value vector, int64_t rank) {
  return l.unsqueeze(vector, axesFrom(1, rank - 1));
}

static LogicalResult lowerInstanceNormalization(onnx::InstanceNormalizationOp op, Lowering &l) {
  Value x = op.getInput();
  int64_t rank = rankOf(x);
  Moments moments = momentsOver(l, x, axesFrom(2, rank));
  l.replace(op, normalize(l, x, moments, op.getEpsilon().convertToDouble(),
                          perChannel(l, op.getScale(), rank), perChannel(l, op.getB(), rank)));
  return success();
}

/// Channels are split into [groups, channels of a group], normalised over the latter, and merged again.
static LogicalResult lowerGroupNormalization(onnx::GroupNormalizationOp op, Lowering &l) {
  Value x = op.getX();
  int64_t rank = rankOf(x), groups = op.getNumGroups(), channels = rankedType(x).getDimSize(1);
  if (ShapedType::isDynamic(channels) || groups < 1 || channels % groups)
    return op.emitOpError("needs channels that num_groups = ") << groups << " divides, got " << x.getType();
  Extents source = l.extents(x), split = source;
  split[1] = l.b.getIndexAttr(groups);
  split.insert(split.begin() + 2, l.b.getIndexAttr(channels / groups));
  Value grouped = l.reshape(x, split);
  auto perGroup = [&](Value vector) {
    Value matrix = l.reshape(vector, {l.b.getIndexAttr(groups), l.b.getIndexAttr(channels / groups)});
    return l.unsqueeze(matrix, axesFrom(2, rank));
  };
  Moments moments = momentsOver(l, grouped, axesFrom(2, rank + 1));
  Value result = normalize(l, grouped, moments, op.getEpsilon().convertToDouble(), perGroup(op.getScale()),
                           perGroup(op.getBias()));
  l.replace(op, l.reshape(result, source));
  return success();
}

static LogicalResult lowerBatchNormalization(onnx::BatchNormalizationOp op, Lowering &l) {
  if (op.getTrainingMode())
    return op.emitOpError("in training mode is not supported: a compiled model only infers");
  Value x = op.getX();
  int64_t rank = rankOf(x);
  Moments moments{perChannel(l, op.getInputMean(), rank), perChannel(l, op.getInputVar(), rank)};
  Value result = normalize(l, x, moments, op.getEpsilon().convertToDouble(),
                           perChannel(l, op.getScale(), rank), perChannel(l, op.getB(), rank));
  SmallVector<Value> results(op->getNumResults());
  results[0] = result;
  l.replace(op, results);
  return success();
}

static LogicalResult lowerMeanVariance(onnx::MeanVarianceNormalizationOp op, Lowering &l) {
  Value x = op.getX();
  Ints axes;
  for (int64_t axis : op.getAxes())
    axes.push_back(normalized(axis, rankOf(x)));
  l.replace(op, normalize(l, x, momentsOver(l, x, axes), /*epsilon=*/1e-9, Value(), Value()));
  return success();
}

static LogicalResult lowerLpNormalization(onnx::LpNormalizationOp op, Lowering &l) {
  Value x = op.getInput();
  int64_t axis = normalized(op.getAxis(), rankOf(x)), p = op.getP();
  Type type = elementOf(x), accumulator = accumulatorType(type);
  Value sum = reduceOver(l, x, axis, /*keep=*/true, Reduction::sum, accumulator,
                         [&](Scalars &s, Value v) { return p == 1 ? s.abs(v) : s.mul(v, v); });
  l.replace(op, l.elementwise(l.extents(x), type, {x, sum}, [&](Scalars &s, ValueRange v) {
    Value norm = p == 1 ? v[1] : s.sqrt(v[1]), zero = s.constant(accumulator, 0);
    Value quotient = s.div(s.cast(v[0], accumulator), norm);
    return s.cast(s.select(s.equal(norm, zero), zero, quotient), type);
  }));
  return success();
}

void addNormalizationLowerings(LoweringTable &table) {
  addLowering<onnx::SoftmaxOp>(table, lowerSoftmax);
  addLowering<onnx::LogSoftmaxOp>(table, lowerLogSoftmax);
  addLowering<onnx::HardmaxOp>(table, lowerHardmax);
  addLowering<onnx::LayerNormalizationOp>(table, lowerLayerNormalization);
  addLowering<onnx::RMSNormalizationOp>(table, lowerRMSNormalization);
  addLowering<onnx::InstanceNormalizationOp>(table, lowerInstanceNormalization);
  addLowering<onnx::GroupNormalizationOp>(table, lowerGroupNormalization);
  addLowering<onnx::BatchNormalizationOp>(table, lowerBatchNormalization);
  addLowering<onnx::MeanVarianceNormalizationOp>(table, lowerMeanVariance);
  addLowering<onnx::LpNormalizationOp>(table, lowerLpNormalization);
}

} // namespace halyard::lowering
