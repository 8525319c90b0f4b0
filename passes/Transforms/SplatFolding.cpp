// What operators make of splats.
//
// An elementwise operator on splats gives a splat, whose element it computes from theirs; one that selects
// elements keeps the element. Where only one operand is a splat, it may be neutral, and leaves the other.
#include "passes/Transforms/SplatFolding.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/Elementwise.h"
#include "passes/Transforms/Splat.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace halyard;

//===-- operators by what they do to splats
//------------------------------------------------------------------------===//

/// Operators whose result consists of elements of their first operand, whatever the others are.
static bool selectsElements(Operation *op) {
  using namespace onnx;
  return isa<ReshapeOp, TransposeOp, SqueezeOp, UnsqueezeOp, FlattenOp, SliceOp, GatherOp, GatherNDOp,
             GatherElementsOp, ExpandOp, TileOp, CompressOp, DepthToSpaceOp, SpaceToDepthOp, IdentityOp,
             ReduceMaxOp, ReduceMinOp, ReverseSequenceOp>(op);
}

/// Whether it is one already, in the form that makeSplat gives it.
static bool isSplatForm(Operation *op) {
  if (isa<onnx::ConstantOp>(op))
    return true;
  auto expand = dyn_cast<onnx::ExpandOp>(op);
  if (!expand || !expand.getInput().getDefiningOp<onnx::ConstantOp>() ||
      !expand.getShape().getDefiningOp<seq::ExtentsOp>())
    return false;
  auto input = dyn_cast<RankedTensorType>(expand.getInput().getType());
  return input && input.getRank() == 0;
}

/// The scalar that an elementwise operator makes of scalars.
static Attribute evaluateScalars(Operation *op, ConstantFolder &folder) {
  SmallVector<ElementsAttr> operands;
  for (Value operand : op->getOperands()) {
    if (onnx::isAbsent(operand)) {
      operands.push_back({});
      continue;
    }
    Attribute element = splatElement(operand);
    if (!element)
      return {};
    auto type = RankedTensorType::get({}, onnx::elementTypeOf(operand));
    operands.push_back(DenseElementsAttr::get(type, element));
  }
  Type scalar = RankedTensorType::get({}, onnx::elementTypeOf(op->getResult(0)));
  FailureOr<SmallVector<ElementsAttr>> results = folder.evaluate(op, operands, scalar);
  auto dense = succeeded(results) ? dyn_cast<DenseElementsAttr>(results->front()) : DenseElementsAttr();
  return dense ? dense.getSplatValue<Attribute>() : Attribute();
}

/// Whether all operands of a join are splats of one element.
static Attribute commonElement(OperandRange operands) {
  Attribute common = operands.empty() ? Attribute() : splatElement(operands.front());
  bool equal = llvm::all_of(operands, [&](Value operand) { return splatElement(operand) == common; });
  return equal ? common : Attribute();
}

/// The element of the result if `op` gives a splat; null if it does not, or that is not seen.
static Attribute resultElement(Operation *op, ConstantFolder &folder) {
  if (selectsElements(op))
    return splatElement(op->getOperand(0));
  if (isa<onnx::ConstantOfShapeOp>(op))
    return splatElement(op->getResult(0));
  if (auto concat = dyn_cast<onnx::ConcatOp>(op))
    return commonElement(concat.getInputs());
  if (auto mean = dyn_cast<onnx::ReduceMeanOp>(op))
    return isa<FloatType>(onnx::elementTypeOf(mean.getData())) ? splatElement(mean.getData()) : Attribute();
  if (auto scatter = dyn_cast<onnx::ScatterNDOp>(op)) {
    Attribute data = splatElement(scatter.getData());
    return scatter.getReduction() == "none" && data == splatElement(scatter.getUpdates()) ? data
                                                                                          : Attribute();
  }
  if (auto pad = dyn_cast<onnx::PadOp>(op)) {
    Attribute data = splatElement(pad.getData());
    bool implicit = onnx::isAbsent(pad.getConstantValue());
    bool same = implicit ? isNumber(data, 0) : data == splatElement(pad.getConstantValue());
    return pad.getMode() != "constant" || same ? data : Attribute();
  }
  if (auto where = dyn_cast<onnx::WhereOp>(op))
    if (Attribute x = splatElement(where.getX()); x && x == splatElement(where.getY()))
      return x;
  if (isa<onnx::AndOp, onnx::OrOp>(op))
    for (Value operand : op->getOperands())
      if (Attribute element = splatElement(operand); isNumber(element, isa<onnx::OrOp>(op)))
        return element;
  return isElementwise(op) ? evaluateScalars(op, folder) : Attribute();
}

/// The operand that the result equals, up to broadcasting, because the other one is neutral.
static Value neutralOther(Operation *op) {
  using namespace onnx;
  if (auto where = dyn_cast<WhereOp>(op)) {
    Attribute condition = splatElement(where.getCondition());
    return !condition ? Value() : isNumber(condition, 0) ? where.getY() : where.getX();
  }
  if (op->getNumOperands() != 2)
    return {};
  Value a = op->getOperand(0), b = op->getOperand(1);
  double neutral = isa<MulOp, DivOp, PowOp, AndOp>(op) ? 1 : 0;
  if (!isa<AddOp, SubOp, MulOp, DivOp, PowOp, AndOp, OrOp, XorOp>(op))
    return {};
  if (isNumber(splatElement(b), neutral))
    return a;
  return isa<AddOp, MulOp, AndOp, OrOp, XorOp>(op) && isNumber(splatElement(a), neutral) ? b : Value();
}

Value halyard::foldSplats(Operation *op, const SymbolicShapes &shapes, IntegerRanges &ranges,
                          ConstantFolder &folder) {
  if (op->getNumResults() != 1 || isSplatForm(op))
    return {};
  Value result = op->getResult(0);
  AffineMap shape = shapes.shapeMap(result);
  if (!shape)
    return {};
  if (Attribute element = resultElement(op, folder))
    return makeSplat(result, element, shapes);
  if (std::optional<bool> outcome = ranges.outcome(op))
    return makeSplat(result, BoolAttr::get(op->getContext(), *outcome), shapes);
  Value other = neutralOther(op);
  if (!other || onnx::elementTypeOf(other) != onnx::elementTypeOf(result))
    return {};
  if (shapes.shapeMap(other) == shape)
    return other;
  OpBuilder builder(op);
  return onnx::ExpandOp::create(builder, op->getLoc(), shapes.refinedType(result), other,
                                makeExtents(op, shape));
}
