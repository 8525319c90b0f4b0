// Symbolic shapes of com.microsoft operators; their matrix products are in SymbolicContraction.cpp.
#include "passes/Analysis/SymbolicInference.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace halyard;

namespace {

void firstResult(Operation *op, SymbolicInference &in) {
  if (std::optional<LengthExprs> shape = in.shape(op->getOperand(0)))
    in.setShape(op->getResult(0), *shape);
}

/// Results: the normalised rows, mean, inverse deviation, and the sum that was normalised.
void visitSkipNormalisation(Operation *op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op->getOperand(0));
  if (!shape || shape->empty())
    return;
  LengthExprs statistics = *shape;
  statistics.back() = in.constant(1);
  for (auto [index, result] : llvm::enumerate(op->getResults()))
    in.setShape(result, index == 0 || index == 3 ? *shape : statistics);
}

void visitSimplifiedLayerNormalization(onnx::MSSimplifiedLayerNormalizationOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getX());
  if (!shape)
    return;
  in.setShape(op->getResult(0), *shape);
  for (size_t axis = fromFront(op.getAxis(), shape->size()); axis < shape->size(); ++axis)
    (*shape)[axis] = in.constant(1);
  for (Value result : op->getResults().drop_front())
    in.setShape(result, *shape);
}

/// Results: the normalised rows, a length for each of the batch, and the sum that was normalised.
void visitEmbedLayerNormalization(onnx::MSEmbedLayerNormalizationOp op, SymbolicInference &in) {
  std::optional<LengthExprs> ids = in.shape(op.getInputIds()), table = in.shape(op.getWordEmbedding());
  if (!ids || ids->size() != 2 || !table || table->size() != 2)
    return;
  for (auto [index, result] : llvm::enumerate(op->getResults()))
    in.setShape(result, index == 1 ? LengthExprs{(*ids)[0]} : LengthExprs{(*ids)[0], (*ids)[1], (*table)[1]});
}

//===-- attention
//--------------------------------------------------------------------------------------------------===//

/// Rows of a cache of shape [batch, heads, rows, features].
AffineExpr cachedRows(SymbolicInference &in, Value cache) {
  if (onnx::isAbsent(cache))
    return in.constant(0);
  std::optional<LengthExprs> shape = in.shape(cache);
  return shape && shape->size() == 4 ? (*shape)[2] : AffineExpr();
}

void visitSelfAttention(onnx::MSAttentionOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getInput()), weights = in.shape(op.getWeights());
  if (!shape || shape->size() != 3 || !weights || weights->size() != 2)
    return;
  const LengthAlgebra &algebra = in.algebra();
  AffineExpr rows = (*shape)[1], features = algebra.floorDiv(weights->back(), in.constant(3));
  if (op.getQkvHiddenSizes() && op.getQkvHiddenSizes()->size() == 3)
    features = in.constant((*op.getQkvHiddenSizes())[2]);
  shape->back() = features;
  in.setShape(op->getResult(0), *shape);
  if (op->getNumResults() < 2)
    return;
  AffineExpr before = in.constant(0), heads = in.constant(op.getNumHeads());
  if (!onnx::isAbsent(op.getPast())) {
    std::optional<LengthExprs> past = in.shape(op.getPast());
    before = past && past->size() == 5 ? (*past)[3] : AffineExpr();
  }
  in.setShape(op->getResult(1), {in.constant(2), (*shape)[0], heads, algebra.add(before, rows),
                                 algebra.floorDiv(features, heads)});
}

/// Queries, keys and values are as wide as each other.
void visitQuantizedAttention(onnx::MSQAttentionOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getInput()), weight = in.shape(op.getWeight());
  if (!shape || shape->size() != 3 || !weight || weight->size() != 2 || op->getNumResults() > 1)
    return;
  shape->back() = in.algebra().floorDiv(weight->back(), in.constant(3));
  in.setShape(op->getResult(0), *shape);
}

/// MultiHeadAttention and its single-row form. Keys and values of rank 4 are caches, [batch, heads, rows,
/// features].
void multiHead(Operation *op, SymbolicInference &in, Value query, Value key, Value value, Value pastKey,
               int64_t headCount) {
  std::optional<LengthExprs> q = in.shape(query);
  if (!q || q->size() != 3 || onnx::isAbsent(value) || onnx::isAbsent(key))
    return;
  std::optional<LengthExprs> k = in.shape(key), v = in.shape(value);
  if (!k || !v || k->size() < 3 || v->size() < 3)
    return;
  const LengthAlgebra &algebra = in.algebra();
  AffineExpr heads = in.constant(headCount), size = algebra.floorDiv((*q)[2], heads);
  AffineExpr valueSize = v->size() == 4 ? v->back() : algebra.floorDiv(v->back(), heads);
  AffineExpr rows = algebra.add(k->size() == 4 ? (*k)[2] : (*k)[1], cachedRows(in, pastKey));
  in.setShape(op->getResult(0), {(*q)[0], (*q)[1], algebra.mul(heads, valueSize)});
  LengthExprs further[] = {
      {(*q)[0], heads, rows, size}, {(*q)[0], heads, rows, valueSize}, {(*q)[0], heads, (*q)[1], rows}};
  for (auto [result, shape] : llvm::zip(op->getResults().drop_front(), further))
    in.setShape(result, shape);
}

void visitMultiHead(onnx::MSMultiHeadAttentionOp op, SymbolicInference &in) {
  multiHead(op, in, op.getQuery(), op.getKey(), op.getValue(), op.getPastKey(), op.getNumHeads());
}

void visitMaskedMultiHead(onnx::MSDecoderMaskedMultiHeadAttentionOp op, SymbolicInference &in) {
  multiHead(op, in, op.getQuery(), op.getKey(), op.getValue(), op.getPastKey(), op.getNumHeads());
}

void visitGroupQuery(onnx::MSGroupQueryAttentionOp op, SymbolicInference &in) {
  std::optional<LengthExprs> q = in.shape(op.getQuery());
  if (!q || q->size() != 3)
    return;
  const LengthAlgebra &algebra = in.algebra();
  AffineExpr heads = in.constant(op.getNumHeads()), kvHeads = in.constant(op.getKvNumHeads());
  // Without keys, the queries hold keys and values too.
  bool packed = onnx::isAbsent(op.getKey());
  AffineExpr size =
      algebra.floorDiv(q->back(), packed ? in.constant(op.getNumHeads() + 2 * op.getKvNumHeads()) : heads);
  AffineExpr rows = algebra.add((*q)[1], cachedRows(in, op.getPastKey()));
  q->back() = algebra.mul(heads, size);
  in.setShape(op->getResult(0), *q);
  for (Value result : op->getResults().drop_front().take_front(2))
    in.setShape(result, {(*q)[0], kvHeads, rows, size});
}

void visitRelativePositionBias(onnx::MSRelativePositionBiasOp op, SymbolicInference &in) {
  std::optional<LengthExprs> table = in.shape(op.getBiasTable());
  AffineExpr heads = table && table->size() == 2 ? (*table)[1] : AffineExpr();
  in.setShape(op.getResult(),
              {in.constant(1), heads, in.scalar(op.getQueryLength()), in.scalar(op.getKeyLength())});
}
} // namespace

void halyard::addMicrosoftTransfers(TransferTable &table) {
  table.add<onnx::MSBiasAddOp, onnx::MSBiasGeluOp, onnx::MSFastGeluOp, onnx::MSGeluOp, onnx::MSQuickGeluOp,
            onnx::MSDequantizeLinearOp, onnx::MSQuantizeLinearOp, onnx::MSRotaryEmbeddingOp>(firstResult);
  table.add<onnx::MSSkipLayerNormalizationOp, onnx::MSSkipSimplifiedLayerNormalizationOp>(
      visitSkipNormalisation);
  table.addTyped<onnx::MSSimplifiedLayerNormalizationOp>(visitSimplifiedLayerNormalization);
  table.addTyped<onnx::MSEmbedLayerNormalizationOp>(visitEmbedLayerNormalization);
  table.addTyped<onnx::MSQAttentionOp>(visitQuantizedAttention);
  table.addTyped<onnx::MSAttentionOp>(visitSelfAttention);
  table.addTyped<onnx::MSMultiHeadAttentionOp>(visitMultiHead);
  table.addTyped<onnx::MSDecoderMaskedMultiHeadAttentionOp>(visitMaskedMultiHead);
  table.addTyped<onnx::MSGroupQueryAttentionOp>(visitGroupQuery);
  table.addTyped<onnx::MSRelativePositionBiasOp>(visitRelativePositionBias);
}
