// Ranks by recursion over defining operators, each value visited once.
#include "compiler/frontend/Ranks.h"

#include "dialects/ONNX/IR/ONNX.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace halyard::onnx;

using Rank = std::optional<int64_t>;

static Rank plus(Rank a, Rank b, int64_t more = 0) { return a && b ? Rank(*a + *b + more) : std::nullopt; }
static Rank minus(Rank a, Rank b) { return a && b ? Rank(*a - *b) : std::nullopt; }

Rank Ranks::rank(Value value) {
  if (auto type = dyn_cast<RankedTensorType>(value.getType()))
    return type.getRank();
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  auto [entry, isNew] = known.try_emplace(value, std::nullopt);
  if (!isNew)
    return entry->second;
  Rank result = rankOfResult(op);
  known[value] = result; // `entry` may have moved
  return result;
}

Rank Ranks::largestRank(OperandRange operands) {
  Rank largest = 0;
  for (Value operand : operands) {
    Rank one = rank(operand);
    if (!one)
      return std::nullopt;
    largest = std::max(*largest, *one);
  }
  return largest;
}

Rank Ranks::rankOfResult(Operation *op) {
  return llvm::TypeSwitch<Operation *, Rank>(op)
      .Case<AddOp, SubOp, MulOp, DivOp, PowOp, WhereOp, MinOp, MaxOp, EqualOp, LessOp, GreaterOp, MatMulOp>(
          [&](auto broadcast) { return largestRank(broadcast->getOperands()); })
      .Case<CastOp, IdentityOp, DropoutOp, SoftmaxOp, LogSoftmaxOp, NegOp, SqrtOp, ErfOp, TanhOp, ReluOp,
            SigmoidOp, ExpOp, LogOp, AbsOp, ClipOp, TransposeOp, SliceOp, ConcatOp, TileOp, PadOp, ConvOp,
            BatchNormalizationOp, LayerNormalizationOp, InstanceNormalizationOp>(
          [&](auto same) { return rank(same->getOperand(0)); })
      .Case<ReshapeOp>([&](ReshapeOp reshape) { return elements(reshape.getShape()); })
      .Case<ConstantOfShapeOp>([&](ConstantOfShapeOp fill) { return elements(fill.getInput()); })
      .Case<ExpandOp>([&](ExpandOp expand) -> Rank {
        Rank input = rank(expand.getInput()), shape = elements(expand.getShape());
        return input && shape ? Rank(std::max(*input, *shape)) : std::nullopt;
      })
      .Case<UnsqueezeOp>([&](UnsqueezeOp op) { return plus(rank(op.getData()), elements(op.getAxes())); })
      .Case<SqueezeOp>([&](SqueezeOp op) { return minus(rank(op.getData()), elements(op.getAxes())); })
      .Case<GatherOp>([&](GatherOp op) { return plus(rank(op.getData()), rank(op.getIndices()), -1); })
      .Case<ReduceMeanOp, ReduceSumOp, ReduceMaxOp>(
          [&](auto reduce) { return reduce.getKeepdims() ? rank(reduce.getData()) : std::nullopt; })
      .Case<FlattenOp, NonZeroOp>([](auto) { return 2; })
      .Case<ShapeOp>([](auto) { return 1; })
      .Default([](Operation *) { return std::nullopt; });
}

Rank Ranks::elements(Value vector) {
  if (auto type = dyn_cast<RankedTensorType>(vector.getType()); type && type.hasStaticShape())
    return type.getNumElements();
  Operation *op = vector.getDefiningOp();
  if (!op)
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, Rank>(op)
      .Case<ConcatOp>([&](ConcatOp concat) {
        Rank total = 0;
        for (Value input : concat.getInputs())
          total = plus(total, elements(input));
        return total;
      })
      .Case<ShapeOp>([&](ShapeOp shape) {
        return shape.getStart() == 0 && !shape.getEnd() ? rank(shape.getData()) : std::nullopt;
      })
      .Case<UnsqueezeOp>([&](UnsqueezeOp op) { return rank(op.getData()) == 0 ? Rank(1) : std::nullopt; })
      .Case<CastOp, IdentityOp>([&](auto same) { return elements(same->getOperand(0)); })
      .Case<GatherOp>([&](GatherOp gather) {
        return rank(gather.getIndices()) == 1 ? elements(gather.getIndices()) : std::nullopt;
      })
      .Default([](Operation *) { return std::nullopt; });
}
