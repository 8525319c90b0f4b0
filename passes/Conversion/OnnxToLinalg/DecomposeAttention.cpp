// Attention in its standard and com.microsoft forms, as matrix products and a softmax. All forms meet in
// `attend`, which takes queries, keys and values as [batch, heads, rows, features].
#include "passes/Conversion/OnnxToLinalg/Compose.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace halyard::lowering {

namespace {
/// What is done between keys and values.
struct Attend {
  double scale = 1, softcap = 0;
  bool causal = false;
  Value pastLength; ///< A vector of one: keys before those of the first query row; null for none.
  SmallVector<Value> biases;
  Type softmaxType; ///< Null: that of the scores.
};

struct Attended {
  Value scores, biased, weights, output;
};

constexpr double infinity = std::numeric_limits<double>::infinity();
} // namespace

/// [batch, rows, heads * features] as [batch, heads, rows, features].
static Value splitHeads(Compose &c, Value x, int64_t heads) {
  return c.transpose(c.reshape(x, {0, 0, heads, -1}), {0, 2, 1, 3});
}

static Value mergeHeads(Compose &c, Value x) { return c.reshape(c.transpose(x, {0, 2, 1, 3}), {0, 0, -1}); }

/// Every key/value head of `features` serves `repeats` query heads that follow each other.
static Value repeatHeads(Compose &c, Value x, int64_t heads, int64_t repeats, int64_t features) {
  if (repeats == 1)
    return x;
  Value repeated = c.expand(c.unsqueeze(x, {2}), c.ints({1, 1, repeats, 1, 1}));
  return c.reshape(repeated, {0, heads, -1, features});
}

/// -inf above the diagonal of [query rows, key rows].
static Value causalBias(Compose &c, Value scores, Value pastLength) {
  Value masked = c.full(c.shape(scores, 2, 4), onnx::elementTypeOf(scores), -infinity);
  Value diagonal = c.ints(1);
  if (pastLength)
    diagonal = c.add(diagonal, pastLength);
  return onnx::TriluOp::create(c.b, c.like(masked), masked, c.squeeze(diagonal, {0}), /*upper=*/1);
}

static Attended attend(Compose &c, Value q, Value k, Value v, const Attend &how) {
  Attended result;
  Type type = onnx::elementTypeOf(q);
  Value root = c.scalar(type, std::sqrt(how.scale));
  result.scores = c.matMul(c.mul(q, root), c.mul(c.transpose(k, {0, 1, 3, 2}), root));
  if (how.softcap > 0) {
    Value cap = c.scalar(type, how.softcap);
    result.scores = c.mul(c.tanh(c.div(result.scores, cap)), cap);
  }
  result.biased = result.scores;
  for (Value bias : how.biases)
    result.biased = c.add(result.biased, bias);
  if (how.causal)
    result.biased = c.add(result.biased, causalBias(c, result.scores, how.pastLength));
  Type softmaxType = how.softmaxType ? how.softmaxType : type;
  result.weights = c.softmax(c.cast(result.biased, softmaxType));
  result.output = c.cast(c.matMul(result.weights, c.cast(v, softmaxType)), type);
  return result;
}

/// 0 where the condition holds, else -inf (or another value).
static Value biasOfMask(Compose &c, Value mask, Type type, double masked = -infinity) {
  return c.where(c.cast(mask, c.b.getI1Type()), c.scalar(type, 0), c.scalar(type, masked));
}

//===-- Attention (operator set 23)
//----------------------------------------------------------------------------------===//

/// The mask as a bias over all keys; what it does not reach is masked.
static Value attentionMask(Compose &c, Value mask, Value keys, Type type) {
  Value bias = onnx::elementTypeOf(mask).isInteger(1) ? biasOfMask(c, mask, type) : c.cast(mask, type);
  std::optional<int64_t> given = staticExtent(mask, -1), wanted = staticExtent(keys, 2);
  if (!given || !wanted || *given >= *wanted)
    return bias;
  return onnx::PadOp::create(c.b, c.like(bias), bias, c.ints({0, *wanted - *given}),
                             c.scalar(type, -infinity), c.ints(-1));
}

/// Keys at and after nonpad_kv_seqlen[batch] are masked.
static Value paddingBias(Compose &c, Value lengths, Value keys, Type type) {
  Value visible = c.less(c.range(c.shape(keys, 2, 3)), c.unsqueeze(lengths, {1}));
  return c.unsqueeze(biasOfMask(c, visible, type), {1, 2});
}

/// Keys and values with what came before them, each head as often as queries share it.
static LogicalResult decompose(onnx::AttentionOp op) {
  Compose c(op);
  Value q = op.getQ(), k = op.getK(), v = op.getV();
  bool merged = knownRank(q) == 3;
  if (merged) {
    q = splitHeads(c, q, *op.getQNumHeads());
    k = splitHeads(c, k, *op.getKvNumHeads());
    v = splitHeads(c, v, *op.getKvNumHeads());
  }
  std::optional<int64_t> heads = staticExtent(q, 1), keyHeads = staticExtent(k, 1);
  if (merged) {
    heads = *op.getQNumHeads();
    keyHeads = *op.getKvNumHeads();
  }
  std::optional<int64_t> width = staticExtent(op.getQ(), -1), keyWidth = staticExtent(op.getK(), -1),
                         valueWidth = staticExtent(op.getV(), -1);
  if (!heads || !keyHeads || *heads % *keyHeads || !width || !keyWidth || !valueWidth)
    return op.emitOpError("needs a static number of heads, a multiple of the key heads, got ")
           << op.getQ().getType() << " and " << op.getK().getType();
  Attend how;
  how.scale = op.getScale() ? op.getScale()->convertToDouble()
                            : 1 / std::sqrt(static_cast<double>(merged ? *width / *heads : *width));
  how.softcap = op.getSoftcap().convertToDouble();
  how.causal = op.getIsCausal();
  how.softmaxType = op.getSoftmaxPrecision().value_or(Type());
  if (!onnx::isAbsent(op.getPastKey())) {
    how.pastLength = c.shape(op.getPastKey(), 2, 3);
    k = c.concat({op.getPastKey(), k}, 2);
    v = c.concat({op.getPastValue(), v}, 2);
  }
  Type type = onnx::elementTypeOf(q);
  if (!onnx::isAbsent(op.getAttnMask()))
    how.biases.push_back(
        attentionMask(c, op.getAttnMask(), op->getNumResults() > 1 ? op->getResult(1) : k, type));
  if (!onnx::isAbsent(op.getNonpadKvSeqlen()))
    how.biases.push_back(paddingBias(c, op.getNonpadKvSeqlen(), k, type));
  int64_t repeats = *heads / *keyHeads, perHead = merged ? *keyHeads : 1;
  Value allKeys = repeatHeads(c, k, *heads, repeats, *keyWidth / perHead);
  Value allValues = repeatHeads(c, v, *heads, repeats, *valueWidth / perHead);
  Attended result = attend(c, q, allKeys, allValues, how);
  int64_t mode = op.getQkMatmulOutputMode();
  Value inner = c.cast(mode == 3 ? result.weights : mode == 2 ? result.biased : result.scores, type);
  SmallVector<Value> values{merged ? mergeHeads(c, result.output) : result.output, k, v, inner};
  replaceComposed(op, ArrayRef(values).take_front(op->getNumResults()));
  return success();
}

//===-- com.microsoft
//------------------------------------------------------------------------------------------------===//

/// A padding mask of [batch, keys] (1: visible), as a bias.
static FailureOr<Value> keyPadding(Operation *op, Compose &c, Value mask, Type type, double filter) {
  if (knownRank(mask) != 2)
    return op->emitOpError("takes a padding mask of [batch, keys], got ") << mask.getType();
  return c.unsqueeze(biasOfMask(c, mask, type, filter), {1, 2});
}

static double defaultScale(std::optional<APFloat> scale, std::optional<int64_t> features) {
  if (scale && !scale->isZero())
    return scale->convertToDouble();
  return 1 / std::sqrt(static_cast<double>(features.value_or(1)));
}

static LogicalResult decompose(onnx::MSMultiHeadAttentionOp op) {
  Compose c(op);
  Value q = op.getQuery(), k = op.getKey(), v = op.getValue();
  int64_t heads = op.getNumHeads();
  std::optional<int64_t> width = staticExtent(q, -1);
  if (knownRank(q) != 3 || onnx::isAbsent(k) || onnx::isAbsent(v) || !width)
    return op.emitOpError("with packed queries, keys and values is not supported");
  bool cached = knownRank(k) == 4; // keys and values of the source, heads apart already
  if (!onnx::isAbsent(op.getBias())) {
    int64_t valueWidth = staticExtent(op.getBias(), 0).value_or(3 * *width) - 2 * *width;
    q = c.add(q, c.slice(op.getBias(), 0, 0, *width));
    if (!cached) {
      k = c.add(k, c.slice(op.getBias(), 0, *width, 2 * *width));
      v = c.add(v, c.slice(op.getBias(), 0, 2 * *width, 2 * *width + valueWidth));
    }
  }
  q = splitHeads(c, q, heads);
  if (!cached) {
    k = splitHeads(c, k, heads);
    v = splitHeads(c, v, heads);
  }
  Attend how;
  how.scale = defaultScale(op.getScale(), *width / heads);
  how.causal = op.getUnidirectional();
  if (!onnx::isAbsent(op.getPastKey())) {
    how.pastLength = c.shape(op.getPastKey(), 2, 3);
    k = c.concat({op.getPastKey(), k}, 2);
    v = c.concat({op.getPastValue(), v}, 2);
  }
  Type type = onnx::elementTypeOf(q);
  if (!onnx::isAbsent(op.getKeyPaddingMask())) {
    auto bias = keyPadding(op, c, op.getKeyPaddingMask(), type, op.getMaskFilterValue().convertToDouble());
    if (failed(bias))
      return failure();
    how.biases.push_back(*bias);
  }
  if (!onnx::isAbsent(op.getAttentionBias()))
    how.biases.push_back(op.getAttentionBias());
  Attended result = attend(c, q, k, v, how);
  SmallVector<Value> values{mergeHeads(c, result.output), k, v, result.scores};
  replaceComposed(op, ArrayRef(values).take_front(op->getNumResults()));
  return success();
}

static LogicalResult decompose(onnx::MSAttentionOp op) {
  Compose c(op);
  std::optional<int64_t> width = staticExtent(op.getWeights(), 1);
  if (!width || !onnx::isAbsent(op.getPast()) || op.getDoRotary())
    return op.emitOpError(
        "with a past, with rotary embedding or with weights of dynamic shape is not supported");
  SmallVector<int64_t> sizes(3, *width / 3);
  if (op.getQkvHiddenSizes())
    sizes.assign(op.getQkvHiddenSizes()->begin(), op.getQkvHiddenSizes()->end());
  Value projected = c.addOptional(c.matMul(op.getInput(), op.getWeights()), op.getBias());
  SmallVector<Value> parts;
  int64_t offset = 0, heads = op.getNumHeads();
  for (int64_t size : sizes) {
    parts.push_back(splitHeads(c, c.slice(projected, 2, offset, offset + size), heads));
    offset += size;
  }
  Attend how;
  how.scale = defaultScale(op.getScale(), sizes[0] / heads);
  how.causal = op.getUnidirectional();
  Type type = onnx::elementTypeOf(op.getInput());
  if (!onnx::isAbsent(op.getMaskIndex())) {
    auto bias = keyPadding(op, c, op.getMaskIndex(), type, op.getMaskFilterValue().convertToDouble());
    if (failed(bias))
      return failure();
    how.biases.push_back(*bias);
  }
  if (!onnx::isAbsent(op.getAttentionBias()))
    how.biases.push_back(op.getAttentionBias());
  Attended result = attend(c, parts[0], parts[1], parts[2], how);
  SmallVector<Value> values{mergeHeads(c, result.output), Value()};
  if (op->getNumResults() > 1)
    values[1] = c.concat({c.unsqueeze(parts[1], {0}), c.unsqueeze(parts[2], {0})}, 0);
  replaceComposed(op, ArrayRef(values).take_front(op->getNumResults()));
  return success();
}

/// Attention of the floats that the codes stand for; weights have a scale for all or for each column.
static LogicalResult decompose(onnx::MSQAttentionOp op) {
  Compose c(op);
  Value input = c.dequantize(op.getInput(), op.getInputScale(), op.getInputZeroPoint());
  Value weights = c.dequantize(op.getWeight(), op.getWeightScale(), op.getWeightZeroPoint());
  if (auto type = dyn_cast<RankedTensorType>(op.getWeight().getType()))
    weights.setType(RankedTensorType::get(type.getShape(), onnx::elementTypeOf(weights)));
  auto attention = onnx::MSAttentionOp::create(
      c.b, op->getResultTypes(), input, weights, op.getBias(), op.getMaskIndex(), op.getPast(), c.none(),
      c.none(), op.getDoRotaryAttr(), op.getMaskFilterValueAttr(), op.getNumHeadsAttr(),
      op.getPastPresentShareBufferAttr(), DenseI64ArrayAttr(), IntegerAttr(), op.getScaleAttr(),
      op.getUnidirectionalAttr());
  replaceComposed(op, attention->getResults());
  return success();
}

/// Queries, keys and values as [batch, heads, rows, features], of a packed query or of three operands.
static FailureOr<SmallVector<Value>> groupedOperands(onnx::MSGroupQueryAttentionOp op, Compose &c,
                                                     int64_t &features) {
  int64_t heads = op.getNumHeads(), keyHeads = op.getKvNumHeads();
  std::optional<int64_t> width = staticExtent(op.getQuery(), -1);
  if (!width)
    return op.emitOpError("needs queries of a static width, got ") << op.getQuery().getType();
  Value q = op.getQuery(), k = op.getKey(), v = op.getValue();
  bool packed = onnx::isAbsent(k);
  features = *width / (packed ? heads + 2 * keyHeads : heads);
  if (packed) {
    int64_t keys = heads * features, values = keys + keyHeads * features;
    k = c.slice(op.getQuery(), 2, keys, values);
    v = c.slice(op.getQuery(), 2, values, *width);
    q = c.slice(op.getQuery(), 2, 0, keys);
  }
  return SmallVector<Value>{splitHeads(c, q, heads), splitHeads(c, k, keyHeads), splitHeads(c, v, keyHeads)};
}

static LogicalResult decompose(onnx::MSGroupQueryAttentionOp op) {
  if (op.getLocalWindowSize() != uint64_t(-1) || op.getSmoothSoftmax() || !onnx::isAbsent(op.getHeadSink()))
    return op.emitOpError("with a window, a sink or a smooth softmax is not supported");
  Compose c(op);
  int64_t features = 0, heads = op.getNumHeads(), keyHeads = op.getKvNumHeads();
  auto operands = groupedOperands(op, c, features);
  if (failed(operands))
    return failure();
  Value q = (*operands)[0], k = (*operands)[1], v = (*operands)[2];
  Attend how;
  how.scale = defaultScale(op.getScale(), features);
  how.softcap = op.getSoftcap().convertToDouble();
  how.causal = true;
  if (!onnx::isAbsent(op.getPastKey()))
    how.pastLength = c.shape(op.getPastKey(), 2, 3);
  if (op.getDoRotary()) {
    Value positions = op.getPositionIds();
    if (onnx::isAbsent(positions)) {
      positions = c.range(c.shape(q, 2, 3));
      positions = c.unsqueeze(how.pastLength ? c.add(positions, how.pastLength) : positions, {0});
    }
    for (Value *x : {&q, &k})
      *x = onnx::RotaryEmbeddingOp::create(c.b, c.like(*x), *x, op.getCosCache(), op.getSinCache(), positions,
                                           op.getRotaryInterleavedAttr(), IntegerAttr(),
                                           c.b.getI64IntegerAttr(0));
  }
  if (how.pastLength) {
    k = c.concat({op.getPastKey(), k}, 2);
    v = c.concat({op.getPastValue(), v}, 2);
  }
  if (!onnx::isAbsent(op.getAttentionBias()))
    how.biases.push_back(op.getAttentionBias());
  int64_t repeats = heads / keyHeads;
  Attended result = attend(c, q, repeatHeads(c, k, heads, repeats, features),
                           repeatHeads(c, v, heads, repeats, features), how);
  SmallVector<Value> values{mergeHeads(c, result.output), k, v, result.scores};
  replaceComposed(op, ArrayRef(values).take_front(op->getNumResults()));
  return success();
}

LogicalResult decomposeAttention(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<onnx::AttentionOp, onnx::MSAttentionOp, onnx::MSQAttentionOp, onnx::MSMultiHeadAttentionOp,
            onnx::MSGroupQueryAttentionOp>([](auto attention) { return decompose(attention); })
      .Default([](Operation *) { return success(); });
}

} // namespace halyard::lowering
