// Reshapes as expansions and collapses of groups of axes, found by comparing products of extents.
//
// An extent is a constant factor times factors that stand for themselves: expressions over the lengths or
// values. Walking over both shapes, a group ends where the products so far are equal.
#include "passes/Conversion/OnnxToLinalg/Lowering.h"

using namespace mlir;

namespace halyard::lowering {

namespace {
struct Factors {
  int64_t constant = 1;
  SmallVector<const void *> atoms; // sorted

  bool operator==(const Factors &other) const { return constant == other.constant && atoms == other.atoms; }
  bool divides(const Factors &other) const {
    return constant != 0 && other.constant % constant == 0 &&
           std::includes(other.atoms.begin(), other.atoms.end(), atoms.begin(), atoms.end());
  }
};

struct Group {
  ReassociationIndices from, to;
};
} // namespace

static void multiply(Factors &factors, AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    factors.constant *= constant.getValue();
    return;
  }
  if (expr.getKind() == AffineExprKind::Mul) {
    auto binary = cast<AffineBinaryOpExpr>(expr);
    multiply(factors, binary.getLHS());
    multiply(factors, binary.getRHS());
    return;
  }
  // s * 8 + 8 is 8 * (s + 1).
  if (int64_t divisor = expr.getLargestKnownDivisor(); divisor > 1) {
    factors.constant *= divisor;
    expr = expr.floorDiv(divisor);
  }
  factors.atoms.push_back(expr.getAsOpaquePointer());
}

static void multiply(Factors &factors, Extent extent, const Lowering &lowering) {
  if (std::optional<int64_t> constant = getConstantIntValue(extent))
    factors.constant *= *constant;
  else if (AffineExpr expr = lowering.expressionOf(extent))
    multiply(factors, expr);
  else
    factors.atoms.push_back(cast<Value>(extent).getAsOpaquePointer());
  llvm::sort(factors.atoms);
}

/// The groups by which one shape becomes the other; none if they cannot be told.
static std::optional<SmallVector<Group>> findGroups(ArrayRef<Extent> from, ArrayRef<Extent> to,
                                                    const Lowering &lowering) {
  SmallVector<Group> groups;
  size_t i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    Group group;
    Factors left, right;
    auto takeLeft = [&] {
      multiply(left, from[i], lowering);
      group.from.push_back(i++);
    };
    auto takeRight = [&] {
      multiply(right, to[j], lowering);
      group.to.push_back(j++);
    };
    takeLeft();
    takeRight();
    while (!(left == right)) {
      if (i < from.size() && left.divides(right))
        takeLeft();
      else if (j < to.size() && right.divides(left))
        takeRight();
      else if (i < from.size() && (left.atoms.size() <= right.atoms.size() || j == to.size()))
        takeLeft();
      else if (j < to.size())
        takeRight();
      else
        return std::nullopt;
    }
    groups.push_back(group);
  }
  // What is left over has extent 1.
  if (groups.empty() || !llvm::all_of(from.drop_front(i), [](Extent e) { return isStatic(e, 1); }) ||
      !llvm::all_of(to.drop_front(j), [](Extent e) { return isStatic(e, 1); }))
    return std::nullopt;
  for (; i < from.size(); ++i)
    groups.back().from.push_back(i);
  for (; j < to.size(); ++j)
    groups.back().to.push_back(j);
  return groups;
}

static RankedTensorType typeOf(ArrayRef<Extent> extents, Type elementType) {
  SmallVector<int64_t> shape;
  for (Extent extent : extents)
    shape.push_back(getConstantIntValue(extent).value_or(ShapedType::kDynamic));
  return RankedTensorType::get(shape, elementType);
}

/// Collapses every group to one axis, then expands it.
Value Lowering::reshapeByGroups(Value value, ArrayRef<Extent> target) {
  Extents source = extents(value);
  std::optional<SmallVector<Group>> groups = findGroups(source, target, *this);
  if (!groups)
    return {};
  Type elementType = elementOf(value);
  if (RankedTensorType known = typeOf(source, elementType); known != value.getType())
    value = tensor::CastOp::create(b, known, value);
  SmallVector<ReassociationIndices> from, to;
  for (const Group &group : *groups) {
    from.push_back(group.from);
    to.push_back(group.to);
  }
  if (groups->size() < source.size())
    value = tensor::CollapseShapeOp::create(b, value, from);
  if (groups->size() < target.size())
    value = tensor::ExpandShapeOp::create(b, typeOf(target, elementType), value, to, target);
  return value;
}

Value Lowering::reshape(Value value, ArrayRef<Extent> target) {
  auto type = rankedType(value), targetType = typeOf(target, type.getElementType());
  if (Attribute constant = splat(value))
    return fill(target, type.getElementType(), constant);
  if (type.getRank() == 0 || target.empty()) {
    if (type.getRank() == 0 && target.empty())
      return value;
    SmallVector<ReassociationIndices> none;
    if (type.getRank() == 0)
      return tensor::ExpandShapeOp::create(b, targetType, value, none, target);
    if (RankedTensorType ones =
            typeOf(SmallVector<Extent>(type.getRank(), b.getIndexAttr(1)), type.getElementType());
        ones != type)
      value = tensor::CastOp::create(b, ones, value);
    return tensor::CollapseShapeOp::create(b, targetType, value, none);
  }
  if (llvm::is_contained(targetType.getShape(), 0))
    return empty(target, type.getElementType());
  if (Value grouped = reshapeByGroups(value, target))
    return grouped;
  SmallVector<Value> sizes;
  for (Extent extent : target)
    sizes.push_back(index(extent));
  Value shape = tensor::FromElementsOp::create(b, sizes);
  return tensor::ReshapeOp::create(b, targetType, value, shape);
}

Value Lowering::unsqueeze(Value value, ArrayRef<int64_t> axes) {
  Extents source = extents(value), target;
  int64_t rank = source.size() + axes.size();
  SmallVector<ReassociationIndices> groups(source.size());
  int64_t next = -1;
  ReassociationIndices leading;
  for (int64_t axis = 0; axis < rank; ++axis) {
    bool inserted = llvm::is_contained(axes, axis);
    target.push_back(inserted ? Extent(b.getIndexAttr(1)) : source[++next]);
    if (next < 0) {
      leading.push_back(axis);
      continue;
    }
    groups[next].append(std::move(leading));
    leading.clear();
    groups[next].push_back(axis);
  }
  if (axes.empty())
    return value;
  if (Attribute constant = splat(value))
    return fill(target, elementOf(value), constant);
  if (RankedTensorType known = typeOf(source, elementOf(value)); known != value.getType())
    value = tensor::CastOp::create(b, known, value);
  return tensor::ExpandShapeOp::create(b, typeOf(target, elementOf(value)), value, groups, target);
}

/// Extents of a reshape from its shape operand: 0 keeps an extent, -1 is what remains of the number of
/// elements.
static Extents shapeOperandExtents(onnx::ReshapeOp op, Lowering &l) {
  Value data = op.getData(), shape = op.getShape();
  int64_t rank = rankOf(op.getResult()), inferred = -1;
  Extents source = l.extents(data), target;
  for (int64_t axis = 0; axis < rank; ++axis) {
    Extent extent = l.element(shape, axis);
    if (isStatic(extent, 0) && !op.getAllowzero())
      extent = source[axis];
    if (isStatic(extent, -1))
      inferred = axis;
    target.push_back(extent);
  }
  if (inferred < 0)
    return target;
  SmallVector<Extent> numerator(source), denominator;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (axis == inferred)
      continue;
    auto same =
        llvm::find_if(numerator, [&](Extent e) { return isEqualConstantIntOrValue(e, target[axis]); });
    if (same != numerator.end())
      numerator.erase(same);
    else
      denominator.push_back(target[axis]);
  }
  Extent total = l.product(numerator), rest = l.product(denominator);
  if (isStatic(rest, 1))
    target[inferred] = total;
  else if (std::optional<int64_t> divisor = getConstantIntValue(rest))
    target[inferred] = l.apply(l.b.getAffineSymbolExpr(0).floorDiv(*divisor), {total});
  else
    target[inferred] = arith::DivSIOp::create(l.b, l.index(total), l.index(rest)).getResult();
  return target;
}

static LogicalResult lowerReshape(onnx::ReshapeOp op, Lowering &l) {
  std::optional<Extents> fromOperand;
  Extents target = l.resultExtents(op.getResult(), [&](int64_t axis) {
    if (!fromOperand)
      fromOperand = shapeOperandExtents(op, l);
    return (*fromOperand)[axis];
  });
  l.replace(op, l.reshape(op.getData(), target));
  return success();
}

static LogicalResult lowerFlatten(onnx::FlattenOp op, Lowering &l) {
  Extents source = l.extents(op.getInput());
  int64_t axis = normalized(op.getAxis(), source.size());
  Extents target{l.product(ArrayRef(source).take_front(axis)), l.product(ArrayRef(source).drop_front(axis))};
  l.replace(op, l.reshape(op.getInput(), target));
  return success();
}

static LogicalResult lowerSqueeze(onnx::SqueezeOp op, Lowering &l) {
  Extents source = l.extents(op.getData()), target;
  std::optional<Ints> axes;
  if (!onnx::isAbsent(op.getAxes()) && !(axes = l.constantInts(op.getAxes())))
    return op.emitOpError("needs constant axes");
  int64_t rank = source.size();
  for (int64_t axis = 0; axis < rank; ++axis) {
    bool dropped = axes ? llvm::any_of(*axes, [&](int64_t a) { return normalized(a, rank) == axis; })
                        : isStatic(source[axis], 1);
    if (!dropped)
      target.push_back(source[axis]);
  }
  l.replace(op, l.reshape(op.getData(), target));
  return success();
}

static LogicalResult lowerUnsqueeze(onnx::UnsqueezeOp op, Lowering &l) {
  std::optional<Ints> axes = l.constantInts(op.getAxes());
  if (!axes)
    return op.emitOpError("needs constant axes");
  int64_t rank = rankOf(op.getData()) + axes->size();
  for (int64_t &axis : *axes)
    axis = normalized(axis, rank);
  llvm::sort(*axes);
  l.replace(op, l.unsqueeze(op.getData(), *axes));
  return success();
}

void addShapeLowerings(LoweringTable &table) {
  addLowering<onnx::ReshapeOp>(table, lowerReshape);
  addLowering<onnx::FlattenOp>(table, lowerFlatten);
  addLowering<onnx::SqueezeOp>(table, lowerSqueeze);
  addLowering<onnx::UnsqueezeOp>(table, lowerUnsqueeze);
}

} // namespace halyard::lowering
