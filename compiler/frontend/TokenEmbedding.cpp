// Puts the embedding of tokens in front of a decoder, whose branches, if it has some, read what it computes.
#include "compiler/frontend/TokenEmbedding.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

static constexpr StringLiteral kName = "onnx.name", kEmbedded = "inputs_embeds", kTokens = "input_ids";

static std::optional<unsigned> argumentNamed(func::FuncOp function, ArrayRef<StringRef> names) {
  for (unsigned index = 0; index < function.getNumArguments(); ++index)
    if (auto name = function.getArgAttrOfType<StringAttr>(index, kName);
        name && llvm::is_contained(names, name.getValue()))
      return index;
  return std::nullopt;
}

bool halyard::onnx::takesEmbeddedTokens(func::FuncOp decoder) {
  return argumentNamed(decoder, {kEmbedded}) && !argumentNamed(decoder, {kTokens, "decoder_input_ids"});
}

/// Of ids, whatever they are called, to one result.
static LogicalResult checkEmbedding(func::FuncOp embedding, Type elementType) {
  FunctionType type = embedding.getFunctionType();
  if (type.getNumInputs() != 1 || !getElementTypeOrSelf(type.getInput(0)).isInteger())
    return embedding.emitError() << "is not the embedding of tokens: it has to have one input, their ids";
  if (type.getNumResults() != 1)
    return embedding.emitError() << "is not the embedding of tokens: it has to have one output, not "
                                 << type.getNumResults();
  if (Type own = getElementTypeOrSelf(type.getResult(0)); own != elementType)
    return embedding.emitError() << "computes elements of " << own << ", but the decoder takes "
                                 << elementType;
  return success();
}

LogicalResult halyard::onnx::embedTokens(func::FuncOp decoder, func::FuncOp embedding) {
  unsigned index = *argumentNamed(decoder, {kEmbedded});
  BlockArgument embedded = decoder.getArgument(index);
  if (failed(checkEmbedding(embedding, getElementTypeOrSelf(embedded.getType()))))
    return failure();
  Builder builder(decoder.getContext());
  DictionaryAttr named =
      builder.getDictionaryAttr(builder.getNamedAttr(kName, builder.getStringAttr(kTokens)));
  if (failed(
          decoder.insertArgument(index, embedding.getFunctionType().getInput(0), named, embedded.getLoc())))
    return failure();

  OpBuilder at = OpBuilder::atBlockBegin(&decoder.front());
  IRMapping mapping;
  mapping.map(embedding.getArgument(0), decoder.getArgument(index));
  for (Operation &op : embedding.front().without_terminator())
    at.clone(op, mapping);
  Value result = mapping.lookup(embedding.front().getTerminator()->getOperand(0));
  // What the decoder's file says of shapes counts, as for other inputs.
  if (isa<RankedTensorType>(embedded.getType()) && result.getDefiningOp())
    result.setType(embedded.getType());
  embedded.replaceAllUsesWith(result);
  return decoder.eraseArgument(index + 1);
}
