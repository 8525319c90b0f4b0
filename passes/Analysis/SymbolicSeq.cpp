// Shapes of what the raising passes make: seq operations over rows, and positional tables cut to a length.
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/SymbolicInference.h"

using namespace mlir;
using namespace halyard;

namespace {

void extents(seq::ExtentsOp op, SymbolicInference &in) {
  in.setContents(op.getResult(), LengthExprs(op.getMap().getResults()));
}

/// Rows of the first operand, features of the result.
void rowsOfFirst(Operation *op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op->getOperand(0));
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (shape && shape->size() == 2 && type && type.getRank() == 2)
    in.setShape(op->getResult(0), {shape->front(), in.constant(type.getDimSize(1))});
}

/// An index computed from lengths; null if it is computed from anything else.
AffineExpr exprOf(Value index, const LengthAlgebra &algebra) {
  if (auto length = index.getDefiningOp<seq::LengthOp>())
    return length.getAxis() == seq::Axis::source ? algebra.source() : algebra.target();
  if (auto constant = getConstantIntValue(index))
    return algebra.constant(*constant);
  auto apply = index.getDefiningOp<affine::AffineApplyOp>();
  if (!apply)
    return {};
  SmallVector<AffineExpr> operands;
  for (Value operand : apply.getMapOperands()) {
    operands.push_back(exprOf(operand, algebra));
    if (!operands.back())
      return {};
  }
  AffineMap map = apply.getAffineMap();
  ArrayRef<AffineExpr> all(operands);
  return map.getResult(0).replaceDimsAndSymbols(all.take_front(map.getNumDims()),
                                                all.drop_front(map.getNumDims()));
}

void extractSlice(tensor::ExtractSliceOp op, SymbolicInference &in) {
  LengthExprs shape;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (auto [axis, size] : llvm::enumerate(op.getMixedSizes())) {
    if (dropped.test(axis))
      continue;
    auto constant = getConstantIntValue(size);
    shape.push_back(constant ? in.constant(*constant) : exprOf(cast<Value>(size), in.algebra()));
  }
  in.setShape(op.getResult(), shape);
}

} // namespace

void halyard::addSeqTransfers(TransferTable &table) {
  table.add<seq::AttentionOp, seq::NormOp, seq::RotaryOp, seq::PrefixSumOp>(rowsOfFirst);
  table.addTyped<seq::ExtentsOp>(extents);
  table.addTyped<tensor::ExtractSliceOp>(extractSlice);
}
