// Building blocks for passes that bring values into rows and back: reshapes over symbolic extents.
#ifndef HALYARD_PASSES_TRANSFORMS_LAYOUTBUILDER_H
#define HALYARD_PASSES_TRANSFORMS_LAYOUTBUILDER_H

#include "passes/Analysis/LayoutView.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace halyard {

class LayoutBuilder {
public:
  explicit LayoutBuilder(mlir::MLIRContext *context) : context(context) {}

  /// The type of a tensor of these extents: dynamic where an extent is not constant.
  mlir::RankedTensorType typeOf(llvm::ArrayRef<mlir::AffineExpr> extents, mlir::Type elementType) const;
  /// onnx.Reshape of `value` to `extents`; `value` itself if it has that type already and rank 1 or 2 at most
  /// differs.
  mlir::Value reshape(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<mlir::AffineExpr> extents) const;
  mlir::Value transpose(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                        llvm::ArrayRef<int64_t> perm) const;
  /// A constant of no axis.
  mlir::Value scalar(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type elementType,
                     double value) const;
  /// Zeros of these extents, as a splat.
  mlir::Value zeros(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type elementType,
                    llvm::ArrayRef<mlir::AffineExpr> extents) const;
  mlir::Value scaled(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value, double by) const;

  /// The base of `view` as [time, features], atoms in the order given. Null if those are not all of its
  /// atoms.
  mlir::Value rows(mlir::OpBuilder &builder, mlir::Location loc, const LayoutView &view,
                   llvm::ArrayRef<unsigned> time, llvm::ArrayRef<unsigned> features) const;
  /// [time, heads * size] as [.., heads, time, size], of the extents given.
  mlir::Value fromRows(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value rows, mlir::AffineExpr time,
                       int64_t heads, int64_t size, llvm::ArrayRef<mlir::AffineExpr> extents) const;

private:
  mlir::Value extentsOf(mlir::OpBuilder &builder, mlir::Location loc,
                        llvm::ArrayRef<mlir::AffineExpr> extents) const;
  mlir::MLIRContext *context;
};

/// Replaces chains of reshapes and transposes that leave the order of elements alone by one reshape of their
/// base.
void foldLayouts(mlir::func::FuncOp function, const ShapeOf &shapeOf);

} // namespace halyard

#endif
