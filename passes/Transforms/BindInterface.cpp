// bind-interface: an encoder of one source and a decoder of tokens and memory, whatever else the files ask
// for.
//
// A program runs one sequence at a time over rows that are all there. That settles every further input of the
// files: masks are ones, caches are empty, positions count from 0, the branch of a merged decoder is the one
// without caches. The batch axis is 1. The lengths enter here as well: each remaining argument says by
// `halyard.shape` how its extents follow from the source length s and the target length t.
//
// An encoder whose rows are not the same with and without padding is the exception: its attention mask, and
// the decoder's mask over the source, stay inputs.
#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Analysis/LengthAlgebra.h"
#include "passes/Analysis/SourceMixing.h"
#include "passes/Analysis/SymbolicShapes.h"
#include "passes/Transforms/CrossOutputs.h"
#include "passes/Transforms/InterfaceRoles.h"
#include "passes/Transforms/Passes.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace halyard {
#define GEN_PASS_DEF_BINDINTERFACE
#include "passes/Transforms/Passes.h.inc"

namespace {

StringRef nameOf(func::FuncOp func, unsigned argument) {
  auto name = func.getArgAttrOfType<StringAttr>(argument, "onnx.name");
  return name ? name.getValue() : "";
}

/// Gives the arguments and results of one function their meaning.
class Interface {
public:
  explicit Interface(func::FuncOp func)
      : func(func), lengths(lengthAlgebraOf(func)), builder(func.getContext()), loc(func.getLoc()) {
    builder.setInsertionPointToStart(&func.getBody().front());
  }

  /// Gives an argument the extents `shape`: constant ones become static.
  void setArgument(unsigned index, ArrayRef<AffineExpr> shape) {
    BlockArgument argument = func.getArgument(index);
    argument.setType(typeOf(argument, shape));
    AffineMap map = AffineMap::get(0, 2, shape, func.getContext());
    func.setArgAttr(index, SymbolicShapes::shapeAttribute, AffineMapAttr::get(map));
    updateType();
  }

  /// Replaces an argument by a tensor of one value, which is returned.
  Value bindSplat(unsigned index, ArrayRef<AffineExpr> shape, int64_t value) {
    BlockArgument argument = func.getArgument(index);
    Type elementType = onnx::elementTypeOf(argument);
    Value scalar = constant(RankedTensorType::get({}, elementType), value);
    RankedTensorType type = typeOf(argument, shape);
    Value splat = onnx::ExpandOp::create(builder, loc, type, scalar, extents(shape));
    argument.replaceAllUsesWith(splat);
    return splat;
  }

  /// Makes an argument, the last one, of a value of such extents.
  void makeArgument(Value value, ArrayRef<AffineExpr> shape, StringAttr name) {
    AffineMap map = AffineMap::get(0, 2, shape, func.getContext());
    NamedAttrList attributes;
    attributes.append(SymbolicShapes::shapeAttribute, AffineMapAttr::get(map));
    attributes.append("onnx.name", name);
    attributes.append("halyard.mask", builder.getUnitAttr());
    // Cannot fail: the type is that of a tensor.
    (void)func.insertArgument(func.getNumArguments(), value.getType(),
                              attributes.getDictionary(func.getContext()), value.getLoc());
    value.replaceAllUsesWith(func.getArguments().back());
  }

  /// Replaces an argument by 0, 1, 2, ..., with the batch axis if the argument has one.
  void bindPositions(unsigned index) {
    BlockArgument argument = func.getArgument(index);
    Type elementType = onnx::elementTypeOf(argument);
    auto scalar = RankedTensorType::get({}, elementType);
    Value end = seq::ExtentsOp::create(builder, loc, scalar, AffineMap::get(0, 2, lengths.target()));
    auto line = RankedTensorType::get({ShapedType::kDynamic}, elementType);
    Value range = onnx::RangeOp::create(builder, loc, line, constant(scalar, 0), end, constant(scalar, 1));
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (type && type.getRank() == 2) {
      Value axes = constant(RankedTensorType::get({1}, builder.getI64Type()), 0);
      range = onnx::UnsqueezeOp::create(
          builder, loc, typeOf(argument, {lengths.constant(1), lengths.target()}), range, axes);
    }
    argument.replaceAllUsesWith(range);
  }

  /// Replaces a cache [batch, heads, rows, features] by one of no rows: the axis that is not fixed.
  LogicalResult bindEmpty(unsigned index) {
    BlockArgument argument = func.getArgument(index);
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    SmallVector<int64_t> shape;
    if (type && type.getRank() > 1) {
      shape.assign(type.getShape().begin(), type.getShape().end());
      shape[0] = 1;
    }
    if (llvm::count(shape, ShapedType::kDynamic) != 1)
      return emitError(argument.getLoc())
             << "expects cache '" << nameOf(func, index)
             << "' to have one dynamic axis besides the batch, its rows, got " << argument.getType();
    *llvm::find(shape, ShapedType::kDynamic) = 0;
    auto empty = RankedTensorType::get(shape, type.getElementType());
    auto value = DenseElementsAttr::get(empty, ArrayRef<Attribute>());
    argument.replaceAllUsesWith(onnx::ConstantOp::create(builder, loc, empty, value));
    return success();
  }

  /// Keeps the given arguments, in this order, and removes the others, which must be unused.
  void keepArguments(ArrayRef<unsigned> kept) {
    Block &entry = func.getBody().front();
    unsigned count = func.getNumArguments();
    for (unsigned index : kept) {
      BlockArgument argument = func.getArgument(index);
      // Cannot fail: the type is one that the function had already.
      (void)func.insertArgument(func.getNumArguments(), argument.getType(), func.getArgAttrDict(index),
                                argument.getLoc());
      argument.replaceAllUsesWith(entry.getArguments().back());
    }
    llvm::BitVector erased(func.getNumArguments());
    erased.set(0, count);
    (void)func.eraseArguments(erased);
  }

  /// Keeps the result that `isWanted` says of its name, or else the first of floats, and drops the others.
  LogicalResult keepResult(StringRef name, function_ref<bool(StringRef)> isWanted) {
    Operation *terminator = func.getBody().front().getTerminator();
    std::optional<unsigned> kept;
    for (unsigned index = 0; index < func.getNumResults() && !kept; ++index) {
      auto own = func.getResultAttrOfType<StringAttr>(index, "onnx.name");
      if (own && isWanted(own.getValue()))
        kept = index;
    }
    for (unsigned index = 0; index < func.getNumResults() && !kept; ++index)
      if (isa<FloatType>(onnx::elementTypeOf(terminator->getOperand(index))))
        kept = index;
    if (!kept)
      return emitError(loc) << "expects an output '" << name << "', or one of floats, of "
                            << func.getSymName();
    llvm::BitVector erased(func.getNumResults(), true);
    erased.reset(*kept);
    terminator->eraseOperands(erased);
    (void)func.eraseResults(erased);
    return success();
  }

  Value result() { return func.getBody().front().getTerminator()->getOperand(0); }
  const LengthAlgebra &algebra() const { return lengths; }

private:
  static RankedTensorType typeOf(Value value, ArrayRef<AffineExpr> shape) {
    SmallVector<int64_t> extents;
    for (AffineExpr extent : shape)
      extents.push_back(LengthAlgebra::value(extent).value_or(ShapedType::kDynamic));
    return RankedTensorType::get(extents, onnx::elementTypeOf(value));
  }

  Value constant(RankedTensorType type, int64_t value) {
    Attribute element = isa<FloatType>(type.getElementType())
                            ? Attribute(builder.getFloatAttr(type.getElementType(), value))
                            : builder.getIntegerAttr(type.getElementType(), value);
    return onnx::ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, element));
  }

  Value extents(ArrayRef<AffineExpr> shape) {
    auto type = RankedTensorType::get({static_cast<int64_t>(shape.size())}, builder.getI64Type());
    return seq::ExtentsOp::create(builder, loc, type, AffineMap::get(0, 2, shape, func.getContext()));
  }

  void updateType() {
    func.setFunctionType(
        builder.getFunctionType(func.getBody().front().getArgumentTypes(), func.getResultTypes()));
  }

  func::FuncOp func;
  LengthAlgebra lengths;
  OpBuilder builder;
  Location loc;
};

struct BindInterface : impl::BindInterfaceBase<BindInterface> {
  void runOnOperation() override;

private:
  FailureOr<func::FuncOp> function(StringRef name);
  LogicalResult bindEncoder(func::FuncOp encoder, CrossOutputs &cross);
  FailureOr<LengthExprs> sourceShape(func::FuncOp encoder, unsigned argument);
  LogicalResult bindMemory(func::FuncOp encoder, Value mask, StringAttr maskName);
  LogicalResult bindDecoder(func::FuncOp decoder);
  LogicalResult bindDecoderInput(func::FuncOp decoder, unsigned argument, InputRole role);
  LogicalResult checkDecoderInputs(func::FuncOp decoder, const llvm::DenseMap<unsigned, InputRole> &roles);

  /// The extent of masks over the source: s, or that of the memory where the source has no dynamic axis.
  AffineExpr sourceLength;
  LengthExprs memory;
  /// Whether the source keeps its padding, and the encoder its mask.
  bool keepsMask = false;
};

FailureOr<func::FuncOp> BindInterface::function(StringRef name) {
  if (auto func = getOperation().lookupSymbol<func::FuncOp>(name))
    return func;
  getOperation().emitError() << "expects a function @" << name;
  return failure();
}

void BindInterface::runOnOperation() {
  FailureOr<func::FuncOp> encoder = function("encoder");
  FailureOr<func::FuncOp> decoder = succeeded(encoder) ? function("decoder") : FailureOr<func::FuncOp>();
  if (failed(encoder) || failed(decoder))
    return signalPassFailure();
  CrossOutputs cross(*encoder, *decoder);
  if (failed(bindEncoder(*encoder, cross)) || failed(bindDecoder(*decoder)))
    return signalPassFailure();
  // What a decoder with caches computes is derived from the one without.
  if (auto withPast = getOperation().lookupSymbol<func::FuncOp>("decoder_with_past"))
    withPast.erase();
}

//===-- the encoder
//------------------------------------------------------------------------------------------------===//

FailureOr<LengthExprs> BindInterface::sourceShape(func::FuncOp encoder, unsigned argument) {
  LengthAlgebra lengths = lengthAlgebraOf(encoder);
  BlockArgument source = encoder.getArgument(argument);
  auto type = dyn_cast<RankedTensorType>(source.getType());
  if (!type || type.getRank() < 2)
    return emitError(source.getLoc()) << "expects the encoder's input '" << nameOf(encoder, argument)
                                      << "' to be [batch, ...], got " << source.getType();
  LengthExprs shape{lengths.constant(1)};
  for (int64_t extent : type.getShape().drop_front())
    shape.push_back(ShapedType::isDynamic(extent) ? lengths.source() : lengths.constant(extent));
  if (llvm::count(shape, lengths.source()) > 1)
    return emitError(source.getLoc()) << "expects the encoder's input '" << nameOf(encoder, argument)
                                      << "' to have one dynamic axis besides the batch, got " << type
                                      << "; the model's config.json should give the others";
  return shape;
}

LogicalResult BindInterface::bindEncoder(func::FuncOp encoder, CrossOutputs &cross) {
  Interface interface(encoder);
  std::optional<unsigned> source;
  for (unsigned index = 0; index < encoder.getNumArguments(); ++index) {
    StringRef name = nameOf(encoder, index);
    std::optional<InputRole> role = encoderRole(name);
    Location loc = encoder.getArgument(index).getLoc();
    if (!role || (*role == InputRole::tokens && cross.empty()))
      return emitError(loc) << "does not know the encoder's input '" << name << "'; known are "
                            << knownEncoderInputs;
    if (*role == InputRole::source && source)
      return emitError(loc) << "expects one input that the encoder reads, got '" << nameOf(encoder, *source)
                            << "' and '" << name << "'";
    if (*role == InputRole::source)
      source = index;
  }
  if (!source)
    return encoder.emitError() << "expects an encoder input of one of the names " << knownEncoderInputs;
  FailureOr<LengthExprs> shape = sourceShape(encoder, *source);
  if (failed(shape))
    return failure();
  interface.setArgument(*source, *shape);
  sourceLength =
      llvm::is_contained(*shape, interface.algebra().source()) ? interface.algebra().source() : AffineExpr();
  Value sourceMask;
  StringAttr maskName;
  for (unsigned index = 0; index < encoder.getNumArguments(); ++index) {
    if (index == *source)
      continue;
    if (encoderRole(nameOf(encoder, index)) == InputRole::tokens) {
      // Nothing that is kept depends on them.
      interface.bindSplat(index, {interface.algebra().constant(1), interface.algebra().target()}, 0);
      continue;
    }
    // A mask beside an input of fixed shape has its own fixed extents.
    LengthExprs mask{interface.algebra().constant(1)};
    auto type = dyn_cast<RankedTensorType>(encoder.getArgument(index).getType());
    for (int64_t extent : type ? type.getShape().drop_front() : ArrayRef<int64_t>())
      mask.push_back(ShapedType::isDynamic(extent) ? sourceLength : interface.algebra().constant(extent));
    if (llvm::is_contained(mask, AffineExpr()))
      return emitError(encoder.getArgument(index).getLoc())
             << "expects input '" << nameOf(encoder, index)
             << "' to be of fixed shape, as the encoder's input is, got "
             << encoder.getArgument(index).getType();
    bool isMask = encoderRole(nameOf(encoder, index)) == InputRole::sourceMask;
    Value splat = interface.bindSplat(index, mask, isMask);
    if (isMask && mask.size() == 2 && mask[1] == interface.algebra().source()) {
      sourceMask = splat;
      maskName = encoder.getArgAttrOfType<StringAttr>(index, "onnx.name");
    }
  }
  interface.keepArguments({*source});
  if (!cross.empty() && failed(cross.keepMemory()))
    return failure();
  auto isMemory = [](StringRef name) {
    return decoderRole(name, /*hasDecoderIds=*/false) == InputRole::memory;
  };
  if (failed(interface.keepResult("last_hidden_state", isMemory)) ||
      (!cross.empty() && failed(cross.moveToDecoder(sourceMask))))
    return failure();
  return bindMemory(encoder, sourceMask, maskName);
}

/// What is known of the encoder with a mask of ones: the extents of its output, and whether its rows see
/// padding.
LogicalResult BindInterface::bindMemory(func::FuncOp encoder, Value mask, StringAttr maskName) {
  FailureOr<SymbolicShapes> shapes = SymbolicShapes::compute(encoder);
  if (failed(shapes))
    return failure();
  Value result = Interface(encoder).result();
  AffineMap map = shapes->shapeMap(result);
  if (!map || map.getNumResults() != 3 || LengthAlgebra::value(map.getResult(0)) != 1 ||
      !LengthAlgebra::value(map.getResult(2)))
    return emitError(result.getLoc()) << "expects the encoder's output to be [1, rows, features] for a batch "
                                         "of 1, with rows that follow from the source, got "
                                      << shapes->refinedType(result);
  memory.assign(map.getResults().begin(), map.getResults().end());
  encoder->setAttr("halyard.memory_rows", AffineMapAttr::get(map.getSubMap({1})));
  if (!sourceLength)
    sourceLength = map.getResult(1);
  auto mixing = mask ? findSourceMixing(encoder, encoder.getArgument(0), mask, *shapes) : std::nullopt;
  if (!mixing)
    return success();
  mixing->op->emitRemark("sources keep their padding and mask: ") << mixing->reason;
  keepsMask = true;
  Interface interface(encoder);
  interface.makeArgument(mask, {interface.algebra().constant(1), sourceLength}, maskName);
  return success();
}

//===-- the decoder
//------------------------------------------------------------------------------------------------===//

LogicalResult BindInterface::checkDecoderInputs(func::FuncOp decoder,
                                                const llvm::DenseMap<unsigned, InputRole> &roles) {
  auto find = [&](InputRole wanted) {
    SmallVector<unsigned> found;
    for (unsigned index = 0; index < decoder.getNumArguments(); ++index)
      if (roles.lookup(index) == wanted)
        found.push_back(index);
    return found;
  };
  // Keys and values of cross-attention can be left out only by a decoder that has a branch without them.
  SmallVector<unsigned> crosses = find(InputRole::crossCache);
  if (!crosses.empty() && find(InputRole::useCache).empty())
    return emitError(decoder.getArgument(crosses.front()).getLoc())
           << "expects a decoder that computes its cross-attention keys and values, got input '"
           << nameOf(decoder, crosses.front())
           << "', which only the file of the first step computes: export decoder_model.onnx or "
              "decoder_model_merged.onnx beside this one";
  for (auto [role, name] :
       {std::pair(InputRole::tokens, "input_ids"), {InputRole::memory, "encoder_hidden_states"}}) {
    size_t count = find(role).size();
    if (count != 1)
      return decoder.emitError() << "expects one decoder input '" << name << "', got " << count;
  }
  return success();
}

LogicalResult BindInterface::bindDecoderInput(func::FuncOp decoder, unsigned argument, InputRole role) {
  Interface interface(decoder);
  AffineExpr one = interface.algebra().constant(1), target = interface.algebra().target();
  switch (role) {
  case InputRole::tokens:
    interface.setArgument(argument, {one, target});
    return success();
  case InputRole::memory: {
    BlockArgument value = decoder.getArgument(argument);
    auto type = dyn_cast<RankedTensorType>(value.getType());
    int64_t features = *LengthAlgebra::value(memory[2]);
    int64_t wanted = type && type.getRank() == 3 ? type.getDimSize(2) : ShapedType::kDynamic;
    if (!ShapedType::isDynamic(wanted) && wanted != features)
      return emitError(value.getLoc())
             << "expects encoder states of " << wanted << " features, got an encoder of " << features;
    interface.setArgument(argument, memory);
    return success();
  }
  case InputRole::sourceMask:
    if (!keepsMask) {
      interface.bindSplat(argument, {one, sourceLength}, 1);
      return success();
    }
    interface.setArgument(argument, {one, sourceLength});
    decoder.setArgAttr(argument, "halyard.mask", UnitAttr::get(decoder.getContext()));
    return success();
  case InputRole::targetMask:
    interface.bindSplat(argument, {one, target}, 1);
    return success();
  case InputRole::tokenTypes:
    interface.bindSplat(argument, {one, target}, 0);
    return success();
  case InputRole::positions:
    interface.bindPositions(argument);
    return success();
  case InputRole::useCache:
    interface.bindSplat(argument, {one}, 0);
    return success();
  case InputRole::selfCache:
  case InputRole::crossCache:
    return interface.bindEmpty(argument);
  case InputRole::source:
    break;
  }
  llvm_unreachable("a decoder's input has no such role");
}

LogicalResult BindInterface::bindDecoder(func::FuncOp decoder) {
  bool hasDecoderIds = false;
  for (unsigned index = 0; index < decoder.getNumArguments(); ++index)
    hasDecoderIds |= nameOf(decoder, index) == "decoder_input_ids";
  llvm::DenseMap<unsigned, InputRole> roles;
  for (unsigned index = 0; index < decoder.getNumArguments(); ++index) {
    std::optional<InputRole> role = decoderRole(nameOf(decoder, index), hasDecoderIds);
    if (!role)
      return emitError(decoder.getArgument(index).getLoc())
             << "does not know the decoder's input '" << nameOf(decoder, index) << "'; known are "
             << knownDecoderInputs;
    roles[index] = *role;
  }
  if (failed(checkDecoderInputs(decoder, roles)))
    return failure();
  // A branch without caches says by itself which rows see which.
  auto has = [&](InputRole wanted) {
    return llvm::any_of(roles, [&](auto &entry) { return entry.second == wanted; });
  };
  if (has(InputRole::selfCache) && !has(InputRole::useCache))
    decoder->setAttr("halyard.takes_caches", UnitAttr::get(decoder.getContext()));
  unsigned tokens = 0, states = 0;
  SmallVector<unsigned> masks;
  for (unsigned index = 0; index < decoder.getNumArguments(); ++index) {
    if (failed(bindDecoderInput(decoder, index, roles[index])))
      return failure();
    if (roles[index] == InputRole::tokens)
      tokens = index;
    if (roles[index] == InputRole::memory)
      states = index;
    if (roles[index] == InputRole::sourceMask && keepsMask)
      masks.push_back(index);
  }
  Interface interface(decoder);
  SmallVector<unsigned> kept{tokens, states};
  kept.append(masks);
  interface.keepArguments(kept);
  return interface.keepResult("logits", [](StringRef name) { return name == "logits"; });
}
} // namespace
} // namespace halyard
