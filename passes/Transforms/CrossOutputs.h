// Keys and values of cross-attention that the encoder's file computes.
//
// Exporters for ONNX Runtime have encoders that write them (`present_key_cross_0`), and decoders that take
// them in place of the encoder's states (`past_key_cross_0`). Here the decoder computes them itself, of those
// states, as other exports do.
#ifndef HALYARD_PASSES_TRANSFORMS_CROSSOUTPUTS_H
#define HALYARD_PASSES_TRANSFORMS_CROSSOUTPUTS_H

#include "passes/Analysis/SymbolicShapes.h"

namespace halyard {

class CrossOutputs {
public:
  /// Pairs inputs of the decoder with outputs of the encoder by their names. A decoder with a branch that
  /// needs no caches computes them already.
  CrossOutputs(mlir::func::FuncOp encoder, mlir::func::FuncOp decoder);

  bool empty() const { return pairs.empty(); }

  /// Has the encoder, whose inputs are bound, return what all of them are computed from: what it returns for
  /// a decoder that takes the encoder's states as well, else the last such value. Emits one error if there is
  /// none.
  mlir::LogicalResult keepMemory();

  /// Computes them in the decoder, from its input of the encoder's states, which is added if it is not there,
  /// and not in the encoder, whose only output are its states: what nothing reads there is erased but for
  /// what makes `kept`, if given. Emits one error if they depend on something else.
  mlir::LogicalResult moveToDecoder(mlir::Value kept);

private:
  struct Pair {
    mlir::BlockArgument input;
    mlir::Value output;
  };

  mlir::func::FuncOp encoder, decoder;
  llvm::SmallVector<Pair> pairs;
};

} // namespace halyard

#endif
