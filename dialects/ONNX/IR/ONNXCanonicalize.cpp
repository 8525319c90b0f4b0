// Cheap and general simplifications of onnx operations: operators that do nothing, compositions of movements.
//
// Types are refined late (resolve-shapes), so a value is replaced by one of another type where every user is
// an onnx operation, which takes any tensor.
#include "dialects/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace halyard::onnx;

/// Replaces a result by a value of the same elements whose type may say more or less about the shape.
static LogicalResult replaceBy(PatternRewriter &rewriter, Operation *op, Value value) {
  Value result = op->getResult(0);
  bool sameType = result.getType() == value.getType();
  bool onnxUsers = llvm::all_of(result.getUsers(), [](Operation *user) {
    return isa<ONNXDialect>(user->getDialect()) && !isa<YieldOp>(user);
  });
  if (!sameType && !onnxUsers)
    return failure();
  rewriter.replaceAllUsesWith(result, value);
  rewriter.eraseOp(op);
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult IdentityOp::canonicalize(IdentityOp op, PatternRewriter &rewriter) {
  return replaceBy(rewriter, op, op.getInput());
}

LogicalResult DropoutOp::canonicalize(DropoutOp op, PatternRewriter &rewriter) {
  if (op->getNumResults() > 1 && !op->getResult(1).use_empty())
    return failure();
  return replaceBy(rewriter, op, op.getData());
}

/// Whether every value of `from` is one of `to`, so that a cast through `to` loses nothing.
static bool isWidening(Type from, Type to) {
  if (from == to)
    return true;
  auto fromFloat = dyn_cast<FloatType>(from), toFloat = dyn_cast<FloatType>(to);
  if (fromFloat && toFloat)
    return fromFloat.getFPMantissaWidth() <= toFloat.getFPMantissaWidth() &&
           fromFloat.getWidth() < toFloat.getWidth();
  if (!from.isInteger() || !to.isInteger())
    return false;
  bool sameSign = from.isUnsignedInteger() == to.isUnsignedInteger();
  return (sameSign || from.isUnsignedInteger() || from.isInteger(1)) &&
         from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth();
}

LogicalResult CastOp::canonicalize(CastOp op, PatternRewriter &rewriter) {
  Type from = elementTypeOf(op.getInput());
  if (from == op.getTo())
    return replaceBy(rewriter, op, op.getInput());
  auto inner = op.getInput().getDefiningOp<CastOp>();
  if (!inner || !isWidening(elementTypeOf(inner.getInput()), from))
    return failure();
  rewriter.modifyOpInPlace(op, [&] { op.getInputMutable().assign(inner.getInput()); });
  return success();
}

LogicalResult CastLikeOp::canonicalize(CastLikeOp op, PatternRewriter &rewriter) {
  Type to = elementTypeOf(op.getTargetType());
  rewriter.replaceOpWithNewOp<CastOp>(op, op.getType(), op.getInput(), to, op.getSaturate(),
                                      op.getRoundMode());
  return success();
}

/// Codes of a constant that are moved before they are dequantised, with a scale for all of them, are
/// dequantised first: a table that is looked up here and multiplied there is one constant then.
LogicalResult DequantizeLinearOp::canonicalize(DequantizeLinearOp op, PatternRewriter &rewriter) {
  Operation *movement = op.getX().getDefiningOp();
  auto scale = dyn_cast<RankedTensorType>(op.getXScale().getType());
  if (!isa_and_nonnull<TransposeOp, GatherOp>(movement) ||
      !movement->getOperand(0).getDefiningOp<ConstantOp>() || !scale || !scale.hasStaticShape() ||
      scale.getNumElements() != 1 || op.getBlockSize() != 0)
    return failure();
  auto floats = DequantizeLinearOp::create(
      rewriter, op.getLoc(), UnrankedTensorType::get(elementTypeOf(op.getResult())), movement->getOperand(0),
      op.getXScale(), op.getXZeroPoint(), op.getAxisAttr(), op.getBlockSizeAttr(), op.getOutputDtypeAttr());
  IRMapping mapping;
  mapping.map(movement->getOperand(0), floats.getResult());
  Operation *moved = rewriter.clone(*movement, mapping);
  moved->getResult(0).setType(op.getResult().getType());
  rewriter.replaceOp(op, moved);
  return success();
}

LogicalResult ReshapeOp::canonicalize(ReshapeOp op, PatternRewriter &rewriter) {
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (type && type.hasStaticShape() && type == op.getData().getType())
    return replaceBy(rewriter, op, op.getData());
  auto inner = op.getData().getDefiningOp<ReshapeOp>();
  // A zero in the shape would refer to the inner result's extents; a static result type has none to refer to.
  if (!inner || !type || !type.hasStaticShape())
    return failure();
  DenseElementsAttr shape;
  if (!matchPattern(op.getShape(), m_Constant(&shape)) || llvm::is_contained(shape.getValues<int64_t>(), 0))
    return failure();
  rewriter.modifyOpInPlace(op, [&] { op.getDataMutable().assign(inner.getData()); });
  return success();
}

LogicalResult TransposeOp::canonicalize(TransposeOp op, PatternRewriter &rewriter) {
  auto perm = op.getPerm();
  if (!perm)
    return failure();
  if (llvm::equal(*perm, llvm::seq<int64_t>(0, perm->size())))
    return replaceBy(rewriter, op, op.getData());
  auto inner = op.getData().getDefiningOp<TransposeOp>();
  if (!inner || !inner.getPerm())
    return failure();
  SmallVector<int64_t> composed;
  for (int64_t axis : *perm)
    composed.push_back((*inner.getPerm())[axis]);
  rewriter.modifyOpInPlace(op, [&] {
    op.setPerm(composed);
    op.getDataMutable().assign(inner.getData());
  });
  return success();
}

LogicalResult ConcatOp::canonicalize(ConcatOp op, PatternRewriter &rewriter) {
  if (op.getInputs().size() != 1)
    return failure();
  return replaceBy(rewriter, op, op.getInputs().front());
}

/// An operator of one operand is that operand; Sum of two is Add.
template <typename Op> static LogicalResult simplifyVariadic(Op op, PatternRewriter &rewriter) {
  if (op.getInputs().size() == 1)
    return replaceBy(rewriter, op, op.getInputs().front());
  if (!std::is_same_v<Op, SumOp> || op.getInputs().size() != 2)
    return failure();
  rewriter.replaceOpWithNewOp<AddOp>(op, op.getType(), op.getInputs()[0], op.getInputs()[1]);
  return success();
}

LogicalResult MaxOp::canonicalize(MaxOp op, PatternRewriter &rewriter) {
  return simplifyVariadic(op, rewriter);
}
LogicalResult MeanOp::canonicalize(MeanOp op, PatternRewriter &rewriter) {
  return simplifyVariadic(op, rewriter);
}
LogicalResult MinOp::canonicalize(MinOp op, PatternRewriter &rewriter) {
  return simplifyVariadic(op, rewriter);
}
LogicalResult SumOp::canonicalize(SumOp op, PatternRewriter &rewriter) {
  return simplifyVariadic(op, rewriter);
}
