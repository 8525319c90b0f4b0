// Redundant movement, see Redundancy.h.
#include "passes/Transforms/Redundancy.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/LengthAlgebra.h"
#include "passes/Transforms/SplatFolding.h"

using namespace mlir;
using namespace halyard;

/// Whether every element of an integer operand is known to be `value`; an absent operand counts as such.
static bool isAll(Value operand, int64_t value, const SymbolicShapes &shapes) {
  if (onnx::isAbsent(operand))
    return true;
  std::optional<LengthExprs> elements = shapes.contents(operand);
  return elements &&
         llvm::all_of(*elements, [&](AffineExpr element) { return LengthAlgebra::value(element) == value; });
}

/// Whether an operand of a Concat has no elements.
static bool isEmpty(Value value, const SymbolicShapes &shapes) {
  std::optional<LengthExprs> shape = shapes.shape(value);
  return shape && llvm::any_of(*shape, [](AffineExpr extent) { return LengthAlgebra::value(extent) == 0; });
}

Value halyard::redundantResult(Operation *op, const SymbolicShapes &shapes) {
  using namespace onnx;
  if (!isa<SliceOp, ExpandOp, TileOp, ReshapeOp, FlattenOp, SqueezeOp, PadOp, ConcatOp>(op))
    return {};
  Value result = op->getResult(0), input = op->getOperand(0);
  if (auto concat = dyn_cast<ConcatOp>(op))
    return concat.getInputs().size() == 1 ? input : Value();
  AffineMap shape = shapes.shapeMap(result);
  if (!shape || shape != shapes.shapeMap(input))
    return {};
  // Of equal extents, a slice may still be reversed and a padding shifted.
  if (auto slice = dyn_cast<SliceOp>(op))
    return isAll(slice.getSteps(), 1, shapes) ? input : Value();
  if (auto pad = dyn_cast<PadOp>(op))
    return isAll(pad.getPads(), 0, shapes) ? input : Value();
  return input;
}

/// Drops operands without elements, as long as one stays.
static bool dropEmptyOperands(onnx::ConcatOp op, const SymbolicShapes &shapes) {
  SmallVector<Value> kept;
  for (Value input : op.getInputs())
    if (!isEmpty(input, shapes))
      kept.push_back(input);
  if (kept.empty() || kept.size() == op.getInputs().size())
    return false;
  op.getInputsMutable().assign(kept);
  return true;
}

/// Whether broadcasting gives an extent of `result` at each axis if operand `replaced` is read as `by`.
static bool broadcastsWithout(Operation *op, unsigned replaced, Value by, const SymbolicShapes &shapes) {
  std::optional<LengthExprs> result = shapes.shape(op->getResult(0));
  if (!result)
    return false;
  for (size_t back = 1; back <= result->size(); ++back) {
    AffineExpr wanted = (*result)[result->size() - back];
    bool found = LengthAlgebra::value(wanted) == 1;
    for (OpOperand &operand : op->getOpOperands()) {
      std::optional<LengthExprs> shape =
          shapes.shape(operand.getOperandNumber() == replaced ? by : operand.get());
      found |= shape && wanted && back <= shape->size() && (*shape)[shape->size() - back] == wanted;
    }
    if (!found)
      return false;
  }
  // The rank must come from somewhere too.
  return llvm::any_of(op->getOpOperands(), [&](OpOperand &operand) {
    std::optional<LengthExprs> shape =
        shapes.shape(operand.getOperandNumber() == replaced ? by : operand.get());
    return shape && shape->size() == result->size();
  });
}

static bool readBeforeExpand(Operation *op, const SymbolicShapes &shapes) {
  bool changed = false;
  for (OpOperand &operand : op->getOpOperands()) {
    auto expand = operand.get().getDefiningOp<onnx::ExpandOp>();
    if (!expand || !broadcastsWithout(op, operand.getOperandNumber(), expand.getInput(), shapes))
      continue;
    operand.set(expand.getInput());
    changed = true;
  }
  return changed;
}

/// The order of elements is the same through any chain of reshapes, once the last one's shape says every
/// extent.
static bool skipInnerReshape(onnx::ReshapeOp op, const SymbolicShapes &shapes) {
  Operation *inner = op.getData().getDefiningOp();
  std::optional<LengthExprs> wanted = shapes.contents(op.getShape());
  bool plain =
      wanted && llvm::none_of(*wanted, [](AffineExpr extent) { return LengthAlgebra::value(extent).value_or(1) < 1; });
  if (!plain || !isa_and_nonnull<onnx::ReshapeOp, onnx::SqueezeOp, onnx::UnsqueezeOp, onnx::FlattenOp>(inner))
    return false;
  op.getDataMutable().assign(inner->getOperand(0));
  return true;
}

bool halyard::simplifyOperands(Operation *op, const SymbolicShapes &shapes) {
  if (auto concat = dyn_cast<onnx::ConcatOp>(op))
    return dropEmptyOperands(concat, shapes);
  if (auto reshape = dyn_cast<onnx::ReshapeOp>(op))
    return skipInnerReshape(reshape, shapes);
  return isElementwise(op) && op->getNumOperands() > 1 && readBeforeExpand(op, shapes);
}
