// The chain of operations between the product of queries and keys and the softmax of an attention.
#ifndef HALYARD_PASSES_TRANSFORMS_SCORECHAIN_H
#define HALYARD_PASSES_TRANSFORMS_SCORECHAIN_H

#include "passes/Analysis/LengthOnly.h"

#include <optional>

namespace halyard {

/// The chain, whose result is affine in the scores: its slope is `scale`.
struct ScoreChain {
  mlir::Value product; // the scores before the first operation of the chain
  /// From the product on; with the operand that carries the scores.
  llvm::SmallVector<std::pair<mlir::Operation *, unsigned>> ops;
  double scale = 1.0;
  std::optional<double> softcap;
  bool biased = false;   // some operation adds or masks
  bool reshaped = false; // some operation changes the shape

  /// Follows `scores` back to a MatMul; none if something on the way cannot be absorbed. `isBias` tells what
  /// scores are combined with from what they are made of.
  static std::optional<ScoreChain> endingIn(mlir::Value scores, const LengthOnly &isBias);
};

} // namespace halyard

#endif
