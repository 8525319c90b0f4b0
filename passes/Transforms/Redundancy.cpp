// Redundant movement, see Redundancy.h.
#include "passes/Transforms/Redundancy.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/Elementwise.h"
#include "passes/Analysis/LengthAlgebra.h"
#include "passes/Transforms/Splat.h"

#include "mlir/IR/Builders.h"
#include "targets/Common/HostTensor.h"

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

/// Whether the value is a constant 0, 1, 2, ...: positions of an encoder whose length is fixed.
static bool countsFromZero(Value value) {
  auto constant = value.getDefiningOp<onnx::ConstantOp>();
  if (!constant || !isa<IntegerType>(constant.getValue().getElementType()))
    return false;
  HostTensor elements = fromAttribute(constant.getValue());
  for (int64_t index = 0; index < elements.elements(); ++index)
    if (elements.integerAt(index) != index)
      return false;
  return true;
}

Value halyard::redundantResult(Operation *op, const SymbolicShapes &shapes) {
  using namespace onnx;
  if (!isa<SliceOp, ExpandOp, TileOp, ReshapeOp, FlattenOp, SqueezeOp, PadOp, ConcatOp, GatherOp>(op))
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
  if (auto gather = dyn_cast<GatherOp>(op))
    return countsFromZero(gather.getIndices()) ? input : Value();
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
  bool plain = wanted && llvm::none_of(*wanted, [](AffineExpr extent) {
                 return LengthAlgebra::value(extent).value_or(1) < 1;
               });
  if (!plain || !isa_and_nonnull<onnx::ReshapeOp, onnx::SqueezeOp, onnx::UnsqueezeOp, onnx::FlattenOp>(inner))
    return false;
  op.getDataMutable().assign(inner->getOperand(0));
  return true;
}

/// A bias of zeros, or a mask under which every key is visible.
static bool hidesNothing(Value mask) {
  Attribute element = splatElement(mask);
  return isa_and_nonnull<FloatType>(onnx::elementTypeOf(mask)) ? isNumber(element, 0) : isNumber(element, 1);
}

static void dropOperand(OpOperand &operand) {
  Operation *op = operand.getOwner();
  OpBuilder builder(op);
  operand.set(onnx::NoneOp::create(builder, op->getLoc(), builder.getNoneType()));
}

/// Leaves out masks that hide nothing. A mask of fewer columns than there are keys hides the others, so the
/// extents have to be the same.
static bool dropMask(onnx::AttentionOp op, const SymbolicShapes &shapes) {
  Value mask = op.getAttnMask();
  std::optional<LengthExprs> columns = shapes.shape(mask), keys = shapes.shape(op.getK());
  if (onnx::isAbsent(mask) || !onnx::isAbsent(op.getPastKey()) || !columns || columns->empty() || !keys ||
      keys->size() < 3 || !hidesNothing(mask))
    return false;
  AffineExpr rows = (*keys)[keys->size() == 4 ? 2 : 1];
  if (!rows || columns->back() != rows)
    return false;
  dropOperand(op.getAttnMaskMutable());
  return true;
}

static bool dropMask(onnx::MSMultiHeadAttentionOp op) {
  bool changed = false;
  // A padding mask of rank 1 holds lengths, not a mask.
  auto padding = dyn_cast<RankedTensorType>(op.getKeyPaddingMask().getType());
  if (padding && padding.getRank() > 1 && hidesNothing(op.getKeyPaddingMask())) {
    dropOperand(op.getKeyPaddingMaskMutable());
    changed = true;
  }
  if (!onnx::isAbsent(op.getAttentionBias()) && hidesNothing(op.getAttentionBias())) {
    dropOperand(op.getAttentionBiasMutable());
    changed = true;
  }
  return changed;
}

bool halyard::simplifyOperands(Operation *op, const SymbolicShapes &shapes) {
  if (auto concat = dyn_cast<onnx::ConcatOp>(op))
    return dropEmptyOperands(concat, shapes);
  if (auto reshape = dyn_cast<onnx::ReshapeOp>(op))
    return skipInnerReshape(reshape, shapes);
  if (auto attention = dyn_cast<onnx::AttentionOp>(op))
    return dropMask(attention, shapes);
  if (auto attention = dyn_cast<onnx::MSMultiHeadAttentionOp>(op))
    return dropMask(attention);
  return isElementwise(op) && op->getNumOperands() > 1 && readBeforeExpand(op, shapes);
}
