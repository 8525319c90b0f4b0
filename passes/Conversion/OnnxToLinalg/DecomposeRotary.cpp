// Rotary embeddings as products with cosines and sines of halves or of alternating features.
#include "passes/Conversion/OnnxToLinalg/Compose.h"

using namespace mlir;

namespace halyard::lowering {

namespace {
struct Rotary {
  int64_t features = 0; ///< Of a head.
  int64_t rotated = 0;  ///< The first ones of them.
  bool interleaved = false;
  int64_t rowAxis = 2; ///< 1 for [batch, rows, heads, features], 2 for [batch, heads, rows, features].
};
} // namespace

/// Two values of rotated / 2 features as one of all: the halves one after the other, or in turn.
static Value join(Compose &c, Value first, Value second, const Rotary &how) {
  if (!how.interleaved)
    return c.concat({first, second}, 3);
  return c.reshape(c.concat({c.unsqueeze(first, {4}), c.unsqueeze(second, {4})}, 4), {0, 0, 0, how.rotated});
}

/// Cosines or sines, [batch, rows, rotated / 2], for both members of a pair, with an axis for the heads.
static Value forPairs(Compose &c, Value table, const Rotary &how) {
  Value overHeads = c.unsqueeze(table, {how.rowAxis == 2 ? int64_t(1) : int64_t(2)});
  return join(c, overHeads, overHeads, how);
}

/// The form that exporters write too: x * cos, plus x turned by a quarter * sin.
static Value rotate(Compose &c, Value x, Value cos, Value sin, const Rotary &how) {
  int64_t half = how.rotated / 2;
  Value rotated = how.rotated == how.features ? x : c.slice(x, 3, 0, how.rotated);
  Value first = how.interleaved ? c.slice(rotated, 3, 0, how.rotated, 2) : c.slice(rotated, 3, 0, half);
  Value second =
      how.interleaved ? c.slice(rotated, 3, 1, how.rotated, 2) : c.slice(rotated, 3, half, how.rotated);
  Value turned = join(c, onnx::NegOp::create(c.b, c.like(second), second), first, how);
  Value result = c.add(c.mul(rotated, forPairs(c, cos, how)), c.mul(turned, forPairs(c, sin, how)));
  if (how.rotated == how.features)
    return result;
  return c.concat({result, c.slice(x, 3, how.rotated, how.features)}, 3);
}

/// Rotates x of [batch, rows, heads * features] or [batch, heads, rows, features]; `heads` counts for the
/// former only.
static LogicalResult rotateOp(Operation *op, Compose &c, Value x, Value cos, Value sin, int64_t heads,
                              std::optional<int64_t> rotated, bool interleaved) {
  std::optional<int64_t> width = staticExtent(x, -1);
  bool merged = knownRank(x) == 3;
  if (!width || (merged && heads < 1))
    return op->emitOpError("needs an input of static width and num_heads if heads are merged, got ")
           << x.getType();
  Rotary how;
  how.features = merged ? *width / heads : *width;
  how.rotated = rotated.value_or(0) > 0 ? *rotated : how.features;
  how.interleaved = interleaved;
  how.rowAxis = merged ? 1 : 2;
  Value split = merged ? c.reshape(x, {0, 0, heads, how.features}) : x;
  Value result = rotate(c, split, cos, sin, how);
  replaceComposed(op, merged ? c.reshape(result, {0, 0, *width}) : result);
  return success();
}

static LogicalResult decompose(onnx::RotaryEmbeddingOp op) {
  Compose c(op);
  Value cos = op.getCosCache(), sin = op.getSinCache();
  if (!onnx::isAbsent(op.getPositionIds())) {
    cos = c.gather(cos, op.getPositionIds());
    sin = c.gather(sin, op.getPositionIds());
  }
  return rotateOp(op, c, op.getX(), cos, sin, op.getNumHeads().value_or(0), op.getRotaryEmbeddingDim(),
                  op.getInterleaved());
}

static LogicalResult decompose(onnx::MSRotaryEmbeddingOp op) {
  Compose c(op);
  Value x = op.getInput(), positions = op.getPositionIds();
  bool merged = knownRank(x) == 3;
  if (op.getIsPackedBatching() || op.getScale().convertToDouble() != 1.0)
    return op.emitOpError("with packed batches or a scale is not supported");
  if (knownRank(positions) == 1) { // the position of the first row
    Value rows = c.range(c.shape(x, merged ? 1 : 2, merged ? 2 : 3));
    positions = c.unsqueeze(c.add(rows, positions), {0});
  }
  int64_t heads = op.getNumHeads();
  std::optional<int64_t> width = staticExtent(x, -1), half = staticExtent(op.getCosCache(), -1);
  if (merged && heads == 0 && width && half)
    heads = *width / (2 * *half);
  return rotateOp(op, c, x, c.gather(op.getCosCache(), positions), c.gather(op.getSinCache(), positions),
                  heads, op.getRotaryEmbeddingDim(), op.getInterleaved());
}

LogicalResult decomposeRotary(Operation *op) {
  if (auto rotary = dyn_cast<onnx::RotaryEmbeddingOp>(op))
    return decompose(rotary);
  if (auto rotary = dyn_cast<onnx::MSRotaryEmbeddingOp>(op))
    return decompose(rotary);
  return success();
}

} // namespace halyard::lowering
