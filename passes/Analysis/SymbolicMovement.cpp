// Symbolic shapes of operators that join, cut and move: Concat, Split, Slice, Pad, Transpose and their like.
#include "passes/Analysis/Resizing.h"
#include "passes/Analysis/SymbolicInference.h"

#include "mlir/IR/BuiltinTypes.h"

#include <numeric>

using namespace mlir;
using namespace halyard;

namespace {

void visitConcat(onnx::ConcatOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape;
  LengthExprs contents;
  bool vector = true;
  for (Value input : op.getInputs()) {
    std::optional<LengthExprs> extents = in.shape(input);
    if (!extents)
      return;
    int64_t axis = fromFront(op.getAxis(), extents->size());
    if (axis < 0 || axis >= static_cast<int64_t>(extents->size()))
      return in.error(op, "expects axis within the rank " + Twine(extents->size()) + ", got " +
                              Twine(op.getAxis()));
    if (shape && shape->size() != extents->size())
      return in.error(op, "expects operands of one rank, got " + Twine(shape->size()) + " and " +
                              Twine(extents->size()));
    if (!shape) {
      shape = extents;
    } else {
      for (auto [index, extent] : llvm::enumerate(*shape)) {
        AffineExpr other = (*extents)[index];
        bool joined = static_cast<int64_t>(index) == axis;
        extent = joined                                   ? in.algebra().add(extent, other)
                 : extent && !LengthAlgebra::value(other) ? extent
                                                          : other;
      }
    }
    vector &= extents->size() == 1;
    std::optional<int64_t> count = constantCount(*extents);
    vector &= count && *count <= static_cast<int64_t>(SymbolicInference::maxContents);
    if (vector)
      llvm::append_range(contents, in.contents(input).value_or(LengthExprs(*count, AffineExpr())));
  }
  in.setShape(op.getResult(), *shape);
  if (vector)
    in.setContents(op.getResult(), contents);
}

void visitSplit(onnx::SplitOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getInput()), contents = in.contents(op.getInput());
  if (!shape)
    return;
  const LengthAlgebra &algebra = in.algebra();
  int64_t axis = fromFront(op.getAxis(), shape->size()), parts = op.getNumResults(), offset = 0;
  AffineExpr whole = (*shape)[axis];
  // Equal parts, the last one smaller where they do not come out even.
  AffineExpr part = algebra.ceilDiv(whole, in.constant(parts));
  std::optional<LengthExprs> given =
      onnx::isAbsent(op.getSplit()) ? std::nullopt : in.contents(op.getSplit());
  for (auto [index, result] : llvm::enumerate(op.getResults())) {
    bool last = static_cast<int64_t>(index) + 1 == parts;
    AffineExpr extent;
    if (given && index < given->size())
      extent = (*given)[index];
    else if (onnx::isAbsent(op.getSplit()))
      extent = last ? algebra.sub(whole, algebra.mul(part, in.constant(parts - 1))) : part;
    (*shape)[axis] = extent;
    in.setShape(result, *shape);
    std::optional<int64_t> count = LengthAlgebra::value(extent);
    // Parts may not fit in a branch that is not taken.
    if (!count || !contents || shape->size() != 1 || *count < 0 ||
        offset + *count > static_cast<int64_t>(contents->size()))
      continue;
    in.setContents(result, LengthExprs(ArrayRef(*contents).slice(offset, *count)));
    offset += *count;
  }
}

//===-- slices
//-----------------------------------------------------------------------------------------------------===//

/// An index into an axis of `extent` elements, negative ones counted from the end, limited to [low, high].
AffineExpr clampedIndex(SymbolicInference &in, AffineExpr index, AffineExpr extent, AffineExpr low,
                        AffineExpr high) {
  const LengthAlgebra &algebra = in.algebra();
  constexpr int64_t far =
      int64_t(1) << 30; // exporters write "to the end" as the largest integer of some width
  std::optional<int64_t> value = LengthAlgebra::value(index);
  if (value && *value >= far)
    return high;
  if (value && *value <= -far)
    return low;
  std::optional<bool> negative = algebra.less(index, in.constant(0));
  if (!negative)
    return {};
  if (*negative)
    index = algebra.add(index, extent);
  // An index from the end of an axis that may be shorter lies before its first element for lengths that the
  // model does not accept; there, the clamp is left out.
  if (AffineExpr limited = algebra.max(index, low))
    index = limited;
  else if (!*negative)
    return {};
  return algebra.min(index, high);
}

struct Cut {
  AffineExpr start, extent;
  int64_t step;
};

std::optional<Cut> cutOf(SymbolicInference &in, AffineExpr extent, AffineExpr start, AffineExpr end,
                         std::optional<int64_t> step) {
  const LengthAlgebra &algebra = in.algebra();
  if (!step || *step == 0 || !extent)
    return std::nullopt;
  AffineExpr zero = in.constant(0), one = in.constant(1), last = algebra.sub(extent, one), span, first;
  if (*step > 0) {
    first = clampedIndex(in, start, extent, zero, extent);
    span = algebra.sub(clampedIndex(in, end, extent, zero, extent), first);
  } else {
    first = clampedIndex(in, start, extent, zero, last);
    span = algebra.sub(first, clampedIndex(in, end, extent, in.constant(-1), last));
  }
  AffineExpr count = algebra.max(algebra.ceilDiv(span, in.constant(std::abs(*step))), zero);
  return Cut{first, count, *step};
}

/// Elements of a tensor of constant extents, cut along one axis; none if the cut is not constant.
std::optional<LengthExprs> cutContents(const LengthExprs &contents, ArrayRef<AffineExpr> shape, int64_t axis,
                                       const Cut &cut) {
  std::optional<int64_t> start = LengthAlgebra::value(cut.start), count = LengthAlgebra::value(cut.extent);
  std::optional<int64_t> extent = LengthAlgebra::value(shape[axis]),
                         inner = constantCount(shape.drop_front(axis + 1));
  if (!start || !count || !extent || !inner)
    return std::nullopt;
  LengthExprs elements;
  for (int64_t outer = 0, end = contents.size(); outer < end; outer += *extent * *inner)
    for (int64_t index = 0; index < *count; ++index)
      llvm::append_range(elements,
                         ArrayRef(contents).slice(outer + (*start + index * cut.step) * *inner, *inner));
  return elements;
}

void visitSlice(onnx::SliceOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getData());
  if (!shape)
    return;
  int64_t rank = shape->size();
  std::optional<LengthExprs> starts = in.contents(op.getStarts()), ends = in.contents(op.getEnds());
  std::optional<SmallVector<int64_t>> axes, steps;
  std::optional<int64_t> count = in.vectorLength(op.getStarts());
  if (!onnx::isAbsent(op.getAxes()))
    axes = in.constants(op.getAxes());
  else if (count)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, *count));
  if (!onnx::isAbsent(op.getSteps()))
    steps = in.constants(op.getSteps());
  else if (count)
    steps = SmallVector<int64_t>(*count, 1);
  if (!axes)
    return in.setShape(op.getResult(), LengthExprs(rank, AffineExpr()));
  std::optional<LengthExprs> contents = in.contents(op.getData());
  for (auto [index, given] : llvm::enumerate(*axes)) {
    int64_t axis = fromFront(given, rank);
    if (axis < 0 || axis >= rank)
      return in.error(op, "expects axes within the rank " + Twine(rank) + ", got " + Twine(given));
    auto element = [position = index](const std::optional<LengthExprs> &from) {
      return from && position < from->size() ? (*from)[position] : AffineExpr();
    };
    std::optional<int64_t> step =
        steps && index < steps->size() ? std::optional((*steps)[index]) : std::nullopt;
    std::optional<Cut> cut = cutOf(in, (*shape)[axis], element(starts), element(ends), step);
    contents = cut && contents ? cutContents(*contents, *shape, axis, *cut) : std::nullopt;
    (*shape)[axis] = cut ? cut->extent : AffineExpr();
  }
  in.setShape(op.getResult(), *shape);
  if (contents)
    in.setContents(op.getResult(), *contents);
}

//===-- the rest
//---------------------------------------------------------------------------------------------------===//

/// Elements of a tensor of constant extents in the order that its axes have as `perm` says.
LengthExprs movedContents(const LengthExprs &contents, ArrayRef<AffineExpr> shape, ArrayRef<int64_t> perm) {
  SmallVector<int64_t> index(perm.size(), 0);
  auto extent = [&](int64_t axis) { return *LengthAlgebra::value(shape[axis]); };
  LengthExprs moved;
  while (moved.size() < contents.size()) {
    int64_t at = 0;
    for (int64_t axis = 0; axis < static_cast<int64_t>(shape.size()); ++axis)
      at = at * extent(axis) + index[axis];
    moved.push_back(contents[at]);
    for (int64_t axis : llvm::reverse(perm)) {
      if (++index[axis] < extent(axis))
        break;
      index[axis] = 0;
    }
  }
  return moved;
}

void visitTranspose(onnx::TransposeOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getData());
  if (!shape)
    return;
  SmallVector<int64_t> perm = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, shape->size())));
  if (op.getPerm())
    perm.assign(op.getPerm()->begin(), op.getPerm()->end());
  if (perm.size() != shape->size())
    return in.error(op, "expects an input of rank " + Twine(perm.size()) + ", got one of rank " +
                            Twine(shape->size()));
  LengthExprs moved;
  for (int64_t axis : perm)
    moved.push_back((*shape)[axis]);
  in.setShape(op.getResult(), moved);
  if (std::optional<LengthExprs> contents = in.contents(op.getData()))
    in.setContents(op.getResult(), movedContents(*contents, *shape, perm));
}

void visitPad(onnx::PadOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getData()), pads = in.contents(op.getPads());
  if (!shape)
    return;
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, shape->size()));
  if (!onnx::isAbsent(op.getAxes())) {
    std::optional<SmallVector<int64_t>> given = in.constants(op.getAxes());
    if (!given)
      return in.setShape(op.getResult(), LengthExprs(shape->size(), AffineExpr()));
    axes = *given;
  }
  for (auto [index, given] : llvm::enumerate(axes)) {
    AffineExpr &extent = (*shape)[fromFront(given, shape->size())];
    bool known = pads && pads->size() == 2 * axes.size();
    extent = known ? in.algebra().add(in.algebra().add(extent, (*pads)[index]), (*pads)[axes.size() + index])
                   : AffineExpr();
  }
  in.setShape(op.getResult(), *shape);
}

/// Extents that are given, or the largest that a factor does not exceed.
void visitResize(onnx::ResizeOp op, SymbolicInference &in) {
  std::optional<LengthExprs> shape = in.shape(op.getX());
  if (!shape)
    return;
  std::optional<SmallVector<int64_t>> axes = axesOf(op, shape->size());
  if (!axes)
    return in.error(op, "has an axis beyond the rank of its input");
  SmallVector<int64_t> extents;
  for (AffineExpr extent : *shape) {
    auto known = dyn_cast_if_present<AffineConstantExpr>(extent);
    extents.push_back(known ? known.getValue() : -1);
  }
  std::optional<SmallVector<ResizedAxis>> resized = resizedAxes(op, extents);
  std::optional<LengthExprs> sizes = in.contents(op.getSizes());
  for (auto [index, axis] : llvm::enumerate(*axes)) {
    AffineExpr &extent = (*shape)[axis];
    if (!resized)
      extent = sizes && sizes->size() == axes->size() ? (*sizes)[index] : AffineExpr();
    else if ((*resized)[index].to >= 0)
      extent = in.constant((*resized)[index].to);
  }
  in.setShape(op.getResult(), *shape);
}

/// Moves a square of `block` x `block` between the channels and the two spatial axes.
void visitBlocks(Operation *op, SymbolicInference &in, int64_t block, bool toSpace) {
  std::optional<LengthExprs> shape = in.shape(op->getOperand(0));
  if (!shape || shape->size() != 4)
    return;
  AffineExpr side = in.constant(block), area = in.constant(block * block);
  const LengthAlgebra &algebra = in.algebra();
  for (auto [axis, extent] : llvm::enumerate(*shape)) {
    if (axis == 1)
      extent = toSpace ? algebra.floorDiv(extent, area) : algebra.mul(extent, area);
    else if (axis > 1)
      extent = toSpace ? algebra.mul(extent, side) : algebra.floorDiv(extent, side);
  }
  in.setShape(op->getResult(0), *shape);
}
} // namespace

void halyard::addMovementTransfers(TransferTable &table) {
  table.addTyped<onnx::ConcatOp>(visitConcat);
  table.addTyped<onnx::SplitOp>(visitSplit);
  table.addTyped<onnx::SliceOp>(visitSlice);
  table.addTyped<onnx::TransposeOp>(visitTranspose);
  table.addTyped<onnx::PadOp>(visitPad);
  table.addTyped<onnx::ResizeOp>(visitResize);
  table.add<onnx::DepthToSpaceOp>([](Operation *op, SymbolicInference &in) {
    visitBlocks(op, in, cast<onnx::DepthToSpaceOp>(op).getBlocksize(), /*toSpace=*/true);
  });
  table.add<onnx::SpaceToDepthOp>([](Operation *op, SymbolicInference &in) {
    visitBlocks(op, in, cast<onnx::SpaceToDepthOp>(op).getBlocksize(), /*toSpace=*/false);
  });
}
