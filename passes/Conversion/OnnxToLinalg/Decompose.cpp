// Operators that are compositions of others, rewritten into them before lowering: those that ONNX Runtime's
// optimiser fuses, integer products with scales, attention and rotary embeddings.
#include "passes/Conversion/OnnxToLinalg/Compose.h"
#include "passes/Conversion/OnnxToLinalg/Lowering.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace halyard::lowering {

//===-- activations and sums
//-----------------------------------------------------------------------------------------===//

static LogicalResult decompose(onnx::MSBiasAddOp op) {
  Compose c(op);
  replaceComposed(op, c.add(c.add(op.getX(), op.getBias()), op.getSkip()));
  return success();
}

static Value gelu(Compose &c, Value x, StringRef approximate) {
  return onnx::GeluOp::create(c.b, c.like(x), x, approximate);
}

static LogicalResult decompose(onnx::MSBiasGeluOp op) {
  Compose c(op);
  replaceComposed(op, gelu(c, c.add(op.getA(), op.getB()), "none"));
  return success();
}

static LogicalResult decompose(onnx::MSGeluOp op) {
  Compose c(op);
  replaceComposed(op, gelu(c, op.getX(), "none"));
  return success();
}

static LogicalResult decompose(onnx::MSFastGeluOp op) {
  Compose c(op);
  replaceComposed(op, gelu(c, c.addOptional(op.getX(), op.getBias()), "tanh"));
  return success();
}

static LogicalResult decompose(onnx::MSQuickGeluOp op) {
  Compose c(op);
  replaceComposed(op,
                  onnx::SwishOp::create(c.b, c.like(op.getX()), op.getX(), op.getAlphaAttr()).getResult());
  return success();
}

//===-- normalisation
//------------------------------------------------------------------------------------------------===//

/// 1 / sqrt(mean of squares along the last axis + epsilon).
static Value inverseRootMeanSquare(Compose &c, Value x, FloatAttr epsilon) {
  Type type = onnx::elementTypeOf(x);
  Value mean = onnx::ReduceMeanOp::create(c.b, c.like(x), c.mul(x, x), c.ints(-1));
  Value root = onnx::SqrtOp::create(c.b, c.like(x), c.add(mean, c.scalar(type, epsilon.getValueAsDouble())));
  return onnx::ReciprocalOp::create(c.b, c.like(x), root);
}

static LogicalResult decompose(onnx::MSSimplifiedLayerNormalizationOp op) {
  Compose c(op);
  Value x = op.getX(),
        y = onnx::RMSNormalizationOp::create(c.b, c.like(op.getScale()), x, op.getScale(), op.getAxisAttr(),
                                             op.getEpsilonAttr(), op.getStashTypeAttr());
  SmallVector<Value> values{y};
  if (op->getNumResults() > 1)
    values.push_back(op->getResult(1).use_empty() ? Value()
                                                  : inverseRootMeanSquare(c, x, op.getEpsilonAttr()));
  replaceComposed(op, values);
  return success();
}

/// Rows normalised along the last axis, their means and inverse deviations.
static onnx::LayerNormalizationOp layerNorm(Compose &c, Value x, Value gamma, Value beta, FloatAttr epsilon) {
  Type statistics = c.unranked(c.b.getF32Type());
  SmallVector<Type> types{c.like(x), statistics, statistics};
  return onnx::LayerNormalizationOp::create(c.b, types, x, gamma, beta, c.b.getI64IntegerAttr(-1), epsilon,
                                            c.b.getI64IntegerAttr(1));
}

static LogicalResult decompose(onnx::MSSkipLayerNormalizationOp op) {
  Compose c(op);
  Value sum = c.addOptional(c.add(op.getInput(), op.getSkip()), op.getBias());
  auto norm = layerNorm(c, sum, op.getGamma(), op.getBeta(), op.getEpsilonAttr());
  SmallVector<Value> values(norm->getResults());
  values.push_back(sum);
  replaceComposed(op, ArrayRef(values).take_front(op->getNumResults()));
  return success();
}

static LogicalResult decompose(onnx::MSSkipSimplifiedLayerNormalizationOp op) {
  Compose c(op);
  Value sum = c.addOptional(c.add(op.getInput(), op.getSkip()), op.getBias());
  Value y = onnx::RMSNormalizationOp::create(c.b, c.like(sum), sum, op.getGamma(), c.b.getI64IntegerAttr(-1),
                                             op.getEpsilonAttr(), c.b.getI64IntegerAttr(1));
  SmallVector<Value> values{y, Value(), Value(), sum};
  if (op->getNumResults() > 1 && !op->getResult(1).use_empty())
    return op.emitOpError("with a mean is not supported");
  if (op->getNumResults() > 2 && !op->getResult(2).use_empty())
    values[2] = inverseRootMeanSquare(c, sum, op.getEpsilonAttr());
  replaceComposed(op, ArrayRef(values).take_front(op->getNumResults()));
  return success();
}

static LogicalResult decompose(onnx::MSEmbedLayerNormalizationOp op) {
  Compose c(op);
  Value positions = op.getPositionIds();
  if (onnx::isAbsent(positions))
    positions = c.unsqueeze(c.range(c.shape(op.getInputIds(), 1, 2)), {0});
  Value sum = c.add(c.gather(op.getWordEmbedding(), op.getInputIds()),
                    c.gather(op.getPositionEmbedding(), positions));
  if (!onnx::isAbsent(op.getSegmentIds()))
    sum = c.add(sum, c.gather(op.getSegmentEmbedding(), op.getSegmentIds()));
  auto norm = layerNorm(c, sum, op.getGamma(), op.getBeta(), op.getEpsilonAttr());
  // Without a mask the lengths are 0.
  Value mask = op.getMask();
  if (onnx::isAbsent(mask))
    mask = c.mul(op.getInputIds(), c.scalar(onnx::elementTypeOf(op.getInputIds()), 0));
  Value lengths = onnx::ReduceSumOp::create(c.b, c.like(mask), mask, c.ints(1), /*keepdims=*/0,
                                            /*noop_with_empty_axes=*/0);
  SmallVector<Value> values{norm->getResult(0), c.cast(lengths, c.b.getI32Type()), sum};
  replaceComposed(op, ArrayRef(values).take_front(op->getNumResults()));
  return success();
}

//===-- integer products
//---------------------------------------------------------------------------------------------===//

/// (a - a zero) times (b - b zero), scaled, as floats.
static Value scaledProduct(Compose &c, Value a, Value aScale, Value aZero, Value b, Value bScale,
                           Value bZero) {
  Value product = onnx::MatMulIntegerOp::create(c.b, c.unranked(c.b.getI32Type()), a, b, aZero, bZero);
  Type type = c.b.getF32Type();
  return c.mul(c.cast(product, type), c.mul(c.cast(aScale, type), c.cast(bScale, type)));
}

static LogicalResult decompose(onnx::MSMatMulIntegerToFloatOp op) {
  Compose c(op);
  Value product = scaledProduct(c, op.getA(), op.getAScale(), op.getAZeroPoint(), op.getB(), op.getBScale(),
                                op.getBZeroPoint());
  replaceComposed(op, c.addOptional(product, op.getBias()));
  return success();
}

static LogicalResult decompose(onnx::MSDynamicQuantizeMatMulOp op) {
  Compose c(op);
  Type byte = onnx::uint8Type(c.b.getContext());
  SmallVector<Type> types{c.unranked(byte), c.unranked(c.b.getF32Type()), c.unranked(byte)};
  auto quantized = onnx::DynamicQuantizeLinearOp::create(c.b, types, op.getA());
  Value product = scaledProduct(c, quantized.getY(), quantized.getYScale(), quantized.getYZeroPoint(),
                                op.getB(), op.getBScale(), op.getBZeroPoint());
  replaceComposed(op, c.addOptional(product, op.getBias()));
  return success();
}

static LogicalResult decompose(onnx::QLinearMatMulOp op) {
  Compose c(op);
  Value product = scaledProduct(c, op.getA(), op.getAScale(), op.getAZeroPoint(), op.getB(), op.getBScale(),
                                op.getBZeroPoint());
  Value scale = c.cast(op.getYScale(), c.b.getF32Type()), zero = op.getYZeroPoint();
  replaceComposed(op, onnx::QuantizeLinearOp::create(c.b, c.like(zero), product, scale, zero, /*axis=*/1,
                                                     /*block_size=*/0, TypeAttr(), TypeAttr(), /*saturate=*/1)
                          .getResult());
  return success();
}

Value floatConvolution(Compose &c, onnx::ConvIntegerOp op, Value x) {
  Type type = c.b.getF32Type();
  Value zero = op.getWZeroPoint();
  auto filters = cast<RankedTensorType>(op.getW().getType());
  if (!onnx::isAbsent(zero) && knownRank(zero) == 1 && staticExtent(zero, 0) != 1) {
    SmallVector<int64_t> perFilter(filters.getRank(), 1);
    perFilter.front() = -1;
    zero = c.reshape(zero, perFilter);
  }
  Value w = c.centred(op.getW(), zero);
  w.setType(RankedTensorType::get(filters.getShape(), type));
  return onnx::ConvOp::create(c.b, c.unranked(type), x, w, c.none(), op.getGroupAttr(), op.getAutoPadAttr(),
                              op.getKernelShapeAttr(), op.getStridesAttr(), op.getDilationsAttr(),
                              op.getPadsAttr());
}

/// As a convolution of floats, which hold such integers exactly.
static LogicalResult decompose(onnx::ConvIntegerOp op) {
  Compose c(op);
  Value y = floatConvolution(c, op, c.centred(op.getX(), op.getXZeroPoint()));
  replaceComposed(op, c.cast(y, c.b.getI32Type()));
  return success();
}

/// Distances from queries to keys, [queries, keys], as numbers of buckets: each of the nearest has its own,
/// those after them grow by a constant factor up to the largest distance (T5, arXiv 1910.10683, section 2.1).
static Value bucketsOfDistances(Compose &c, onnx::MSRelativePositionBiasOp op, int64_t buckets) {
  Type integer = c.b.getI64Type(), real = c.b.getF32Type();
  auto positions = [&](Value length, int64_t axis) {
    return c.unsqueeze(c.range(c.reshape(c.cast(length, integer), {1})), {axis});
  };
  auto number = [&](int64_t value) { return c.scalar(integer, value); };
  Value distance = c.sub(positions(op.getKeyLength(), 0), positions(op.getQueryLength(), 1)), after;
  if (op.getIsBidirectional()) {
    buckets /= 2;
    after = c.where(c.less(number(0), distance), number(buckets), number(0));
    distance = onnx::AbsOp::create(c.b, c.like(distance), distance);
  } else {
    Value before = onnx::NegOp::create(c.b, c.like(distance), distance);
    distance = onnx::MaxOp::create(c.b, c.like(before), ValueRange{before, number(0)});
  }
  int64_t exact = buckets / 2;
  Value far = onnx::MaxOp::create(c.b, c.like(distance), ValueRange{distance, number(exact)});
  Value ratio = c.div(c.cast(far, real), c.scalar(real, exact));
  Value large = c.div(onnx::LogOp::create(c.b, c.like(ratio), ratio),
                      c.scalar(real, std::log(double(op.getMaxDistance()) / exact)));
  large = c.add(c.cast(c.mul(large, c.scalar(real, buckets - exact)), integer), number(exact));
  large = onnx::MinOp::create(c.b, c.like(large), ValueRange{large, number(buckets - 1)});
  Value bucket = c.where(c.less(distance, number(exact)), distance, large);
  return after ? c.add(bucket, after) : bucket;
}

static LogicalResult decompose(onnx::MSRelativePositionBiasOp op) {
  Compose c(op);
  std::optional<int64_t> buckets = staticExtent(op.getBiasTable(), 0);
  if (!buckets || *buckets < 4)
    return op.emitOpError("needs a table of at least 4 buckets, got ") << op.getBiasTable().getType();
  Value bias = c.gather(op.getBiasTable(), bucketsOfDistances(c, op, *buckets));
  replaceComposed(op, c.unsqueeze(c.transpose(bias, {2, 0, 1}), {0}));
  return success();
}

static LogicalResult decomposeOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<onnx::MSBiasAddOp, onnx::MSBiasGeluOp, onnx::MSGeluOp, onnx::MSFastGeluOp, onnx::MSQuickGeluOp,
            onnx::MSSimplifiedLayerNormalizationOp, onnx::MSSkipLayerNormalizationOp,
            onnx::MSSkipSimplifiedLayerNormalizationOp, onnx::MSEmbedLayerNormalizationOp,
            onnx::MSMatMulIntegerToFloatOp, onnx::MSDynamicQuantizeMatMulOp, onnx::QLinearMatMulOp,
            onnx::ConvIntegerOp, onnx::MSRelativePositionBiasOp>(
          [](auto composed) { return decompose(composed); })
      .Case([](onnx::ResizeOp resize) { return decomposeResize(resize); })
      .Default([](Operation *other) {
        return isa<onnx::RotaryEmbeddingOp, onnx::MSRotaryEmbeddingOp>(other) ? decomposeRotary(other)
                                                                              : decomposeAttention(other);
      });
}

LogicalResult decomposeOnnx(Operation *root, llvm::function_ref<bool(Operation *)> isKept) {
  SmallVector<Operation *> ops;
  root->walk([&](Operation *op) {
    if (isComposite(op) && !(isKept && isKept(op)))
      ops.push_back(op);
  });
  for (Operation *op : ops)
    if (failed(decomposeOp(op)))
      return failure();
  return success();
}

bool isComposite(Operation *op) {
  return isa<onnx::MSBiasAddOp, onnx::MSBiasGeluOp, onnx::MSGeluOp, onnx::MSFastGeluOp, onnx::MSQuickGeluOp,
             onnx::MSSimplifiedLayerNormalizationOp, onnx::MSSkipLayerNormalizationOp,
             onnx::MSSkipSimplifiedLayerNormalizationOp, onnx::MSEmbedLayerNormalizationOp,
             onnx::MSMatMulIntegerToFloatOp, onnx::MSDynamicQuantizeMatMulOp, onnx::QLinearMatMulOp,
             onnx::ConvIntegerOp, onnx::MSRelativePositionBiasOp, onnx::ResizeOp, onnx::RotaryEmbeddingOp,
             onnx::MSRotaryEmbeddingOp, onnx::AttentionOp, onnx::MSAttentionOp, onnx::MSQAttentionOp,
             onnx::MSMultiHeadAttentionOp, onnx::MSGroupQueryAttentionOp>(op);
}

} // namespace halyard::lowering
