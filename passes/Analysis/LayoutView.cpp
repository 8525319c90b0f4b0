// The walk from a value back to the base of its layout view, one kind of operation at a time.
#include "passes/Analysis/LayoutView.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Matchers.h"
#include "passes/Analysis/SymbolicInference.h"

using namespace mlir;

namespace halyard {

/// An expression as a constant factor times the rest.
static std::pair<int64_t, AffineExpr> factored(AffineExpr expr) {
  AffineExpr one = getAffineConstantExpr(1, expr.getContext());
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return {constant.getValue(), one};
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Mul) {
    auto [left, leftRest] = factored(binary.getLHS());
    auto [right, rightRest] = factored(binary.getRHS());
    if (leftRest == one)
      return {left * right, rightRest};
    if (rightRest == one)
      return {left * right, leftRest};
  }
  return {1, expr};
}

std::optional<AffineExpr> exactQuotient(AffineExpr a, AffineExpr b) {
  auto [factorA, restA] = factored(a);
  auto [factorB, restB] = factored(b);
  AffineExpr one = getAffineConstantExpr(1, a.getContext());
  if (factorB == 0 || factorA % factorB != 0 || (restB != one && restA != restB))
    return std::nullopt;
  return (restA == restB ? one : restA) * (factorA / factorB);
}

std::optional<double> constantScalar(Value value) {
  ElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)))
    return std::nullopt;
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (!dense || !dense.isSplat())
    return std::nullopt;
  if (isa<FloatType>(dense.getElementType()))
    return dense.getSplatValue<APFloat>().convertToDouble();
  if (dense.getElementType().isIntOrIndex())
    return static_cast<double>(dense.getSplatValue<APInt>().getSExtValue());
  return std::nullopt;
}

std::optional<LayoutView> LayoutView::of(Value value, const ShapeOf &shapeOf, bool throughScales) {
  auto shape = shapeOf(value);
  if (!shape)
    return std::nullopt;
  LayoutView view(value);
  AffineExpr one = getAffineConstantExpr(1, value.getContext());
  for (AffineExpr extent : *shape) {
    Axis axis;
    if (!extent)
      return std::nullopt;
    if (extent != one) {
      axis.push_back(view.atoms.size());
      view.atoms.push_back({extent});
    }
    view.dims.push_back(axis);
  }
  view.target = view.dims;
  while (view.step(shapeOf, throughScales)) {
  }
  return view;
}

bool LayoutView::step(const ShapeOf &shapeOf, bool throughScales) {
  Operation *op = current.getDefiningOp();
  if (!op)
    return false;
  if (isa<onnx::ReshapeOp, onnx::UnsqueezeOp, onnx::SqueezeOp, onnx::FlattenOp>(op))
    return throughReshape(op->getOperand(0), shapeOf);
  if (isa<onnx::TransposeOp>(op))
    return throughTranspose(op);
  if (isa<onnx::ExpandOp>(op))
    return throughExpand(op->getOperand(0), shapeOf);
  if (isa<onnx::ConcatOp>(op))
    return throughRepeat(op);
  if (isa<onnx::MulOp, onnx::DivOp>(op))
    return throughScales && throughScale(op);
  if (isa<onnx::CastOp, onnx::IdentityOp>(op) &&
      onnx::elementTypeOf(op->getOperand(0)) == onnx::elementTypeOf(op->getResult(0))) {
    current = op->getOperand(0);
    return true;
  }
  return false;
}

unsigned LayoutView::split(unsigned index, AffineExpr outer, AffineExpr inner) {
  unsigned added = atoms.size();
  atoms.push_back({inner, atoms[index].broadcast});
  atoms[index].extent = outer;
  for (Axis &axis : target)
    if (auto *found = llvm::find(axis, index); found != axis.end()) {
      axis.insert(found + 1, added);
      break;
    }
  return added;
}

/// Deals a sequence of atoms out to axes of the given extents, splitting atoms where an axis ends inside one.
bool LayoutView::regroup(ArrayRef<AffineExpr> extents, ArrayRef<unsigned> sequence,
                         SmallVectorImpl<Axis> &groups) {
  SmallVector<unsigned> rest(llvm::reverse(sequence));
  AffineExpr one = getAffineConstantExpr(1, current.getContext());
  for (AffineExpr needed : extents) {
    Axis &group = groups.emplace_back();
    while (needed != one) {
      if (rest.empty() || !needed)
        return false;
      unsigned next = rest.pop_back_val();
      if (auto more = exactQuotient(needed, atoms[next].extent)) {
        needed = *more;
      } else if (auto inner = exactQuotient(atoms[next].extent, needed)) {
        rest.push_back(split(next, needed, *inner));
        needed = one;
      } else {
        return false;
      }
      group.push_back(next);
    }
  }
  return rest.empty();
}

bool LayoutView::throughReshape(Value input, const ShapeOf &shapeOf) {
  auto shape = shapeOf(input);
  if (!shape)
    return false;
  SmallVector<unsigned> sequence;
  for (const Axis &axis : dims)
    llvm::append_range(sequence, axis);
  LayoutView saved = *this;
  SmallVector<Axis> groups;
  if (!regroup(*shape, sequence, groups)) {
    *this = saved;
    return false;
  }
  dims = groups;
  current = input;
  return true;
}

bool LayoutView::throughTranspose(Operation *op) {
  auto perm = cast<onnx::TransposeOp>(op).getPerm();
  SmallVector<Axis> permuted(dims.size());
  for (unsigned index = 0; index < dims.size(); ++index)
    permuted[perm ? (*perm)[index] : dims.size() - 1 - index] = dims[index];
  dims = permuted;
  current = op->getOperand(0);
  return true;
}

bool LayoutView::throughExpand(Value input, const ShapeOf &shapeOf) {
  auto shape = shapeOf(input);
  if (!shape || shape->size() > dims.size())
    return false;
  AffineExpr one = getAffineConstantExpr(1, current.getContext());
  unsigned leading = dims.size() - shape->size();
  SmallVector<Axis> inner;
  for (unsigned index = 0; index < dims.size(); ++index) {
    bool repeats = index < leading || (*shape)[index - leading] == one;
    for (unsigned atom : dims[index])
      atoms[atom].broadcast |= repeats;
    if (index >= leading)
      inner.push_back(repeats ? Axis() : dims[index]);
  }
  dims = inner;
  current = input;
  return true;
}

bool LayoutView::throughRepeat(Operation *op) {
  auto concat = cast<onnx::ConcatOp>(op);
  if (op->getNumOperands() < 2 || !llvm::all_equal(op->getOperands()))
    return false;
  int64_t axis = fromFront(concat.getAxis(), dims.size()); // the accessor's type is unsigned
  AffineExpr repeats = getAffineConstantExpr(op->getNumOperands(), op->getContext());
  auto each = exactQuotient(extent(dims[axis]), repeats);
  LayoutView saved = *this;
  SmallVector<Axis> groups;
  if (!each || !regroup({repeats, *each}, dims[axis], groups)) {
    *this = saved;
    return false;
  }
  for (unsigned atom : groups[0])
    atoms[atom].broadcast = true;
  dims[axis] = groups[1];
  current = op->getOperand(0);
  return true;
}

bool LayoutView::throughScale(Operation *op) {
  if (!isa<FloatType>(onnx::elementTypeOf(op->getResult(0))))
    return false;
  bool divides = isa<onnx::DivOp>(op);
  for (unsigned index : {1u, 0u}) {
    auto scalar = constantScalar(op->getOperand(index));
    if (!scalar || (divides && index == 0))
      continue;
    auto type = dyn_cast<RankedTensorType>(op->getOperand(index).getType());
    if (!type || type.getNumElements() != 1 ||
        op->getOperand(1 - index).getType() != op->getResult(0).getType())
      continue;
    factor *= divides ? 1.0 / *scalar : *scalar;
    current = op->getOperand(1 - index);
    return true;
  }
  return false;
}

SmallVector<unsigned> LayoutView::baseOrder() const {
  SmallVector<unsigned> order;
  for (const Axis &axis : dims)
    llvm::append_range(order, axis);
  return order;
}

AffineExpr LayoutView::extent(ArrayRef<unsigned> some) const {
  AffineExpr product = getAffineConstantExpr(1, current.getContext());
  for (unsigned atom : some)
    product = product * atoms[atom].extent;
  return product;
}

} // namespace halyard
