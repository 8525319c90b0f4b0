// Arithmetic on lengths: integers that are functions of the source length s and the target length t.
//
// An expression is an AffineExpr over two symbols, s0 = s and s1 = t. Products of symbols make it
// semi-affine; every result is simplified, so that equal extents compare equal. A null expression stands for
// an integer that is not known; whatever is computed from one is null. Comparisons are decided for all
// lengths at once, by bounding an expression from both sides by linear functions of s and t over the box 1 <=
// s <= max source, 1 <= t <= max target.
#ifndef HALYARD_PASSES_ANALYSIS_LENGTHALGEBRA_H
#define HALYARD_PASSES_ANALYSIS_LENGTHALGEBRA_H

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/DenseSet.h"

#include <optional>

namespace halyard {

class LengthAlgebra {
public:
  /// `maxSource` and `maxTarget` are the largest lengths that occur; 0 stands for "not limited".
  LengthAlgebra(mlir::MLIRContext *context, int64_t maxSource, int64_t maxTarget);

  mlir::AffineExpr constant(int64_t value) const;
  mlir::AffineExpr source() const;
  mlir::AffineExpr target() const;

  mlir::AffineExpr add(mlir::AffineExpr a, mlir::AffineExpr b) const;
  mlir::AffineExpr sub(mlir::AffineExpr a, mlir::AffineExpr b) const;
  mlir::AffineExpr mul(mlir::AffineExpr a, mlir::AffineExpr b) const;
  /// Rounded down; null unless b is positive for all lengths.
  mlir::AffineExpr floorDiv(mlir::AffineExpr a, mlir::AffineExpr b) const;
  /// Rounded up; null unless b is positive for all lengths.
  mlir::AffineExpr ceilDiv(mlir::AffineExpr a, mlir::AffineExpr b) const;
  /// Rounded towards zero, as ONNX divides integers. A numerator that may have either sign is taken to be a
  /// length, which is not negative for any source that the model accepts.
  mlir::AffineExpr truncDiv(mlir::AffineExpr a, mlir::AffineExpr b) const;
  /// Remainder with the sign of a positive b.
  mlir::AffineExpr mod(mlir::AffineExpr a, mlir::AffineExpr b) const;
  /// Null where the lengths decide which operand is the smaller.
  mlir::AffineExpr min(mlir::AffineExpr a, mlir::AffineExpr b) const;
  mlir::AffineExpr max(mlir::AffineExpr a, mlir::AffineExpr b) const;

  mlir::AffineExpr product(llvm::ArrayRef<mlir::AffineExpr> factors) const;
  /// Product of `numerator` over the product of `denominator`, where the division is known to leave no
  /// remainder: equal factors are cancelled first. Null if a denominator that is not constant remains.
  mlir::AffineExpr quotient(llvm::ArrayRef<mlir::AffineExpr> numerator,
                            llvm::ArrayRef<mlir::AffineExpr> denominator) const;

  /// Whether the relation holds for all lengths (true), for none (false), or depends on them (none).
  std::optional<bool> less(mlir::AffineExpr a, mlir::AffineExpr b) const;
  std::optional<bool> lessOrEqual(mlir::AffineExpr a, mlir::AffineExpr b) const;
  std::optional<bool> equal(mlir::AffineExpr a, mlir::AffineExpr b) const;

  /// Declares an extent to be at least 1 for every source that the model accepts, whatever its formula says.
  void assumePositive(mlir::AffineExpr extent);

  /// The value of a constant expression; none for others and for null.
  static std::optional<int64_t> value(mlir::AffineExpr expr);

private:
  struct Linear {
    double source = 0, target = 0, constant = 0;
  };
  struct Bounds {
    Linear lower, upper;
  };
  mlir::AffineExpr simplify(mlir::AffineExpr expr) const;
  /// a / b where that is one constant for all lengths.
  mlir::AffineExpr constantRatio(mlir::AffineExpr a, mlir::AffineExpr b) const;
  std::optional<Bounds> bounds(mlir::AffineExpr expr) const;
  std::optional<Bounds> divided(const Bounds &dividend, int64_t divisor, bool up) const;
  double smallest(const Linear &linear) const;
  double largest(const Linear &linear) const;
  /// Bounds of a value that is an integer: -infinity and infinity where there are none.
  double lowerBound(mlir::AffineExpr expr) const;
  double upperBound(mlir::AffineExpr expr) const;

  mlir::MLIRContext *context;
  double maxSource, maxTarget;
  llvm::DenseSet<mlir::AffineExpr> positive;
};

} // namespace halyard

#endif
