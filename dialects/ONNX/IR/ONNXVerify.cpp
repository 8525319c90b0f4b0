// What must hold of onnx operations before shapes are known: operand counts, attribute values, axes within
// known ranks.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

/// Rank of a ranked tensor value, or -1.
static int64_t rankOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getRank() : -1;
}

LogicalResult halyard::onnx::impl::verifyAxis(Operation *op) {
  auto axis = op->getAttrOfType<IntegerAttr>("axis");
  int64_t rank = op->getNumOperands() == 0 ? -1 : rankOf(op->getOperand(0));
  if (!axis || rank < 0 || (rank == 0 && axis.getInt() >= -1 && axis.getInt() <= 0))
    return success();
  if (axis.getInt() < -rank || axis.getInt() >= rank)
    return op->emitOpError("expects axis in [") << -rank << ", " << rank - 1 << "], got " << axis.getInt();
  return success();
}

static LogicalResult verifyInputs(Operation *op) {
  if (op->getNumOperands() == 0)
    return op->emitOpError("expects at least one operand");
  return success();
}

LogicalResult MaxOp::verify() { return verifyInputs(*this); }
LogicalResult MeanOp::verify() { return verifyInputs(*this); }
LogicalResult MinOp::verify() { return verifyInputs(*this); }
LogicalResult SumOp::verify() { return verifyInputs(*this); }
LogicalResult EinsumOp::verify() { return verifyInputs(*this); }

LogicalResult ConcatOp::verify() {
  if (failed(verifyInputs(*this)))
    return failure();
  int64_t rank = -1;
  for (Value input : getInputs()) {
    int64_t other = rankOf(input);
    if (rank >= 0 && other >= 0 && rank != other)
      return emitOpError("expects operands of one rank, got ") << rank << " and " << other;
    rank = other >= 0 ? other : rank;
  }
  return success();
}

template <typename Op> static LogicalResult verifyResults(Op op) {
  int64_t count = op->getNumResults();
  if (count < 1 || count > Op::getResultLimit())
    return op.emitOpError("expects 1 to ") << Op::getResultLimit() << " results, got " << count;
  return success();
}

LogicalResult DropoutOp::verify() { return verifyResults(*this); }
LogicalResult UniqueOp::verify() { return verifyResults(*this); }
LogicalResult MaxPoolOp::verify() { return verifyResults(*this); }
LogicalResult BatchNormalizationOp::verify() { return verifyResults(*this); }
LogicalResult LayerNormalizationOp::verify() { return verifyResults(*this); }
LogicalResult MSSimplifiedLayerNormalizationOp::verify() { return verifyResults(*this); }
LogicalResult MSSkipLayerNormalizationOp::verify() { return verifyResults(*this); }
LogicalResult MSQAttentionOp::verify() { return verifyResults(*this); }
LogicalResult MSEmbedLayerNormalizationOp::verify() { return verifyResults(*this); }
LogicalResult MSSkipSimplifiedLayerNormalizationOp::verify() { return verifyResults(*this); }
LogicalResult MSAttentionOp::verify() { return verifyResults(*this); }
LogicalResult MSMultiHeadAttentionOp::verify() { return verifyResults(*this); }
LogicalResult MSDecoderMaskedMultiHeadAttentionOp::verify() { return verifyResults(*this); }
LogicalResult MSGroupQueryAttentionOp::verify() { return verifyResults(*this); }

LogicalResult AttentionOp::verify() {
  if (failed(verifyResults(*this)))
    return failure();
  if (rankOf(getQ()) == 3 && (!getQNumHeads() || !getKvNumHeads()))
    return emitOpError("expects q_num_heads and kv_num_heads for operands of rank 3");
  if (isAbsent(getPastKey()) != isAbsent(getPastValue()))
    return emitOpError("expects past_key and past_value both or neither");
  return success();
}

LogicalResult ConstantOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  if (type && type != getValue().getType())
    return emitOpError("expects the type of its value, ") << getValue().getType() << ", got " << type;
  return success();
}

LogicalResult TransposeOp::verify() {
  auto perm = getPerm();
  int64_t rank = rankOf(getData());
  if (!perm)
    return success();
  if (rank >= 0 && rank != static_cast<int64_t>(perm->size()))
    return emitOpError("expects perm to have ") << rank << " entries, got " << perm->size();
  llvm::SmallBitVector seen(perm->size());
  for (int64_t axis : *perm) {
    if (axis < 0 || axis >= static_cast<int64_t>(perm->size()) || seen[axis])
      return emitOpError("expects perm to be a permutation, got ") << getPermAttr();
    seen.set(axis);
  }
  return success();
}

/// A string attribute has one of the values that ONNX knows.
static LogicalResult verifyChoice(Operation *op, StringRef name, StringRef value,
                                  ArrayRef<StringRef> choices) {
  if (llvm::is_contained(choices, value))
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError("expects ") << name << " to be one of ";
  llvm::interleaveComma(choices, diagnostic, [&](StringRef choice) { diagnostic << "'" << choice << "'"; });
  return diagnostic << ", got '" << value << "'";
}

LogicalResult GeluOp::verify() {
  return verifyChoice(*this, "approximate", getApproximate(), {"none", "tanh"});
}
LogicalResult BitShiftOp::verify() {
  return verifyChoice(*this, "direction", getDirection(), {"LEFT", "RIGHT"});
}
LogicalResult PadOp::verify() {
  return verifyChoice(*this, "mode", getMode(), {"constant", "reflect", "edge", "wrap"});
}

LogicalResult MatMulOp::verify() {
  if (rankOf(getA()) == 0 || rankOf(getB()) == 0)
    return emitOpError("expects operands of rank 1 at least");
  auto a = dyn_cast<RankedTensorType>(getA().getType()), b = dyn_cast<RankedTensorType>(getB().getType());
  if (!a || !b)
    return success();
  int64_t left = a.getShape().back(), right = b.getDimSize(std::max<int64_t>(b.getRank() - 2, 0));
  if (!ShapedType::isDynamic(left) && !ShapedType::isDynamic(right) && left != right)
    return emitOpError("expects equal inner extents, got ") << left << " and " << right;
  return success();
}

LogicalResult GemmOp::verify() {
  for (Value operand : {getA(), getB()})
    if (int64_t rank = rankOf(operand); rank >= 0 && rank != 2)
      return emitOpError("expects matrices, got ") << operand.getType();
  return success();
}

LogicalResult ConvOp::verify() {
  int64_t rank = rankOf(getX());
  if (rank >= 0 && rank < 3)
    return emitOpError("expects an input [batch, channels, spatial...], got ") << getX().getType();
  auto check = [&](StringRef name, std::optional<ArrayRef<int64_t>> values, int64_t count) -> LogicalResult {
    if (!values || rank < 0 || static_cast<int64_t>(values->size()) == count)
      return success();
    return emitOpError("expects ") << name << " to have " << count << " entries, got " << values->size();
  };
  return success(succeeded(check("strides", getStrides(), rank - 2)) &&
                 succeeded(check("dilations", getDilations(), rank - 2)) &&
                 succeeded(check("kernel_shape", getKernelShape(), rank - 2)) &&
                 succeeded(check("pads", getPads(), 2 * (rank - 2))));
}

LogicalResult IfOp::verify() {
  for (Region *region : {&getThenBranch(), &getElseBranch()}) {
    auto yield = region->front().empty() ? YieldOp() : dyn_cast<YieldOp>(region->front().back());
    if (!yield)
      return emitOpError("expects branches that end in onnx.Yield");
    if (yield.getNumOperands() != getNumResults())
      return emitOpError("expects each branch to yield ")
             << getNumResults() << " values, got " << yield.getNumOperands();
  }
  return success();
}

Type IfOp::inferElementType(unsigned result) {
  if (getThenBranch().empty() || getThenBranch().front().empty())
    return {};
  auto yield = dyn_cast<YieldOp>(getThenBranch().front().back());
  return yield && result < yield.getNumOperands() ? elementTypeOf(yield.getOperand(result)) : Type();
}
