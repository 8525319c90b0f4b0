// See Lowering.h: what is known of extents and constants, and the structured operations built from them.
#include "passes/Conversion/OnnxToLinalg/Lowering.h"

#include "dialects/Seq/IR/Seq.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;

namespace halyard::lowering {

Lowering::Lowering(Operation *root, const SymbolicShapes *shapes)
    : b(root->getLoc(), root->getContext()),
      algebra(shapes ? shapes->algebra() : LengthAlgebra(root->getContext(), 0, 0)), root(root),
      shapes(shapes) {}

void Lowering::startOn(Operation *op) {
  b.setInsertionPoint(op);
  b.setLoc(op->getLoc());
}

void Lowering::replace(Operation *op, ValueRange values) {
  for (auto [result, value] : llvm::zip(op->getResults(), values)) {
    if (!value)
      continue;
    if (value != result)
      origins.try_emplace(value, result);
    auto takesAnyTensor = [type = result.getType(), value = value](OpOperand &use) {
      return type == value.getType() || isa<onnx::ONNXDialect>(use.getOwner()->getDialect());
    };
    result.replaceUsesWithIf(value, takesAnyTensor);
    if (!result.use_empty())
      result.replaceAllUsesWith(tensor::CastOp::create(b, result.getType(), value));
  }
  dead.push_back(op);
}

void Lowering::finish() {
  for (Operation *op : llvm::reverse(dead))
    if (op->use_empty())
      op->erase();
  dead.clear();
}

//===-- what is known
//------------------------------------------------------------------------------------------------===//

Value Lowering::originOf(Value value) const {
  Value origin = origins.lookup(value);
  return origin ? origin : value;
}

std::optional<LengthExprs> Lowering::symbolicShape(Value value) const {
  return shapes ? shapes->shape(originOf(value)) : std::nullopt;
}

std::optional<LengthExprs> Lowering::symbolicContents(Value value) const {
  if (auto extents = value.getDefiningOp<seq::ExtentsOp>())
    return LengthExprs(extents.getMap().getResults());
  return shapes ? shapes->contents(originOf(value)) : std::nullopt;
}

std::optional<Ints> Lowering::constantInts(Value value) const {
  DenseIntElementsAttr constant;
  if (matchPattern(value, m_Constant(&constant))) {
    Ints ints;
    for (APInt element : constant.getValues<APInt>())
      ints.push_back(isUnsigned(constant.getElementType()) ? element.getZExtValue() : element.getSExtValue());
    return ints;
  }
  std::optional<LengthExprs> contents = symbolicContents(value);
  if (!contents)
    return std::nullopt;
  Ints ints;
  for (AffineExpr expr : *contents) {
    auto element = dyn_cast_or_null<AffineConstantExpr>(expr);
    if (!element)
      return std::nullopt;
    ints.push_back(element.getValue());
  }
  return ints;
}

std::optional<int64_t> Lowering::constantInt(Value value) const {
  std::optional<Ints> ints = constantInts(value);
  return ints && ints->size() == 1 ? std::optional(ints->front()) : std::nullopt;
}

Extent Lowering::element(Value vector, int64_t i) {
  if (std::optional<Ints> ints = constantInts(vector))
    return b.getIndexAttr((*ints)[i]);
  if (std::optional<LengthExprs> contents = symbolicContents(vector); contents && (*contents)[i])
    return ofLengths((*contents)[i]);
  SmallVector<Value> indices;
  if (rankOf(vector) == 1)
    indices.push_back(arith::ConstantIndexOp::create(b, i));
  Value number = tensor::ExtractOp::create(b, vector, indices);
  return arith::IndexCastOp::create(b, b.getIndexType(), number).getResult();
}

Attribute Lowering::splat(Value value) const {
  DenseElementsAttr constant;
  if (matchPattern(value, m_Constant(&constant)) && constant.isSplat() &&
      constant.getElementType().isIntOrFloat())
    return constant.getSplatValue<Attribute>();
  Attribute scalar;
  if (auto fill = value.getDefiningOp<linalg::FillOp>();
      fill && matchPattern(fill.getInputs()[0], m_Constant(&scalar)))
    return scalar;
  return {};
}

Value Lowering::length(unsigned symbol) {
  if (lengths[symbol])
    return lengths[symbol];
  OpBuilder::InsertionGuard guard(b);
  if (lastLength)
    b.setInsertionPointAfter(lastLength);
  else
    b.setInsertionPointToStart(&root->getRegion(0).front());
  lengths[symbol] =
      seq::LengthOp::create(b, b.getIndexType(), symbol == 0 ? seq::Axis::source : seq::Axis::target);
  lastLength = lengths[symbol].getDefiningOp();
  return lengths[symbol];
}

/// Computed once, at the beginning, so that equal extents are the same value.
Extent Lowering::ofLengths(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return b.getIndexAttr(constant.getValue());
  Value &value = lengthValues[expr];
  if (!value) {
    SmallVector<Value> symbols;
    SmallVector<AffineExpr> renamed(2, b.getAffineConstantExpr(0));
    for (unsigned symbol : {0u, 1u})
      if (expr.isFunctionOfSymbol(symbol)) {
        renamed[symbol] = b.getAffineSymbolExpr(symbols.size());
        symbols.push_back(length(symbol));
      }
    AffineExpr compact = expr.replaceSymbols(renamed);
    if (isa<AffineSymbolExpr>(compact)) {
      value = symbols.front();
    } else {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointAfter(lastLength);
      auto apply = affine::AffineApplyOp::create(b, AffineMap::get(0, symbols.size(), compact), symbols);
      lastLength = apply;
      value = apply.getResult();
    }
    lengthExprs[value] = expr;
  }
  return value;
}

AffineExpr Lowering::expressionOf(Extent extent) const {
  auto value = dyn_cast<Value>(extent);
  return value ? lengthExprs.lookup(value) : AffineExpr();
}

Extent Lowering::extent(Value value, int64_t axis) {
  auto type = rankedType(value);
  if (!type.isDynamicDim(axis))
    return b.getIndexAttr(type.getDimSize(axis));
  if (std::optional<LengthExprs> shape = symbolicShape(value); shape && (*shape)[axis])
    return ofLengths((*shape)[axis]);
  if (auto empty = value.getDefiningOp<tensor::EmptyOp>())
    return empty.getMixedSizes()[axis];
  if (auto op = value.getDefiningOp<DestinationStyleOpInterface>())
    return extent(op.getTiedOpOperand(llvm::cast<OpResult>(value))->get(), axis);
  Value &dim = dims[{value, axis}];
  if (!dim)
    dim = tensor::DimOp::create(b, value, axis);
  return dim;
}

Extents Lowering::extents(Value value) {
  Extents result;
  for (int64_t axis = 0; axis < rankOf(value); ++axis)
    result.push_back(extent(value, axis));
  return result;
}

Extents Lowering::resultExtents(Value result, function_ref<Extent(int64_t)> fallback) {
  auto type = rankedType(result);
  std::optional<LengthExprs> shape = symbolicShape(result);
  Extents extents;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    if (!type.isDynamicDim(axis))
      extents.push_back(b.getIndexAttr(type.getDimSize(axis)));
    else if (shape && (*shape)[axis])
      extents.push_back(ofLengths((*shape)[axis]));
    else
      extents.push_back(fallback(axis));
  }
  return extents;
}

Extents Lowering::broadcastExtents(Value result, ValueRange operands) {
  int64_t rank = rankOf(result);
  return resultExtents(result, [&](int64_t axis) -> Extent {
    for (Value operand : operands) {
      int64_t own = axis - (rank - rankOf(operand));
      if (own >= 0 && rankedType(operand).getDimSize(own) != 1)
        return extent(operand, own);
    }
    return b.getIndexAttr(1);
  });
}

//===-- building
//-----------------------------------------------------------------------------------------------------===//

Value Lowering::index(Extent extent) {
  if (auto value = dyn_cast<Value>(extent))
    return value;
  return arith::ConstantIndexOp::create(b, *getConstantIntValue(extent));
}

Value Lowering::empty(ArrayRef<Extent> extents, Type elementType) {
  return tensor::EmptyOp::create(b, extents, elementType);
}

Value Lowering::fill(ArrayRef<Extent> extents, Type elementType, Attribute value) {
  // Scalar constants are signless: a tensor of unsigned elements is filled by a body, which converts.
  if (elementType != signless(elementType))
    return generic(extents, elementType, {}, [&](Scalars &s, ValueRange) { return s.constant(value); });
  Value scalar = Scalars(b, false).constant(value), init = empty(extents, elementType);
  return linalg::FillOp::create(b, scalar, init).getResult(0);
}

Value Lowering::fill(ArrayRef<Extent> extents, Type elementType, double value) {
  if (isa<FloatType>(elementType))
    return fill(extents, elementType, b.getFloatAttr(elementType, value));
  return fill(extents, elementType, b.getIntegerAttr(signless(elementType), static_cast<int64_t>(value)));
}

Value Lowering::fillExtreme(ArrayRef<Extent> extents, Type elementType, bool lowest) {
  Scalars scalars(b, isUnsigned(elementType));
  Value scalar = lowest ? scalars.lowest(signless(elementType)) : scalars.highest(signless(elementType));
  Attribute value;
  matchPattern(scalar, m_Constant(&value));
  return fill(extents, elementType, value);
}

/// Bodies compute on signless integers; elements of other types are converted on their way in and out.
static SmallVector<Value> runBody(ImplicitLocOpBuilder &b, TypeRange yielded, ValueRange arguments,
                                  Body body) {
  bool isUnsignedBody = false;
  SmallVector<Value> elements;
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    Type type = argument.getType(), plain = signless(type);
    isUnsignedBody |= type.isUnsignedInteger() || (i == 0 && type.isInteger(1));
    elements.push_back(type == plain ? argument
                                     : UnrealizedConversionCastOp::create(b, plain, argument).getResult(0));
  }
  Scalars scalars(b, isUnsignedBody);
  SmallVector<Value> values = body(scalars, elements);
  for (auto [value, type] : llvm::zip(values, yielded))
    if (value.getType() != type)
      value = UnrealizedConversionCastOp::create(b, type, value).getResult(0);
  return values;
}

/// The elements that a body gets: block arguments, and constants for operands that are splats.
static SmallVector<Value> readElements(ImplicitLocOpBuilder &b, ArrayRef<Read> reads,
                                       ArrayRef<Attribute> splats, ValueRange arguments) {
  SmallVector<Value> elements;
  unsigned next = 0;
  for (auto [read, splat] : llvm::zip(reads, splats)) {
    Type type = elementOf(read.tensor);
    Value element = splat ? Scalars(b, false).constant(splat) : arguments[next++];
    // A constant is signless already; give it its type back so that the body learns of unsigned operands.
    if (element.getType() != type)
      element = UnrealizedConversionCastOp::create(b, type, element).getResult(0);
    elements.push_back(element);
  }
  return elements;
}

Value Lowering::generic(ArrayRef<Extent> extents, Type elementType, ArrayRef<Read> reads, Body1 body) {
  Value init = empty(extents, elementType);
  int64_t rank = extents.size();
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  SmallVector<Attribute> splats;
  for (const Read &read : reads) {
    splats.push_back(splat(read.tensor));
    if (splats.back())
      continue;
    inputs.push_back(read.tensor);
    maps.push_back(read.map);
  }
  maps.push_back(identity(rank));
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  auto build = [&](OpBuilder &nested, Location loc, ValueRange arguments) {
    ImplicitLocOpBuilder inner(loc, nested);
    SmallVector<Value> elements = readElements(inner, reads, splats, arguments);
    auto one = [&](Scalars &s, ValueRange v) { return SmallVector<Value>{body(s, v)}; };
    linalg::YieldOp::create(inner, runBody(inner, elementType, elements, one));
  };
  return linalg::GenericOp::create(b, init.getType(), inputs, init, maps, iterators, build).getResult(0);
}

Value Lowering::elementwise(ArrayRef<Extent> extents, Type elementType, ValueRange operands, Body1 body) {
  SmallVector<Read> reads;
  for (Value operand : operands)
    reads.push_back({operand, broadcastMap(operand, extents)});
  return generic(extents, elementType, reads, body);
}

SmallVector<Value> Lowering::reduce(ValueRange inits, AffineMap map, ArrayRef<Read> reads, Body body) {
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  SmallVector<Attribute> splats;
  for (const Read &read : reads) {
    // Larger tensors stay, although they may be splats: the extents of reduced loops come from them.
    splats.push_back(read.map.isConstant() || read.map.getNumResults() == 0 ? splat(read.tensor)
                                                                            : Attribute());
    if (splats.back())
      continue;
    inputs.push_back(read.tensor);
    maps.push_back(read.map);
  }
  maps.append(inits.size(), map);
  SmallVector<utils::IteratorType> iterators(map.getNumDims(), utils::IteratorType::reduction);
  for (AffineExpr result : map.getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(result))
      iterators[dim.getPosition()] = utils::IteratorType::parallel;
  SmallVector<Type> elementTypes;
  for (Value init : inits)
    elementTypes.push_back(elementOf(init));
  auto build = [&](OpBuilder &nested, Location loc, ValueRange arguments) {
    ImplicitLocOpBuilder inner(loc, nested);
    SmallVector<Value> elements = readElements(inner, reads, splats, arguments);
    llvm::append_range(elements, arguments.take_back(inits.size()));
    linalg::YieldOp::create(inner, runBody(inner, elementTypes, elements, body));
  };
  auto op = linalg::GenericOp::create(b, inits.getTypes(), inputs, inits, maps, iterators, build);
  return SmallVector<Value>(op.getResults());
}

Value Lowering::reduce1(Value init, AffineMap map, ArrayRef<Read> reads, Body1 body) {
  return reduce(init, map, reads, [&](Scalars &s, ValueRange v) { return SmallVector<Value>{body(s, v)}; })
      .front();
}

AffineMap Lowering::broadcastMap(Value operand, ArrayRef<Extent> resultExtents) {
  auto type = rankedType(operand);
  int64_t offset = static_cast<int64_t>(resultExtents.size()) - type.getRank();
  SmallVector<AffineExpr> exprs;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    bool spread = type.getDimSize(axis) == 1 && !isStatic(resultExtents[offset + axis], 1);
    exprs.push_back(spread ? b.getAffineConstantExpr(0) : dim(offset + axis));
  }
  return AffineMap::get(resultExtents.size(), 0, exprs, b.getContext());
}

Value Lowering::cast(Value value, Type elementType) {
  if (elementOf(value) == elementType)
    return value;
  return elementwise(extents(value), elementType, value,
                     [&](Scalars &s, ValueRange v) { return s.cast(v[0], elementType); });
}

Value Lowering::slice(Value value, ArrayRef<Extent> offsets, ArrayRef<Extent> sizes,
                      ArrayRef<int64_t> strides) {
  bool whole = true;
  Extents steps;
  for (auto [axis, size] : llvm::enumerate(sizes)) {
    whole &= isStatic(offsets[axis], 0) && strides[axis] == 1 &&
             isEqualConstantIntOrValue(size, extent(value, axis));
    steps.push_back(b.getIndexAttr(strides[axis]));
  }
  if (whole)
    return value;
  if (Attribute constant = splat(value))
    return fill(sizes, elementOf(value), constant);
  return tensor::ExtractSliceOp::create(b, value, offsets, sizes, steps);
}

Extent Lowering::apply(AffineExpr expr, ArrayRef<Extent> symbols) {
  // Where every symbol comes from the lengths, so does the result.
  SmallVector<AffineExpr> exprs;
  for (Extent symbol : symbols) {
    std::optional<int64_t> constant = getConstantIntValue(symbol);
    exprs.push_back(constant ? b.getAffineConstantExpr(*constant) : expressionOf(symbol));
  }
  if (llvm::all_of(exprs, [](AffineExpr e) { return bool(e); }))
    return ofLengths(simplifyAffineExpr(expr.replaceSymbols(exprs), 0, 2));
  return affine::makeComposedFoldedAffineApply(b, b.getLoc(), AffineMap::get(0, symbols.size(), expr),
                                               symbols);
}

Extent Lowering::product(ArrayRef<Extent> factors) {
  Extent result = b.getIndexAttr(1);
  for (Extent factor : factors) {
    if (isStatic(factor, 1))
      continue;
    if (isStatic(result, 1)) {
      result = factor;
      continue;
    }
    std::optional<int64_t> x = getConstantIntValue(result), y = getConstantIntValue(factor);
    bool affine = x || y || (expressionOf(result) && expressionOf(factor));
    if (affine)
      result = apply(b.getAffineSymbolExpr(0) * b.getAffineSymbolExpr(1), {result, factor});
    else
      result = arith::MulIOp::create(b, index(result), index(factor)).getResult();
  }
  return result;
}

} // namespace halyard::lowering
