// Extents of every tensor of a program's stages as functions of two lengths.
//
// All lengths of a program follow from `source` (symbol 0) and `target` (symbol 1; inside an incremental
// step, the number of rows). Buffers are placed at compile time and kernels are called with extents, so both
// must be known for every tensor whatever operation made it. The analysis walks each stage once, in order,
// and keeps affine expressions.
#ifndef HALYARD_PASSES_ANALYSIS_STAGEEXTENTS_H
#define HALYARD_PASSES_ANALYSIS_STAGEEXTENTS_H

#include "dialects/Seq/IR/Seq.h"
#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/DenseMap.h"

namespace halyard {

class StageExtents {
public:
  /// Analyses all stages of a program. Emits an error at the first tensor whose extents do not follow from
  /// lengths.
  static mlir::FailureOr<StageExtents> compute(seq::ProgramOp program);

  /// Extents of a tensor, outermost first.
  llvm::ArrayRef<mlir::AffineExpr> shape(mlir::Value tensor) const { return shapes.find(tensor)->second; }
  /// An index value; null if it does not follow from lengths.
  mlir::AffineExpr index(mlir::Value value) const { return indices.lookup(value); }
  /// Rows of the encoder's output for a source of s0: the extent before the last one of what encode yields.
  mlir::AffineExpr memoryRows() const { return memory.size() < 2 ? constant(1) : memory[memory.size() - 2]; }
  /// Extents that bind gives to a cross value.
  llvm::ArrayRef<mlir::AffineExpr> cross(llvm::StringRef name) const { return crosses.find(name)->second; }

  /// Gives the value of an expression in the two lengths as an index, with seq.length and affine.apply, and
  /// knows it.
  mlir::Value materialise(mlir::OpBuilder &builder, mlir::Location location, mlir::AffineExpr expression);

  /// Makes a tensor known that takes the place of another.
  void replace(mlir::Value tensor, mlir::Value by) { shapes[by] = Shape(shapes[tensor]); }

private:
  explicit StageExtents(mlir::MLIRContext *context) : context(context) {}

  using Shape = llvm::SmallVector<mlir::AffineExpr>;
  mlir::LogicalResult visitStage(mlir::Operation *stage, llvm::ArrayRef<Shape> arguments);
  mlir::LogicalResult visit(mlir::Operation *op);
  void visitIndex(mlir::Operation *op);
  Shape shapeOf(mlir::OpResult result);
  Shape shapeOfReshape(mlir::OpResult result);
  Shape contents(mlir::Value vector, mlir::RankedTensorType type) const;
  Shape shapeOfConcat(mlir::OpResult result);
  Shape mixed(llvm::ArrayRef<mlir::OpFoldResult> sizes) const;
  /// The shape of another tensor where the type leaves an extent open.
  Shape like(mlir::Type type, mlir::Value tensor) const;
  Shape argumentShape(mlir::Type type, mlir::AffineExpr open) const;
  mlir::AffineExpr of(mlir::OpFoldResult value) const;
  mlir::AffineExpr constant(int64_t value) const { return mlir::getAffineConstantExpr(value, context); }
  mlir::AffineExpr symbol(unsigned which) const { return mlir::getAffineSymbolExpr(which, context); }

  mlir::MLIRContext *context;
  llvm::DenseMap<mlir::Value, Shape> shapes;
  llvm::DenseMap<mlir::Value, mlir::AffineExpr> indices;
  llvm::StringMap<Shape> crosses;
  Shape memory;
};

/// The largest value of an expression for lengths from 1 to the given maxima. Expressions of lengths grow or
/// shrink steadily, so the ends decide.
int64_t largestValue(mlir::AffineExpr expression, int64_t source, int64_t target);

} // namespace halyard

#endif
