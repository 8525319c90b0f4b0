// Ranges of integer tensors, as functions of the lengths: positions lie between 0 and their count.
#ifndef HALYARD_PASSES_TRANSFORMS_INTEGERRANGES_H
#define HALYARD_PASSES_TRANSFORMS_INTEGERRANGES_H

#include "passes/Analysis/LengthAlgebra.h"
#include "passes/Analysis/SymbolicShapes.h"

namespace halyard {

/// Bounds of all elements; null where there is none.
struct IntegerRange {
  mlir::AffineExpr lowest, highest;
};

class IntegerRanges {
public:
  IntegerRanges(const SymbolicShapes &shapes, LengthAlgebra algebra)
      : shapes(shapes), algebra(std::move(algebra)) {}

  IntegerRange of(mlir::Value value);

  /// The outcome of a comparison (Less, Greater, Equal, ...) of integers, if it is one for all elements and
  /// lengths.
  std::optional<bool> outcome(mlir::Operation *comparison);

private:
  IntegerRange compute(mlir::Value value);

  const SymbolicShapes &shapes;
  LengthAlgebra algebra;
  llvm::DenseMap<mlir::Value, IntegerRange> known;
};

} // namespace halyard

#endif
