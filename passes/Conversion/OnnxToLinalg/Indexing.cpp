// Lowering of gathers, and of scatters of a few updates: one generic each, whose body reads at a computed
// index.
#include "passes/Conversion/OnnxToLinalg/Lowering.h"

using namespace mlir;

namespace halyard::lowering {

/// An element of a tensor read in a body, signless.
static Value extractElement(Scalars &s, Value tensor, ValueRange indices) {
  Value element = tensor::ExtractOp::create(s.b, tensor, indices);
  Type plain = signless(element.getType());
  return plain == element.getType() ? element
                                    : UnrealizedConversionCastOp::create(s.b, plain, element).getResult(0);
}

/// A gather by one known index is a slice.
static Value gatherOne(Lowering &l, Value data, int64_t axis, int64_t index) {
  Extents sizes = l.extents(data), offsets(sizes.size(), l.b.getIndexAttr(0)), target = sizes;
  offsets[axis] = l.b.getIndexAttr(index);
  if (index < 0)
    offsets[axis] = l.apply(l.b.getAffineSymbolExpr(0) + index, {sizes[axis]});
  sizes[axis] = l.b.getIndexAttr(1);
  Value slice = l.slice(data, offsets, sizes, Ints(sizes.size(), 1));
  target.erase(target.begin() + axis);
  return l.reshape(slice, target);
}

static LogicalResult lowerGather(onnx::GatherOp op, Lowering &l) {
  Value data = op.getData(), indices = op.getIndices();
  int64_t rank = rankOf(data), count = rankOf(indices), axis = normalized(op.getAxis(), rank);
  std::optional<int64_t> constant = count == 0 ? l.constantInt(indices) : std::nullopt;
  if (constant) {
    l.replace(op, gatherOne(l, data, axis, *constant));
    return success();
  }
  Extents extents = l.extents(data), selected = l.extents(indices);
  extents.erase(extents.begin() + axis);
  extents.insert(extents.begin() + axis, selected.begin(), selected.end());
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0; i < count; ++i)
    exprs.push_back(l.dim(axis + i));
  AffineMap map = AffineMap::get(extents.size(), 0, exprs, l.b.getContext());
  Value length = l.index(l.extent(data, axis));
  l.replace(op, l.generic(extents, elementOf(data), Read{indices, map}, [&](Scalars &s, ValueRange v) {
    SmallVector<Value> position;
    for (int64_t i = 0; i < rank; ++i)
      position.push_back(i == axis ? s.wrapped(s.toIndex(v[0]), length)
                                   : s.position(i < axis ? i : i + count - 1));
    return extractElement(s, data, position);
  }));
  return success();
}

static LogicalResult lowerGatherElements(onnx::GatherElementsOp op, Lowering &l) {
  Value data = op.getData(), indices = op.getIndices();
  int64_t rank = rankOf(data), axis = normalized(op.getAxis(), rank);
  Value length = l.index(l.extent(data, axis));
  Read read{indices, l.identity(rank)};
  l.replace(op, l.generic(l.extents(indices), elementOf(data), read, [&](Scalars &s, ValueRange v) {
    SmallVector<Value> position;
    for (int64_t i = 0; i < rank; ++i)
      position.push_back(i == axis ? s.wrapped(s.toIndex(v[0]), length) : s.position(i));
    return extractElement(s, data, position);
  }));
  return success();
}

/// Every part of the index tuple is an operand of its own: the indices read at a constant last position.
static LogicalResult lowerGatherND(onnx::GatherNDOp op, Lowering &l) {
  Value data = op.getData(), indices = op.getIndices();
  int64_t rank = rankOf(data), outer = rankOf(indices) - 1, batch = op.getBatchDims();
  int64_t tuple = rankedType(indices).getShape().back();
  if (ShapedType::isDynamic(tuple))
    return op.emitOpError("needs a static number of indices per tuple, got ") << indices.getType();
  Extents extents = l.extents(indices);
  extents.pop_back();
  for (int64_t axis = batch + tuple; axis < rank; ++axis)
    extents.push_back(l.extent(data, axis));
  SmallVector<Read> reads;
  SmallVector<Value> lengths;
  for (int64_t i = 0; i < tuple; ++i) {
    SmallVector<AffineExpr> exprs;
    for (int64_t axis = 0; axis < outer; ++axis)
      exprs.push_back(l.dim(axis));
    exprs.push_back(l.b.getAffineConstantExpr(i));
    reads.push_back({indices, AffineMap::get(extents.size(), 0, exprs, l.b.getContext())});
    lengths.push_back(l.index(l.extent(data, batch + i)));
  }
  l.replace(op, l.generic(extents, elementOf(data), reads, [&](Scalars &s, ValueRange v) {
    SmallVector<Value> position;
    for (int64_t axis = 0; axis < batch; ++axis)
      position.push_back(s.position(axis));
    for (auto [index, length] : llvm::zip(v, lengths))
      position.push_back(s.wrapped(s.toIndex(index), length));
    for (int64_t axis = outer; axis < static_cast<int64_t>(extents.size()); ++axis)
      position.push_back(s.position(axis));
    return extractElement(s, data, position);
  }));
  return success();
}

/// Updates that every element is asked about, whether it is the one; more of them are for the evaluator.
static constexpr int64_t kMostUpdates = 16;

bool scattersFew(Operation *op) {
  auto scatter = dyn_cast<onnx::ScatterNDOp>(op);
  auto type = scatter ? dyn_cast<RankedTensorType>(scatter.getIndices().getType()) : RankedTensorType();
  return type && type.hasStaticShape() && type.getRank() > 0 && type.getShape().back() > 0 &&
         scatter.getReduction() == "none" && type.getNumElements() / type.getShape().back() <= kMostUpdates;
}

/// Position `flat` of an array of this shape.
static SmallVector<Value> constantPosition(Scalars &s, int64_t flat, ArrayRef<int64_t> shape) {
  SmallVector<Value> position(shape.size());
  for (int64_t axis = shape.size(); axis-- > 0; flat /= shape[axis])
    position[axis] = s.integer(s.b.getIndexType(), flat % shape[axis]);
  return position;
}

/// An element is the last update whose indices are its position, if there is one.
static LogicalResult lowerScatterND(onnx::ScatterNDOp op, Lowering &l) {
  Value data = op.getData(), indices = op.getIndices(), updates = op.getUpdates();
  ArrayRef<int64_t> shape = rankedType(indices).getShape(), outer = shape.drop_back();
  int64_t rank = rankOf(data), tuple = shape.back(), count = rankedType(indices).getNumElements() / tuple;
  Extents extents = l.extents(data);
  SmallVector<Value> lengths;
  for (int64_t axis = 0; axis < tuple; ++axis)
    lengths.push_back(l.index(extents[axis]));
  l.replace(op,
            l.generic(extents, elementOf(data), Read{data, l.identity(rank)}, [&](Scalars &s, ValueRange v) {
              Value element = v[0];
              for (int64_t update = 0; update < count; ++update) {
                SmallVector<Value> from = constantPosition(s, update, outer), index = from;
                Value isHere;
                for (int64_t axis = 0; axis < tuple; ++axis) {
                  index.push_back(s.integer(s.b.getIndexType(), axis));
                  Value given = s.wrapped(s.toIndex(extractElement(s, indices, index)), lengths[axis]);
                  index.pop_back();
                  Value isEqual = s.equal(given, s.position(axis));
                  isHere = isHere ? s.logicalAnd(isHere, isEqual) : isEqual;
                }
                for (int64_t axis = tuple; axis < rank; ++axis)
                  from.push_back(s.position(axis));
                element = s.select(isHere, extractElement(s, updates, from), element);
              }
              return element;
            }));
  return success();
}

static LogicalResult lowerReverseSequence(onnx::ReverseSequenceOp op, Lowering &l) {
  Value input = op.getInput(), lengths = op.getSequenceLens();
  int64_t rank = rankOf(input), time = normalized(op.getTimeAxis(), rank),
          batch = normalized(op.getBatchAxis(), rank);
  Read read{lengths, AffineMap::get(rank, 0, l.dim(batch), l.b.getContext())};
  l.replace(op, l.generic(l.extents(input), elementOf(input), read, [&](Scalars &s, ValueRange v) {
    SmallVector<Value> position;
    for (int64_t axis = 0; axis < rank; ++axis)
      position.push_back(s.position(axis));
    Value here = position[time], length = s.toIndex(v[0]);
    Value mirrored = s.sub(s.sub(length, s.integer(s.b.getIndexType(), 1)), here);
    Value reversed = arith::CmpIOp::create(s.b, arith::CmpIPredicate::slt, here, length);
    position[time] = s.select(reversed, mirrored, here);
    return extractElement(s, input, position);
  }));
  return success();
}

void addIndexingLowerings(LoweringTable &table) {
  addLowering<onnx::GatherOp>(table, lowerGather);
  addLowering<onnx::GatherElementsOp>(table, lowerGatherElements);
  addLowering<onnx::GatherNDOp>(table, lowerGatherND);
  addLowering<onnx::ScatterNDOp>(table, lowerScatterND);
  addLowering<onnx::ReverseSequenceOp>(table, lowerReverseSequence);
}

} // namespace halyard::lowering
