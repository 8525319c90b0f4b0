// Some exporters keep the embedding of tokens in a file of its own, and decoders take what it computes.
// Private to the frontend.
#ifndef HALYARD_COMPILER_FRONTEND_TOKENEMBEDDING_H
#define HALYARD_COMPILER_FRONTEND_TOKENEMBEDDING_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace halyard::onnx {

/// True if a decoder takes embedded tokens, `inputs_embeds`, and no tokens.
bool takesEmbeddedTokens(mlir::func::FuncOp decoder);

/// Computes `inputs_embeds` of a decoder by a copy of `embedding`'s operations, from its tokens, which become
/// an argument `input_ids` in its place. Emits one error if the embedding is not a function of tokens alone,
/// or computes elements of another type.
mlir::LogicalResult embedTokens(mlir::func::FuncOp decoder, mlir::func::FuncOp embedding);

} // namespace halyard::onnx

#endif
