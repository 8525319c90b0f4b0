// A kernel function translated to Halide: what targets schedule and compile.
#ifndef HALYARD_TARGETS_COMMON_KERNEL_H
#define HALYARD_TARGETS_COMMON_KERNEL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "targets/Common/CpuShape.h"
#include "targets/Common/LinalgToHalide/Stage.h"

namespace halyard::kernels {

/// One Func that is written to result buffers: a stage's own, or a copy of what a result reads.
struct Output {
  Halide::Func func;
  /// Outermost first.
  llvm::SmallVector<Halide::Var, 4> vars;
  Exprs extents;
  /// Index of the stage whose Func this is; -1 for a copy.
  int stage = -1;
};

struct Kernel {
  mlir::func::FuncOp function;
  /// Operations that became Funcs, in program order.
  std::vector<Stage> stages;
  /// In the order of the function's results; a tuple stands for several.
  std::vector<Output> outputs;
  /// In the order of the function's arguments.
  std::vector<Halide::Argument> arguments;
  /// True if the function says so: schedules keep the order of additions.
  bool isDeterministic = false;
};

/// True if the kernel is to give the same bits on every target (attribute `seq.deterministic`).
bool isDeterministic(mlir::func::FuncOp function);

/// Translates a function of one block over tensors, caches and scalars. On failure an error was emitted at
/// the operation concerned. Extents and strides that the types know are told to Halide; all buffers are dense
/// and row-major.
mlir::FailureOr<Kernel> translateKernel(mlir::func::FuncOp function, const CpuShape &shape);

} // namespace halyard::kernels

#endif
