// Symbolic shapes of the operators that make tensors or give them another shape.
#include "passes/Analysis/SymbolicInference.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace halyard;

namespace {

/// The integers of a small constant; of floats only those that are integers.
std::optional<LengthExprs> elementsOf(SymbolicInference &in, ElementsAttr attribute) {
  auto dense = dyn_cast<DenseElementsAttr>(attribute);
  if (!dense || dense.getNumElements() > static_cast<int64_t>(SymbolicInference::maxContents))
    return std::nullopt;
  LengthExprs elements;
  if (isa<IntegerType>(dense.getElementType())) {
    bool isUnsigned = dense.getElementType().isUnsignedInteger() || dense.getElementType().isInteger(1);
    for (const APInt &value : dense.getValues<APInt>())
      elements.push_back(in.constant(isUnsigned ? value.getZExtValue() : value.getSExtValue()));
  } else if (isa<FloatType>(dense.getElementType())) {
    for (const APFloat &value : dense.getValues<APFloat>()) {
      APSInt integer(64, /*isUnsigned=*/false);
      bool exact = false;
      bool fits = value.convertToInteger(integer, APFloat::rmTowardZero, &exact) == APFloat::opOK && exact;
      elements.push_back(fits ? in.constant(integer.getExtValue()) : AffineExpr());
    }
  }
  return elements;
}

void visitConstant(onnx::ConstantOp op, SymbolicInference &in) {
  in.setShape(op.getResult(), *factsOfType(op.getValue().getType()).shape);
  if (std::optional<LengthExprs> elements = elementsOf(in, op.getValue()))
    in.setContents(op.getResult(), *elements);
}

void visitConstantOfShape(onnx::ConstantOfShapeOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.contents(op.getInput());
  if (!shape) {
    if (std::optional<int64_t> rank = in.vectorLength(op.getInput()))
      in.setShape(op.getResult(), LengthExprs(*rank, AffineExpr()));
    return;
  }
  in.setShape(op.getResult(), *shape);
  std::optional<int64_t> count = constantCount(*shape);
  if (!count || *count > static_cast<int64_t>(SymbolicInference::maxContents))
    return;
  std::optional<LengthExprs> value =
      op.getValue() ? elementsOf(in, *op.getValue()) : LengthExprs{in.constant(0)};
  if (value && value->size() == 1)
    in.setContents(op.getResult(), LengthExprs(*count, value->front()));
}

void visitRange(onnx::RangeOp op, SymbolicInference &in) {
  const LengthAlgebra &algebra = in.algebra();
  AffineExpr start = in.scalar(op.getStart()), limit = in.scalar(op.getLimit()),
             delta = in.scalar(op.getDelta());
  AffineExpr span = algebra.sub(limit, start);
  std::optional<int64_t> step = LengthAlgebra::value(delta);
  if (step && *step < 0)
    span = algebra.sub(in.constant(0), span);
  AffineExpr extent;
  if (step && *step != 0)
    extent = algebra.max(algebra.ceilDiv(span, in.constant(std::abs(*step))), in.constant(0));
  in.setShape(op.getResult(), {extent});
  std::optional<int64_t> count = LengthAlgebra::value(extent);
  if (!count || *count > static_cast<int64_t>(SymbolicInference::maxContents))
    return;
  LengthExprs elements;
  for (int64_t index = 0; index < *count; ++index)
    elements.push_back(algebra.add(start, in.constant(index * *step)));
  in.setContents(op.getResult(), elements);
}

void visitShape(onnx::ShapeOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getData());
  if (!shape)
    return;
  int64_t rank = shape->size();
  auto clamp = [&](int64_t axis) { return std::clamp<int64_t>(fromFront(axis, rank), 0, rank); };
  int64_t start = clamp(op.getStart()), end = std::max(start, op.getEnd() ? clamp(*op.getEnd()) : rank);
  LengthExprs elements(shape->begin() + start, shape->begin() + end);
  in.setShape(op.getResult(), {in.constant(elements.size())});
  in.setContents(op.getResult(), elements);
}

void visitSize(onnx::SizeOp op, SymbolicInference &in) {
  in.setShape(op.getResult(), {});
  if (std::optional<LengthExprs> shape = in.shape(op.getData()))
    in.setContents(op.getResult(), {in.algebra().product(*shape)});
}

void visitFlatten(onnx::FlattenOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getInput());
  if (!shape)
    return in.setShape(op.getResult(), {AffineExpr(), AffineExpr()});
  ArrayRef<AffineExpr> extents(*shape);
  size_t axis = fromFront(op.getAxis(), extents.size());
  in.setShape(op.getResult(), {in.algebra().product(extents.take_front(axis)),
                               in.algebra().product(extents.drop_front(axis))});
}

//===-- reshape
//----------------------------------------------------------------------------------------------------===//

/// The extent that the others leave: the product of `data` over the product of what `shape` has besides
/// `open`.
AffineExpr remainingExtent(SymbolicInference &in, ArrayRef<AffineExpr> data, ArrayRef<AffineExpr> shape,
                           size_t open) {
  LengthExprs others(shape);
  others.erase(others.begin() + open);
  return in.algebra().quotient(data, others);
}

void visitReshape(onnx::ReshapeOp op, SymbolicInference &in) {
  std::optional<LengthExprs> data = in.shape(op.getData()), wanted = in.contents(op.getShape());
  if (!wanted) {
    if (std::optional<int64_t> rank = in.vectorLength(op.getShape()))
      in.setShape(op.getResult(), LengthExprs(*rank, AffineExpr()));
    return;
  }
  LengthExprs shape = *wanted;
  size_t unknown = 0, open = 0;
  for (auto [axis, extent] : llvm::enumerate(shape)) {
    std::optional<int64_t> value = LengthAlgebra::value(extent);
    if (value == 0 && !op.getAllowzero())
      extent = data && axis < data->size() ? (*data)[axis] : AffineExpr();
    else if (value && *value < 0)
      extent = AffineExpr();
    if (!extent) {
      ++unknown;
      open = axis;
    }
  }
  if (unknown == 1 && data)
    shape[open] = remainingExtent(in, *data, shape, open);
  in.setShape(op.getResult(), shape);
  std::optional<int64_t> from = data ? constantCount(*data) : std::nullopt, to = constantCount(shape);
  if (from && to && *from != *to)
    return in.error(op, "expects as many elements as its input has, " + Twine(*from) + ", got " + Twine(*to));
  if (std::optional<LengthExprs> contents = in.contents(op.getData()))
    in.setContents(op.getResult(), *contents);
}

void visitSqueeze(onnx::SqueezeOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getData());
  if (!shape)
    return;
  int64_t rank = shape->size();
  llvm::SmallBitVector dropped(rank);
  if (onnx::isAbsent(op.getAxes())) {
    for (auto [axis, extent] : llvm::enumerate(*shape)) {
      if (!extent)
        return;
      if (LengthAlgebra::value(extent) == 1)
        dropped.set(axis);
    }
  } else {
    std::optional<SmallVector<int64_t>> axes = in.constants(op.getAxes());
    if (!axes)
      return;
    for (int64_t axis : *axes) {
      if (fromFront(axis, rank) < 0 || fromFront(axis, rank) >= rank)
        return in.error(op, "expects axes within the rank " + Twine(rank) + ", got " + Twine(axis));
      dropped.set(fromFront(axis, rank));
    }
  }
  LengthExprs kept;
  for (auto [axis, extent] : llvm::enumerate(*shape))
    if (!dropped[axis])
      kept.push_back(extent);
  in.setShape(op.getResult(), kept);
  if (std::optional<LengthExprs> contents = in.contents(op.getData()))
    in.setContents(op.getResult(), *contents);
}

void visitUnsqueeze(onnx::UnsqueezeOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getData());
  std::optional<SmallVector<int64_t>> axes = in.constants(op.getAxes());
  if (!shape || !axes)
    return;
  int64_t rank = shape->size() + axes->size();
  llvm::SmallBitVector inserted(rank);
  for (int64_t axis : *axes) {
    if (fromFront(axis, rank) < 0 || fromFront(axis, rank) >= rank)
      return in.error(op, "expects axes within the rank " + Twine(rank) + ", got " + Twine(axis));
    inserted.set(fromFront(axis, rank));
  }
  LengthExprs extended;
  auto *next = shape->begin();
  for (int64_t axis = 0; axis < rank; ++axis)
    extended.push_back(inserted[axis] || next == shape->end() ? in.constant(1) : *next++);
  in.setShape(op.getResult(), extended);
  if (std::optional<LengthExprs> contents = in.contents(op.getData()))
    in.setContents(op.getResult(), *contents);
}

//===-- growing
//----------------------------------------------------------------------------------------------------===//

void visitExpand(onnx::ExpandOp op, SymbolicInference &in) {
  std::optional<LengthExprs> input = in.shape(op.getInput()), wanted = in.contents(op.getShape());
  if (!wanted)
    if (std::optional<int64_t> rank = in.vectorLength(op.getShape()))
      wanted = LengthExprs(*rank, AffineExpr());
  if (!input || !wanted)
    return;
  for (AffineExpr &extent : *wanted)
    if (LengthAlgebra::value(extent).value_or(1) < 0)
      extent = in.constant(1); // PyTorch's "keep this axis", which some exporters pass on
  LengthExprs shape = in.broadcast(op, *input, *wanted);
  in.setShape(op.getResult(), shape);
  if (std::optional<LengthExprs> contents = in.broadcastContents(op.getInput(), shape))
    in.setContents(op.getResult(), *contents);
}

void visitTile(onnx::TileOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getInput()), repeats = in.contents(op.getRepeats());
  if (!shape)
    return;
  if (!repeats || repeats->size() != shape->size())
    repeats = LengthExprs(shape->size(), AffineExpr());
  bool same = true;
  for (auto [extent, repeat] : llvm::zip(*shape, *repeats)) {
    same &= LengthAlgebra::value(repeat) == 1;
    extent = in.algebra().mul(extent, repeat);
  }
  in.setShape(op.getResult(), *shape);
  std::optional<LengthExprs> contents = in.contents(op.getInput());
  std::optional<int64_t> count = constantCount(*shape);
  if (!contents || !count || *count > static_cast<int64_t>(SymbolicInference::maxContents))
    return;
  if (same || contents->size() == 1)
    return in.setContents(op.getResult(), same ? *contents : LengthExprs(*count, contents->front()));
  if (shape->size() == 1) {
    LengthExprs tiled;
    for (int64_t index = 0; index < *count; ++index)
      tiled.push_back((*contents)[index % contents->size()]);
    in.setContents(op.getResult(), tiled);
  }
}

void sameShape(Operation *op, SymbolicInference &in) {
  if (std::optional<LengthExprs> shape = in.shape(op->getOperand(0)))
    in.setShape(op->getResult(0), *shape);
}
} // namespace

void halyard::addShapeTransfers(TransferTable &table) {
  table.addTyped<onnx::ConstantOp>(visitConstant);
  table.addTyped<onnx::ConstantOfShapeOp>(visitConstantOfShape);
  table.addTyped<onnx::RangeOp>(visitRange);
  table.addTyped<onnx::ShapeOp>(visitShape);
  table.addTyped<onnx::SizeOp>(visitSize);
  table.addTyped<onnx::FlattenOp>(visitFlatten);
  table.addTyped<onnx::ReshapeOp>(visitReshape);
  table.addTyped<onnx::SqueezeOp>(visitSqueeze);
  table.addTyped<onnx::UnsqueezeOp>(visitUnsqueeze);
  table.addTyped<onnx::ExpandOp>(visitExpand);
  table.addTyped<onnx::TileOp>(visitTile);
  table.add<onnx::EyeLikeOp, onnx::TriluOp>(sameShape);
}
