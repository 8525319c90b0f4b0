// Symbolic shapes: the shape of every value of a function of onnx operations, and the contents of its small
// integer tensors, as functions of the two lengths.
//
// Extents and integers are AffineExprs over the symbols s0 = source length and s1 = target length
// (LengthAlgebra.h). The lengths enter through the function's arguments: the argument attribute
// `halyard.shape`, a map `()[s, t] -> (...)` with one result per axis. An argument without it has the extents
// of its type, and its dynamic ones are not known. The largest lengths are those of the module's
// `halyard.limits` = {max_source, max_target}, where it has them.
//
// Shape arithmetic never has to be recognised as such: whatever computes small integers from extents is
// followed element by element, so Shape, Gather, Concat, Where(Equal(shape, -1), ones, shape) and the rest
// meet in one place, the operator that takes the shape.
#ifndef HALYARD_PASSES_ANALYSIS_SYMBOLICSHAPES_H
#define HALYARD_PASSES_ANALYSIS_SYMBOLICSHAPES_H

#include "passes/Analysis/LengthAlgebra.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace halyard {

/// One expression per axis or per element (row-major); a null expression is an integer that is not known.
using LengthExprs = llvm::SmallVector<mlir::AffineExpr>;

/// What is known of a value: neither, one or both.
struct ValueFacts {
  std::optional<LengthExprs> shape;
  std::optional<LengthExprs> contents;
};

class SymbolicShapes {
public:
  /// Name of the argument attribute that says how an argument's extents follow from the lengths.
  static constexpr llvm::StringLiteral shapeAttribute = "halyard.shape";

  /// Analyses `func`. Shapes that contradict each other (a MatMul of different inner extents) are errors at
  /// their operation; what merely cannot be known is not. Branches of onnx.If are followed, but nothing in
  /// them is an error, because the one that is not taken need not make sense.
  static mlir::FailureOr<SymbolicShapes> compute(mlir::func::FuncOp func);

  /// Extents of a value; none if its rank is not known, and null for an extent that is not.
  std::optional<LengthExprs> shape(mlir::Value value) const;

  /// Elements of an integer or boolean tensor of few elements, in row-major order, if every one is known. A
  /// float tensor has contents as well, where every element is known to be an integer.
  std::optional<LengthExprs> contents(mlir::Value value) const;

  /// Contents in which some elements may be null.
  std::optional<LengthExprs> partialContents(mlir::Value value) const;

  /// The shape as a map `()[s, t] -> (...)`, if it is known entirely; else null.
  mlir::AffineMap shapeMap(mlir::Value value) const;

  /// A ranked tensor type with the constant extents of `value` static. Its own type if its rank is not known.
  mlir::Type refinedType(mlir::Value value) const;

  /// The arithmetic on lengths that the analysis used, which knows of extents that are not zero for any
  /// source that the model accepts.
  const LengthAlgebra &algebra() const { return lengths; }

  /// Makes known of `to` what is known of `from`, which it is about to replace.
  void inherit(mlir::Value to, mlir::Value from);

private:
  friend class SymbolicInference;
  explicit SymbolicShapes(LengthAlgebra lengths) : lengths(std::move(lengths)) {}

  LengthAlgebra lengths;
  llvm::DenseMap<mlir::Value, ValueFacts> facts;
};

/// Facts that follow from a type alone.
ValueFacts factsOfType(mlir::Type type);

/// The arithmetic on lengths below the limits that hold for `func`.
LengthAlgebra lengthAlgebraOf(mlir::func::FuncOp func);

} // namespace halyard

#endif
