// Layout views: what a chain of reshapes, transposes, head broadcasts and scalings does to the value it
// starts from.
//
// Exporters split and merge attention heads in many ways: Transpose-Reshape, Reshape-Transpose-Reshape, heads
// folded into the batch, grouped heads by Expand or by Concat(k, k). All of them only rearrange atoms:
// factors of axes, such as time, head and feature. A view walks from a value back to its base and records in
// which order the base holds the value's atoms; two chains that do the same have the same view.
#ifndef HALYARD_PASSES_ANALYSIS_LAYOUTVIEW_H
#define HALYARD_PASSES_ANALYSIS_LAYOUTVIEW_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Value.h"

#include <functional>
#include <optional>

namespace halyard {

/// Extents of a value as expressions of the source and target lengths; none if unknown.
using ShapeOf = std::function<std::optional<llvm::SmallVector<mlir::AffineExpr>>(mlir::Value)>;

class LayoutView {
public:
  /// A factor of an axis. A broadcast atom repeats the base along it.
  struct Atom {
    mlir::AffineExpr extent;
    bool broadcast = false;
  };
  using Axis =
      llvm::SmallVector<unsigned, 2>; // indices into atoms(), outermost first; unit extents have none

  /// Walks back from `value`, through scalings by a constant only if `throughScales`. None if its shape is
  /// unknown.
  static std::optional<LayoutView> of(mlir::Value value, const ShapeOf &shapeOf, bool throughScales);

  mlir::Value base() const { return current; }
  /// What the base is multiplied by on the way.
  double scale() const { return factor; }
  const Atom &atom(unsigned index) const { return atoms[index]; }
  /// Axis `index` of the value that the walk started from.
  const Axis &axis(unsigned index) const { return target[index]; }
  unsigned rank() const { return target.size(); }

  /// Atoms in the order in which the base holds them, without broadcast ones.
  llvm::SmallVector<unsigned> baseOrder() const;
  /// Product of the extents of some atoms.
  mlir::AffineExpr extent(llvm::ArrayRef<unsigned> some) const;

private:
  explicit LayoutView(mlir::Value value) : current(value) {}
  bool step(const ShapeOf &shapeOf, bool throughScales);
  bool regroup(llvm::ArrayRef<mlir::AffineExpr> extents, llvm::ArrayRef<unsigned> sequence,
               llvm::SmallVectorImpl<Axis> &groups);
  bool throughReshape(mlir::Value input, const ShapeOf &shapeOf);
  bool throughTranspose(mlir::Operation *op);
  bool throughExpand(mlir::Value input, const ShapeOf &shapeOf);
  bool throughRepeat(mlir::Operation *concat);
  bool throughScale(mlir::Operation *op);
  unsigned split(unsigned index, mlir::AffineExpr outer, mlir::AffineExpr inner);

  mlir::Value current;
  double factor = 1.0;
  std::vector<Atom> atoms;
  llvm::SmallVector<Axis> dims;   // of the current value
  llvm::SmallVector<Axis> target; // of the value the walk started from
};

/// a / b where b divides a for all lengths; none where that cannot be seen.
std::optional<mlir::AffineExpr> exactQuotient(mlir::AffineExpr a, mlir::AffineExpr b);

/// The number that a constant scalar (or splat) value holds.
std::optional<double> constantScalar(mlir::Value value);

} // namespace halyard

#endif
