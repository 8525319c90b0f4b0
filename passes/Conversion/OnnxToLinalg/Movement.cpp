// Lowering of operators that move elements: transpositions, broadcasts, repetitions, padding, concatenation.
#include "passes/Conversion/OnnxToLinalg/Lowering.h"

using namespace mlir;

namespace halyard::lowering {

static LogicalResult lowerIdentity(onnx::IdentityOp op, Lowering &l) {
  l.replace(op, op.getInput());
  return success();
}

/// Nothing is dropped at inference: the mask is true everywhere.
static LogicalResult lowerDropout(onnx::DropoutOp op, Lowering &l) {
  Value training = op.getTrainingMode();
  std::optional<int64_t> mode = onnx::isAbsent(training) ? 0 : l.constantInt(training);
  if (mode != 0)
    return op.emitOpError("in training mode is not supported: a compiled model only infers");
  SmallVector<Value> results{op.getData()};
  if (op->getNumResults() > 1)
    results.push_back(l.fill(l.extents(op.getData()), l.b.getI1Type(), 1.0));
  l.replace(op, results);
  return success();
}

/// Transposed by `perm`: axis i of the result is axis perm[i] of the operand.
static Value transpose(Lowering &l, Value x, ArrayRef<int64_t> perm) {
  if (llvm::equal(perm, llvm::seq<int64_t>(0, perm.size())))
    return x;
  Extents source = l.extents(x), target;
  SmallVector<AffineExpr> exprs(perm.size());
  for (auto [axis, from] : llvm::enumerate(perm)) {
    target.push_back(source[from]);
    exprs[from] = l.dim(axis);
  }
  if (Attribute constant = l.splat(x))
    return l.fill(target, elementOf(x), constant);
  Read read{x, AffineMap::get(perm.size(), 0, exprs, l.b.getContext())};
  if (auto inner = l.transposed.find(x); inner != l.transposed.end())
    read = {inner->second.tensor, inner->second.map.compose(read.map)};
  Value result = l.generic(target, elementOf(x), read, [](Scalars &, ValueRange v) { return v[0]; });
  l.transposed[result] = read;
  return result;
}

static LogicalResult lowerTranspose(onnx::TransposeOp op, Lowering &l) {
  int64_t rank = rankOf(op.getData());
  Ints perm(llvm::reverse(llvm::to_vector(llvm::seq<int64_t>(0, rank))));
  if (op.getPerm())
    perm.assign(op.getPerm()->begin(), op.getPerm()->end());
  l.replace(op, transpose(l, op.getData(), perm));
  return success();
}

static LogicalResult lowerConcat(onnx::ConcatOp op, Lowering &l) {
  int64_t axis = normalized(op.getAxis(), rankOf(op.getResult()));
  SmallVector<Value> parts;
  for (Value input : op.getInputs())
    if (rankedType(input).getDimSize(axis) != 0)
      parts.push_back(input);
  if (parts.empty())
    parts.push_back(op.getInputs().front());
  Attribute constant = l.splat(parts.front());
  bool equal = constant && llvm::all_of(parts, [&](Value v) { return l.splat(v) == constant; });
  if (parts.size() == 1) {
    l.replace(op, parts.front());
    return success();
  }
  if (!equal) {
    l.replace(op, tensor::ConcatOp::create(l.b, axis, parts).getResult());
    return success();
  }
  Extents extents = l.extents(parts.front());
  for (Value part : ArrayRef(parts).drop_front())
    extents[axis] = l.apply(l.b.getAffineSymbolExpr(0) + l.b.getAffineSymbolExpr(1),
                            {extents[axis], l.extent(part, axis)});
  l.replace(op, l.fill(extents, elementOf(parts.front()), constant));
  return success();
}

static LogicalResult lowerExpand(onnx::ExpandOp op, Lowering &l) {
  Value x = op.getInput();
  int64_t rank = rankOf(op.getResult()), leading = rank - rankOf(x);
  int64_t given = rankedType(op.getShape()).getDimSize(0);
  Extents extents = l.resultExtents(op.getResult(), [&](int64_t axis) {
    bool fromInput = axis >= leading && rankedType(x).getDimSize(axis - leading) != 1;
    int64_t entry = axis - (rank - given);
    return fromInput || entry < 0 ? l.extent(x, axis - leading) : l.element(op.getShape(), entry);
  });
  bool same = leading == 0;
  for (int64_t axis = 0; same && axis < rank; ++axis)
    same = isEqualConstantIntOrValue(extents[axis], l.extent(x, axis));
  l.replace(op,
            same ? x : l.elementwise(extents, elementOf(x), x, [](Scalars &, ValueRange v) { return v[0]; }));
  return success();
}

/// Repeats become axes of their own, which are then merged with the axes they repeat.
static LogicalResult lowerTile(onnx::TileOp op, Lowering &l) {
  Value x = op.getInput();
  Extents source = l.extents(x), spread, target;
  SmallVector<AffineExpr> exprs;
  for (auto [axis, extent] : llvm::enumerate(source)) {
    Extent repeats = l.element(op.getRepeats(), axis);
    target.push_back(l.product({repeats, extent}));
    if (!isStatic(repeats, 1) && !isStatic(extent, 1))
      spread.push_back(repeats);
    bool repeatsOne = !isStatic(repeats, 1) && isStatic(extent, 1);
    exprs.push_back(repeatsOne ? l.b.getAffineConstantExpr(0) : l.dim(spread.size()));
    spread.push_back(repeatsOne ? repeats : extent);
  }
  if (Attribute constant = l.splat(x)) {
    l.replace(op, l.fill(target, elementOf(x), constant));
    return success();
  }
  Read read{x, AffineMap::get(spread.size(), 0, exprs, l.b.getContext())};
  Value repeated = l.generic(spread, elementOf(x), read, [](Scalars &, ValueRange v) { return v[0]; });
  l.replace(op, l.reshape(repeated, target));
  return success();
}

//===-- padding
//------------------------------------------------------------------------------------------------------===//

/// An index modulo a positive period.
static Value modulo(Scalars &s, Value index, Value period) {
  return s.sub(index, s.mul(arith::FloorDivSIOp::create(s.b, index, period), period));
}

/// Where a position outside [0, extent) reads, by mode; for a constant the nearest position.
static Value paddedPosition(Scalars &s, Value position, Value extent, StringRef mode) {
  Value zero = s.integer(s.b.getIndexType(), 0), one = s.integer(s.b.getIndexType(), 1);
  Value last = s.sub(extent, one);
  if (mode == "wrap")
    return modulo(s, position, extent);
  if (mode == "reflect") {
    Value period = s.add(last, last);
    Value within = modulo(s, position, s.max(period, one));
    return s.min(within, s.sub(period, within));
  }
  return s.max(zero, s.min(position, last));
}

static Value pad(Lowering &l, Value x, ArrayRef<Extent> target, ArrayRef<Extent> before, StringRef mode,
                 Read fill) {
  SmallVector<Value> starts, extents;
  for (int64_t axis = 0; axis < rankOf(x); ++axis) {
    starts.push_back(isStatic(before[axis], 0) ? Value() : l.index(before[axis]));
    extents.push_back(l.index(l.extent(x, axis)));
  }
  SmallVector<Read> reads;
  if (fill.tensor)
    reads.push_back(fill);
  return l.generic(target, elementOf(x), reads, [&](Scalars &s, ValueRange v) -> Value {
    SmallVector<Value> indices;
    Value inside;
    for (auto [axis, start] : llvm::enumerate(starts)) {
      Value position = start ? s.sub(s.position(axis), start) : s.position(axis);
      Value source = paddedPosition(s, position, extents[axis], mode);
      if (!start && isEqualConstantIntOrValue(target[axis], l.extent(x, axis)))
        source = position;
      else {
        Value unchanged = arith::CmpIOp::create(s.b, arith::CmpIPredicate::eq, source, position);
        inside = inside ? s.logicalAnd(inside, unchanged) : unchanged;
      }
      indices.push_back(source);
    }
    Value element = tensor::ExtractOp::create(s.b, x, indices);
    Type plain = signless(element.getType());
    if (plain != element.getType())
      element = UnrealizedConversionCastOp::create(s.b, plain, element).getResult(0);
    if (mode != "constant" || !inside)
      return element;
    return s.select(inside, element, v.empty() ? s.constant(plain, 0) : v[0]);
  });
}

static LogicalResult lowerPad(onnx::PadOp op, Lowering &l) {
  Value x = op.getData();
  Extents source = l.extents(x), before(source.size(), l.b.getIndexAttr(0)), after = before;
  int64_t rank = source.size();
  std::optional<Ints> axes = Ints(llvm::to_vector(llvm::seq<int64_t>(0, rank)));
  if (!onnx::isAbsent(op.getAxes()) && !(axes = l.constantInts(op.getAxes())))
    return op.emitOpError("needs constant axes");
  for (auto [i, axis] : llvm::enumerate(*axes)) {
    before[normalized(axis, rank)] = l.element(op.getPads(), i);
    after[normalized(axis, rank)] = l.element(op.getPads(), i + axes->size());
  }
  AffineExpr sum = l.b.getAffineSymbolExpr(0) + l.b.getAffineSymbolExpr(1) + l.b.getAffineSymbolExpr(2);
  Extents target = l.resultExtents(
      op.getResult(), [&](int64_t axis) { return l.apply(sum, {source[axis], before[axis], after[axis]}); });
  Read fill;
  if (!onnx::isAbsent(op.getConstantValue())) {
    Value value = op.getConstantValue();
    SmallVector<AffineExpr> zeros(rankOf(value), l.b.getAffineConstantExpr(0));
    fill = {value, AffineMap::get(rank, 0, zeros, l.b.getContext())};
  }
  l.replace(op, pad(l, x, target, before, op.getMode(), fill));
  return success();
}

Value padSpatial(Lowering &l, Value x, ArrayRef<int64_t> before, ArrayRef<int64_t> after, Value fill) {
  Extents target = l.extents(x), starts(target.size(), l.b.getIndexAttr(0));
  int64_t first = target.size() - before.size();
  for (auto [i, count] : llvm::enumerate(before)) {
    starts[first + i] = l.b.getIndexAttr(count);
    target[first + i] = l.apply(l.b.getAffineSymbolExpr(0) + (count + after[i]), {target[first + i]});
  }
  Read read;
  if (fill)
    read = {fill, AffineMap::get(target.size(), 0, {}, l.b.getContext())};
  return pad(l, x, target, starts, "constant", read);
}

//===-- blocks
//-------------------------------------------------------------------------------------------------------===//

/// Reshaped to `split`, transposed, reshaped to `target`.
static Value rearrange(Lowering &l, Value x, ArrayRef<Extent> split, ArrayRef<int64_t> perm,
                       ArrayRef<Extent> target) {
  return l.reshape(transpose(l, l.reshape(x, split), perm), target);
}

static LogicalResult lowerDepthToSpace(onnx::DepthToSpaceOp op, Lowering &l) {
  Extents e = l.extents(op.getInput());
  int64_t block = op.getBlocksize();
  Extent size = l.b.getIndexAttr(block);
  Extent channels = l.apply(l.b.getAffineSymbolExpr(0).floorDiv(block * block), {e[1]});
  Extents target{e[0], channels, l.product({e[2], size}), l.product({e[3], size})};
  if (op.getMode() == "DCR")
    l.replace(op, rearrange(l, op.getInput(), {e[0], size, size, channels, e[2], e[3]}, {0, 3, 4, 1, 5, 2},
                            target));
  else
    l.replace(op, rearrange(l, op.getInput(), {e[0], channels, size, size, e[2], e[3]}, {0, 1, 4, 2, 5, 3},
                            target));
  return success();
}

static LogicalResult lowerSpaceToDepth(onnx::SpaceToDepthOp op, Lowering &l) {
  Extents e = l.extents(op.getInput());
  int64_t block = op.getBlocksize();
  Extent size = l.b.getIndexAttr(block);
  auto part = [&](Extent extent) { return l.apply(l.b.getAffineSymbolExpr(0).floorDiv(block), {extent}); };
  Extents target{e[0], l.product({e[1], l.b.getIndexAttr(block * block)}), part(e[2]), part(e[3])};
  l.replace(op, rearrange(l, op.getInput(), {e[0], e[1], target[2], size, target[3], size},
                          {0, 3, 5, 1, 2, 4}, target));
  return success();
}

void addMovementLowerings(LoweringTable &table) {
  addLowering<onnx::IdentityOp>(table, lowerIdentity);
  addLowering<onnx::DropoutOp>(table, lowerDropout);
  addLowering<onnx::TransposeOp>(table, lowerTranspose);
  addLowering<onnx::ConcatOp>(table, lowerConcat);
  addLowering<onnx::ExpandOp>(table, lowerExpand);
  addLowering<onnx::TileOp>(table, lowerTile);
  addLowering<onnx::PadOp>(table, lowerPad);
  addLowering<onnx::DepthToSpaceOp>(table, lowerDepthToSpace);
  addLowering<onnx::SpaceToDepthOp>(table, lowerSpaceToDepth);
}

} // namespace halyard::lowering
