// Symbolic shapes of softmax, normalisation, quantisation and attention.
#include "passes/Analysis/SymbolicInference.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace halyard;

namespace {

void firstResult(Operation *op, SymbolicInference &in) {
  if (std::optional<LengthExprs> shape = in.shape(op->getOperand(0)))
    in.setShape(op->getResult(0), *shape);
}

/// A normalisation's further results, its statistics, have extent 1 on the normalised axes, those from `axis`
/// on.
void normalisation(Operation *op, SymbolicInference &in, int64_t axis) {
  std::optional<LengthExprs> shape = in.shape(op->getOperand(0));
  if (!shape)
    return;
  in.setShape(op->getResult(0), *shape);
  for (size_t index = fromFront(axis, shape->size()); index < shape->size(); ++index)
    (*shape)[index] = in.constant(1);
  for (Value result : op->getResults().drop_front())
    in.setShape(result, *shape);
}

template <typename Op> void visitNormalisation(Op op, SymbolicInference &in) {
  normalisation(op, in, op.getAxis());
}

void visitBatchNormalization(onnx::BatchNormalizationOp op, SymbolicInference &in) {
  firstResult(op, in);
  std::optional<LengthExprs> channels = in.shape(op.getInputMean());
  for (Value result : op->getResults().drop_front())
    if (channels)
      in.setShape(result, *channels);
}

void visitDynamicQuantize(onnx::DynamicQuantizeLinearOp op, SymbolicInference &in) {
  firstResult(op, in);
  in.setShape(op.getYScale(), {});
  in.setShape(op.getYZeroPoint(), {});
}

//===-- attention
//--------------------------------------------------------------------------------------------------===//

/// [batch, heads, rows, head features] of an operand of rank 4, or of rank 3 with the heads in the features.
std::optional<LengthExprs> headed(SymbolicInference &in, Value value, std::optional<int64_t> heads) {
  std::optional<LengthExprs> shape = in.shape(value);
  if (!shape || shape->size() == 4)
    return shape;
  if (shape->size() != 3 || !heads)
    return std::nullopt;
  AffineExpr count = in.constant(*heads);
  return LengthExprs{(*shape)[0], count, (*shape)[1], in.algebra().floorDiv((*shape)[2], count)};
}

void visitAttention(onnx::AttentionOp op, SymbolicInference &in) {
  std::optional<LengthExprs> output = in.shape(op.getQ());
  std::optional<LengthExprs> q = headed(in, op.getQ(), op.getQNumHeads());
  std::optional<LengthExprs> k = headed(in, op.getK(), op.getKvNumHeads());
  std::optional<LengthExprs> v = headed(in, op.getV(), op.getKvNumHeads());
  if (!q || !k || !v)
    return;
  if (in.algebra().equal((*q)[3], (*k)[3]) == false)
    return in.error(op, "expects queries and keys of one head size");
  output->back() = output->size() == 4 ? (*v)[3] : in.algebra().mul((*q)[1], (*v)[3]);
  in.setShape(op.getOutputs()[0], *output);
  if (!onnx::isAbsent(op.getPastKey())) {
    std::optional<LengthExprs> past = in.shape(op.getPastKey());
    AffineExpr before = past && past->size() == 4 ? (*past)[2] : AffineExpr();
    (*k)[2] = in.algebra().add((*k)[2], before);
    (*v)[2] = in.algebra().add((*v)[2], before);
  }
  LengthExprs scores{(*q)[0], (*q)[1], (*q)[2], (*k)[2]};
  for (auto [result, shape] : llvm::zip(op.getOutputs().drop_front(), ArrayRef<LengthExprs>{*k, *v, scores}))
    in.setShape(result, shape);
}
} // namespace

void halyard::addNeuralTransfers(TransferTable &table) {
  table.add<onnx::SoftmaxOp, onnx::LogSoftmaxOp, onnx::HardmaxOp, onnx::GroupNormalizationOp,
            onnx::InstanceNormalizationOp, onnx::LpNormalizationOp, onnx::MeanVarianceNormalizationOp,
            onnx::RMSNormalizationOp, onnx::RotaryEmbeddingOp, onnx::QuantizeLinearOp,
            onnx::DequantizeLinearOp>(firstResult);
  table.addTyped<onnx::LayerNormalizationOp>(visitNormalisation<onnx::LayerNormalizationOp>);
  table.addTyped<onnx::BatchNormalizationOp>(visitBatchNormalization);
  table.addTyped<onnx::DynamicQuantizeLinearOp>(visitDynamicQuantize);
  table.addTyped<onnx::AttentionOp>(visitAttention);
}
