// Reshapes, transposes and splats over symbolic extents, and the folding of chains of them.
#include "passes/Transforms/LayoutBuilder.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace halyard {

RankedTensorType LayoutBuilder::typeOf(ArrayRef<AffineExpr> extents, Type elementType) const {
  SmallVector<int64_t> shape;
  for (AffineExpr extent : extents) {
    auto constant = dyn_cast_or_null<AffineConstantExpr>(extent);
    shape.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
  }
  return RankedTensorType::get(shape, elementType);
}

Value LayoutBuilder::extentsOf(OpBuilder &builder, Location loc, ArrayRef<AffineExpr> extents) const {
  auto type = RankedTensorType::get({static_cast<int64_t>(extents.size())}, builder.getI64Type());
  return seq::ExtentsOp::create(builder, loc, type, AffineMap::get(0, 2, extents, context));
}

Value LayoutBuilder::reshape(OpBuilder &builder, Location loc, Value value,
                             ArrayRef<AffineExpr> extents) const {
  RankedTensorType type = typeOf(extents, onnx::elementTypeOf(value));
  if (value.getType() == type &&
      llvm::count_if(extents, [](AffineExpr e) { return !isa<AffineConstantExpr>(e); }) < 2)
    return value;
  return onnx::ReshapeOp::create(builder, loc, type, value, extentsOf(builder, loc, extents),
                                 builder.getI64IntegerAttr(1));
}

Value LayoutBuilder::transpose(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> perm) const {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (int64_t axis : perm)
    shape.push_back(type.getDimSize(axis));
  return onnx::TransposeOp::create(builder, loc, RankedTensorType::get(shape, type.getElementType()), value,
                                   builder.getDenseI64ArrayAttr(perm));
}

Value LayoutBuilder::scalar(OpBuilder &builder, Location loc, Type elementType, double value) const {
  auto type = RankedTensorType::get({}, elementType);
  return onnx::ConstantOp::create(builder, loc,
                                  DenseElementsAttr::get(type, builder.getFloatAttr(elementType, value)));
}

Value LayoutBuilder::zeros(OpBuilder &builder, Location loc, Type elementType,
                           ArrayRef<AffineExpr> extents) const {
  return onnx::ExpandOp::create(builder, loc, typeOf(extents, elementType),
                                scalar(builder, loc, elementType, 0.0), extentsOf(builder, loc, extents));
}

Value LayoutBuilder::scaled(OpBuilder &builder, Location loc, Value value, double by) const {
  return onnx::MulOp::create(builder, loc, value.getType(), value,
                             scalar(builder, loc, onnx::elementTypeOf(value), by));
}

Value LayoutBuilder::rows(OpBuilder &builder, Location loc, const LayoutView &view, ArrayRef<unsigned> time,
                          ArrayRef<unsigned> features) const {
  SmallVector<unsigned> stored = view.baseOrder(), wanted(time);
  llvm::append_range(wanted, features);
  if (stored.size() != wanted.size())
    return {};
  Value value = view.base();
  if (stored != wanted) {
    SmallVector<AffineExpr> apart;
    for (unsigned atom : stored)
      apart.push_back(view.atom(atom).extent);
    SmallVector<int64_t> perm;
    for (unsigned atom : wanted) {
      auto *found = llvm::find(stored, atom);
      if (found == stored.end())
        return {};
      perm.push_back(found - stored.begin());
    }
    value = transpose(builder, loc, reshape(builder, loc, value, apart), perm);
  }
  return reshape(builder, loc, value, {view.extent(time), view.extent(features)});
}

Value LayoutBuilder::fromRows(OpBuilder &builder, Location loc, Value rows, AffineExpr time, int64_t heads,
                              int64_t size, ArrayRef<AffineExpr> extents) const {
  auto constant = [&](int64_t value) { return getAffineConstantExpr(value, context); };
  Value split = reshape(builder, loc, rows, {time, constant(heads), constant(size)});
  return reshape(builder, loc, transpose(builder, loc, split, {1, 0, 2}), extents);
}

void foldLayouts(func::FuncOp function, const ShapeOf &known) {
  // Values made by a pass are not in the analysis: their extents are in the shape operand that made them.
  std::function<std::optional<SmallVector<AffineExpr>>(Value)> shapeOf = [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (auto reshape = value.getDefiningOp<onnx::ReshapeOp>())
      if (auto extents = reshape.getShape().getDefiningOp<seq::ExtentsOp>())
        return std::optional<SmallVector<AffineExpr>>(extents.getMap().getResults());
    if (auto transpose = value.getDefiningOp<onnx::TransposeOp>(); transpose && transpose.getPerm()) {
      auto inner = shapeOf(transpose.getData());
      if (!inner)
        return inner;
      SmallVector<AffineExpr> permuted;
      ArrayRef<int64_t> perm = *transpose.getPerm();
      for (int64_t axis : perm)
        permuted.push_back((*inner)[axis]);
      return std::optional<SmallVector<AffineExpr>>(permuted);
    }
    if (type && type.hasStaticShape()) {
      SmallVector<AffineExpr> extents;
      for (int64_t extent : type.getShape())
        extents.push_back(getAffineConstantExpr(extent, value.getContext()));
      return std::optional<SmallVector<AffineExpr>>(extents);
    }
    auto attention = value.getDefiningOp<seq::AttentionOp>();
    if (!attention)
      return known(value);
    auto query = shapeOf(attention.getQuery());
    if (query)
      query->back() = getAffineConstantExpr(type.getDimSize(1), value.getContext());
    return query;
  };
  LayoutBuilder layout(function.getContext());
  function.walk([&](Operation *op) {
    if (!isa<onnx::ReshapeOp, onnx::TransposeOp>(op))
      return;
    Value result = op->getResult(0);
    auto view = LayoutView::of(result, shapeOf, /*throughScales=*/false);
    auto shape = shapeOf(result);
    if (!view || !shape || view->base() == result || view->base() == op->getOperand(0))
      return;
    SmallVector<unsigned> wanted;
    for (unsigned axis = 0; axis < view->rank(); ++axis)
      llvm::append_range(wanted, view->axis(axis));
    if (view->baseOrder() != wanted)
      return;
    OpBuilder builder(op);
    auto baseShape = shapeOf(view->base());
    bool same = baseShape && *baseShape == *shape && view->base().getType() == result.getType();
    Value folded = same ? view->base() : layout.reshape(builder, op->getLoc(), view->base(), *shape);
    if (folded.getType() == result.getType())
      result.replaceAllUsesWith(folded);
  });
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

} // namespace halyard
