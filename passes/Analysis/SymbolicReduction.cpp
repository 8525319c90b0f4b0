// Symbolic shapes of reductions; sums, products and extrema of a few known integers are followed.
#include "passes/Analysis/SymbolicInference.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace halyard;

namespace {

/// The shape with the marked axes reduced to 1, or dropped.
LengthExprs reduced(SymbolicInference &in, ArrayRef<AffineExpr> shape, const llvm::SmallBitVector &axes,
                    bool keep) {
  LengthExprs kept;
  for (auto [axis, extent] : llvm::enumerate(shape)) {
    if (!axes[axis])
      kept.push_back(extent);
    else if (keep)
      kept.push_back(in.constant(1));
  }
  return kept;
}

/// Reduces all elements by the operator's own rule, where it has one on integers.
void reduceContents(Operation *op, SymbolicInference &in) {
  std::optional<LengthExprs> contents = in.contents(op->getOperand(0));
  if (!contents || contents->empty())
    return;
  AffineExpr value = contents->front();
  for (AffineExpr element : ArrayRef(*contents).drop_front()) {
    if (isa<onnx::ReduceSumOp>(op))
      value = in.algebra().add(value, element);
    else if (isa<onnx::ReduceProdOp>(op))
      value = in.algebra().mul(value, element);
    else if (isa<onnx::ReduceMaxOp>(op))
      value = in.algebra().max(value, element);
    else if (isa<onnx::ReduceMinOp>(op))
      value = in.algebra().min(value, element);
    else
      return;
  }
  if (isa<onnx::ReduceSumOp, onnx::ReduceProdOp, onnx::ReduceMaxOp, onnx::ReduceMinOp>(op))
    in.setContents(op->getResult(0), {value});
}

void visitReduce(Operation *op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op->getOperand(0));
  if (!shape)
    return;
  bool keep =
      op->getAttrOfType<IntegerAttr>("keepdims") ? op->getAttrOfType<IntegerAttr>("keepdims").getInt() : true;
  auto noop = op->getAttrOfType<IntegerAttr>("noop_with_empty_axes");
  int64_t rank = shape->size();
  llvm::SmallBitVector reducedAxes(rank);
  std::optional<SmallVector<int64_t>> axes = SmallVector<int64_t>();
  if (!onnx::isAbsent(op->getOperand(1)))
    axes = in.constants(op->getOperand(1));
  if (!axes)
    return keep ? in.setShape(op->getResult(0), LengthExprs(rank, AffineExpr())) : void();
  if (axes->empty() && !(noop && noop.getInt()))
    reducedAxes.set();
  for (int64_t axis : *axes) {
    if (fromFront(axis, rank) < 0 || fromFront(axis, rank) >= rank)
      return in.error(op, "expects axes within the rank " + Twine(rank) + ", got " + Twine(axis));
    reducedAxes.set(fromFront(axis, rank));
  }
  in.setShape(op->getResult(0), reduced(in, *shape, reducedAxes, keep));
  if (reducedAxes.all())
    reduceContents(op, in);
}

void visitArg(Operation *op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op->getOperand(0));
  if (!shape)
    return;
  auto integer = [&](StringRef name, int64_t other) {
    auto attribute = op->getAttrOfType<IntegerAttr>(name);
    return attribute ? attribute.getInt() : other;
  };
  llvm::SmallBitVector axes(shape->size());
  axes.set(fromFront(integer("axis", 0), shape->size()));
  in.setShape(op->getResult(0), reduced(in, *shape, axes, integer("keepdims", 1)));
}

void sameShape(Operation *op, SymbolicInference &in) {
  if (std::optional<LengthExprs> shape = in.shape(op->getOperand(0)))
    in.setShape(op->getResult(0), *shape);
}
} // namespace

void halyard::addReductionTransfers(TransferTable &table) {
  table.add<onnx::ReduceL1Op, onnx::ReduceL2Op, onnx::ReduceLogSumOp, onnx::ReduceLogSumExpOp,
            onnx::ReduceMaxOp, onnx::ReduceMeanOp, onnx::ReduceMinOp, onnx::ReduceProdOp, onnx::ReduceSumOp,
            onnx::ReduceSumSquareOp>(visitReduce);
  table.add<onnx::ArgMaxOp, onnx::ArgMinOp>(visitArg);
  table.add<onnx::CumSumOp, onnx::CumProdOp>(sameShape);
}
