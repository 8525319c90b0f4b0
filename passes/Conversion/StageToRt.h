// Conversion of one stage's operations from tensors to buffers; the part of seq-to-rt that knows operations.
#ifndef HALYARD_PASSES_CONVERSION_STAGETORT_H
#define HALYARD_PASSES_CONVERSION_STAGETORT_H

#include "dialects/Runtime/IR/Runtime.h"
#include "passes/Analysis/StageExtents.h"

#include "mlir/IR/IRMapping.h"

namespace halyard {

class StageToRt {
public:
  /// Converted operations are inserted with `builder`; `arena` and `weights` are the bases that buffers are
  /// taken from.
  StageToRt(mlir::OpBuilder &builder, rt::ProgramOp program, const StageExtents &extents, mlir::Value arena,
            mlir::Value weights)
      : builder(builder), program(program), extents(extents), arena(arena), weights(weights) {}

  /// The value that a length has in this function.
  void setLength(seq::Axis axis, mlir::Value value) { lengths[axis == seq::Axis::source ? 0 : 1] = value; }
  /// The slot that cross values are stored to and loaded from.
  void setSlot(mlir::Value index) { slot = index; }
  /// Asks for a value of the stage in a buffer, or in the caller's memory if `place` is a pointer.
  void setOutput(mlir::Value value, mlir::Value place) { outputs[value] = place; }

  void map(mlir::Value tensor, mlir::Value buffer) { mapping.map(tensor, buffer); }
  mlir::Value lookup(mlir::Value tensor) const { return mapping.lookup(tensor); }

  /// The caller's memory as a buffer of the type and extents of a tensor of the stage.
  mlir::Value hostBuffer(mlir::Value pointer, mlir::Value tensor);
  /// Memory of its own for a tensor, not placed yet.
  mlir::Value allocate(mlir::Value tensor);
  /// A buffer with the type and extents of a tensor of the stage.
  mlir::Value viewAs(mlir::Value buffer, mlir::Value tensor, mlir::Value begin = {});

  bool contains(mlir::Value tensor) const { return mapping.contains(tensor); }
  /// The value of an expression in the two lengths.
  mlir::Value length(mlir::AffineExpr expression, mlir::Location location);

  /// Converts all operations of a stage but its terminator.
  mlir::LogicalResult run(mlir::Block &block);
  /// Converts one operation, whose operands are mapped.
  mlir::LogicalResult convert(mlir::Operation *op);

private:
  void convertConstant(mlir::arith::ConstantOp op);
  void convertView(mlir::Operation *op);
  void convertDispatch(rt::DispatchOp op);
  void convertStore(seq::StoreOp op);
  void convertAppend(seq::CacheAppendOp op);
  void convertLoad(seq::LoadOp op);
  void copyOutputs();

  mlir::MemRefType bufferType(mlir::Value tensor) const;
  mlir::SmallVector<mlir::Value> sizes(mlir::Value tensor);
  /// Where a result is wanted: a slot's block or the caller's memory. Nothing if it needs a buffer of its
  /// own.
  mlir::Value wantedAt(mlir::Value result);
  mlir::Value outputBuffer(mlir::Value place, mlir::Value tensor);
  mlir::Value region(llvm::StringRef name, mlir::Location location);
  mlir::Value crossBlock(llvm::StringRef name, mlir::Value tensor);

  mlir::OpBuilder &builder;
  rt::ProgramOp program;
  const StageExtents &extents;
  mlir::Value arena, weights, slot;
  mlir::Value lengths[2];
  mlir::IRMapping mapping;
  llvm::DenseMap<mlir::Value, mlir::Value> outputs; // tensor -> its place
  llvm::DenseSet<mlir::Operation *> inPlace;        // stores whose value was computed where it belongs
  llvm::DenseSet<mlir::Value> outputsInPlace;       // the same for outputs
};

} // namespace halyard

#endif
