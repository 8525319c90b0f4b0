// Moves what an encoder computes of its states for cross-attention.
#include "passes/Transforms/CrossOutputs.h"

#include "dialects/ONNX/IR/ONNX.h"
#include "dialects/Seq/IR/Seq.h"
#include "passes/Transforms/InterfaceRoles.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace halyard;

static constexpr StringLiteral kName = "onnx.name";

namespace {
/// Copies what values are computed by, up to one that stands for all that is before it.
class Copier {
public:
  /// With a builder values are copied; without one it is only found out whether they can be.
  Copier(const SymbolicShapes &shapes, OpBuilder *builder) : shapes(shapes), builder(builder) {}

  void map(Value from, Value to) { mapping.map(from, to); }

  /// False if the value depends on an argument otherwise than by its extents.
  bool copy(Value value);
  Value copied(Value value) const { return mapping.lookup(value); }

private:
  bool copyExtents(Value value);

  const SymbolicShapes &shapes;
  OpBuilder *builder;
  IRMapping mapping;
};
} // namespace

/// Integers that follow from the lengths, which the decoder has as well.
bool Copier::copyExtents(Value value) {
  auto contents = shapes.contents(value);
  auto type = dyn_cast<RankedTensorType>(shapes.refinedType(value));
  if (!contents || !type || !type.hasStaticShape() || !type.getElementType().isInteger() ||
      type.getElementType().isInteger(1))
    return false;
  if (builder)
    mapping.map(value, seq::ExtentsOp::create(*builder, value.getLoc(), type,
                                              AffineMap::get(0, 2, *contents, value.getContext())));
  else
    mapping.map(value, value);
  return true;
}

bool Copier::copy(Value value) {
  if (mapping.contains(value) || copyExtents(value))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() > 0 || !llvm::all_of(op->getOperands(), [&](Value v) { return copy(v); }))
    return false;
  if (builder)
    builder->clone(*op, mapping);
  else
    mapping.map(op->getResults(), op->getResults());
  return true;
}

CrossOutputs::CrossOutputs(func::FuncOp encoder, func::FuncOp decoder) : encoder(encoder), decoder(decoder) {
  auto nameOf = [](Attribute name) { return name ? cast<StringAttr>(name).getValue() : StringRef(); };
  llvm::StringMap<Value> outputs;
  Operation *terminator = encoder.front().getTerminator();
  for (unsigned index = 0; index < encoder.getNumResults(); ++index)
    outputs[cacheName(nameOf(encoder.getResultAttr(index, kName)))] = terminator->getOperand(index);
  for (BlockArgument input : decoder.getArguments()) {
    StringRef name = nameOf(decoder.getArgAttr(input.getArgNumber(), kName));
    std::optional<InputRole> role = decoderRole(name, /*hasDecoderIds=*/false);
    if (role == InputRole::useCache) {
      pairs.clear();
      return;
    }
    auto output = outputs.find(cacheName(name));
    if (role == InputRole::crossCache && output != outputs.end())
      pairs.push_back({input, output->second});
  }
}

static std::optional<unsigned> memoryInput(func::FuncOp decoder) {
  for (unsigned index = 0; index < decoder.getNumArguments(); ++index)
    if (auto name = decoder.getArgAttrOfType<StringAttr>(index, kName);
        name && decoderRole(name, /*hasDecoderIds=*/false) == InputRole::memory)
      return index;
  return std::nullopt;
}

LogicalResult CrossOutputs::keepMemory() {
  if (memoryInput(decoder))
    return success();
  FailureOr<SymbolicShapes> shapes = SymbolicShapes::compute(encoder);
  if (failed(shapes))
    return failure();
  auto makesAll = [&](Value memory) {
    Copier copier(*shapes, nullptr);
    copier.map(memory, memory);
    return llvm::all_of(pairs, [&](const Pair &pair) { return copier.copy(pair.output); });
  };
  Operation *terminator = encoder.front().getTerminator();
  for (Operation &op : llvm::reverse(encoder.front().without_terminator()))
    for (Value result : op.getResults()) {
      auto type = dyn_cast<RankedTensorType>(shapes->refinedType(result));
      if (!type || type.getRank() != 3 || !isa<FloatType>(type.getElementType()) || !makesAll(result))
        continue;
      Builder builder(encoder.getContext());
      auto name =
          builder.getDictionaryAttr(builder.getNamedAttr(kName, builder.getStringAttr("last_hidden_state")));
      terminator->setOperands({result});
      encoder.setFunctionType(builder.getFunctionType(encoder.getArgumentTypes(), {result.getType()}));
      encoder.setAllResultAttrs(ArrayRef<DictionaryAttr>{name});
      return success();
    }
  return emitError(pairs.front().output.getLoc())
         << "expects keys and values of cross-attention to be computed from the same states of the encoder";
}

LogicalResult CrossOutputs::moveToDecoder(Value kept) {
  FailureOr<SymbolicShapes> shapes = SymbolicShapes::compute(encoder);
  if (failed(shapes))
    return failure();
  Value states = encoder.front().getTerminator()->getOperand(0);
  std::optional<unsigned> memory = memoryInput(decoder);
  if (!memory) {
    Builder builder(decoder.getContext());
    memory = decoder.getNumArguments();
    NamedAttrList attributes;
    attributes.append(kName, builder.getStringAttr("encoder_hidden_states"));
    if (failed(decoder.insertArgument(*memory, states.getType(),
                                      attributes.getDictionary(builder.getContext()), states.getLoc())))
      return failure();
  }
  OpBuilder builder = OpBuilder::atBlockBegin(&decoder.front());
  Copier copier(*shapes, &builder);
  copier.map(states, decoder.getArgument(*memory));
  llvm::BitVector moved(decoder.getNumArguments());
  for (Pair &pair : pairs) {
    if (!copier.copy(pair.output))
      return emitError(pair.output.getLoc())
             << "expects keys and values of cross-attention to be computed from the encoder's output alone";
    pair.input.replaceAllUsesWith(copier.copied(pair.output));
    moved.set(pair.input.getArgNumber());
  }
  Operation *keptOp = kept ? kept.getDefiningOp() : nullptr;
  for (Operation *op = encoder.front().getTerminator()->getPrevNode(), *before; op; op = before) {
    before = op->getPrevNode();
    if (op != keptOp && isOpTriviallyDead(op))
      op->erase();
  }
  return decoder.eraseArguments(moved);
}
