// Lowering of operators that make tensors out of shapes and scalars: constants, fills, ranges, diagonals,
// shapes.
#include "passes/Conversion/OnnxToLinalg/Lowering.h"

#include "dialects/Seq/IR/Seq.h"

using namespace mlir;

namespace halyard::lowering {

static LogicalResult lowerConstant(onnx::ConstantOp op, Lowering &l) {
  auto value = dyn_cast<TypedAttr>(op.getValue());
  Type element = op.getValue().getElementType();
  if (!value || !element.isIntOrFloat())
    return op.emitOpError("of element type ") << element << " is not supported";
  l.replace(op, arith::ConstantOp::create(l.b, value).getResult());
  return success();
}

static LogicalResult lowerConstantOfShape(onnx::ConstantOfShapeOp op, Lowering &l) {
  Extents extents =
      l.resultExtents(op.getResult(), [&](int64_t axis) { return l.element(op.getInput(), axis); });
  Type type = elementOf(op.getResult());
  auto value = op.getValue() ? dyn_cast<DenseElementsAttr>(*op.getValue()) : DenseElementsAttr();
  l.replace(op, value ? l.fill(extents, type, value.getSplatValue<Attribute>()) : l.fill(extents, type, 0.0));
  return success();
}

static LogicalResult lowerEyeLike(onnx::EyeLikeOp op, Lowering &l) {
  Type type = elementOf(op.getResult());
  l.replace(op, l.generic(l.extents(op.getInput()), type, {}, [&](Scalars &s, ValueRange) {
    Type integer = s.b.getI64Type(), plain = signless(type);
    Value distance = s.sub(s.position(1, integer), s.position(0, integer));
    return s.select(s.equal(distance, s.integer(integer, op.getK())), s.constant(plain, 1),
                    s.constant(plain, 0));
  }));
  return success();
}

/// Number of elements of a range: ceil((limit - start) / delta), at least 0.
static Extent rangeLength(onnx::RangeOp op, Lowering &l) {
  ImplicitLocOpBuilder &b = l.b;
  Scalars s(b, false);
  auto scalar = [&](Value tensor) -> Value {
    SmallVector<Value> indices(rankOf(tensor), Value());
    for (Value &index : indices)
      index = arith::ConstantIndexOp::create(b, 0);
    return s.cast(tensor::ExtractOp::create(b, tensor, indices), b.getF64Type());
  };
  Value span = s.sub(scalar(op.getLimit()), scalar(op.getStart()));
  Value count = math::CeilOp::create(b, s.div(span, scalar(op.getDelta())));
  return s.toIndex(s.cast(s.max(count, s.constant(b.getF64Type(), 0)), b.getI64Type()));
}

static LogicalResult lowerRange(onnx::RangeOp op, Lowering &l) {
  Extents extents = l.resultExtents(op.getResult(), [&](int64_t) { return rangeLength(op, l); });
  Type type = elementOf(op.getResult());
  auto scalarMap = [&](Value v) {
    SmallVector<AffineExpr> zeros(rankOf(v), l.b.getAffineConstantExpr(0));
    return AffineMap::get(1, 0, zeros, l.b.getContext());
  };
  SmallVector<Read> reads{{op.getStart(), scalarMap(op.getStart())},
                          {op.getDelta(), scalarMap(op.getDelta())}};
  l.replace(op, l.generic(extents, type, reads, [&](Scalars &s, ValueRange v) {
    Value position = s.cast(s.position(0, s.b.getI64Type()), type);
    return s.add(v[0], s.mul(position, v[1]));
  }));
  return success();
}

/// Extents as a tensor of i64: a constant, seq.extents, or made from index values.
static Value shapeTensor(Lowering &l, ArrayRef<Extent> extents, RankedTensorType type) {
  SmallVector<AffineExpr> exprs;
  for (Extent extent : extents) {
    std::optional<int64_t> constant = getConstantIntValue(extent);
    exprs.push_back(constant ? l.b.getAffineConstantExpr(*constant) : l.expressionOf(extent));
  }
  if (llvm::all_of(exprs, [](AffineExpr e) { return isa_and_nonnull<AffineConstantExpr>(e); })) {
    Ints values;
    for (AffineExpr expr : exprs)
      values.push_back(cast<AffineConstantExpr>(expr).getValue());
    return arith::ConstantOp::create(l.b, DenseElementsAttr::get(type, ArrayRef<int64_t>(values)));
  }
  if (llvm::all_of(exprs, [](AffineExpr e) { return bool(e); }))
    return seq::ExtentsOp::create(l.b, type, AffineMap::get(0, 2, exprs, l.b.getContext()));
  SmallVector<Value> elements;
  for (Extent extent : extents)
    elements.push_back(arith::IndexCastOp::create(l.b, l.b.getI64Type(), l.index(extent)));
  return tensor::FromElementsOp::create(l.b, type, elements);
}

static LogicalResult lowerShape(onnx::ShapeOp op, Lowering &l) {
  Extents extents = l.extents(op.getData());
  int64_t rank = extents.size();
  auto clamped = [rank](int64_t axis) { return std::clamp<int64_t>(normalized(axis, rank), 0, rank); };
  int64_t start = clamped(op.getStart()), end = std::max(start, clamped(op.getEnd().value_or(rank)));
  auto type = RankedTensorType::get({end - start}, l.b.getI64Type());
  l.replace(op, shapeTensor(l, ArrayRef(extents).slice(start, end - start), type));
  return success();
}

static LogicalResult lowerSize(onnx::SizeOp op, Lowering &l) {
  Extent total = l.product(l.extents(op.getData()));
  l.replace(op, shapeTensor(l, total, RankedTensorType::get({}, l.b.getI64Type())));
  return success();
}

static LogicalResult lowerTrilu(onnx::TriluOp op, Lowering &l) {
  Value x = op.getInput();
  int64_t rank = rankOf(x);
  Type type = elementOf(x), integer = l.b.getI64Type();
  SmallVector<Read> reads{{x, l.identity(rank)}};
  if (!onnx::isAbsent(op.getK())) {
    SmallVector<AffineExpr> zeros(rankOf(op.getK()), l.b.getAffineConstantExpr(0));
    reads.push_back({op.getK(), AffineMap::get(rank, 0, zeros, l.b.getContext())});
  }
  l.replace(op, l.generic(l.extents(x), type, reads, [&](Scalars &s, ValueRange v) -> Value {
    Value distance = s.sub(s.position(rank - 1, integer), s.position(rank - 2, integer));
    Value k = v.size() > 1 ? v[1] : s.integer(integer, 0);
    auto predicate = op.getUpper() ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sle;
    Value kept = arith::CmpIOp::create(s.b, predicate, distance, k);
    return s.select(kept, v[0], s.constant(v[0].getType(), 0));
  }));
  return success();
}

static LogicalResult lowerOneHot(onnx::OneHotOp op, Lowering &l) {
  Value indices = op.getIndices(), values = op.getValues();
  int64_t rank = rankOf(indices) + 1, axis = normalized(op.getAxis(), rank);
  Extents extents = l.resultExtents(op.getResult(), [&](int64_t i) {
    return i == axis ? l.element(l.cast(op.getDepth(), l.b.getI64Type()), 0)
                     : l.extent(indices, i - (i > axis));
  });
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      exprs.push_back(l.dim(i));
  MLIRContext *context = l.b.getContext();
  auto valueMap = [&](int64_t i) { return AffineMap::get(rank, 0, l.b.getAffineConstantExpr(i), context); };
  SmallVector<Read> reads{
      {indices, AffineMap::get(rank, 0, exprs, context)}, {values, valueMap(0)}, {values, valueMap(1)}};
  Value depth = l.index(extents[axis]);
  l.replace(op, l.generic(extents, elementOf(values), reads, [&](Scalars &s, ValueRange v) {
    Value index = s.wrapped(s.toIndex(s.cast(v[0], s.b.getI64Type())), depth);
    Value hit = arith::CmpIOp::create(s.b, arith::CmpIPredicate::eq, index, s.position(axis));
    return s.select(hit, v[2], v[1]);
  }));
  return success();
}

void addCreationLowerings(LoweringTable &table) {
  addLowering<onnx::ConstantOp>(table, lowerConstant);
  addLowering<onnx::ConstantOfShapeOp>(table, lowerConstantOfShape);
  addLowering<onnx::EyeLikeOp>(table, lowerEyeLike);
  addLowering<onnx::RangeOp>(table, lowerRange);
  addLowering<onnx::ShapeOp>(table, lowerShape);
  addLowering<onnx::SizeOp>(table, lowerSize);
  addLowering<onnx::TriluOp>(table, lowerTrilu);
  addLowering<onnx::OneHotOp>(table, lowerOneHot);
}

} // namespace halyard::lowering
