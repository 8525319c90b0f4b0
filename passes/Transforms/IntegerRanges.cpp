// Ranges of integer tensors, see IntegerRanges.h.
//
// Exporters mask by comparisons that hold for every position ("position >= 0"). Knowing that positions count
// from 0 is enough to see through them.
#include "passes/Transforms/IntegerRanges.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "passes/Transforms/Splat.h"

using namespace mlir;
using namespace halyard;

IntegerRange IntegerRanges::of(Value value) {
  // Graphs have no cycles, so every operand is known before its user; the entry only saves repeated walks.
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  IntegerRange range;
  if (isa_and_nonnull<IntegerType>(onnx::elementTypeOf(value)))
    range = compute(value);
  known[value] = range;
  return range;
}

IntegerRange IntegerRanges::compute(Value value) {
  using namespace onnx;
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  if (auto element = dyn_cast_or_null<IntegerAttr>(splatElement(value))) {
    bool isUnsigned = element.getType().isUnsignedInteger() || element.getType().isInteger(1);
    const APInt &bits = element.getValue();
    AffineExpr constant = algebra.constant(isUnsigned ? bits.getZExtValue() : bits.getSExtValue());
    return {constant, constant};
  }
  if (auto contents = shapes.contents(value); contents && contents->size() == 1)
    return {contents->front(), contents->front()};
  if (auto range = dyn_cast<RangeOp>(op)) {
    IntegerRange delta = of(range.getDelta());
    if (LengthAlgebra::value(delta.lowest).value_or(0) <= 0)
      return {};
    return {of(range.getStart()).lowest, algebra.sub(of(range.getLimit()).highest, algebra.constant(1))};
  }
  if (isa<UnsqueezeOp, SqueezeOp, ReshapeOp, FlattenOp, TransposeOp, ExpandOp, TileOp, SliceOp, GatherOp,
          GatherNDOp, IdentityOp>(op))
    return of(op->getOperand(0));
  if (auto cast = dyn_cast<CastOp>(op))
    return cast.getTo().isInteger(64) || cast.getTo().isInteger(32) ? of(cast.getInput()) : IntegerRange();
  if (isa<AddOp, SubOp>(op)) {
    IntegerRange a = of(op->getOperand(0)), b = of(op->getOperand(1));
    if (isa<AddOp>(op))
      return {algebra.add(a.lowest, b.lowest), algebra.add(a.highest, b.highest)};
    return {algebra.sub(a.lowest, b.highest), algebra.sub(a.highest, b.lowest)};
  }
  if (isa<NegOp>(op)) {
    IntegerRange a = of(op->getOperand(0));
    return {algebra.sub(algebra.constant(0), a.highest), algebra.sub(algebra.constant(0), a.lowest)};
  }
  return {};
}

std::optional<bool> IntegerRanges::outcome(Operation *comparison) {
  using namespace onnx;
  if (!isa<LessOp, LessOrEqualOp, GreaterOp, GreaterOrEqualOp, EqualOp>(comparison))
    return std::nullopt;
  IntegerRange a = of(comparison->getOperand(0)), b = of(comparison->getOperand(1));
  if (isa<GreaterOp, GreaterOrEqualOp>(comparison))
    std::swap(a, b);
  if (isa<EqualOp>(comparison)) {
    bool apart = algebra.less(a.highest, b.lowest) == true || algebra.less(b.highest, a.lowest) == true;
    return apart ? std::optional(false) : std::nullopt;
  }
  bool strict = isa<LessOp, GreaterOp>(comparison);
  auto holds = [&](AffineExpr low, AffineExpr high, bool strictly) {
    return (strictly ? algebra.less(low, high) : algebra.lessOrEqual(low, high)) == true;
  };
  if (holds(a.highest, b.lowest, strict))
    return true;
  if (holds(b.highest, a.lowest, !strict))
    return false;
  return std::nullopt;
}
