// Operations that move nothing; see the header.
#include "passes/Analysis/Views.h"

using namespace mlir;

namespace halyard {

static AffineExpr expressionOf(OpFoldResult value, const StageExtents &extents) {
  if (auto attribute = dyn_cast<Attribute>(value))
    return getAffineConstantExpr(cast<IntegerAttr>(attribute).getInt(), attribute.getContext());
  return extents.index(cast<Value>(value));
}

/// Extents of one outermost piece: any number of leading extents of one, then any extent, then whole extents.
static bool isContiguous(tensor::ExtractSliceOp slice, const StageExtents &extents) {
  ArrayRef<AffineExpr> source = extents.shape(slice.getSource());
  bool onePiece = true;
  for (size_t dim = source.size(); dim-- > 0;) {
    AffineExpr offset = expressionOf(slice.getMixedOffsets()[dim], extents);
    AffineExpr size = expressionOf(slice.getMixedSizes()[dim], extents);
    if (!offset || !size || expressionOf(slice.getMixedStrides()[dim], extents) != 1)
      return false;
    if (!onePiece && size != 1)
      return false;
    if (offset != 0 || size != source[dim])
      onePiece = false;
  }
  return true;
}

bool isView(Operation *op, const StageExtents &extents) {
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    return isContiguous(slice, extents);
  return isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp, tensor::ReshapeOp>(op);
}

AffineExpr viewBegin(Operation *view, const StageExtents &extents) {
  AffineExpr begin = getAffineConstantExpr(0, view->getContext());
  auto slice = dyn_cast<tensor::ExtractSliceOp>(view);
  if (!slice)
    return begin;
  AffineExpr stride = getAffineConstantExpr(1, view->getContext());
  ArrayRef<AffineExpr> source = extents.shape(slice.getSource());
  for (size_t dim = source.size(); dim-- > 0;) {
    begin = begin + expressionOf(slice.getMixedOffsets()[dim], extents) * stride;
    stride = stride * source[dim];
  }
  return simplifyAffineExpr(begin, 0, 2);
}

std::optional<int64_t> firstColumn(Value value) {
  auto slice = value.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || slice.getSourceType().getRank() != 2 || slice.getType().getRank() != 2 ||
      !slice.hasUnitStride() || slice.isDynamicOffset(0) || slice.getStaticOffset(0) != 0 ||
      slice.isDynamicOffset(1) || slice.isDynamicSize(1) ||
      slice.getType().getDimSize(0) != slice.getSourceType().getDimSize(0))
    return std::nullopt;
  return slice.getStaticOffset(1);
}

} // namespace halyard
