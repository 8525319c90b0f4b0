// Conversion of encode and bind for several sources at a time; the part of seq-to-rt that knows how they lie
// in memory.
#ifndef HALYARD_PASSES_CONVERSION_SOURCESTORT_H
#define HALYARD_PASSES_CONVERSION_SOURCESTORT_H

#include "passes/Analysis/SourceRows.h"
#include "passes/Conversion/StageToRt.h"

namespace halyard {

/// What is computed of sources lies end to end, in their order. Calls that treat rows by themselves are made
/// once for all of them; what stands between two of those is a loop over the sources, each of which sees its
/// own part.
class SourcesToRt {
public:
  /// `function` is encode(arena, weights, count, sources); operations are inserted with `builder`, at its
  /// beginning.
  SourcesToRt(mlir::OpBuilder &builder, rt::ProgramOp program, const StageExtents &extents,
              const SourceRows &rows, mlir::func::FuncOp function);

  /// Converts both stages.
  mlir::LogicalResult run(seq::EncodeOp encode, seq::BindOp bind);

private:
  mlir::LogicalResult run(mlir::Block &block);
  mlir::LogicalResult convertTogether(rt::DispatchOp call);
  mlir::LogicalResult convertEach(llvm::ArrayRef<mlir::Operation *> ops);
  void forEachSource(llvm::function_ref<void(StageToRt &)> body);
  mlir::LogicalResult bring(mlir::Value value, StageToRt &stage);
  mlir::LogicalResult bringOperands(mlir::Operation *op, StageToRt &stage);
  void bringOwn(mlir::Value tensor, StageToRt &stage);
  void keep(mlir::Value tensor);
  mlir::Value part(mlir::Value tensor, StageToRt &stage);
  mlir::LogicalResult bindRows();

  mlir::OpBuilder &builder;
  mlir::Location location;
  rt::ProgramOp program;
  const StageExtents &extents;
  const SourceRows &rows;
  mlir::Value arena, weights, count, sources;
  StageToRt all; // of all sources, outside of loops
  mlir::Value source, memory, boundMemory;
  mlir::Value index;                             // of the source at hand; null outside of loops
  llvm::DenseMap<mlir::Value, mlir::Value> kept; // tensor -> buffer with that of all sources
};

} // namespace halyard

#endif
