// Lowering of reductions: one generic whose reduced loops are missing from (or 0 in) the result's map. Half
// floats are accumulated in float32.
#include "passes/Conversion/OnnxToLinalg/Reductions.h"

using namespace mlir;

namespace halyard::lowering {

Ints axesFrom(int64_t first, int64_t rank) { return llvm::to_vector(llvm::seq<int64_t>(first, rank)); }

static Value combined(Scalars &s, Reduction kind, Value x, Value y) {
  switch (kind) {
  case Reduction::sum:
    return s.add(x, y);
  case Reduction::product:
    return s.mul(x, y);
  case Reduction::max:
    return s.max(x, y);
  case Reduction::min:
    return s.min(x, y);
  }
  return {};
}

static Value initial(Lowering &l, Reduction kind, ArrayRef<Extent> extents, Type type) {
  if (kind == Reduction::max || kind == Reduction::min)
    return l.fillExtreme(extents, type, /*lowest=*/kind == Reduction::max);
  return l.fill(extents, type, kind == Reduction::sum ? 0.0 : 1.0);
}

Value reduceOver(Lowering &l, Value x, ArrayRef<int64_t> axes, bool keep, Reduction kind, Type type,
                 Mapped mapped) {
  Extents source = l.extents(x), target;
  SmallVector<AffineExpr> exprs;
  int64_t rank = source.size();
  for (int64_t axis = 0; axis < rank; ++axis) {
    bool reduced = llvm::is_contained(axes, axis);
    if (reduced && !keep)
      continue;
    exprs.push_back(reduced ? l.b.getAffineConstantExpr(0) : l.dim(axis));
    target.push_back(reduced ? Extent(l.b.getIndexAttr(1)) : source[axis]);
  }
  AffineMap map = AffineMap::get(rank, 0, exprs, l.b.getContext());
  return l.reduce1(
      initial(l, kind, target, type), map, {{x, l.identity(rank)}},
      [&](Scalars &s, ValueRange v) { return combined(s, kind, mapped(s, s.cast(v[0], type)), v[1]); });
}

Value reduceOver(Lowering &l, Value x, ArrayRef<int64_t> axes, bool keep, Reduction kind) {
  return reduceOver(l, x, axes, keep, kind, elementOf(x), [](Scalars &, Value v) { return v; });
}

Value countOf(Scalars &s, Extent count, Type type) {
  if (std::optional<int64_t> constant = getConstantIntValue(count))
    return s.integer(type, *constant);
  Type integer = isa<FloatType>(type) ? s.b.getI64Type() : type;
  Value number = arith::IndexCastOp::create(s.b, integer, cast<Value>(count));
  return isa<FloatType>(type) ? Value(arith::SIToFPOp::create(s.b, type, number)) : number;
}

static Extent countAlong(Lowering &l, Value x, ArrayRef<int64_t> axes) {
  Extents factors;
  for (int64_t axis : axes)
    factors.push_back(l.extent(x, axis));
  return l.product(factors);
}

Value meanOver(Lowering &l, Value x, ArrayRef<int64_t> axes, Mapped mapped) {
  Type type = accumulatorType(elementOf(x));
  Value sum = reduceOver(l, x, axes, /*keep=*/true, Reduction::sum, type, mapped);
  Extent count = countAlong(l, x, axes);
  return l.elementwise(l.extents(sum), type, sum,
                       [&](Scalars &s, ValueRange v) { return s.div(v[0], countOf(s, count, type)); });
}

//===-- Reduce*
//------------------------------------------------------------------------------------------------------===//

/// The axes of a reduction operator, ascending; none (with an error) if they are not constant.
template <typename Op> static std::optional<Ints> reducedAxes(Op op, Lowering &l) {
  int64_t rank = rankOf(op.getData());
  Ints axes;
  if (!onnx::isAbsent(op.getAxes())) {
    std::optional<Ints> given = l.constantInts(op.getAxes());
    if (!given) {
      op.emitOpError("needs constant axes");
      return std::nullopt;
    }
    axes = *given;
  }
  if (axes.empty() && !op.getNoopWithEmptyAxes())
    axes = axesFrom(0, rank);
  for (int64_t &axis : axes)
    axis = normalized(axis, rank);
  llvm::sort(axes);
  return axes;
}

namespace {
/// A reduction operator: what is combined, how, and what becomes of the result.
struct Recipe {
  Reduction kind;
  Value (*before)(Scalars &, Value) = nullptr;
  Value (*after)(Scalars &, Value) = nullptr;
};
} // namespace

template <typename Op>
static LogicalResult lowerReduce(Op op, Lowering &l, const Recipe &recipe, bool mean = false) {
  std::optional<Ints> axes = reducedAxes(op, l);
  if (!axes)
    return failure();
  Value x = op.getData();
  Type type = elementOf(op.getResult());
  bool summed = recipe.kind == Reduction::sum || recipe.kind == Reduction::product;
  Type accumulator = summed ? accumulatorType(type) : type;
  Value result = reduceOver(l, x, *axes, op.getKeepdims(), recipe.kind, accumulator,
                            [&](Scalars &s, Value v) { return recipe.before ? recipe.before(s, v) : v; });
  Extent count = countAlong(l, x, *axes);
  if (recipe.after || mean || accumulator != type)
    result = l.elementwise(l.extents(result), type, result, [&](Scalars &s, ValueRange v) {
      Value value = recipe.after ? recipe.after(s, v[0]) : v[0];
      return s.cast(mean ? s.div(value, countOf(s, count, accumulator)) : value, type);
    });
  l.replace(op, result);
  return success();
}

static Value square(Scalars &s, Value x) { return s.mul(x, x); }
static Value absolute(Scalars &s, Value x) { return s.abs(x); }
static Value root(Scalars &s, Value x) {
  if (isa<FloatType>(x.getType()))
    return s.sqrt(x);
  return s.cast(s.sqrt(s.cast(x, s.b.getF64Type())), x.getType());
}
static Value logarithm(Scalars &s, Value x) {
  if (isa<FloatType>(x.getType()))
    return s.log(x);
  return s.cast(s.log(s.cast(x, s.b.getF64Type())), x.getType());
}

template <typename Op> static void addReduce(LoweringTable &table, Recipe recipe, bool mean = false) {
  table[TypeID::get<Op>()] = [recipe, mean](Operation *op, Lowering &l) {
    return lowerReduce(cast<Op>(op), l, recipe, mean);
  };
}

/// log(sum(exp(x - m))) + m with the maximum m, so that exp does not overflow.
static LogicalResult lowerLogSumExp(onnx::ReduceLogSumExpOp op, Lowering &l) {
  std::optional<Ints> axes = reducedAxes(op, l);
  if (!axes)
    return failure();
  Value x = op.getData();
  Type type = elementOf(x), accumulator = accumulatorType(type);
  Value max = reduceOver(l, x, *axes, /*keep=*/true, Reduction::max);
  Value shifted = l.elementwise(l.extents(x), accumulator, {x, max}, [&](Scalars &s, ValueRange v) {
    return s.exp(s.cast(s.sub(v[0], v[1]), accumulator));
  });
  Value sum = reduceOver(l, shifted, *axes, /*keep=*/true, Reduction::sum);
  Value result = l.elementwise(l.extents(sum), type, {sum, max}, [&](Scalars &s, ValueRange v) {
    return s.cast(s.add(s.log(v[0]), s.cast(v[1], accumulator)), type);
  });
  if (!op.getKeepdims()) {
    Extents source = l.extents(result), target;
    for (auto [axis, extent] : llvm::enumerate(source))
      if (!llvm::is_contained(*axes, axis))
        target.push_back(extent);
    result = l.reshape(result, target);
  }
  l.replace(op, result);
  return success();
}

//===-- ArgMax, ArgMin
//-----------------------------------------------------------------------------------------------===//

template <typename Op> static LogicalResult lowerArg(Op op, Lowering &l, bool largest) {
  Value x = op.getData();
  int64_t rank = rankOf(x), axis = normalized(op.getAxis(), rank);
  Extents source = l.extents(x), target;
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0; i < rank; ++i) {
    if (i == axis && !op.getKeepdims())
      continue;
    exprs.push_back(i == axis ? l.b.getAffineConstantExpr(0) : l.dim(i));
    target.push_back(i == axis ? Extent(l.b.getIndexAttr(1)) : source[i]);
  }
  Value best = l.fillExtreme(target, elementOf(x), /*lowest=*/largest);
  Value where = l.fill(target, l.b.getI64Type(), 0.0);
  bool last = op.getSelectLastIndex();
  auto results =
      l.reduce({best, where}, AffineMap::get(rank, 0, exprs, l.b.getContext()), {{x, l.identity(rank)}},
               [&](Scalars &s, ValueRange v) {
                 Value small = largest ? v[1] : v[0], big = largest ? v[0] : v[1];
                 Value better = last ? s.lessOrEqual(small, big) : s.less(small, big);
                 Value here = s.position(axis, s.b.getI64Type());
                 return SmallVector<Value>{s.select(better, v[0], v[1]), s.select(better, here, v[2])};
               });
  l.replace(op, results[1]);
  return success();
}

static LogicalResult lowerArgMax(onnx::ArgMaxOp op, Lowering &l) { return lowerArg(op, l, true); }
static LogicalResult lowerArgMin(onnx::ArgMinOp op, Lowering &l) { return lowerArg(op, l, false); }

//===-- CumSum, CumProd
//----------------------------------------------------------------------------------------------===//

/// Each result reduces over the whole axis, with the elements after it masked: quadratic, but independent
/// along it.
template <typename Op> static LogicalResult lowerCumulative(Op op, Lowering &l, Reduction kind) {
  std::optional<int64_t> given = l.constantInt(op.getAxis());
  if (!given)
    return op.emitOpError("needs a constant axis");
  Value x = op.getX();
  int64_t rank = rankOf(x), axis = normalized(*given, rank);
  Type type = elementOf(x), accumulator = accumulatorType(type);
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0; i < rank; ++i)
    exprs.push_back(i == axis ? l.dim(rank) : l.dim(i));
  AffineMap read = AffineMap::get(rank + 1, 0, exprs, l.b.getContext());
  AffineMap write = l.identity(rank + 1).getMajorSubMap(rank);
  bool exclusive = op.getExclusive(), reverse = op.getReverse();
  Value init = initial(l, kind, l.extents(x), accumulator);
  Value result = l.reduce1(init, write, {{x, read}}, [&](Scalars &s, ValueRange v) {
    Value i = s.position(axis), j = s.position(rank);
    if (reverse)
      std::swap(i, j);
    auto predicate = exclusive ? arith::CmpIPredicate::slt : arith::CmpIPredicate::sle;
    Value counts = arith::CmpIOp::create(s.b, predicate, j, i);
    Value neutral = s.constant(accumulator, kind == Reduction::sum ? 0 : 1);
    return combined(s, kind, s.select(counts, s.cast(v[0], accumulator), neutral), v[1]);
  });
  l.replace(op, l.cast(result, type));
  return success();
}

static LogicalResult lowerCumSum(onnx::CumSumOp op, Lowering &l) {
  return lowerCumulative(op, l, Reduction::sum);
}
static LogicalResult lowerCumProd(onnx::CumProdOp op, Lowering &l) {
  return lowerCumulative(op, l, Reduction::product);
}

void addReductionLowerings(LoweringTable &table) {
  addReduce<onnx::ReduceL1Op>(table, {Reduction::sum, absolute});
  addReduce<onnx::ReduceL2Op>(table, {Reduction::sum, square, root});
  addReduce<onnx::ReduceLogSumOp>(table, {Reduction::sum, nullptr, logarithm});
  addReduce<onnx::ReduceMaxOp>(table, {Reduction::max});
  addReduce<onnx::ReduceMeanOp>(table, {Reduction::sum}, /*mean=*/true);
  addReduce<onnx::ReduceMinOp>(table, {Reduction::min});
  addReduce<onnx::ReduceProdOp>(table, {Reduction::product});
  addReduce<onnx::ReduceSumOp>(table, {Reduction::sum});
  addReduce<onnx::ReduceSumSquareOp>(table, {Reduction::sum, square});
  addLowering<onnx::ReduceLogSumExpOp>(table, lowerLogSumExp);
  addLowering<onnx::ArgMaxOp>(table, lowerArgMax);
  addLowering<onnx::ArgMinOp>(table, lowerArgMin);
  addLowering<onnx::CumSumOp>(table, lowerCumSum);
  addLowering<onnx::CumProdOp>(table, lowerCumProd);
}

} // namespace halyard::lowering
